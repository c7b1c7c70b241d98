"""The bytes that a fake host serves, and the ways in which they can be other bytes.

Knows how to read a window of a content without holding it whole. Knows nothing of HTTP.
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from pathlib import Path

_CHUNK = 1 << 20


class Content:
    """A sequence of bytes of known size that can be read in windows."""

    def __init__(self, size: int) -> None:
        self.size = size

    def read(self, start: int, length: int) -> bytes:
        """Give up to ``length`` bytes from ``start`` on."""
        raise NotImplementedError

    @cached_property
    def sha256(self) -> str:
        """Digest of the whole, lower-case hex."""
        digest = hashlib.sha256()
        for start in range(0, self.size, _CHUNK):
            digest.update(self.read(start, _CHUNK))
        return digest.hexdigest()

    @cached_property
    def git_sha1(self) -> str:
        """The object id that git would give a blob of these bytes."""
        digest = hashlib.sha1(b"blob %d\0" % self.size, usedforsecurity=False)
        for start in range(0, self.size, _CHUNK):
            digest.update(self.read(start, _CHUNK))
        return digest.hexdigest()


class BytesContent(Content):
    """Bytes in memory."""

    def __init__(self, data: bytes) -> None:
        super().__init__(len(data))
        self._data = data

    def read(self, start: int, length: int) -> bytes:
        """Give up to ``length`` bytes from ``start`` on."""
        return self._data[start : start + length]


class FileContent(Content):
    """A file, opened anew for each window so that nothing stays open."""

    def __init__(self, path: Path) -> None:
        super().__init__(path.stat().st_size)
        self._path = path

    def read(self, start: int, length: int) -> bytes:
        """Give up to ``length`` bytes from ``start`` on."""
        with self._path.open("rb") as file:
            file.seek(start)
            return file.read(length)


class Flipped(Content):
    """The same bytes but for one."""

    def __init__(self, inner: Content, offset: int) -> None:
        super().__init__(inner.size)
        self._inner = inner
        self._offset = offset % inner.size

    def read(self, start: int, length: int) -> bytes:
        """Give up to ``length`` bytes from ``start`` on."""
        data = bytearray(self._inner.read(start, length))
        at = self._offset - start
        if 0 <= at < len(data):
            data[at] ^= 0xFF
        return bytes(data)


class Inverted(Content):
    """As many bytes, none of them the same."""

    def __init__(self, inner: Content) -> None:
        super().__init__(inner.size)
        self._inner = inner

    def read(self, start: int, length: int) -> bytes:
        """Give up to ``length`` bytes from ``start`` on."""
        return self._inner.read(start, length).translate(_INVERSE)


class Resized(Content):
    """The same beginning, but cut short or followed by zeros."""

    def __init__(self, inner: Content, size: int) -> None:
        super().__init__(max(0, size))
        self._inner = inner

    def read(self, start: int, length: int) -> bytes:
        """Give up to ``length`` bytes from ``start`` on."""
        length = max(0, min(length, self.size - start))
        return self._inner.read(start, length).ljust(length, b"\0")


_INVERSE = bytes(255 - value for value in range(256))


def content_of(data: bytes | Path) -> Content:
    """Wrap bytes, or a file that is then streamed."""
    return FileContent(data) if isinstance(data, Path) else BytesContent(data)
