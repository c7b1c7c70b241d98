"""Read the texts of a JPEG: EXIF and XMP in APP1, and comments.

ITU T.81, annex B. Everything of interest stands before the first scan.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, BinaryIO

from vaehub.insight.pictures import exif, xmp
from vaehub.insight.pictures.gathered import MOST_PARTS, as_text

if TYPE_CHECKING:
    from vaehub.insight.pictures.gathered import Gathered

SIGNATURE = b"\xff\xd8\xff"
_EXIF = b"Exif\0\0"
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})
"""Markers without a length."""
_END, _SCAN, _APP1, _COMMENT = 0xD9, 0xDA, 0xE1, 0xFE
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_LONGEST_HEAD = 32 << 20
"""Bytes before the first scan."""
_MOST_FILL = 4096
"""Bytes of 0xFF before a marker."""


def read(file: BinaryIO, end: int, gathered: Gathered) -> None:
    """Collect what a JPEG holds before its first scan.

    Args:
        file: Open for reading.
        end: The file's size.
        gathered: Takes what is found.
    """
    at = 2
    for _ in range(MOST_PARTS):
        if at > _LONGEST_HEAD:
            gathered.notes.append(
                f"no picture begins within {_LONGEST_HEAD:,} bytes; the rest was not read"
            )
            return
        file.seek(at)
        head = file.read(_MOST_FILL + 4)
        filled = len(head) - len(head.lstrip(b"\xff"))
        if not filled or filled >= len(head):
            gathered.notes.append("the file is cut off or damaged before its picture begins")
            return
        marker = head[filled]
        at += filled + 1
        if marker in _ALONE:
            continue
        if marker == _END:
            return
        if marker == _SCAN:
            gathered.show(0, end)
            return
        file.seek(at)
        length = int.from_bytes(file.read(2), "big")
        if length < 2 or at + length > end:
            gathered.notes.append("a segment is longer than the file: it is cut off or damaged")
            return
        _take(marker, file, length - 2, gathered)
        at += length
    gathered.notes.append(f"there are more than {MOST_PARTS:,} segments; the rest was not read")


def _take(marker: int, file: BinaryIO, length: int, gathered: Gathered) -> None:
    if marker in _FRAMES and length >= 5:
        height, width = struct.unpack(">xHH", file.read(5))
        gathered.size = (width, height)
    elif marker in {_APP1, _COMMENT} and gathered.may_hold(length, what="a segment"):
        data = file.read(length)
        if marker == _COMMENT:
            gathered.add("comment", as_text(data))
        elif data.startswith(_EXIF):
            exif.read(data[len(_EXIF) :], gathered)
        elif data.startswith(_XMP):
            xmp.read(data[len(_XMP) :], gathered)
