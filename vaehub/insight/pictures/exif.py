"""Read the texts of EXIF data: the comment of the user, and what stands as ASCII.

CIPA DC-008 (TIFF 6.0 inside). Follows two directories and nothing else, so no chain can keep it
busy.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from vaehub.insight.pictures.gathered import as_text

if TYPE_CHECKING:
    from vaehub.insight.pictures.gathered import Gathered

_ASCII, _UNDEFINED = 2, 7
_EXIF_DIRECTORY = 0x8769
_NAMES = {
    0x010E: "ImageDescription",
    0x010F: "Make",
    0x0110: "Model",
    0x0131: "Software",
    0x927C: "MakerNote",
    0x9286: "UserComment",
}
_MOST_FIELDS = 512
_ENCODINGS = {b"ASCII\0\0\0", b"JIS\0\0\0\0\0", b"\0" * 8}


def read(data: bytes, gathered: Gathered) -> None:
    """Collect the texts of EXIF data.

    Args:
        data: From the byte order mark on.
        gathered: Takes what is found.
    """
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(data[:4])
    if order is None or len(data) < 8:
        gathered.notes.append("passed by EXIF data that are none")
        return
    (first,) = struct.unpack_from(order + "I", data, 4)
    inner = _directory(data, first, order, gathered)
    if inner is not None:
        _directory(data, inner, order, gathered)


def _directory(data: bytes, at: int, order: str, gathered: Gathered) -> int | None:
    """Read one directory; give the place of the one that it leads to."""
    if at + 2 > len(data):
        return None
    (count,) = struct.unpack_from(order + "H", data, at)
    inner = None
    for index in range(min(count, _MOST_FIELDS)):
        place = at + 2 + 12 * index
        if place + 12 > len(data):
            break
        tag, kind, size, value = struct.unpack_from(order + "HHII", data, place)
        if tag == _EXIF_DIRECTORY:
            inner = value
        elif kind == _ASCII or tag in _NAMES:
            start = value if size > 4 else place + 8
            text = data[start : start + size] if start + size <= len(data) else b""
            # Many fields may point at the same bytes.
            if text and gathered.may_hold(size, what="an EXIF field"):
                comment = tag == 0x9286
                decoded = _comment(text, order) if comment else as_text(text)
                gathered.add(_NAMES.get(tag, f"0x{tag:04X}"), decoded.strip("\0"))
    return inner


def _comment(data: bytes, order: str) -> str:
    """Decode a user's comment: eight bytes say how, where they are there at all."""
    head, body = data[:8], data[8:]
    if head in _ENCODINGS:
        return as_text(body)
    return _utf16(body, order) if head == b"UNICODE\0" else as_text(data)


def _utf16(data: bytes, order: str) -> str:
    """Decode UTF-16 of which nobody says the byte order, and writers differ in it."""
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return data.decode("utf-16", "replace")
    # Names and figures are ASCII, whatever the language of the prompt: there the zeros tell.
    high, low = data[::2].count(0), data[1::2].count(0)
    if not high and not low:
        try:
            return data.decode("utf-8")  # some write that all the same
        except UnicodeDecodeError:
            pass
    big = high > low or (high == low and order == ">")
    return data.decode("utf-16-be" if big else "utf-16-le", "replace")
