"""The order of things for one target: look, open, hash, tell apart, decide."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

from vaehub import targets
from vaehub.doctor import contents, deciding, findings, looking, naming, ours, sameness
from vaehub.doctor.around import Circumstances
from vaehub.doctor.facts import Examined, Known
from vaehub.targets import listing

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from vaehub.catalog import Catalogs
    from vaehub.doctor.facts import Place, Seen
    from vaehub.model import Problem, Target
    from vaehub.targets import Layout

LITTLE_ROOM = 1_000_000_000
"""Bytes; most VAEs have a third of that, and those for video more."""


def examine(
    target: Target,
    *,
    named: bool,
    catalogs: Catalogs,
    store: Path,
    hashing: Callable[[int, int], None] = lambda files, size: None,
) -> Examined:
    """Look at all files of a target, and say what is wrong with each.

    Args:
        target: Which.
        named: Whether the user named it; else a folder that is not there is none of his mistakes.
        catalogs: What files are known.
        store: Our store.
        hashing: Told, before the first byte is read, how many files of how many bytes are hashed.
    """
    layout = targets.layouts()[target.layout]
    if layout.refuses is not None:
        found = findings.problem(
            "lists-no-folder",
            layout.refuses,
            where=target.root,
            hint=layout.instead,
        )
        return Examined(target, layout, (), (), (found,))
    places = looking.places(target, layout)
    seen = [one for place in places for one in looking.files(place, target, layout)]
    folders = [place.folder for place in places if place.own and place.state == "there"]
    placed = ours.look(
        {*folders, *(one.path.parent for one in seen)},
        target=target,
        catalogs=catalogs,
        store=store,
    )
    seen = [_with_receipt(one, placed) for one in _each_once(seen)]
    seen = [_opened(one, target, layout) for one in seen]
    seen = sameness.identified(seen, catalogs.entries(), hashing=hashing)
    seen = naming.with_shadows(seen, layout)
    seen = [one for one in seen if not looking.is_bystander(one, target, layout)]
    around = _circumstances(target, layout, seen, catalogs)
    problems = [*_of_places(places, target, layout, named=named), *placed.problems]
    said = {(one.code, one.where) for one in problems}
    for one in seen:
        for found in deciding.problems(one, around):
            if (found.code, found.where) not in said:  # a receipt and the file itself say the same
                problems.append(found)
    receipts = tuple(placed.receipts.values())
    return Examined(target, layout, places, tuple(seen), tuple(problems), receipts)


def _each_once(seen: Sequence[Seen]) -> list[Seen]:
    """Drop a file that is met again below a further folder that lies in the first."""
    unique: dict[Path, Seen] = {}
    for one in seen:
        unique.setdefault(one.path, one)
    return list(unique.values())


def _with_receipt(seen: Seen, placed: ours.Ours) -> Seen:
    receipt = placed.receipts.get(seen.path)
    if receipt is None:
        return seen
    intact = seen.path in placed.intact
    return seen._replace(receipt=receipt, sha256=receipt.sha256 if intact else None)


def _opened(seen: Seen, target: Target, layout: Layout) -> Seen:
    if (
        seen.obstacle is not None
        or seen.unfinished is not None
        or looking.is_bystander(seen, target, layout)
    ):
        return seen
    try:
        return seen._replace(content=contents.read(seen.path))
    except OSError as error:
        return seen._replace(obstacle=looking.unreadable(seen.path, error))


def _circumstances(
    target: Target, layout: Layout, seen: Sequence[Seen], catalogs: Catalogs
) -> Circumstances:
    folders = {layout.folder(target, slot) for slot in layout.slots}
    homes = {}
    if layout.is_ui:
        beside = layout.folder(target, "vae").parent
        homes = {name.lower(): beside / name for name in _names(beside)}
        homes = {name: path for name, path in homes.items() if listing.is_folder(path)}
    folders |= {one.path.parent for one in seen} | set(homes.values())
    by_name, by_digest = _known(catalogs)
    return Circumstances(
        target,
        layout,
        homes,
        {folder: _names(folder) for folder in folders},
        by_name,
        by_digest,
    )


def _names(folder: Path) -> Collection[str]:
    try:
        return frozenset(os.listdir(folder))  # noqa: PTH208  # names, not paths
    except OSError:
        return ()


def _known(catalogs: Catalogs) -> tuple[Mapping[str, Known], Mapping[str, Known]]:
    """Give what the catalogs know by the names of files, and by their digests."""
    by_name: dict[str, Known] = {}
    by_digest: dict[str, Known] = {}
    counts: Counter[str] = Counter()
    for entry in catalogs.entries():
        for variant in entry.variants:
            for artifact in variant.artifacts:
                known = Known(entry, variant, artifact)
                names = {name.casefold() for name in (artifact.name, *artifact.known_as)}
                counts.update(names)
                by_name |= dict.fromkeys(names, known)
                if artifact.sha256 is not None:
                    by_digest.setdefault(artifact.sha256, known)
    return {name: one for name, one in by_name.items() if counts[name] == 1}, by_digest


def _of_places(
    places: Sequence[Place], target: Target, layout: Layout, *, named: bool
) -> Iterator[Problem]:
    for place in places:
        if place.state == "unusable":
            message = f"{place.folder} {place.trouble}"
            yield findings.problem("folder-not-usable", message, where=place.folder)
        if place.state == "there" and place.own and not place.writable:
            message = f"nothing can be installed into {place.folder}: it may not be written"
            hint = "make it writable, or name another place with --to"
            yield findings.problem("folder-read-only", message, where=place.folder, hint=hint)
    if named and not layout.is_ui and places[0].state == "absent":
        message = f"there is no folder {target.root}"
        hint = "name the root of a UI or its VAE folder with --to; an install makes what is missing"
        yield findings.problem("folder-missing", message, where=target.root, hint=hint)
    free = [place.free for place in places if place.free is not None]
    if free and min(free) < LITTLE_ROOM:
        message = f"{min(free):,} bytes are free where {target.root} is"
        hint = "make room; `vaehub store gc` removes what no installed file needs"
        yield findings.problem("little-room", message, where=target.root, hint=hint)
