"""Where a bundle is read from: a file, or a pipe that can be read but once.

Counts what it reads. Knows nothing of what the bytes mean.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import IO, TYPE_CHECKING

from vaehub.errors import BundleRefused, TargetNotUsable, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK = 1 << 20
_TAR_HINT = "copy it again, and run the same command: what has come of it is kept"


class Source:
    """The bytes of a bundle, in their order."""

    def __init__(self, file: IO[bytes], label: str, *, hashing: bool) -> None:
        """Begin at the place where the file is.

        Args:
            file: Unbuffered, or it reads more than is asked of it.
            label: What it is called in messages.
            hashing: Every byte is to be hashed, so none is passed over unread.
        """
        self.label = label
        self.read = 0
        """How many bytes were read."""
        self.position = 0
        self.total: int | None = None
        """How long the bundle is, once that is known; for messages."""
        self._file = file
        self._hash = hashlib.sha256() if hashing else None
        self._buffer = memoryview(bytearray(_CHUNK))
        self._begin: int | None = None
        self.size: int | None = None
        """How long it is; None where only reading tells."""
        with contextlib.suppress(OSError, ValueError):
            stat = os.fstat(file.fileno())
            if S_ISREG(stat.st_mode):
                self._begin = file.tell()
                self.size = stat.st_size - self._begin

    @property
    def can_seek(self) -> bool:
        """Whether bytes can be passed over unread, and read again."""
        return self._begin is not None and self._hash is None

    def take(self, count: int) -> bytes:
        """Read so many bytes.

        Raises:
            BundleRefused: it ends before.
        """
        return b"".join(bytes(piece) for piece in self.pieces(count))

    def pieces(self, count: int) -> Iterator[memoryview]:
        """Read so many bytes, piece by piece through one buffer; each is gone with the next.

        Raises:
            BundleRefused: it ends before.
        """
        while count:
            got = self._read_into(self._buffer[: min(count, len(self._buffer))])
            if not got:
                raise self._ended()
            count -= got
            yield self._buffer[:got]

    def pass_over(self, count: int) -> None:
        """Go on behind so many bytes, without reading them where that can be.

        Raises:
            BundleRefused: it ends before.
        """
        if self.can_seek:
            self.seek(self.position + count)
            return
        for _ in self.pieces(count):
            pass

    def seek(self, position: int) -> None:
        """Go on somewhere else; only where :attr:`can_seek`.

        Raises:
            BundleRefused: it ends before.
        """
        assert self._begin is not None
        if self.size is not None and position > self.size:
            self.position = self.size
            raise self._ended()
        with self._speaking():
            self._file.seek(self._begin + position)
        self.position = position

    def look(self, at: int, count: int) -> bytes:
        """Read a few bytes out of their order; only where the size is known."""
        assert self._begin is not None
        with self._speaking():
            self._file.seek(self._begin + at)
            data = b""
            while len(data) < count and (more := self._file.read(count - len(data))):
                data += more
            self._file.seek(self._begin + self.position)
        self.read += len(data)
        return data

    def end(self) -> None:
        """Make sure that nothing follows.

        Raises:
            BundleRefused: something does.
        """
        if self._read_into(self._buffer[:1]):
            raise BundleRefused(
                f"{self.label} goes on after its end, at byte {self.position - 1:,}",
                hint="something was added to it; copy it again",
            )

    def digest(self) -> str | None:
        """Give the sha256 of all that was read; None where that was not asked for."""
        return self._hash.hexdigest() if self._hash is not None else None

    def _read_into(self, view: memoryview) -> int:
        with self._speaking():
            got: int = self._file.readinto(view)  # type: ignore[attr-defined]
        if self._hash is not None:
            self._hash.update(view[:got])
        self.read += got
        self.position += got
        return got

    @contextlib.contextmanager
    def _speaking(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise TargetNotUsable(
                f"cannot read {self.label}: {error.strerror or error}",
                hint="check the disk that it lies on, and copy it again",
            ) from error

    def _ended(self) -> BundleRefused:
        of = f" of {self.total:,}" if self.total is not None else ""
        return BundleRefused(
            f"{self.label} ends after {self.position:,}{of} bytes: it was cut off", hint=_TAR_HINT
        )


@contextlib.contextmanager
def opened(bundle: str | Path | IO[bytes], *, hashing: bool) -> Iterator[Source]:
    """Open a bundle to read it.

    Args:
        bundle: Its path, or an unbuffered stream.
        hashing: As for :class:`Source`.

    Raises:
        UsageError: there is no such file.
        TargetNotUsable: it cannot be read.
    """
    if not isinstance(bundle, (str, Path)):
        yield Source(bundle, "the bundle", hashing=hashing)
        return
    path = Path(bundle).expanduser()
    try:
        file = path.open("rb", buffering=0)
    except OSError as error:
        if error.errno in {errno.ENOENT, errno.ENOTDIR}:
            raise UsageError(
                f"there is no bundle {path}", hint="`vaehub bundle create -o vae.tar` makes one"
            ) from None
        if error.errno == errno.EISDIR or S_ISDIR(path.stat().st_mode):
            raise UsageError(f"{path} is a folder, and a bundle is one file") from None
        raise TargetNotUsable(f"cannot read {path}: {error.strerror or error}") from error
    with file:
        yield Source(file, str(path), hashing=hashing)
