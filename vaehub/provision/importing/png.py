"""Read the texts that a PNG carries beside its picture.

Knows chunks, and that the file may be anything: lengths are held against ceilings before a byte is
read, a checksum before a text is believed, and nothing is unpacked beyond its ceiling. The picture
itself is passed by unread. Knows nothing of what the texts mean.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection

SIGNATURE = b"\x89PNG\r\n\x1a\n"
LONGEST = 32 << 20
"""Bytes of one text, unpacked; the longest workflows have a few."""
MOST_CHUNKS = 100_000
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_LONGEST_KEY = 79
_HEAD = 160
"""Bytes that hold any keyword, and with it whether a text is wanted."""


class Texts(NamedTuple):
    """What was found."""

    texts: dict[str, str]
    """By keyword, those that were asked for; of two with one keyword the first."""
    keywords: frozenset[str]
    """Of all texts, also of those that nobody asked for."""


class DamagedPng(ValueError):
    """The file is no PNG, or a text in it is not whole; the message says why."""


def read(file: BinaryIO, wanted: Collection[str]) -> Texts:
    """Read the texts of some keywords.

    A picture that is cut off after them is good enough.

    Raises:
        DamagedPng: it is no PNG, or a wanted text is damaged or too long.
        OSError: it cannot be read.
    """
    if file.read(len(SIGNATURE)) != SIGNATURE:
        raise DamagedPng("it does not begin like a PNG")
    texts: dict[str, str] = {}
    keywords = set()
    for _ in range(MOST_CHUNKS):
        head = file.read(8)
        if len(head) < 8:
            break
        length, kind = struct.unpack(">I4s", head)
        if length > 0x7FFFFFFF:
            raise DamagedPng("a chunk is longer than any may be")
        if kind == b"IEND":
            break
        if kind not in _TEXTS:
            file.seek(length + 4, 1)
            continue
        began = file.read(min(length, _HEAD))
        keyword = _keyword(began)
        keywords.add(keyword)
        if keyword not in wanted or keyword in texts:
            file.seek(length - len(began) + 4, 1)
            continue
        if length > LONGEST:
            raise DamagedPng(f"its text {keyword!r} has more than {LONGEST:,} bytes")
        content = began + file.read(length - len(began))
        _check(content, length, kind, file.read(4), keyword)
        texts[keyword] = _text(kind, content, keyword)
    return Texts(texts, frozenset(keywords))


def _keyword(began: bytes) -> str:
    return began[: _LONGEST_KEY + 1].partition(b"\0")[0][:_LONGEST_KEY].decode("latin-1")


def _check(content: bytes, length: int, kind: bytes, checksum: bytes, keyword: str) -> None:
    if len(content) < length or len(checksum) < 4:
        raise DamagedPng(f"it is cut off within its text {keyword!r}")
    if struct.pack(">I", zlib.crc32(content, zlib.crc32(kind))) != checksum:
        raise DamagedPng(f"its text {keyword!r} is damaged: the checksum is another one")


def _text(kind: bytes, content: bytes, keyword: str) -> str:
    _, _, rest = content.partition(b"\0")
    if kind == b"tEXt":
        return _decoded(rest)
    if kind == b"zTXt":
        return _decoded(_unpacked(rest[1:], keyword))
    packed, rest = rest[:1] == b"\1", rest[2:]
    _language, _, rest = rest.partition(b"\0")
    _translated, _, rest = rest.partition(b"\0")
    return _decoded(_unpacked(rest, keyword) if packed else rest)


def _unpacked(data: bytes, keyword: str) -> bytes:
    unpacker = zlib.decompressobj()
    try:
        text = unpacker.decompress(data, LONGEST + 1)
    except zlib.error as error:
        raise DamagedPng(f"its text {keyword!r} cannot be unpacked: {error}") from None
    if len(text) > LONGEST:
        raise DamagedPng(f"its text {keyword!r} unpacks to more than {LONGEST:,} bytes")
    if not unpacker.eof:
        raise DamagedPng(f"its text {keyword!r} is cut off")
    return text


def _decoded(text: bytes) -> str:
    # tEXt is Latin-1 by the book; many write UTF-8, which Latin-1 hardly ever looks like.
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        return text.decode("latin-1")
