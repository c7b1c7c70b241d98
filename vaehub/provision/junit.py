"""An audit's report as JUnit XML: a test case for each file, and for each other finding.

Writes no files.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vaehub.junit import Case, suite
from vaehub.provision.audited import within

if TYPE_CHECKING:
    from vaehub.model import Problem
    from vaehub.provision.audited import AuditResult
    from vaehub.provision.places import Placed


def junit(result: AuditResult, *, seconds: float) -> str:
    """Give the XML of an audit.

    Args:
        result: What it found.
        seconds: What it took.
    """
    cases = [
        _case(_group(file.place), within(file.path, file.place) or str(file.path), file.problem)
        for file in result.files
        if file.expected is not None or file.problem is not None
    ]
    cases += [
        _case(_group(one.place), _name(one.problem, one.place), one.problem)
        for one in result.others
    ]
    return suite("vaehub audit", cases, seconds=seconds)


def _group(place: Placed | None) -> str:
    if place is None:
        return "lock"
    return place.name or str(place.target)


def _name(problem: Problem, place: Placed | None) -> str:
    if place is None or problem.where is None:
        return problem.message
    return within(Path(problem.where), place) or problem.where


def _case(group: str, name: str, problem: Problem | None) -> Case:
    if problem is None:
        return Case(group, name)
    lines = [f"{problem.code}: {problem.message}"]
    lines += [problem.hint] if problem.hint else []
    if not problem.blocking:
        return Case(group, name, lines=lines)
    return Case(group, name, "failure", problem.code, problem.code, lines)
