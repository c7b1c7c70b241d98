"""Look at a target as an audit does: what should be there, what receipts say, what else lies there.

Reads names, stats and receipts, but no model. Judges nothing and changes nothing.
"""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from stat import S_ISREG
from typing import TYPE_CHECKING, NamedTuple

from vaehub import receipts, walking
from vaehub.targets.layouts import is_model_name, layouts
from vaehub.targets.places import folders_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vaehub.model import Problem, Receipt
    from vaehub.provision.lock import Lock, Locked, LockedVae
    from vaehub.provision.places import Placed
    from vaehub.targets import Layout


class Expected(NamedTuple):
    """A file that should be in a target."""

    place: Placed
    vae: LockedVae
    locked: Locked
    path: Path

    @property
    def is_converted(self) -> bool:
        """Whether it is made of the locked file, and is not that file itself."""
        return self.place.target.layout in self.locked.converted


class Standing(NamedTuple):
    """What stands at a path; all of it None: nothing."""

    stat: os.stat_result | None = None
    """Of a plain file, also behind a link."""
    odd: str | None = None
    """What stands there instead of a file, in words."""
    trouble: OSError | None = None
    """Why nobody can tell."""


class Other(NamedTuple):
    """A file that no row of the lock is about."""

    path: Path
    key: str
    stat: os.stat_result
    is_model: bool
    """The UI comes upon it, and its name is one of a model."""


class Survey(NamedTuple):
    """What there is to know of a target without reading a model."""

    place: Placed
    expected: tuple[Expected, ...]
    receipts: Mapping[str, Receipt]
    """By :meth:`Keys.of` of their files."""
    others: tuple[Other, ...]
    """Models, and files with the size of something locked."""
    problems: tuple[Problem, ...]


class Keys:
    """Tells files apart, however their folders are reached: UIs share folders through links."""

    def __init__(self) -> None:
        self._real: dict[Path, str] = {}

    def of(self, path: Path) -> str:
        """Give what two paths of one file have in common; a link is a file of its own."""
        folder = path.parent
        if folder not in self._real:
            self._real[folder] = os.path.realpath(folder)
        return os.path.join(self._real[folder], os.path.normcase(path.name))  # noqa: PTH118


def expected(place: Placed, lock: Lock) -> Iterator[Expected]:
    """Give the files that a lock has for a target, each once."""
    layout = layouts()[place.target.layout]
    folders: dict[str, Path] = {}
    seen = set()
    for vae in place.vaes(lock):
        slot = vae.entry.slot
        if slot not in folders:
            folders[slot] = layout.folder(place.target, slot)
        for locked in vae.artifacts:
            name = locked.installed.get(layout.id)
            if name is None:
                continue
            one = Expected(place, vae, locked, folders[slot] / name)
            # A manifest may have a VAE twice, by its id and by an alias.
            what = (one.path, locked.artifact.sha256, one.is_converted)
            if what not in seen:
                seen.add(what)
                yield one


def survey(place: Placed, lock: Lock, keys: Keys) -> Survey:
    """Look at a target.

    Args:
        place: The target.
        lock: What should be there.
        keys: Tells files apart, over all targets of an audit.
    """
    wanted = tuple(expected(place, lock))
    scans = [receipts.scan(folder) for folder in folders_of(place.target)]
    placed = {keys.of(one.path): one for scan in scans for one in scan.receipts}
    problems = [one._replace(blocking=False) for scan in scans for one in scan.problems]
    sizes = {one.locked.artifact.size for one in wanted}
    mine = {keys.of(one.path) for one in wanted}
    sizes |= {placed[key].size for key in mine & placed.keys()}
    unseen: list[Problem] = []
    others = {
        other.key: other
        for other in _others(place, keys, unseen)
        if other.key not in mine and (other.is_model or other.stat.st_size in sizes)
    }
    problems += [_weighed(one) for one in unseen if keys.of(Path(one.where or "")) not in mine]
    return Survey(place, wanted, placed, tuple(others.values()), tuple(problems))


def look(path: Path) -> Standing:
    """Look at what stands at a path."""
    try:
        stat = path.stat()
    except FileNotFoundError:
        return Standing(odd="a link that leads nowhere" if path.is_symlink() else None)
    except NotADirectoryError:
        return Standing()
    except OSError as error:
        return Standing(trouble=error)
    if S_ISREG(stat.st_mode):
        return Standing(stat)
    return Standing(odd="a folder" if path.is_dir() else "a pipe, a socket or a device")


def is_of(receipt: Receipt, place: Placed) -> bool:
    """Tell whether a file was placed for this target, and not for one that shares its folder."""
    return receipts.is_for(receipt, place.target)


def _others(place: Placed, keys: Keys, problems: list[Problem]) -> Iterator[Other]:
    target = place.target
    layout = layouts()[target.layout]
    for slot, folder, endings in _folders(place, layout):
        if not os.path.lexists(folder):
            continue
        own = layout.slots[slot].names or ()
        real = os.path.realpath(folder)
        for path, stat in walking.files_below(folder, problems, hidden=True):
            if not path.name.endswith(endings):
                continue
            key = keys.of(path)
            # A name that the UI looks for is one that it fetches itself where it is missing.
            is_model = is_model_name(path.name) and path.name not in own
            yield Other(path, key, stat, is_model and _is_reached(key, real, layout))


def _folders(place: Placed, layout: Layout) -> Iterator[tuple[str, Path, tuple[str, ...]]]:
    """Give the folders that the UI lists VAEs from, and how the names there must end."""
    target = place.target
    seen = set()
    for slot in layout.slots:
        for folder in layout.folders(target, slot):
            if folder not in seen:
                seen.add(folder)
                yield slot, folder, ("",)
    for slot, rules in layout.slots.items():
        for also, endings in rules.also.items():
            # Where any name will do, other kinds of models stand, and the names say nothing.
            telling = tuple(ending for ending in endings if ending.count(".") > 1)
            if telling:
                yield slot, target.root / PurePosixPath(also), telling


def _is_reached(key: str, folder: str, layout: Layout) -> bool:
    """Tell whether the UI comes upon a file, by where it really lies."""
    path = Path(key)
    if not path.is_relative_to(folder):
        return layout.follows_links
    hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    return layout.lists_hidden or not hidden


def _weighed(problem: Problem) -> Problem:
    """Say how grave it is that something could not be looked at."""
    path = Path(problem.where or "")
    if path.is_symlink() and not path.exists():
        hint = "delete the link, or mount what it leads to"
        return problem._replace(blocking=False, hint=hint)
    return problem._replace(blocking=True, hint="look at its permissions, and at the disk")
