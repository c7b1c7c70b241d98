"""How a UI lists the files of its folders: under which name, and which it cannot tell apart.

Knows what the fields of a layout mean on a disk. Reads names only, and changes nothing.
"""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vaehub.model import Target
    from vaehub.targets.layouts import Layout, Slot


def has_extension(name: str, rules: Slot) -> bool:
    """Tell whether the UI takes files of this extension."""
    extension = PurePosixPath(name).suffix
    if rules.any_case:
        extension = extension.lower()
    return rules.extensions is None or extension in rules.extensions


def listed_as(layout: Layout, target: Target, slot: str, path: Path) -> str | None:
    """Say under which name the UI lists a file; None where it lists it under none.

    Args:
        layout: The UI's.
        target: Where it is.
        slot: What the file is for.
        path: The file, in a folder of that slot.
    """
    rules = layout.slots.get(slot)
    if rules is None or not layout.is_ui or layout.refuses is not None:
        return None
    if not has_extension(path.name, rules):
        return None
    if rules.shown_as == "base name":
        return path.name
    folders = layout.folders(target, slot)
    name = _relative(path, folders)
    if name is None:
        return None
    if rules.shown_as == "nothing":
        return name if name.startswith(rules.beginnings) else _pair(name, folders, rules)
    if rules.shown_as == "relative path":
        return name
    return name.replace(os.sep, "/").removesuffix(".safetensors")


def collision(layout: Layout, target: Target, slot: str, name: str) -> Path | None:
    """Find another listed file that the UI could not tell from one of this name.

    Args:
        layout: The UI's.
        target: Where it is.
        slot: What the file is for.
        name: Its installed name, directly in the slot's folder.
    """
    rules = layout.slots.get(slot)
    if rules is None:
        return None
    folder = layout.folder(target, slot)
    for other in layout.folders(target, slot):
        if other != folder and is_file(other / name) and not _same(other, folder):
            return other / name
    if not layout.unique_base_names:
        return None
    places = [(folder, True)]
    for further, endings in rules.also.items():
        places.append((target.root / PurePosixPath(further), name.endswith(endings)))
    return next(
        (
            path
            for place, looks in places
            if looks
            for path in files_below(place, follow=layout.follows_links, hidden=layout.lists_hidden)
            if path.name == name and path.parent != folder
        ),
        None,
    )


def shows_other(layout: Layout, target: Target, slot: str, other: Path) -> bool:
    """Tell which of two files of one name the UI shows.

    Args:
        layout: The UI's.
        target: Where it is.
        slot: What the files are for.
        other: What :func:`collision` found.

    Returns:
        Whether it is the other one, and not that directly in the slot's folder.
    """
    if other.parent in layout.folders(target, slot):
        return layout.last_folder_wins  # the slot's folder is the first of them that is there
    below = other.is_relative_to(layout.folder(target, slot))
    return below or layout.slots[slot].also_wins


def out_of_reach(layout: Layout, folder: Path, path: Path) -> Literal["hidden", "linked"] | None:
    """Say why a UI does not come upon a file where it lies: one that does, says None.

    Args:
        layout: The UI's.
        folder: The folder that the UI walks, which may itself be a link.
        path: A file below it.
    """
    parts = path.relative_to(folder).parts
    if not layout.lists_hidden and any(part.startswith(".") for part in parts):
        return "hidden"
    steps = path.parents[: len(parts) - 1]
    if not layout.follows_links and any(step.is_symlink() for step in steps):
        return "linked"
    return None


def is_folder(path: Path) -> bool:
    """Tell whether there is a folder; what cannot be looked at is none."""
    try:
        return path.is_dir()
    except OSError:  # a name that is too long, a folder that hides its content
        return False


def is_file(path: Path) -> bool:
    """Tell whether there is a file; what cannot be looked at is none."""
    try:
        return path.is_file()
    except OSError:
        return False


def files_below(folder: Path, *, follow: bool = True, hidden: bool = False) -> Iterator[Path]:
    """Give the files that a UI sees in a folder and below it; see :func:`walk`."""
    for current, files in walk(folder, follow=follow, hidden=hidden):
        yield from (current / name for name in sorted(files))


def walk(
    folder: Path, *, follow: bool = True, hidden: bool = False
) -> Iterator[tuple[Path, list[str]]]:
    """Walk as the UIs do, and in a circle only once.

    Args:
        folder: Where to begin; a link to a folder is followed here in any case.
        follow: Go into folders that are links, too.
        hidden: Go into folders that begin with a dot, too.

    Returns:
        Each folder with the names of the files in it.
    """
    seen: set[tuple[int, int]] = set()
    for current, folders, files in os.walk(folder, followlinks=follow):
        try:
            stat = Path(current).stat()
        except OSError:  # somebody has just removed it
            stat = None
        if stat is None or (stat.st_dev, stat.st_ino) in seen:
            folders.clear()
            continue
        seen.add((stat.st_dev, stat.st_ino))
        folders[:] = sorted(name for name in folders if hidden or not name.startswith("."))
        yield Path(current), files


def _pair(listed: str, folders: tuple[Path, ...], rules: Slot) -> str | None:
    """Give the name of a pair that a file is half of, where the other half is there as well."""
    for name in rules.pairs:
        halves = [f"{name}_encoder.", f"{name}_decoder."]
        if listed.startswith(tuple(halves)):
            there = [path.name for folder in folders for path in _those(folder, f"{name}_*")]
            both = all(
                any(one.startswith(half) and has_extension(one, rules) for one in there)
                for half in halves
            )
            return name if both else None
    return None


def _those(folder: Path, pattern: str) -> list[Path]:
    try:
        return [path for path in folder.glob(pattern) if not is_folder(path)]
    except OSError:
        return []


def _relative(path: Path, folders: tuple[Path, ...]) -> str | None:
    for folder in folders:
        if path.is_relative_to(folder):
            return str(path.relative_to(folder))
    return None


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False
