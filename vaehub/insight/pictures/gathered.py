"""What was found in a picture's file, held below ceilings whatever the file claims.

Knows no kind of picture.
"""

from __future__ import annotations

import zlib
from typing import NamedTuple

LARGEST_TEXT = 8 << 20
"""Bytes of one text, unpacked: the largest graphs of ComfyUI have a few million, and JSON of that
size may take twenty times as much when it is read."""
LARGEST_SUM = 24 << 20
"""Bytes of all texts of a picture together."""
MOST_PARTS = 200_000
"""Chunks or segments of a file."""


class Text(NamedTuple):
    """A text that was written into a picture."""

    key: str
    """As the format calls it: a PNG's keyword, ``UserComment``."""
    value: str


class Span(NamedTuple):
    """Bytes of a file, from one place up to another."""

    start: int
    end: int


class Gathered:
    """Collects what a reader finds, and refuses what would be too much."""

    def __init__(self) -> None:
        self.texts: list[Text] = []
        self.notes: list[str] = []
        self.size: tuple[int, int] | None = None
        """Width and height, as the file claims."""
        self.shown: list[Span] = []
        """Where the file holds its pixels and what belongs to them; empty where it had better not
        be decoded."""
        self.room = LARGEST_SUM

    def may_hold(self, size: int, *, what: str) -> bool:
        """Tell whether a text of so many bytes may be read; if not, note it."""
        if size > LARGEST_TEXT or size > self.room:
            limit = min(LARGEST_TEXT, self.room)
            self.notes.append(f"passed by {what} of {size:,} bytes; the limit is {limit:,}")
            return False
        self.room -= size
        return True

    def unpacked(self, data: bytes, *, what: str) -> bytes | None:
        """Unpack zlib's format up to the ceiling; None where it is damaged or too large."""
        limit = min(LARGEST_TEXT, self.room)
        engine = zlib.decompressobj()
        try:
            text = engine.decompress(data, limit + 1)
        except zlib.error:
            self.notes.append(f"passed by {what}: it is packed, and damaged")
            return None
        if len(text) > limit:
            self.notes.append(f"passed by {what}: unpacked it has more than {limit:,} bytes")
            return None
        self.room -= len(text)
        return text

    def add(self, key: str, value: str) -> None:
        """Take a text."""
        if value:
            self.texts.append(Text(key, value))

    def show(self, start: int, end: int) -> None:
        """Take bytes that belong to the pixels."""
        if self.shown and self.shown[-1].end == start:
            self.shown[-1] = Span(self.shown[-1].start, end)
        else:
            self.shown.append(Span(start, end))


def as_text(data: bytes) -> str:
    """Decode what should be Latin-1 or ASCII and is often UTF-8."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")
