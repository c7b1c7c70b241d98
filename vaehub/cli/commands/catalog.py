"""``vaehub catalog``: check and format catalog files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaehub.cli import words
from vaehub.cli.call import Call, as_command
from vaehub.cli.declared import Group, argument, option
from vaehub.cli.output import Block, Result, problem_line
from vaehub.errors import CatalogError
from vaehub.model import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator


@as_command(
    "catalog check",
    examples=[
        ("vaehub catalog check", "the catalogs in force: the curated one and your own"),
        ("vaehub catalog check my-vaes.yaml", "a file"),
    ],
)
@argument("files", metavar="[FILE]...", many=True, required=False, completes="file")
def check(call: Call, *, files: tuple[str, ...]) -> Result:
    """Check a catalog: its YAML, its shape and the rules, with file and line.

    Exit code 3 says that something must be put right; advice alone is exit code 0.
    """
    from vaehub.catalog import bundled_path, check_file

    paths = [Path(file) for file in files] or [
        bundled_path(),
        *(layer.path for layer in call.settings.catalogs),
    ]
    found = {path: check_file(path) for path in paths}
    problems = tuple(problem for of_file in found.values() for problem in of_file)
    wrong = sum(problem.blocking for problem in problems)
    return Result(
        "catalog check",
        results=tuple(
            {
                "file": str(path),
                "blocking": sum(problem.blocking for problem in of_file),
                "advisory": sum(not problem.blocking for problem in of_file),
            }
            for path, of_file in found.items()
        ),
        problems=problems,
        exit_code=CatalogError.exit_code if wrong else 0,
        text=lambda: _findings(found, quiet=call.quiet),
        problems_in_text=True,
    )


@as_command(
    "catalog fmt",
    examples=[
        ("vaehub catalog fmt my-vaes.yaml", "rewrite a file in the canonical form"),
        ("vaehub catalog fmt --check", "only say whether the curated catalog has it"),
    ],
)
@argument("files", metavar="[FILE]...", many=True, required=False, completes="file")
@option("--check", name="check_only", help="Change nothing; exit code 3 if needed.")
def fmt(call: Call, *, files: tuple[str, ...], check_only: bool) -> Result:
    """Write a catalog in its one canonical form: sorted, one style.

    Without a FILE, the curated catalog of this checkout or installation.
    """
    from vaehub import durable
    from vaehub.catalog import bundled_path, format_text
    from vaehub.catalog.files import read_bytes
    from vaehub.catalog.read import decode

    results: list[dict[str, Any]] = []
    problems: list[Problem] = []
    for path in [Path(file) for file in files] or [bundled_path()]:
        content = read_bytes(path)
        formatted = format_text(decode(content, origin=str(path)), origin=str(path)).encode()
        differs = formatted != content
        if differs and check_only:
            problems.append(
                Problem(
                    "format",
                    "not in the canonical form from this line on",
                    where=f"{path}:{_first_difference(content, formatted)}",
                    hint=f"vaehub catalog fmt {path}",
                )
            )
        elif differs:
            durable.write(path, formatted)
        results.append({"file": str(path), "changed": differs and not check_only})
    return Result(
        "catalog fmt",
        results=tuple(results),
        problems=tuple(problems),
        exit_code=CatalogError.exit_code if problems else 0,
        text=lambda: [f"rewrote {one['file']}" for one in results if one["changed"]],
        is_report=True,
    )


@as_command(
    "catalog schema",
    examples=[("vaehub catalog schema > registry-1.json", "a file for your editor")],
)
def schema(call: Call) -> Result:
    """Print the JSON Schema of a catalog, for editors and other tools."""
    from vaehub.catalog import schema_text

    text = schema_text()
    return Result("catalog schema", results=(json.loads(text),), text=lambda: [text.rstrip("\n")])


command = Group(
    "catalog",
    "Check and format catalog files.",
    {"check": check, "fmt": fmt, "schema": schema},
)


def _findings(found: dict[Path, list[Problem]], *, quiet: bool) -> Iterator[Block]:
    for path, problems in found.items():
        for problem in problems:
            if problem.blocking or not quiet:
                yield problem_line(problem)
                if problem.hint:
                    yield f"    hint: {problem.hint}"
        wrong = sum(problem.blocking for problem in problems)
        advice = len(problems) - wrong
        if not quiet:
            verdict = f"{words.count(wrong, 'problem')}" if wrong else "sound"
            more = f", {words.count(advice, 'piece of advice', 'pieces of advice')}"
            yield f"{path}: {verdict}{more if advice else ''}"


def _first_difference(content: bytes, formatted: bytes) -> int:
    """Give the number of the first line that differs."""
    before, after = content.splitlines(), formatted.splitlines()
    pairs = zip(before, after, strict=False)
    return next(
        (number for number, (old, new) in enumerate(pairs, 1) if old != new),
        min(len(before), len(after)) + 1,
    )
