"""The one place of the command line that prints: results as text or as one JSON object.

Commands return a :class:`Result`; nothing else of theirs reaches stdout. Knows no command.
Its classes are named tuples, as those of :mod:`vaehub.cli.tables` and for the same reason.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

from vaehub import lang
from vaehub.cli import terminal, words
from vaehub.cli.redaction import redact
from vaehub.cli.tables import Fact, Line, Styled, Table, lay_out, lay_out_fact
from vaehub.errors import CatalogError, ManifestError, NoSourceDelivered
from vaehub.model import Problem

if TYPE_CHECKING:
    from vaehub.errors import VaehubError

SCHEMA = 1
"""Version of the JSON object; changes only when a key changes its meaning or goes."""

Block = str | Line | Table | Fact
Renderer = Callable[[], Iterable[Block]]
"""Gives the text for a person; called only when a person gets it."""


class Failure(NamedTuple):
    """An error, and which of several things asked for it concerns."""

    error: VaehubError
    where: str | None = None

    def problems(self) -> list[Problem]:
        """Spell the error out as problems, each failed source and each finding one of its own."""
        error = self.error
        found = [Problem(error.code, error.message, where=self.where, hint=error.hint)]
        if isinstance(error, NoSourceDelivered):
            found += [
                Problem(tried.code, tried.message, where=label, hint=tried.hint)
                for label, tried in error.attempts
            ]
        if isinstance(error, (CatalogError, ManifestError)):
            found += error.problems
        return found


class Result(NamedTuple):
    """What a command has to say."""

    command: str
    results: tuple[dict[str, Any], ...] = ()
    problems: tuple[Problem, ...] = ()
    exit_code: int = 0
    text: Renderer = tuple
    failures: tuple[Failure, ...] = ()
    """Errors that ended the command or a part of it."""
    is_report: bool = False
    """The text tells what was done: ``--quiet`` leaves it out, which it does not with answers, and
    it goes to stderr where stdout is no terminal."""
    problems_in_text: bool = False
    """The text shows the problems already."""


def failed(command: str, failures: Iterable[Failure], **rest: Any) -> Result:
    """Make the result of a command that met errors: the first one gives the exit code."""
    failures = tuple(failures)
    return Result(command, failures=failures, exit_code=failures[0].error.exit_code, **rest)


def emit(result: Result, *, as_json: bool = False, quiet: bool = False) -> int:
    """Print a result and give the process's exit code.

    Raises:
        OSError: stdout cannot take it; not for a reader who went away, which is no failure.
    """
    # Answers are stdout's: they go into pipes. A report is for a person, who reads stderr where
    # stdout goes elsewhere; so the contract has it.
    aside = result.is_report and not terminal.is_terminal(sys.stdout)
    stream = sys.stderr if aside and not as_json else sys.stdout
    with terminal.unread(stream):
        if as_json:
            _emit_json(result)
        elif not (quiet and result.is_report):
            _emit_text(result, stream)
    if not as_json:
        with terminal.unread(sys.stderr):
            _emit_problems(result, quiet=quiet)
    return result.exit_code


def _emit_json(result: Result) -> None:
    problems = list(result.problems)
    for failure in result.failures:
        problems += failure.problems()
    terminal.write(
        json.dumps(
            {
                "schema": SCHEMA,
                "command": result.command,
                "ok": result.exit_code == 0,
                "results": result.results,
                "problems": [_redacted(problem.as_json()) for problem in problems],
            },
            # For a person who looks; a script gets one line, made in a tenth of the time.
            indent=2 if terminal.is_terminal(sys.stdout) else None,
            # Escapes are safe in every encoding that a pipe may have been given.
            ensure_ascii=(getattr(sys.stdout, "encoding", None) or "").lower() != "utf-8",
        )
        + "\n",
        to=sys.stdout,
    )


def _emit_text(result: Result, stream: TextIO | None) -> None:
    room = terminal.columns(stream)
    blocks = result.text()
    if not lang.is_english():
        from vaehub.cli import spoken

        blocks = spoken.blocks(blocks)
    for block in blocks:
        for line in _lines(block, room):
            terminal.show(line, to=stream)


def _emit_problems(result: Result, *, quiet: bool) -> None:
    if not result.problems_in_text:
        for problem in result.problems:
            if problem.blocking or not quiet:
                _show_problem(problem)
    for failure in result.failures:
        first, *rest = failure.problems()
        if len(rest) == 1 and rest[0].message in first.message:
            rest = []  # it has been said; only scripts want its own code
        _show_problem(first, hint=not rest)
        for problem in rest:
            _show_detail(problem)
        if rest and first.hint:
            _show_hint(first.hint, indent=2)


def _lines(block: Block, room: int | None) -> Iterable[str | Line]:
    if isinstance(block, Table):
        return lay_out(block, room=room)
    if isinstance(block, Fact):
        return lay_out_fact(block, room=room)
    return (block,)


def problem_line(problem: Problem) -> Line:
    """Give a finding as editors and CI read it: ``file:line: message [code]``."""
    head = f"{problem.where}: " if problem.where else ""
    grade = "" if problem.blocking else "warning: "
    return (head, Styled(grade, "bold") if grade else "", problem.message, f" [{problem.code}]")


def _show_problem(problem: Problem, *, hint: bool = True) -> None:
    note = f"vaehub: {lang.tell('note:')}"
    head = Styled("vaehub:", "red") if problem.blocking else note
    _tell((head,), problem, indent=2)
    if hint and problem.hint:
        _show_hint(problem.hint, indent=2)


def _show_detail(problem: Problem) -> None:
    _tell(("  -",), problem, indent=4)
    if problem.hint:
        _show_hint(problem.hint, indent=4)


def _tell(head: Line, problem: Problem, *, indent: int) -> None:
    where = f"{problem.where}: " if problem.where else ""
    _show_prose(head, where, problem.message, indent=indent)


def _show_hint(hint: str, *, indent: int) -> None:
    label = lang.tell("hint:")
    _show_prose(
        (" " * indent, Styled(label, "bold")),
        "",
        hint,
        indent=indent + words.width(label) + label.isascii(),
    )


def _show_prose(head: Line, where: str, text: str, *, indent: int) -> None:
    """Show a text after its head; on a terminal it is wrapped between words."""
    lines = (redact(where) + lang.tell(redact(text))).splitlines() or [""]
    room = terminal.columns(sys.stderr)
    if room is not None:
        taken = sum(words.width(piece if isinstance(piece, str) else piece.text) for piece in head)
        lines = [
            wrapped
            for line in (" " * (taken + 1 - indent) + lines[0], *lines[1:])
            for wrapped in words.wrap(line, max(30, room - indent))
        ] or [""]
        lines[0] = lines[0].lstrip()
    last = head[-1] if isinstance(head[-1], str) else head[-1].text
    gap = "" if last.endswith("：") else " "  # it is as wide as a blank more
    terminal.show((*head, gap + ("\n" + " " * indent).join(lines)), to=sys.stderr)


def _redacted(problem: dict[str, Any]) -> dict[str, Any]:
    return {
        key: redact(value) if isinstance(value, str) else value for key, value in problem.items()
    }
