"""Read the texts of a PNG: tEXt, zTXt, iTXt, eXIf.

https://www.w3.org/TR/png-3/. Checksums are not looked at: what a damaged file says may still help.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, BinaryIO

from vaehub.insight.pictures import exif, xmp
from vaehub.insight.pictures.gathered import MOST_PARTS, as_text

if TYPE_CHECKING:
    from vaehub.insight.pictures.gathered import Gathered

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_LARGEST_LENGTH = 0x7FFFFFFF
_PIXELS = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_TEXTS = frozenset({b"tEXt", b"zTXt", b"iTXt", b"eXIf"})
_LONGEST_KEYWORD = 79


def read(file: BinaryIO, end: int, gathered: Gathered) -> None:
    """Collect what a PNG holds besides its pixels, and where those are.

    Args:
        file: Open for reading; only chunks of texts are read, all others are passed by.
        end: The file's size.
        gathered: Takes what is found.
    """
    at = len(SIGNATURE)
    gathered.show(0, at)
    for _ in range(MOST_PARTS):
        file.seek(at)
        head = file.read(8)
        if len(head) < 8:
            gathered.notes.append("the file ends before its end is marked: it is cut off")
            return
        length, kind = struct.unpack(">I4s", head)
        after = at + 8 + length + 4
        if length > _LARGEST_LENGTH or after > end:
            left = end - at - 8
            gathered.notes.append(
                f"chunk {as_text(kind)!r} claims {length:,} bytes where {left:,} are left: the "
                "file is cut off or damaged"
            )
            if kind == b"IDAT":  # a decoder makes what it can of the beginning
                gathered.show(at, end)
            return
        if kind == b"IHDR" and length == 13:
            gathered.size = struct.unpack(">II", file.read(8))
        if kind in _PIXELS:
            gathered.show(at, after)
        what = f"a {as_text(kind)} chunk"
        if kind in _TEXTS and gathered.may_hold(length, what=what):
            _take(kind, file.read(length), gathered)
        if kind == b"IEND":
            return
        at = after
    gathered.shown.clear()
    gathered.notes.append(f"there are more than {MOST_PARTS:,} chunks; the rest was not read")


def _take(kind: bytes, data: bytes, gathered: Gathered) -> None:
    if kind == b"eXIf":
        exif.read(data, gathered)
        return
    keyword, zero, rest = data.partition(b"\0")
    if not zero or len(keyword) > _LONGEST_KEYWORD:
        gathered.notes.append(f"passed by a {as_text(kind)} chunk without a keyword")
        return
    key, text = as_text(keyword), _text(kind, rest, gathered)
    if text is None:
        return
    if key == "XML:com.adobe.xmp":
        xmp.read(text, gathered)
    else:
        gathered.add(key, as_text(text))


def _text(kind: bytes, rest: bytes, gathered: Gathered) -> bytes | None:
    """Give the text after a keyword, unpacked; None where there is none to be had."""
    if kind == b"tEXt":
        return rest
    if kind == b"zTXt":
        return gathered.unpacked(rest[1:], what="a zTXt chunk")
    packed, texts = rest[:1] == b"\1", rest[2:].split(b"\0", 2)  # language, translated keyword
    if len(texts) < 3:
        gathered.notes.append("passed by an iTXt chunk that has no text")
        return None
    return gathered.unpacked(texts[2], what="an iTXt chunk") if packed else texts[2]
