"""Check a catalog: its YAML, its shape, then the rules.

Knows the order of the stages and how a finding becomes a problem with file and line. What is asked
for stands in the schema and in :mod:`vaehub.catalog.rules`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vaehub.catalog.read import Document, read_file, spell
from vaehub.catalog.rules import RULES
from vaehub.catalog.schema import shape_problems
from vaehub.errors import CatalogError
from vaehub.model import Problem

if TYPE_CHECKING:
    from pathlib import Path

CURATED = "vaehub"
"""Name of the curated catalog; no other may have it."""


def check_file(path: Path) -> list[Problem]:
    """Check a catalog file and give everything found, blocking or not, in the order of lines.

    Raises:
        CatalogError: the file is not there or cannot be read.
    """
    try:
        document = read_file(path)
    except CatalogError as error:
        if not error.problems:
            raise
        return list(error.problems)
    problems, _ = check(document, foreign=catalog_name(document) != CURATED)
    return problems


def check(document: Document, *, foreign: bool) -> tuple[list[Problem], Any]:
    """Check a document that was read, by the rules for the curated catalog or for others.

    Returns:
        The problems, and the data without the unknown fields and hosts of a foreign catalog; the
        data may be parsed if no problem is blocking.
    """
    problems, data = shape_problems(document, foreign=foreign)
    if any(problem.blocking for problem in problems):
        return problems, data
    found = [
        (
            document.line(finding.path),
            Problem(
                rule.id,
                f"{spell(finding.path)}: {finding.message}",
                where=document.where(finding.path),
                blocking=rule.blocking,
                hint=finding.hint,
            ),
        )
        for rule in RULES
        if not (foreign and rule.curated_only)
        for finding in rule.find(data)
    ]
    found.sort(key=lambda item: item[0])
    return problems + [problem for _, problem in found], data


def catalog_name(document: Document) -> str | None:
    """Find the name that a document gives itself, whatever its shape."""
    head = document.data.get("catalog") if isinstance(document.data, dict) else None
    name = head.get("name") if isinstance(head, dict) else None
    return name if isinstance(name, str) else None
