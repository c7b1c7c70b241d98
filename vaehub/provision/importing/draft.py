"""The lines of a manifest that an import gives: names, targets, and where each came from.

What stands in a manifest already is not said again, under whatever name it stands there. What the
manifest's policy forbids, or its targets would not load, does not go in. Looks at no disk but to
tell whether two paths are one.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from vaehub.catalog.layers import CURATED
from vaehub.catalog.scalars import scalar
from vaehub.errors import ManifestError, NamingError, TargetRefuses
from vaehub.provision import locking
from vaehub.provision.manifest import FILE_NAME, Manifest, Place, Policy, Wanted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vaehub.catalog import Catalogs
    from vaehub.provision.importing.items import Gathered, Item, Offered
    from vaehub.provision.importing.recognise import Pick


class Line(NamedTuple):
    """A VAE for the manifest."""

    name: str
    """``id``, ``catalog/id``, each with ``@variant`` where it is not the default."""
    targets: tuple[str, ...]
    """Those that it is for; none stands for all."""
    comment: str


class Refused(NamedTuple):
    """Something recognised that does not go in."""

    item: Item
    why: str
    """What the policy forbids, or no target takes."""


class Draft(NamedTuple):
    """What is new for a manifest."""

    lines: tuple[Line, ...]
    targets: Mapping[str, Offered]
    """By the names that they get, with paths relative to the manifest."""
    refused: tuple[Refused, ...] = ()

    def __bool__(self) -> bool:
        """Whether anything is new."""
        return bool(self.lines or self.targets)

    def text(self) -> str:
        """Give the text of a manifest that says this and nothing else."""
        return "".join(f"{one}\n" for one in self._text())

    def _text(self) -> Iterator[str]:
        yield "schema: 1"
        yield ""
        yield "vaes:" if self.lines else "vaes: []"
        for one in self.lines:
            if not one.targets:
                yield f"  - {scalar(one.name)}  # {one.comment}"
                continue
            yield f"  - name: {scalar(one.name)}  # {one.comment}"
            yield f"    targets: [{', '.join(scalar(name, flow=True) for name in one.targets)}]"
        if self.targets:
            yield ""
            yield "targets:"
        for name, offered in self.targets.items():
            yield f"  {name}:"
            yield f"    ui: {offered.ui}"
            yield f"    path: {scalar(offered.path)}"


def draft(
    gathered: Gathered, catalogs: Catalogs, *, before: Manifest | None, beside: Path, cwd: Path
) -> Draft:
    """Say what an import adds to a manifest.

    Args:
        gathered: What was found.
        catalogs: What names mean.
        before: What the manifest says already; None where there is none.
        beside: The folder of the manifest.
        cwd: What the user's paths are relative to.
    """
    names = _target_names(gathered.offered, before, beside=beside, cwd=cwd)
    known = {name: place.ui for name, place in before.targets.items()} if before else {}
    new = {
        name: offered._replace(path=_relative(offered.path, beside=beside, cwd=cwd))
        for offered, name in names.items()
        if name not in known
    }
    uis = {**known, **{name: offered.ui for name, offered in new.items()}}
    policy = before.policy if before is not None else Policy()
    there = set(_meanings(before, catalogs))
    lines, refused = [], []
    for item in gathered.recognised:
        pick = item.verdict.pick
        if pick is None or pick.name in there:
            continue
        name = shortest(pick, catalogs)
        asked = {names[ui] for ui in item.uis if ui is not None}
        wanted = uis if None in item.uis else {name: uis[name] for name in sorted(asked)}
        takers, why = _takers(name, wanted, policy, catalogs)
        if why is not None:
            refused.append(Refused(item, why))
            continue
        targets = () if set(takers) == set(uis) else takers
        lines.append(Line(name, targets, _comment(item)))
    return Draft(tuple(sorted(lines, key=lambda one: one.name)), new, tuple(refused))


def _takers(
    name: str, targets: Mapping[str, str], policy: Policy, catalogs: Catalogs
) -> tuple[tuple[str, ...], str | None]:
    """Give the targets that a VAE can be locked for, and why where there is none.

    What cannot be locked would have to be taken out of the manifest again before anything else
    could be done with it.
    """
    takers, reasons = [], []
    for target in targets or (None,):
        places = {target: Place(targets[target])} if target is not None else {}
        asked = Manifest(Path(FILE_NAME), (Wanted(name),), places, policy)
        try:
            locking.make(asked, catalogs, pin=lambda artifact: artifact._replace(sha256="0" * 64))
        except (ManifestError, TargetRefuses) as error:
            reasons.append(error.message)
        else:
            takers += [target] if target is not None else []
    everyone_refuses = len(reasons) == len(targets or (None,))
    return tuple(takers), reasons[0] if everyone_refuses else None


def shortest(pick: Pick, catalogs: Catalogs) -> str:
    """Give the shortest name that means a variant, and goes on meaning it.

    What is not curated is called by its full name: another catalog may bring the same id.
    """
    variant = "" if pick.variant == pick.entry.default else f"@{pick.variant.name}"
    if pick.entry.catalog == CURATED and _means(pick.entry.id, catalogs) == pick.entry.full_name:
        return f"{pick.entry.id}{variant}"
    return f"{pick.entry.full_name}{variant}"


def _means(name: str, catalogs: Catalogs) -> str | None:
    try:
        return catalogs.resolve(name)[0].full_name
    except NamingError:
        return None


def _meanings(before: Manifest | None, catalogs: Catalogs) -> Iterator[str]:
    for wanted in before.vaes if before is not None else ():
        try:
            entry, variant = catalogs.resolve(wanted.name)
        except NamingError:
            continue  # the lock will say so, with its line
        yield f"{entry.full_name}@{variant.name}"


def _target_names(
    offered: tuple[Offered, ...], before: Manifest | None, *, beside: Path, cwd: Path
) -> dict[Offered, str]:
    """Give each UI the name of the target that it is, or a new one."""
    taken: dict[str, tuple[str, str | None]] = {}
    for name, place in before.targets.items() if before is not None else ():
        taken[name] = (place.ui, place.path and _same_for_all(place.path, beside))
    found = {}
    for one in offered:
        what = (one.ui, _same_for_all(one.path, cwd))
        name, number = one.ui, 1
        for known, there in taken.items():
            if there == what:
                name = known
        while taken.get(name, what) != what:
            number += 1
            name = f"{one.ui}-{number}"
        taken[name] = what
        found[one] = name
    return found


def _same_for_all(path: str, cwd: Path) -> str:
    return os.path.realpath(cwd / os.path.expanduser(path))  # noqa: PTH111  # it refuses nobody


def _relative(path: str, *, beside: Path, cwd: Path) -> str:
    """Give a path as the manifest takes it: as it was written, where that means the same there."""
    if path.startswith("~") or Path(path).is_absolute() or beside.absolute() == cwd.absolute():
        return path
    return Path(os.path.relpath(cwd / path, beside.absolute())).as_posix()


def _comment(item: Item) -> str:
    more = len(item.places) - 1
    return f"from {item.places[0]}" + (f", and {more} more" if more else "")
