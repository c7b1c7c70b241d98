"""Work out every digest by which people quote a file.

Knows what each covers, and nothing of what they stand for. Those that cost nothing beside the
sha256 are always there: its beginnings, and the old one of A1111 over 64 KiB.
"""

from __future__ import annotations

import hashlib
import zlib
from typing import TYPE_CHECKING, Any

from vaehub.weights.lanes import Lane

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_PIECE = 1 << 20
_AUTOV1_AT, _AUTOV1_BYTES = 0x100000, 0x10000
_AUTOV1_LEAST = 2 << 20
"""Bytes of the smallest file of which Civitai tells one."""
_LONGEST_HEADER = 16 << 20


def quick(path: Path, sha256: str) -> dict[str, str]:
    """Give the digests that need no reading of the whole file.

    Args:
        path: the file.
        sha256: that of the file.

    Raises:
        OSError: it cannot be read.
    """
    given = {"sha256": sha256, "autov2": sha256[:10], "a1111": sha256[:10]}
    with path.open("rb") as file:
        if file.seek(0, 2) >= _AUTOV1_LEAST:
            file.seek(_AUTOV1_AT)
            given["autov1"] = hashlib.sha256(file.read(_AUTOV1_BYTES)).hexdigest()[:8]
    return given


def every(path: Path, sha256: str) -> dict[str, str]:
    """Give all digests; reads the whole file once.

    BLAKE3 is among them where the package ``blake3`` is installed.

    Raises:
        OSError: it cannot be read.
    """
    given = quick(path, sha256)
    blake = _blake3()
    tensors = hashlib.sha256()
    crc = 0

    def count(piece: bytes) -> None:
        nonlocal crc
        crc = zlib.crc32(piece, crc)
        if blake is not None:
            blake.update(piece)

    with path.open("rb", buffering=0) as file, Lane("hashing") as one, Lane("counting") as other:
        skip = _header(file.read(8))
        file.seek(0)
        while piece := file.read(_PIECE):
            other.give(_counting(count, piece))
            if len(piece) > skip:
                one.give(_counting(tensors.update, piece[skip:]))
            skip = max(0, skip - len(piece))
    given["autov3"] = tensors.hexdigest()[:12]
    given["crc32"] = crc.to_bytes(4, "little").hex()
    if blake is not None:
        given["blake3"] = blake.hexdigest()
    return given


def _header(head: bytes) -> int:
    """Give the bytes before the tensors, as Civitai counts them also in what is no safetensors."""
    length = int.from_bytes(head, "little")
    return 8 + length if length < _LONGEST_HEADER else 8


def _counting(by: Callable[[bytes], object], piece: bytes) -> Callable[[], object]:
    return lambda: by(piece)


def _blake3() -> Any:
    try:
        from blake3 import blake3
    except ImportError:
        return None
    return blake3()


def has_blake3() -> bool:
    """Say whether BLAKE3 can be worked out here."""
    return _blake3() is not None
