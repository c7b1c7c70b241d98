"""Write click's help and what it says of mistakes in another language than English.

click hands over English texts piece by piece; each is translated as it is written. Lines are filled
by the cells of their characters, which click counts as one each.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from vaehub import lang
from vaehub.cli import terminal, words

if TYPE_CHECKING:
    from collections.abc import Iterable

_GAP = 2
_WIDEST_TERM = 30


class Formatter(click.HelpFormatter):
    """Writes help in the person's language."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """Write how the command is called."""
        super().write_usage(prog, args, prefix=lang.tell("Usage:"))

    def write_heading(self, heading: str) -> None:
        """Write the heading of a section."""
        self.write(f"{'':>{self.current_indent}}{lang.tell(heading)}：\n")

    def write_text(self, text: str) -> None:
        """Write paragraphs."""
        paragraphs = [" ".join(one.split()) for one in text.split("\n\n")]
        filled = (
            "\n".join(self._lines(lang.tell(one), self.current_indent)) for one in paragraphs if one
        )
        self.write("\n\n".join(filled) + "\n")

    def write_dl(
        self, rows: Iterable[tuple[str, str]], col_max: int = _WIDEST_TERM, col_spacing: int = _GAP
    ) -> None:
        """Write terms, and beside each what it means."""
        rows = list(rows)
        longest = max((words.width(term) for term, _ in rows), default=0)
        beside = min(longest, col_max) + col_spacing + self.current_indent
        for term, meaning in rows:
            text, blank, rest = " ".join(meaning.split()).partition(" [")
            lines = self._lines(lang.tell(text) + blank + rest, beside)
            head = f"{'':>{self.current_indent}}{term}"
            if words.width(head) + col_spacing > beside:
                self.write(head + "\n")
            elif lines:
                self.write(head + lines.pop(0)[words.width(head) :] + "\n")
            for line in lines:
                self.write(line + "\n")

    def _lines(self, text: str, indent: int) -> list[str]:
        filled = words.wrap(text, max(20, self.width - indent))
        return [f"{'':>{indent}}{line}" for line in filled]


def show(error: click.UsageError) -> None:
    """Say what was wrong with a command line, as click does."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        terminal.show(error.format_message(), to=sys.stderr)
        return
    lines = []
    if error.ctx is not None:
        lines.append(error.ctx.get_usage())
        ask = f"'{error.ctx.command_path} {error.ctx.help_option_names[-1]}'"
        lines += [lang.tell(f"Try {ask} for help."), ""]
    lines.append(lang.tell(f"Error: {error.format_message()}"))
    for line in lines:
        terminal.show(line, to=sys.stderr)
