"""Tell which files have the same bytes, and which of them the catalogs know.

Sizes are compared first, and only files that agree in it with an entry or with one another are
hashed, each inode once: hard links are one file. What vaehub placed and nobody touched is not read.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from vaehub.doctor.facts import Known
from vaehub.hashing import sha256_of_each

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from vaehub.doctor.facts import Seen
    from vaehub.model import Entry

_Identity = tuple[int, int]


def identified(
    files: Sequence[Seen],
    entries: Iterable[Entry],
    *,
    hashing: Callable[[int, int], None] = lambda files, size: None,
) -> list[Seen]:
    """Give the files with their digest, where it was needed, and what is known by it.

    Args:
        files: What was seen; those whose digest a receipt tells have it already.
        entries: Of the catalogs, the curated one first.
        hashing: Told, before the first byte is read, how many files of how many bytes are.
    """
    known: dict[str, Known] = {}
    sizes: set[int] = set()
    for entry in entries:
        for variant in entry.variants:
            for artifact in variant.artifacts:
                if artifact.sha256 is not None:
                    known.setdefault(artifact.sha256, Known(entry, variant, artifact))
                    sizes |= {artifact.size} if artifact.size is not None else set()
    digests = _digests(files, sizes, hashing)
    found = []
    for seen in files:
        sha256 = seen.sha256
        if sha256 is None and seen.identity is not None and _is_comparable(seen):
            sha256 = digests.get(seen.identity)
        found.append(seen._replace(sha256=sha256, known=known.get(sha256 or "")))
    return _with_duplicates(found)


def wasted(files: Iterable[Seen]) -> int:
    """Sum up the bytes that stand on the disk more than once."""
    each = {seen.identity: seen.size or 0 for seen in files if seen.same_as is not None}
    return sum(each.values())


def _digests(
    files: Sequence[Seen], sizes: set[int], hashing: Callable[[int, int], None]
) -> Mapping[_Identity, str]:
    told = {seen.identity: seen.sha256 for seen in files if seen.sha256 and seen.identity}
    of_size: dict[int, set[_Identity]] = defaultdict(set)
    for seen in files:
        if seen.size and seen.identity is not None and _is_comparable(seen):
            of_size[seen.size].add(seen.identity)
    wanted = {
        identity
        for size, identities in of_size.items()
        if size in sizes or len(identities) > 1
        for identity in identities
    }
    chosen = {
        seen.identity: seen
        for seen in reversed(files)
        if seen.identity in wanted and seen.identity not in told and _is_comparable(seen)
    }
    if chosen:
        hashing(len(chosen), sum(seen.size or 0 for seen in chosen.values()))
    digests = sha256_of_each([seen.path for seen in chosen.values()])
    found = {
        identity: digest
        for identity, digest in zip(chosen, digests, strict=True)
        if isinstance(digest, str)
    }
    return {identity: digest for identity, digest in (told | found).items() if identity and digest}


def _is_comparable(seen: Seen) -> bool:
    return seen.obstacle is None and seen.unfinished is None


def _with_duplicates(files: Sequence[Seen]) -> list[Seen]:
    """Note of each of the same files which one stays: what we placed, else the first listed."""
    groups: dict[str, list[Seen]] = defaultdict(list)
    for seen in files:
        if seen.sha256 is not None and seen.size:
            groups[seen.sha256].append(seen)
    kept = {sha256: min(group, key=_worth_keeping) for sha256, group in groups.items()}
    return [
        seen._replace(
            same_as=kept[seen.sha256].path, could_be_one=_is_one_disk(seen, kept[seen.sha256])
        )
        if seen.sha256 in kept and _takes_room_beside(seen, kept[seen.sha256])
        else seen
        for seen in files
    ]


def _worth_keeping(seen: Seen) -> tuple[bool, ...]:
    """Give a key by which the best comes first: ours, listed, and called what it is."""
    misnamed = seen.content is not None and seen.content.reason("wrong-extension") is not None
    return (seen.receipt is None, seen.listed_as is None, misnamed)


def _is_one_disk(one: Seen, other: Seen) -> bool:
    return (
        one.identity is not None
        and other.identity is not None
        and (one.identity[0] == other.identity[0])
    )


def _takes_room_beside(seen: Seen, kept: Seen) -> bool:
    methods = {seen.receipt.method if seen.receipt else "", kept.receipt and kept.receipt.method}
    return seen.identity != kept.identity and methods != {"reflink"}
