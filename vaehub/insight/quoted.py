"""Know files by their digests, by whichever of them somebody quotes.

What is known are the files of the catalogs, and those that Civitai listed in July 2023 with the
names they went by (``civitai-2023-07.json``). Reads no file of the user's. Never concludes from an
AutoV1: it covers 64 KiB of a file, which whole series of VAEs have in common.
"""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from vaehub.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from vaehub.catalog import Catalogs
    from vaehub.model import Artifact, Entry

LISTED = "civitai-2023-07"
"""What the table of Civitai's files is called in reports."""
SHORTEST = 8
"""Hex digits of the shortest digest that anybody quotes."""
_HEX = re.compile(r"[0-9a-f]+")
_SURE = 10
"""Hex digits of a sha256's beginning that A1111 shows, and Civitai calls AutoV2."""


class Known(NamedTuple):
    """Bytes that somebody has described."""

    sha256: str
    size: int | None = None
    entries: tuple[str, ...] = ()
    """All that these bytes are in the catalogs: ``catalog/id@variant``."""
    title: str | None = None
    """Of the first of these entries."""
    family: str | None = None
    names: tuple[str, ...] = ()
    """File names under which they go around, the usual one first."""
    hashes: Mapping[str, str] = MappingProxyType({})
    """Other digests: autov1, autov3, blake3, crc32 (Civitai's byte order); lower-case."""
    told_by: tuple[str, ...] = ()
    """``catalog``, :data:`LISTED`, or both."""
    fingerprint: Mapping[str, Any] | None = None
    """As the catalog has it."""

    @property
    def called(self) -> str:
        """Give the one name that a person should remember."""
        if self.entries:
            return self.entries[0].removeprefix("vaehub/")
        return self.names[0] if self.names else self.sha256[:_SURE]


class Match(NamedTuple):
    """What a quoted digest may mean."""

    known: Known
    kind: str
    """What was quoted: ``sha256``, ``autov1``, ``autov2``, ``autov3``, ``blake3``, ``crc32``, or
    ``crc32 (zlib)`` in the usual order of its bytes."""
    sure: bool
    """Whether the digest is long enough to conclude from it."""


def index(catalogs: Catalogs) -> dict[str, Known]:
    """Give all that is known of bytes, by sha256; the curated catalog's word comes first."""
    known: dict[str, Known] = {}
    for entry in catalogs.entries():
        for variant in entry.variants:
            for artifact in variant.artifacts:
                if artifact.sha256 is not None:
                    name = f"{entry.full_name}@{variant.name}"
                    before = known.get(artifact.sha256)
                    known[artifact.sha256] = _with_artifact(before, name, entry, artifact)
    for one in listed():
        before = known.get(one.sha256)
        known[one.sha256] = one if before is None else _joined(before, one)
    return known


@cache
def listed() -> tuple[Known, ...]:
    """Read the table of the files that Civitai listed."""
    text = (files("vaehub.insight") / "civitai-2023-07.json").read_text(encoding="utf-8")
    return tuple(
        Known(
            sha256=row["sha256"],
            size=row["size"],
            names=tuple(row["names"]),
            hashes={kind: row[kind] for kind in ("autov1", "blake3", "crc32")},
            told_by=(LISTED,),
        )
        for row in json.loads(text)["files"]
    )


def _with_artifact(before: Known | None, name: str, entry: Entry, artifact: Artifact) -> Known:
    one = Known(
        sha256=artifact.sha256 or "",
        size=artifact.size,
        entries=(name,),
        title=entry.title,
        family=entry.family,
        names=(artifact.name, *artifact.known_as),
        hashes={kind: digest.lower() for kind, digest in artifact.hashes.items()},
        told_by=("catalog",),
        fingerprint=artifact.fingerprint,
    )
    return one if before is None else _joined(before, one)


def _joined(one: Known, other: Known) -> Known:
    return one._replace(
        size=one.size if one.size is not None else other.size,
        entries=_unique(one.entries, other.entries),
        names=_unique(one.names, other.names),
        hashes={**other.hashes, **one.hashes},
        told_by=_unique(one.told_by, other.told_by),
        fingerprint=one.fingerprint or other.fingerprint,
    )


def _unique(one: Iterable[str], other: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*one, *other)))


def cleaned(text: str) -> str:
    """Give a quoted digest in lower-case.

    Raises:
        UsageError: that is none.
    """
    digest = text.strip().lower().removeprefix("sha256:").removeprefix("0x")
    if not _HEX.fullmatch(digest) or not SHORTEST <= len(digest) <= 64:
        raise UsageError(
            f"{text!r} is no digest: it must be {SHORTEST} to 64 hex digits",
            hint="A1111 shows 10 digits of a VAE's sha256; a model's page has the others",
        )
    return digest


def find(digest: str, known: Iterable[Known]) -> list[Match]:
    """Say which bytes a quoted digest may stand for; those that it settles come first.

    Args:
        digest: as :func:`cleaned` gives it.
        known: all that is known.
    """
    found = [Match(one, kind, kind != "autov1") for one in known for kind in _kinds(digest, one)]
    firm = {match.known.sha256 for match in found if match.sure}
    if len(firm) > 1:  # two files, and so few digits that neither is settled
        found = [match._replace(sure=False) for match in found]
    return sorted(found, key=lambda match: (not match.sure, match.known.called))


def _kinds(digest: str, one: Known) -> Iterator[str]:
    if one.sha256.startswith(digest):
        yield "autov2" if len(digest) == _SURE else "sha256"
    elif one.hashes.get("blake3") == digest:
        yield "blake3"
    elif len(digest) in {12, 64} and one.hashes.get("autov3", "").startswith(digest):
        yield "autov3"
    elif one.hashes.get("crc32") == digest:
        yield "crc32"
    elif one.hashes.get("crc32") == _reversed(digest):
        yield "crc32 (zlib)"
    elif one.hashes.get("autov1") == digest:
        yield "autov1"


def _reversed(digest: str) -> str:
    return bytes.fromhex(digest)[::-1].hex() if len(digest) == 8 else ""
