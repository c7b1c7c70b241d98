"""What an audit found: plain data, for reports and scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vaehub.errors import Drift

if TYPE_CHECKING:
    from pathlib import Path

    from vaehub.model import Problem, Receipt
    from vaehub.provision.places import Placed
    from vaehub.provision.surveying import Expected


class Audited(NamedTuple):
    """What an audit found of one file."""

    place: Placed
    path: Path
    state: str
    """``ok``, or a code of :mod:`vaehub.provision.findings`."""
    problem: Problem | None = None
    """None where nothing is wrong, or the policy allows it."""
    expected: Expected | None = None
    """None: the lock does not name it."""
    receipt: Receipt | None = None
    size: int | None = None
    """Of what is there."""
    sha256: str | None = None
    """Of what is there, where that was read or is known."""

    @property
    def ok(self) -> bool:
        """Whether the file is no reason to fail."""
        return self.problem is None or not self.problem.blocking


def within(path: Path, place: Placed) -> str | None:
    """Give a path relative to a target, with slashes; None where it is outside."""
    try:
        return path.relative_to(place.target.root).as_posix()
    except ValueError:
        return None


class Located(NamedTuple):
    """A problem that is about no file which was audited, and whose it is."""

    problem: Problem
    place: Placed | None = None
    """None: it is about the lock."""


class AuditResult(NamedTuple):
    """What an audit found."""

    places: tuple[Placed, ...]
    files: tuple[Audited, ...]
    """For each target those that the lock names, in its order, then all others."""
    others: tuple[Located, ...] = ()

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All problems, those of the files included."""
        of_files = [file.problem for file in self.files if file.problem is not None]
        return (*(one.problem for one in self.others), *of_files)

    @property
    def allowed(self) -> int:
        """How many foreign files there are that the policy allows."""
        return sum(file.state == "foreign" and file.problem is None for file in self.files)

    @property
    def ok(self) -> bool:
        """Whether targets and lock agree."""
        return not any(problem.blocking for problem in self.problems)

    def raise_if_different(self) -> None:
        """Turn findings into an exception.

        Raises:
            Drift: something differs.
        """
        if not self.ok:
            raise Drift("; ".join(problem.message for problem in self.problems if problem.blocking))
