"""Walk the folders of a target and note each file that may be a VAE.

Looks further than the UI does: into hidden folders and into linked ones, to tell of a file that
lies where the UI never comes. Opens a file for its first bytes at most, and only a regular one: a
pipe would keep us waiting.
"""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from vaehub import staging
from vaehub.doctor import findings
from vaehub.doctor.facts import Place, Seen
from vaehub.targets import listing
from vaehub.targets.layouts import is_model_name
from vaehub.weights.heads import begins_like_safetensors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vaehub.model import Problem, Target
    from vaehub.targets import Layout
    from vaehub.targets.layouts import Slot

UNFINISHED = (
    *(".part", ".partial", ".crdownload", ".aria2", ".incomplete", ".opdownload", ".!ut", ".!qb"),
)
"""What browsers and download tools put behind the name of a file that is not whole."""
_PERHAPS = (".tmp", ".download")
"""So do these, behind the name of a model; elsewhere they may mean anything."""
CONTROL = ".aria2"
"""Lies beside a file that aria2 has not finished, and which has its full length from the start."""
MOST_BEYOND = 1000
"""Files that a UI does not come upon and that are noted all the same: a link may lead anywhere."""
_HEAD = 9


def places(target: Target, layout: Layout) -> tuple[Place, ...]:
    """Give the folders that a UI lists its slots from, each once, those of the slots first."""
    found: dict[Path, Place] = {}
    for slot in layout.slots:
        for folder in layout.folders(target, slot):
            found.setdefault(folder, _place(slot, folder, own=True))
    for slot, rules in layout.slots.items():
        for also in rules.also:
            folder = target.root / PurePosixPath(also)
            found.setdefault(folder, _place(slot, folder, own=False))
    return tuple(found.values())


def files(place: Place, target: Target, layout: Layout) -> Iterator[Seen]:
    """Note the files of a folder that may be VAEs, those first that the UI comes upon."""
    rules = layout.slots[place.slot]
    for path in _walk(place.folder, layout):
        if place.own or path.name.endswith(_endings(place, target, rules)):
            seen = _note(path, place)
            if seen is not None:
                reach = listing.out_of_reach(layout, place.folder, path)
                name = layout.listed_as(target, place.slot, path) if reach is None else None
                yield seen._replace(reach=reach, listed_as=name)


def is_bystander(seen: Seen, target: Target, layout: Layout) -> bool:
    """Tell whether a file only stands where its name counts: with the text encoders, say.

    A UI that lists a folder of another kind of model together with its VAEs, and asks for no word
    like ``.vae.`` in the names there, says nothing of what those files are.
    """
    return any(
        seen.folder == target.root / PurePosixPath(also)
        and not all(ending.count(".") > 1 for ending in endings)
        for also, endings in layout.slots[seen.slot].also.items()
    )


def _endings(place: Place, target: Target, rules: Slot) -> tuple[str, ...]:
    return tuple(
        ending
        for also, endings in rules.also.items()
        if place.folder == target.root / PurePosixPath(also)
        for ending in endings
    )


def _place(slot: str, folder: Path, *, own: bool) -> Place:
    place = Place(slot, folder, "there", own=own)
    try:
        with os.scandir(folder):
            pass
        device = folder.stat().st_dev
    except (FileNotFoundError, NotADirectoryError):
        trouble = None
        if folder.is_symlink():
            trouble = f"is a symbolic link to {folder.readlink()}, which is not there"
        elif os.path.lexists(folder):
            trouble = "is a file, not a folder"
        return place._replace(state="unusable" if trouble else "absent", trouble=trouble)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        return place._replace(state="unusable", trouble=f"cannot be looked into: {reason}")
    return place._replace(writable=may_write(folder), free=free(folder), device=device)


def may_write(folder: Path) -> bool:
    """Tell whether this process may make files in a folder, without trying."""
    effective = os.access in os.supports_effective_ids
    return os.access(folder, os.W_OK | os.X_OK, effective_ids=effective)


def free(folder: Path) -> int | None:
    """Give the bytes that are free where a folder is; None where nobody can tell."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


def _walk(folder: Path, layout: Layout) -> Iterator[Path]:
    """Give all files below a folder; our own folders are passed by, circles are gone once."""
    met: set[tuple[int, int]] = set()
    near: list[Path] = [folder]
    beyond: list[Path] = []
    given = 0
    while near or beyond:
        # What the UI comes upon first: the same folder may be reached by a link as well.
        is_near = bool(near)
        current = (near if is_near else beyond).pop(0)
        try:
            found = current.stat()
            if (found.st_dev, found.st_ino) in met:
                continue
            met.add((found.st_dev, found.st_ino))
            with os.scandir(current) as entries:
                inside = sorted(entries, key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in inside:
            path = Path(entry.path)
            if entry.name == staging.FOLDER:
                continue
            if listing.is_folder(path):
                # As what lies in it: a link to a folder is no reason to pass by the link itself.
                reached = listing.out_of_reach(layout, folder, path / "x") is None
                (near if reached else beyond).append(path)
                continue
            if not is_near or listing.out_of_reach(layout, folder, path) is not None:
                given += 1
                if given > MOST_BEYOND:
                    continue
            yield path
        if given > MOST_BEYOND:
            beyond.clear()


def _note(path: Path, place: Place) -> Seen | None:
    """Note a file; None where it is none, or nothing that a UI could take for a VAE."""
    seen = Seen(path, place.slot, place.folder)
    finished = _without_ending(path)
    named = is_model_name(path.name)
    try:
        found = path.stat()
    except FileNotFoundError:
        if not path.is_symlink() or not named:
            return None
        where = path.readlink()
        return seen._replace(
            obstacle=_obstacle("dangling-link", path, f"a link to {where}, which is not there")
        )
    except (OSError, ValueError) as error:
        return seen._replace(obstacle=unreadable(path, error)) if named else None
    seen = seen._replace(size=found.st_size, identity=(found.st_dev, found.st_ino))
    if not stat.S_ISREG(found.st_mode):
        what = "a pipe, a socket or a device, and no file"
        return seen._replace(obstacle=_obstacle("not-a-file", path, what)) if named else None
    if finished is not None:
        if path.name.endswith(CONTROL) and finished.is_file():
            return None  # said of the file itself
        return seen._replace(unfinished=path)
    control = path.with_name(path.name + CONTROL)
    if listing.is_file(control):
        return seen._replace(unfinished=control)
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        return seen._replace(obstacle=unreadable(path, error)) if named else None
    return seen if named or begins_like_safetensors(head) else None


def _without_ending(path: Path) -> Path | None:
    """Give what a download will be called; None where the name speaks of none."""
    name = path.name
    for ending in (*UNFINISHED, *_PERHAPS):
        rest = name[: -len(ending)]
        if name.lower().endswith(ending) and (ending in UNFINISHED or is_model_name(rest)):
            return path.parent / rest  # which may be no name at all: `..part`
    return None


def _obstacle(code: str, path: Path, what: str) -> Problem:
    return findings.problem(code, what, where=path)


def unreadable(path: Path, error: Exception) -> Problem:
    """Make the problem of a file that cannot be read."""
    reason = getattr(error, "strerror", None) or error
    return _obstacle("unreadable", path, f"it cannot be read: {reason}")
