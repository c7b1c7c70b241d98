"""Look at what stands at a destination, and decide nothing.

The cheap answer comes first: a receipt whose size, mtime and inode still hold needs no hashing.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Literal

from vaehub import receipts

if TYPE_CHECKING:
    from pathlib import Path

    from vaehub.model import Artifact, Receipt

Found = Literal["absent", "intact", "outdated", "changed", "taken", "same-bytes", "foreign"]
"""What stands at a destination:

- ``absent``: nothing;
- ``intact``: what we placed, and what the catalog wants;
- ``outdated``: what we placed, unchanged, but the catalog now wants other bytes;
- ``changed``: we placed a file there, and its bytes are not those any more;
- ``taken``: what we placed, unchanged, but for another entry, which wants other bytes;
- ``same-bytes``: not ours, but exactly the bytes that the catalog wants;
- ``foreign``: anything else.
"""

_CHUNK = 1 << 20


def sha256_of(path: Path) -> str:
    """Hash a file: 64 lower-case hex digits.

    Raises:
        OSError: the file cannot be read.
    """
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def is_unchanged(receipt: Receipt, *, deep: bool = False) -> bool:
    """Tell whether a placed file still holds the bytes of its receipt.

    Args:
        receipt: The receipt; its file must exist.
        deep: Hash even where size, mtime and inode still hold.

    Raises:
        OSError: the file cannot be read.
    """
    stat = receipt.path.stat()
    if stat.st_size != receipt.size:
        return False
    if not deep and receipts.stat_matches(receipt, stat):
        return True
    # A copied or restored tree has other inodes and times: only the bytes tell.
    return sha256_of(receipt.path) == receipt.sha256


def look(destination: Path, artifact: Artifact, *, entry: str) -> Found:
    """Say what stands at the place where an artifact would be installed.

    Args:
        destination: That place.
        artifact: What the catalog wants there.
        entry: Full name of the entry that it is part of.

    Raises:
        OSError: something is there and cannot be read.
    """
    if not destination.is_symlink() and not destination.exists():
        return "absent"
    receipt = receipts.find(destination)
    if receipt is not None and destination.is_file():
        if not is_unchanged(receipt):
            return "changed"
        if artifact.sha256 == receipt.sha256:
            return "intact"
        if receipt.entry != entry:
            return "taken"
        return "intact" if artifact.sha256 is None else "outdated"
    if (
        destination.is_file()
        and artifact.sha256 is not None
        and artifact.size in (None, destination.stat().st_size)
        and sha256_of(destination) == artifact.sha256
    ):
        return "same-bytes"
    return "foreign"
