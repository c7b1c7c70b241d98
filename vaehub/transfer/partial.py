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
import threading
from typing import TYPE_CHECKING

from vaehub import durable, folders
from vaehub.transfer import disk
from vaehub.transfer.extents import Extents, Owner
from vaehub.transfer.journal import Notes, boot_id, read

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from types import TracebackType

    from vaehub.transfer.declared import Expected
    from vaehub.transfer.extents import Extent

_CHUNK = 1024 * 1024


class Partial:
    """A file that grows towards an artifact. Use as a context manager; one process at a time.

    While several connections fill it, :meth:`put` may be called from any thread, and
    :meth:`follow` from one other; everything else only when they have stopped, save where it says
    otherwise.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.sidecar = path.with_name(f"{path.name}.json")
        self.hint = _hint_of(path)
        self.is_spread = False
        """Whether it has its final length from the start, and bytes may come in any order."""
        self._extents = Extents()
        self._writer: str | None = None
        """Whose bytes come next at the end."""
        self._lock = threading.Lock()
        self._expected: tuple[str | None, int | None] = (None, None)
        self._hash = hashlib.sha256()
        self._hashed = 0
        self._hashing = 0
        """Where the hash will be once what was read for it has been taken in."""
        self._buffer = memoryview(bytearray(_CHUNK))
        self._written: bytes | None = None
        self._noted: str | None = None
        with disk.speaking_of(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = disk.open_to_grow(path)
            length = self._file.seek(0, os.SEEK_END)
        self._recall(length)

    def __enter__(self) -> Partial:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # What is on its way already says more than a second failure of the same disk.
        with contextlib.suppress(OSError) if error else disk.speaking_of(self.path):
            self._file.close()

    @property
    def length(self) -> int:
        """How many bytes are here from the first on, without a gap."""
        with self._lock:
            return self._extents.length

    @property
    def present(self) -> int:
        """How many bytes are here, contiguous or not."""
        with self._lock:
            return self._extents.present

    @property
    def inherited(self) -> int:
        """How many of the bytes here an earlier run had left."""
        return sum(size for owner, size in self.owners().items() if not owner.in_this_run)

    def owners(self) -> dict[Owner, int]:
        """Say whose bytes are here, and how many; safe to call from any thread."""
        with self._lock:
            return self._extents.owners()

    def extents(self) -> tuple[Extent, ...]:
        """Say which bytes are here; safe to call from any thread."""
        with self._lock:
            return self._extents.parts

    def expect(self, wanted: Expected) -> None:
        """Say what the bytes must become; bytes on the way to something else are dropped."""
        known, _ = self._expected
        self._expected = (wanted.sha256, wanted.size)
        parts = self._extents.parts
        too_long = wanted.size is not None and bool(parts) and parts[-1].end > wanted.size
        if parts and (known not in (None, wanted.sha256) or too_long):
            self.discard()

    def check_space(self) -> None:
        """Make sure that the missing bytes fit.

        Raises:
            DiskFull: they do not.
        """
        _, size = self._expected
        if size is None:
            return
        with disk.speaking_of(self.path):
            free = folders.free_bytes(self.path.parent)
        if free < size - self.present:
            raise disk.full(self.path, needed=size - self.present, free=free)

    def begin(self, source: str) -> None:
        """Note that the next bytes at the end come from this source."""
        self._writer = source
        self._remember()

    def receive(self, source: str, at: int, data: bytes | memoryview) -> None:
        """Take bytes that one connection sends in their order, some of which may be here already.

        Those are held against what came now. While the two agree nothing is written, and from the
        first difference on all that was here is given up: a host that starts over has another file.

        Raises:
            DiskFull: they do not fit.
            TargetNotUsable: the file cannot be written.
        """
        end = at + len(data)
        with self._lock:
            gaps = self._extents.gaps(at, end)
        if gaps != [(at, end)] and not self._agrees(data, at, gaps):
            self._cut(at)
            gaps = [(at, end)]
        self.follow()
        with disk.speaking_of(self.path):
            for start, stop in gaps:
                disk.write_at(self._file, memoryview(data)[start - at : stop - at], start)
        with self._lock:
            self._extents.put(at, end, Owner(source, in_this_run=True))
            if self._hashed == at and gaps == [(at, end)]:
                # What was just written needs not be read again.
                self._hash.update(data)
                self._hashed = self._hashing = end

    def drop(self, source: str) -> None:
        """Drop what this run got from a source at the end: it turned out to be wrong."""
        mine = Owner(source, in_this_run=True)
        if self.is_spread:
            self.release(mine)
            return
        parts = self._extents.parts
        if parts and parts[-1].owner == mine:
            self._cut(parts[-1].start)
        self._writer = None
        self._remember()

    def discard(self) -> None:
        """Drop all bytes."""
        self._cut(0)
        if self.is_spread:
            self.is_spread = False
            with disk.speaking_of(self.path):
                self._file.truncate(0)
        self._writer = None
        self._remember()

    def release(self, owner: Owner) -> tuple[Extent, ...]:
        """Give up all bytes of one owner, wherever they are; safe to call from any thread.

        The size must be known.

        Returns:
            What is missing now.
        """
        self.spread()
        with self._lock:
            gone = self._extents.drop_those(lambda other: other == owner)
            if gone:
                self._hash_again_from(gone[0].start)
        self._remember()
        return gone

    def attribute(self, parts: Iterable[Extent]) -> None:
        """Say whose bytes some of those here are."""
        with self._lock:
            for part in parts:
                self._extents.put(part.start, part.end, part.owner)
        self._remember()

    def digest(self) -> str:
        """Give the sha256 of the contiguous bytes, as they are on the disk."""
        self.follow()
        return self._hash.hexdigest()

    def settle(self) -> None:
        """Make the whole file survive a power cut, and drop the sidecar.

        Raises:
            DiskFull: the bytes do not fit.
            TargetNotUsable: the file cannot be written.
        """
        with disk.speaking_of(self.path):
            os.fsync(self._file.fileno())
            self.sidecar.unlink(missing_ok=True)
            self.hint.unlink(missing_ok=True)
            durable.sync_folder(self.path.parent)

    def missing(self) -> list[tuple[int, int]]:
        """Give the ranges that are not here yet; the size must be known."""
        _, size = self._expected
        assert size is not None
        with self._lock:
            return self._extents.missing(size)

    def spread(self) -> None:
        """Make ready for bytes that come in any order; the size must be known.

        Raises:
            DiskFull: they do not fit.
            TargetNotUsable: the file cannot be written.
        """
        _, size = self._expected
        assert size is not None
        if not self.is_spread:
            self.is_spread = True
            # First the journal, then the length: in between, the length says no more than is true.
            self._remember()
            with disk.speaking_of(self.path):
                self._file.truncate(size)

    def put(self, source: str, at: int, data: memoryview | bytes) -> None:
        """Write bytes anywhere; safe to call from any thread.

        Raises:
            DiskFull: they do not fit.
            TargetNotUsable: the file cannot be written.
        """
        with disk.speaking_of(self.path):
            disk.write_at(self._file, data, at)
        with self._lock:
            self._extents.put(at, at + len(data), Owner(source, in_this_run=True))

    def read(self, start: int, end: int) -> bytes:
        """Give bytes that are here; safe to call from any thread."""
        data = bytearray(end - start)
        with disk.speaking_of(self.path):
            count = disk.read_into(self._file, memoryview(data), start)
        return bytes(data[:count])

    def follow(self) -> int:
        """Hash on to the end of the contiguous bytes; from one thread at a time.

        Returns:
            How many bytes were hashed.
        """
        count = 0
        while True:
            with self._lock:
                digest, at, reach = self._hash, self._hashed, self._extents.length
                # Read from now on: what is given up meanwhile must not count as hashed.
                self._hashing = min(reach, at + len(self._buffer))
            if at >= reach:
                return count
            with disk.speaking_of(self.path):
                got = disk.read_into(self._file, self._buffer[: reach - at], at)
                if not got:
                    raise OSError("the file became shorter while it was read")
            digest.update(self._buffer[:got])
            count += got
            with self._lock:
                if digest is self._hash:  # else bytes that it has seen were given up meanwhile
                    self._hashed = at + got

    def record(self) -> None:
        """Write the journal: what is here by now, and on the disk.

        Raises:
            DiskFull: the bytes do not fit.
            TargetNotUsable: the file cannot be written.
        """
        notes = self._notes()
        with disk.speaking_of(self.path):
            disk.flush_data(self._file)
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
        text = self._notes()._replace(boot=boot).text()
        if text == self._noted:
            return
        temporary = self.hint.with_name(f"{self.hint.name}.tmp")
        with disk.speaking_of(self.hint):
            temporary.write_text(text, encoding="utf-8")
            temporary.replace(self.hint)
        self._noted = text

    def _agrees(self, data: bytes | memoryview, at: int, gaps: list[tuple[int, int]]) -> bool:
        """Tell whether those of the bytes that are here are these."""
        edges = [at, *(edge for gap in gaps for edge in gap), at + len(data)]
        return all(
            self.read(start, end) == data[start - at : end - at]
            for start, end in zip(edges[::2], edges[1::2], strict=True)
            if start < end
        )

    def _cut(self, start: int) -> None:
        """Drop all bytes from one on."""
        with disk.speaking_of(self.path):
            self._forget_hint()
            if not self.is_spread:
                self._file.truncate(start)
        with self._lock:
            self._extents.drop(start)
            self._hash_again_from(start)

    def _hash_again_from(self, start: int) -> None:
        if max(self._hashed, self._hashing) > start:
            self._hash, self._hashed, self._hashing = hashlib.sha256(), 0, 0

    def _remember(self) -> None:
        with disk.speaking_of(self.hint):
            self._forget_hint()
        self._write(self._notes())

    def _forget_hint(self) -> None:
        """Remove what may speak of bytes that are given up now."""
        self.hint.unlink(missing_ok=True)
        self._noted = None

    def _notes(self) -> Notes:
        with self._lock:
            sha256, size = self._expected
            return Notes.of(
                self._extents,
                sha256=sha256,
                size=size,
                is_spread=self.is_spread,
                writer=self._writer,
            )

    def _write(self, notes: Notes) -> None:
        data = notes.text().encode()
        if data != self._written:
            with disk.speaking_of(self.sidecar):
                durable.write(self.sidecar, data)
            self._written = data

    def _recall(self, file_length: int) -> None:
        """Take up what an earlier run wrote down."""
        notes = read(self.sidecar, file_length=file_length)
        hint = read(self.hint, file_length=file_length)
        if hint is not None and hint.boot is not None and hint.boot == boot_id():
            same = notes is None or notes.sha256 == hint.sha256
            if same and (notes is None or hint.present > notes.present):
                notes = hint
        if notes is None:
            notes = Notes(sha256=None, size=None, stretches=())
        else:
            self._expected = (notes.sha256, None)
        self.is_spread = notes.length is not None
        self._extents = notes.extents(file_length=file_length)


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


def remove(path: Path) -> None:
    """Remove a partial and what was written down about it; nobody may be at work on it.

    Raises:
        OSError: a file cannot be removed.
    """
    for file in (path, path.with_name(f"{path.name}.json"), _hint_of(path)):
        file.unlink(missing_ok=True)


def _hint_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.now")
