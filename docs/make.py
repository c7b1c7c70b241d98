"""Make what the docs show of the catalog: the README's table and the picture of ``vaehub list``.

Run from anywhere: ``python docs/make.py``; ``--check`` only tells whether the README is in step.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from vaehub import api
from vaehub.cli import rows, words
from vaehub.cli.tables import lay_out
from vaehub.settings import load

if TYPE_CHECKING:
    from vaehub.model import Entry

ROOT = Path(__file__).resolve().parents[1]
BEGIN, END = "<!-- table: begin -->\n", "<!-- table: end -->"
WIDTH, HEIGHT = 112, 24


def readme_with_table(readme: str, entries: list[Entry]) -> str:
    """Give the README's text with the table between its marks made anew."""
    head, _, rest = readme.partition(BEGIN)
    _, _, tail = rest.partition(END)
    lines = ["| id | family | for | size | license |", "|---|---|---|---|---|"]
    lines += [_row(entry) for entry in entries]
    return head + BEGIN + "\n".join(lines) + "\n" + END + tail


def _row(entry: Entry) -> str:
    name = f"[`{entry.id}`]({entry.homepage})" if entry.homepage else f"`{entry.id}`"
    login = " (login)" if entry.default.needs_login else ""
    cells = (
        name,
        entry.family,
        entry.summary["en"],
        words.size(entry.default.size) + login,
        rows.license_words(entry.license.id),
    )
    return "| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |"


def picture(entries: list[Entry]) -> str:
    """Give ``vaehub list`` in a terminal as an SVG."""
    console = Console(
        record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="standard"
    )
    console.print("[bold green]$ [/]vaehub list")
    table = rows.entry_table(entries, rows.Here())
    for line in lay_out(table, room=WIDTH)[:HEIGHT]:
        shown = Text(no_wrap=True)
        for piece in line:
            text, style = (piece, "") if isinstance(piece, str) else piece
            # Some viewers drop the blanks at the start of a run: they go to the run before.
            bare = text.lstrip(" ")
            shown.append(
                " " * (len(text) - len(bare)), style=shown.spans[-1].style if shown.spans else ""
            )
            shown.append(bare, style=style)
        console.print(shown)
    console.print(f"[dim]... {len(entries) - HEIGHT + 1} more[/]", highlight=False)
    return console.export_svg(title="vaehub list")


def main() -> int:
    """Write both, or check the README."""
    entries = [entry for entry in api.list_entries(settings=load({})) if entry.catalog == "vaehub"]
    readme = ROOT / "README.md"
    wanted = readme_with_table(readme.read_text(encoding="utf-8"), entries)
    if "--check" in sys.argv:
        same = readme.read_text(encoding="utf-8") == wanted
        sys.stdout.write("" if same else "README.md is behind the catalog: python docs/make.py\n")
        return 0 if same else 1
    readme.write_text(wanted, encoding="utf-8")
    (ROOT / "docs" / "list.svg").write_text(picture(entries), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
