"""What is around the files of a target, and how a problem of one of them is said. Pure."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from vaehub.doctor import mending
from vaehub.doctor.findings import problem

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from vaehub.doctor.facts import Known, Seen
    from vaehub.model import Problem, Target
    from vaehub.targets import Layout


class Circumstances(NamedTuple):
    """What is around the files of a target."""

    target: Target
    layout: Layout
    homes: Mapping[str, Path] = MappingProxyType({})
    """The folders beside the VAEs', by their names in lower case."""
    taken: Mapping[Path, Collection[str]] = MappingProxyType({})
    """The names that stand in a folder."""
    by_name: Mapping[str, Known] = MappingProxyType({})
    """What the catalogs call a file of this name, in lower case, where it is but one thing."""
    by_digest: Mapping[str, Known] = MappingProxyType({})

    def install(self, name: str) -> str | None:
        """Give the command that installs what a file of this name should be."""
        known = self.by_name.get(name.casefold())
        return mending.install_known(known, self.target) if known is not None else None

    def unused(self, name: str, folder: Path) -> Path:
        """Give a path in a folder at which nothing stands; how a name ends may matter to the UI."""
        while name in self.taken.get(folder, ()):
            name = f"2-{name}"
        return folder / name


def say(code: str, seen: Seen, message: str, hint: str | None) -> Problem:
    """Make the problem of a file; where it is said already which file is meant."""
    return problem(code, message.removeprefix(f"{seen.path.name}: "), where=seen.path, hint=hint)
