"""The bytes of one artifact that are here so far, and the sidecar that says whose they are.

Two files: the partial, whose length is how far we got, and ``<partial>.json`` beside it with the
expected digest and the stretches: from which byte on which source's bytes follow. Knows no HTTP.

What is trusted after a crash: nothing but the final hash. A killed process loses no byte that it
had received. The length is taken as it is and the bytes are hashed again from the disk; were they
not what had been written (a power cut can leave zeros), the digest at the end says so and the
artifact is fetched once anew. So the sidecar need not keep step with the bytes: it is written,
durably, when a source begins, and its last stretch is open-ended.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vaehub import durable
from vaehub.errors import DiskFull, TargetNotUsable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

    from vaehub.transfer.declared import Expected

_CHUNK = 1024 * 1024
_BUFFER = 256 * 1024


@dataclass(frozen=True, slots=True)
class Stretch:
    """From byte ``start`` on, the bytes came from ``source``."""

    start: int
    source: str
    in_this_run: bool


class Partial:
    """A file that grows towards an artifact. Use as a context manager; one process at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.sidecar = path.with_name(f"{path.name}.json")
        self.stretches: list[Stretch] = []
        self.length = 0
        self._expected: tuple[str | None, int | None] = (None, None)
        self._hash = hashlib.sha256()
        self._hashed = 0
        self._written: bytes | None = None
        with _disk(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
            self._file = os.fdopen(descriptor, "r+b", buffering=_BUFFER)
            self.length = self._file.seek(0, os.SEEK_END)
        self._recall()

    def __enter__(self) -> Partial:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # What is on its way already says more than a second failure of the same disk.
        with contextlib.suppress(OSError) if error else _disk(self.path):
            self._file.close()

    @property
    def inherited(self) -> int:
        """How many bytes at the start an earlier run had left."""
        mine = (part.start for part in self.stretches if part.in_this_run)
        return min(mine, default=self.length)

    def expect(self, wanted: Expected) -> None:
        """Say what the bytes must become; bytes on the way to something else are dropped."""
        known, _ = self._expected
        self._expected = (wanted.sha256, wanted.size)
        too_long = wanted.size is not None and self.length > wanted.size
        if self.length and (known not in (None, wanted.sha256) or too_long):
            self.discard()

    def check_space(self) -> None:
        """Make sure that the missing bytes fit.

        Raises:
            DiskFull: they do not.
        """
        _, size = self._expected
        if size is None:
            return
        with _disk(self.path):
            free = shutil.disk_usage(self.path.parent).free
        if free < size - self.length:
            raise _full(self.path, needed=size - self.length, free=free)

    def comes_only_from(self, source: str) -> bool:
        """Tell whether this run got every byte from this source."""
        return all(part.in_this_run and part.source == source for part in self.stretches)

    def begin(self, source: str) -> None:
        """Note that the next bytes come from this source."""
        mine = Stretch(self.length, source, True)
        last = self.stretches[-1] if self.stretches else None
        if last and last.start == self.length:
            self.stretches[-1] = mine
        elif not last or (last.source, last.in_this_run) != (source, True):
            self.stretches.append(mine)
        self._remember()

    def append(self, data: bytes) -> None:
        """Add bytes at the end.

        Raises:
            DiskFull: they do not fit.
            TargetNotUsable: the file cannot be written.
        """
        self._catch_up()
        with _disk(self.path):
            self._file.seek(self.length)
            self._file.write(data)
            self._file.flush()  # to the system: what came survives a kill of this process
        self._hash.update(data)
        self.length += len(data)
        self._hashed = self.length

    def matches(self, data: bytes, at: int) -> bool:
        """Tell whether the bytes from ``at`` on are these."""
        with _disk(self.path):
            self._file.seek(at)
            return self._file.read(len(data)) == data

    def adopt(self, source: str, *, upto: int) -> None:
        """Keep the first bytes, which this source has just sent again, and drop the rest."""
        if upto < self.length:
            self._cut(upto)
        self.stretches = [Stretch(0, source, True)]
        self._remember()

    def drop(self, source: str) -> None:
        """Drop what this run got from a source at the end: it turned out to be wrong."""
        if self.stretches and self.stretches[-1].in_this_run:
            last = self.stretches[-1]
            if last.source == source:
                self._cut(last.start)
                self.stretches.pop()
                self._remember()

    def discard(self) -> None:
        """Drop all bytes."""
        self._cut(0)
        self.stretches = []
        self._remember()

    def digest(self) -> str:
        """Give the sha256 of all bytes; those of an earlier run are read from the disk."""
        self._catch_up()
        return self._hash.hexdigest()

    def settle(self) -> None:
        """Make the whole file survive a power cut, and drop the sidecar.

        Raises:
            DiskFull: the bytes do not fit.
            TargetNotUsable: the file cannot be written.
        """
        with _disk(self.path):
            os.fsync(self._file.fileno())
            self.sidecar.unlink(missing_ok=True)
            durable.sync_folder(self.path.parent)

    def _catch_up(self) -> None:
        with _disk(self.path):
            self._file.seek(self._hashed)
            while self._hashed < self.length:
                data = self._file.read(min(_CHUNK, self.length - self._hashed))
                if not data:
                    raise OSError("the file became shorter while it was read")
                self._hash.update(data)
                self._hashed += len(data)

    def _cut(self, length: int) -> None:
        with _disk(self.path):
            self._file.truncate(length)
        self.length = length
        if self._hashed > length:
            self._hash, self._hashed = hashlib.sha256(), 0

    def _remember(self) -> None:
        sha256, size = self._expected
        stretches = [{"from": part.start, "source": part.source} for part in self.stretches]
        text = json.dumps({"schema": 1, "sha256": sha256, "size": size, "stretches": stretches})
        data = f"{text}\n".encode()
        if data != self._written:
            with _disk(self.sidecar):
                durable.write(self.sidecar, data)
            self._written = data

    def _recall(self) -> None:
        """Read the sidecar; one that is missing or makes no sense just tells nothing."""
        try:
            found = json.loads(self.sidecar.read_bytes())
            stretches = [
                Stretch(int(part["from"]), str(part["source"]), False)
                for part in found["stretches"]
                if int(part["from"]) < self.length
            ]
            sha256 = found["sha256"]
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            stretches, sha256 = [], None
        if isinstance(sha256, str):
            self._expected = (sha256, None)
        if self.length:
            self.stretches = stretches or [Stretch(0, "an earlier run", False)]


@contextlib.contextmanager
def _disk(path: Path) -> Iterator[None]:
    """Say what an error of the file system means for the person."""
    try:
        yield
    except OSError as error:
        if error.errno in durable.FULL:
            raise _full(path) from error
        raise TargetNotUsable(
            f"{path}: cannot be written: {error.strerror or error}",
            hint="check that the folder is there, is yours, and that its disk is healthy",
        ) from error


def _full(path: Path, *, needed: int | None = None, free: int | None = None) -> DiskFull:
    figures = f": {needed:,} bytes are needed, {free:,} are free" if needed is not None else ""
    return DiskFull(
        f"the disk that holds {path.parent} is full{figures}",
        hint="free some space (`vaehub store gc` helps), or set VAEHUB_STORE to another disk; "
        "what has been fetched is kept",
    )
