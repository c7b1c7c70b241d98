"""Hold what a host says of a file against what the catalog says, before a byte is fetched.

Pure: takes an artifact and a located download, and decides what the bytes must be.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from vaehub.errors import HashMismatch, SizeMismatch, SourceUnusable

if TYPE_CHECKING:
    from vaehub.model import Artifact, Download


class Expected(NamedTuple):
    """What the bytes must be."""

    sha256: str
    size: int | None
    """None where neither the catalog nor the host says."""


def expected(artifact: Artifact, download: Download) -> Expected:
    """Decide what a download must yield.

    Raises:
        SizeMismatch: the host has a file of another size.
        HashMismatch: the host has a file with another sha256.
        SourceUnusable: neither the catalog nor the host says a sha256.
    """
    said = (download.sha256 or "").lower() or None
    if said is not None and not re.fullmatch(r"[0-9a-f]{64}", said):
        raise SourceUnusable(
            f"{download.label}: the host says a sha256 that is none for {artifact.name}"
        )
    sizes_differ = None not in (artifact.size, download.size) and artifact.size != download.size
    # The hash first: it says more than the size, and a host with other bytes mostly has both.
    if artifact.sha256 is not None and said is not None and said != artifact.sha256:
        raise HashMismatch(
            f"{artifact.name}: {download.label} holds other bytes: expected sha256 "
            f"{artifact.sha256}, the host says {said}; nothing was fetched"
        )
    if sizes_differ:
        raise SizeMismatch(
            f"{artifact.name}: {download.label} holds a file of another size: expected "
            f"{artifact.size:,} bytes, the host says {download.size:,}; nothing was fetched"
        )
    sha256 = artifact.sha256 or said
    if sha256 is None:
        raise SourceUnusable(
            f"{artifact.name}: {download.label} says no sha256 and the catalog knows none, "
            "so nothing could tell the right bytes from wrong ones",
            hint="add the file's sha256 to a catalog of your own",
        )
    return Expected(sha256, artifact.size if artifact.size is not None else download.size)
