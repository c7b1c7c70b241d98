"""Read the texts of a WebP: its EXIF and XMP chunks.

https://developers.google.com/speed/webp/docs/riff_container.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, BinaryIO

from vaehub.insight.pictures import exif, xmp
from vaehub.insight.pictures.gathered import MOST_PARTS, as_text

if TYPE_CHECKING:
    from vaehub.insight.pictures.gathered import Gathered

_LARGEST = 256 << 20
"""Bytes of a file whose pixels are decoded: a decoder holds all of them."""


def is_webp(head: bytes) -> bool:
    """Tell a WebP by its first twelve bytes."""
    return head[:4] == b"RIFF" and head[8:12] == b"WEBP"


def read(file: BinaryIO, end: int, gathered: Gathered) -> None:
    """Collect what a WebP holds besides its pixels.

    Args:
        file: Open for reading.
        end: The file's size.
        gathered: Takes what is found.
    """
    at, pixels = 12, False
    for _ in range(MOST_PARTS):
        if at + 8 > end:
            break
        file.seek(at)
        kind, length = struct.unpack("<4sI", file.read(8))
        if at + 8 + length > end:
            gathered.notes.append(
                f"chunk {as_text(kind)!r} claims {length:,} bytes where {end - at - 8:,} are left: "
                "the file is cut off or damaged"
            )
            return
        if kind in {b"VP8X", b"VP8 ", b"VP8L"}:
            pixels = pixels or kind != b"VP8X"
            gathered.size = gathered.size or _size(kind, file.read(10))
        elif kind == b"ANMF":
            pixels = True
        elif kind in {b"EXIF", b"XMP "} and gathered.may_hold(length, what="a chunk"):
            data = file.read(length)
            if kind == b"EXIF":
                exif.read(data.removeprefix(b"Exif\0\0"), gathered)
            else:
                xmp.read(data, gathered)
        at += 8 + length + length % 2
    else:
        gathered.notes.append(f"there are more than {MOST_PARTS:,} chunks; the rest was not read")
        return
    if pixels and end <= _LARGEST:
        gathered.show(0, end)


def _size(kind: bytes, data: bytes) -> tuple[int, int] | None:
    if len(data) < 10:
        return None
    if kind == b"VP8X":
        return (
            int.from_bytes(data[4:7], "little") + 1,
            int.from_bytes(data[7:10], "little") + 1,
        )
    if kind == b"VP8L":
        bits = int.from_bytes(data[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    width, height = struct.unpack("<HH", data[6:10])
    return width & 0x3FFF, height & 0x3FFF
