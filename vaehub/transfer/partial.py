"""The bytes of one artifact that are here so far, and the sidecar that says whose they are.

Two files: the partial, and ``<partial>.json`` beside it with the expected digest and the stretches:
from which byte on which source's bytes follow. Knows no HTTP.

It grows in one of two ways. While **one** connection fills it, its length is how far we got: a
killed process loses no byte that it had received, and the sidecar is written only when a source
begins. While **several** fill it, it has its final length from the start, and only the sidecar
knows what is there: the contiguous ``length`` and the ``islands`` beyond it. That journal is
written by :meth:`Partial.record`, after the bytes it speaks of were flushed to the disk; what came
later is fetched again after a power cut. A kill alone loses no byte that the system was given, so
in between :meth:`Partial.note` writes a cheap copy to ``<partial>.now``, with the id of this boot:
the next run believes it as long as the machine has not been started anew.

What is trusted in the end is nothing but the final hash, over the bytes as they are on the disk.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from vaehub import durable
from vaehub.errors import DiskFull, TargetNotUsable
from vaehub.transfer.journal import Island, Notes, Stretch, boot_id, read

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import FileIO
    from pathlib import Path
    from types import TracebackType

    from vaehub.transfer.declared import Expected

_CHUNK = 1024 * 1024


class Partial:
    """A file that grows towards an artifact. Use as a context manager; one process at a time.

    While several connections fill it, :meth:`put` may be called from any thread, and
    :meth:`follow` from one other; everything else only when they have stopped.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.sidecar = path.with_name(f"{path.name}.json")
        self.hint = _hint_of(path)
        self.stretches: list[Stretch] = []
        self.length = 0
        self.islands: list[Island] = []
        self._spread = False
        self._lock = threading.Lock()
        self._expected: tuple[str | None, int | None] = (None, None)
        self._hash = hashlib.sha256()
        self._hashed = 0
        self._written: bytes | None = None
        with _disk(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
            # Unbuffered: other threads write behind this object's back.
            self._file = os.fdopen(descriptor, "r+b", buffering=0)
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
        if free < size - self.present:
            raise _full(self.path, needed=size - self.present, free=free)

    def comes_only_from(self, source: str) -> bool:
        """Tell whether this run got every byte from this source."""
        parts: list[Stretch | Island] = [*self.stretches, *self.islands]
        return all(part.in_this_run and part.source == source for part in parts)

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
        self.follow()
        with _disk(self.path):
            _write_at(self._file, data, self.length)
        self._hash.update(data)
        self.length += len(data)
        self._hashed = self.length

    def matches(self, data: bytes, at: int) -> bool:
        """Tell whether the bytes from ``at`` on are these."""
        with _disk(self.path):
            return _read_at(self._file, len(data), at) == data

    def adopt(self, source: str, *, upto: int) -> None:
        """Keep the first bytes, which this source has just sent again, and drop the rest."""
        if upto < self.length:
            self._cut(upto)
        self.stretches = [Stretch(0, source, True)]
        self._remember()

    def drop(self, source: str) -> None:
        """Drop what this run got from a source at the end: it turned out to be wrong."""
        self.islands = [
            part for part in self.islands if not (part.in_this_run and part.source == source)
        ]
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
        self.follow()
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
            self.hint.unlink(missing_ok=True)
            durable.sync_folder(self.path.parent)

    @property
    def present(self) -> int:
        """How many bytes are here, contiguous or not."""
        with self._lock:
            return self.length + sum(part.end - part.start for part in self.islands)

    def missing(self) -> list[tuple[int, int]]:
        """Give the ranges that are not here yet; the size must be known."""
        _, size = self._expected
        assert size is not None
        edges = [self.length]
        for part in self.islands:
            edges += [part.start, part.end]
        edges.append(size)
        return [
            (start, end) for start, end in zip(edges[::2], edges[1::2], strict=True) if start < end
        ]

    def spread(self) -> None:
        """Make ready for bytes that come in any order; the size must be known.

        Raises:
            DiskFull: they do not fit.
            TargetNotUsable: the file cannot be written.
        """
        _, size = self._expected
        assert size is not None
        if not self._spread:
            self._spread = True
            # First the journal, then the length: in between, the length says no more than is true.
            self._remember()
            with _disk(self.path):
                self._file.truncate(size)

    def put(self, source: str, at: int, data: memoryview | bytes) -> None:
        """Write bytes anywhere beyond the contiguous ones; safe to call from any thread.

        Raises:
            DiskFull: they do not fit.
            TargetNotUsable: the file cannot be written.
        """
        with _disk(self.path):
            _write_at(self._file, data, at)
        with self._lock:
            end = at + len(data)
            mine = next(
                (part for part in self.islands if part.end == at and part.source == source), None
            )
            if mine is not None and mine.in_this_run:
                mine.end = end
            else:
                self.islands.append(Island(at, end, source, True))
                self.islands.sort(key=lambda part: part.start)
            self._absorb()

    def follow(self) -> int:
        """Hash on to the end of the contiguous bytes; from one thread at a time.

        Returns:
            How many bytes were hashed.
        """
        begun = self._hashed
        with _disk(self.path):
            while self._hashed < self.length:
                data = _read_at(self._file, min(_CHUNK, self.length - self._hashed), self._hashed)
                if not data:
                    raise OSError("the file became shorter while it was read")
                self._hash.update(data)
                self._hashed += len(data)
        return self._hashed - begun

    def record(self) -> None:
        """Write the journal: what is here by now, and on the disk.

        Raises:
            DiskFull: the bytes do not fit.
            TargetNotUsable: the file cannot be written.
        """
        notes = self._notes()
        with _disk(self.path):
            _flush_data(self._file.fileno())
        self._write(notes)

    def note(self) -> None:
        """Write down what is here by now, for a run that follows before the next boot.

        Raises:
            DiskFull: the note does not fit.
            TargetNotUsable: it cannot be written.
        """
        boot = boot_id()
        if boot is None:
            return
        temporary = self.hint.with_name(f"{self.hint.name}.tmp")
        with _disk(self.hint):
            temporary.write_text(replace(self._notes(), boot=boot).text(), encoding="utf-8")
            temporary.replace(self.hint)

    def collapse(self) -> None:
        """Go back to growing at the end; the islands are given up."""
        if self._spread:
            self._cut(self.length)
            self._remember()

    def _absorb(self) -> None:
        """Let the contiguous bytes grow over the islands that they reach."""
        while self.islands and self.islands[0].start <= self.length:
            part = self.islands.pop(0)
            last = self.stretches[-1] if self.stretches else None
            if not last or (last.source, last.in_this_run) != (part.source, part.in_this_run):
                self.stretches.append(Stretch(part.start, part.source, part.in_this_run))
            self.length = max(self.length, part.end)

    def _cut(self, length: int) -> None:
        with _disk(self.path):
            self._file.truncate(length)
            self.hint.unlink(missing_ok=True)
        self.length = length
        self.islands = []
        self._spread = False
        if self._hashed > length:
            self._hash, self._hashed = hashlib.sha256(), 0

    def _remember(self) -> None:
        with _disk(self.hint):
            self.hint.unlink(missing_ok=True)  # it may speak of bytes that were just given up
        self._write(self._notes())

    def _notes(self) -> Notes:
        with self._lock:
            sha256, size = self._expected
            return Notes(
                sha256=sha256,
                size=size,
                stretches=tuple(self.stretches),
                length=self.length if self._spread else None,
                islands=tuple(replace(part) for part in self.islands),
            )

    def _write(self, notes: Notes) -> None:
        data = notes.text().encode()
        if data != self._written:
            with _disk(self.sidecar):
                durable.write(self.sidecar, data)
            self._written = data

    def _recall(self) -> None:
        """Take up what an earlier run wrote down."""
        notes = read(self.sidecar, file_length=self.length)
        hint = read(self.hint, file_length=self.length)
        if hint is not None and hint.boot is not None and hint.boot == boot_id():
            same = notes is None or notes.sha256 == hint.sha256
            if same and (notes is None or hint.present > notes.present):
                notes = hint
        if notes is not None:
            self._expected = (notes.sha256, None)
            if notes.length is not None:
                self.length, self.islands, self._spread = notes.length, [*notes.islands], True
            self.stretches = [*notes.stretches]
        if self.length and not self.stretches:
            self.stretches = [Stretch(0, "an earlier run", False)]


def peek(path: Path) -> int | None:
    """Say how many bytes of a partial are here, while another process may be at work on it.

    Returns:
        None where there is no such partial.
    """
    try:
        length = path.stat().st_size
    except OSError:
        return None
    sidecar = path.with_name(f"{path.name}.json")
    found = [read(notes, file_length=length) for notes in (sidecar, _hint_of(path))]
    notes = [known for known in found if known is not None and known.length is not None]
    return max((known.present for known in notes), default=length)


def _hint_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.now")


def _read_at(file: FileIO, count: int, at: int) -> bytes:
    if hasattr(os, "pread"):
        return os.pread(file.fileno(), count, at)
    file.seek(at)
    return file.read(count)


def _write_at(file: FileIO, data: memoryview | bytes, at: int) -> None:
    rest = memoryview(data)
    while rest:
        if hasattr(os, "pwrite"):
            done = os.pwrite(file.fileno(), rest, at)
        else:
            file.seek(at)
            done = file.write(rest)
        rest, at = rest[done:], at + done


def _flush_data(descriptor: int) -> None:
    flush = getattr(os, "fdatasync", os.fsync)
    flush(descriptor)


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
