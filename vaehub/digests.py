"""Remember the sha256 of files by their stamp, so that what nobody wrote to is not read again.

A **stamp** is what the file system says of a file without reading it: path, size, mtime, ctime,
inode and device. No two files have the same one, and whoever writes into a file changes it, with
one exception, which git calls `racy <https://git-scm.com/docs/racy-git>`_: the clocks of file
systems tick in steps, and two writes within one step leave the same times. As in git, a file is
therefore believed only where its times were older than that when it was hashed; otherwise it is not
remembered, and hashed again the next time. So is one whose stamp changed while it was hashed, and
all that was remembered at a time that is yet to come, because then the clock has gone back.

What no stamp can show is a write that sets mtime back where ctime is the time of creation
(Windows), or one into mapped memory that the system has not written down yet. So this tells which
files are worth a try, and what a person is shown; whoever places bytes hashes a copy of them.

The notes are records of 96 bytes, one after another: a digest of the stamp, the sha256, when, and a
digest of all that. They are appended in one write, so that processes do not disturb each other;
what a crash or another program made of one fails that last digest, and costs a hash. No path can be
read from them. Knows nothing of catalogs, and never fails for the sake of its notes.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from typing import TYPE_CHECKING

from vaehub import durable
from vaehub.hashing import sha256_of_each

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_STAMP, _DIGEST, _WHEN, _CHECK = 32, 32, 8, 24
RECORD = _STAMP + _DIGEST + _WHEN + _CHECK
"""Bytes."""
CEILING = 4096 * RECORD
"""Bytes of notes; beyond, the older half goes."""
STEP = 3_000_000_000
"""Nanoseconds; the coarsest clock of a file system that is in use, FAT's, counts by two seconds."""


class Digests:
    """What is remembered in one folder of the user's."""

    def __init__(self, folder: Path, *, clock: Callable[[], int] = time.time_ns) -> None:
        """Make ready.

        Args:
            folder: Made when there is something to remember.
            clock: Gives the nanoseconds since 1970, as file systems do.
        """
        self._file = folder / "digests"
        self._clock = clock

    def of_each(
        self,
        paths: Sequence[Path],
        *,
        by: Callable[[Sequence[Path]], list[str | OSError]] = sha256_of_each,
    ) -> list[str | OSError]:
        """Tell the sha256 of several files; reads those alone that nobody remembers.

        Args:
            paths: The files.
            by: Reads files and gives their digests, in their order.

        Returns:
            In the order of the paths, the digest of each file or why it cannot be read.
        """
        began = self._clock()
        notes = self._read()
        answers: dict[int, str | OSError] = {}
        stamps: dict[int, bytes] = {}
        for at, path in enumerate(paths):
            try:
                stat = path.stat()
            except OSError as error:
                answers[at] = error
                continue
            stamp = _stamp(path, stat)
            known = _find(notes, stamp, now=began)
            if known is not None:
                answers[at] = known
            else:
                stamps[at] = stamp
        unsure = list(stamps)
        fresh = b""
        for at, digest in zip(unsure, by([paths[at] for at in unsure]), strict=True):
            answers[at] = digest
            if isinstance(digest, str) and self._is_settled(paths[at], stamps[at], began):
                fresh += _record(stamps[at], digest, began)
        if fresh:
            self._append(fresh)
        return [answers[at] for at in range(len(paths))]

    def _is_settled(self, path: Path, before: bytes, began: int) -> bool:
        """Tell whether any later write must show in the stamp that the file had before."""
        try:
            stat = path.stat()
        except OSError:
            return False
        latest = max(stat.st_mtime_ns, stat.st_ctime_ns)
        return latest + STEP < began and _stamp(path, stat) == before

    def _read(self) -> bytes:
        try:
            with self._file.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                file.seek(max(0, size - 2 * CEILING))
                return file.read(2 * CEILING)
        except OSError:
            return b""

    def _append(self, records: bytes) -> None:
        with contextlib.suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with self._file.open("ab", buffering=0) as file:
                file.write(records)
                size = os.fstat(file.fileno()).st_size
            if size > CEILING:
                # What another process appends meanwhile is lost, and hashed again.
                durable.write(self._file, self._read()[-(CEILING // 2) :])


def _stamp(path: Path, stat: os.stat_result) -> bytes:
    facts = (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino, stat.st_dev)
    return hashlib.sha256(f"{facts}".encode() + os.fsencode(path.absolute())).digest()


def _record(stamp: bytes, sha256: str, when: int) -> bytes:
    body = stamp + bytes.fromhex(sha256) + when.to_bytes(_WHEN, "big", signed=True)
    return body + _check(body)


def _find(notes: bytes, stamp: bytes, *, now: int) -> str | None:
    """Find what is remembered of a stamp, the newest first, wherever it stands in the notes."""
    at = notes.rfind(stamp)
    while at >= 0:
        record = notes[at : at + RECORD]
        body, check = record[:-_CHECK], record[-_CHECK:]
        when = int.from_bytes(body[-_WHEN:], "big", signed=True)
        if check == _check(body) and when <= now:
            return body[_STAMP : _STAMP + _DIGEST].hex()
        at = notes.rfind(stamp, 0, at + _STAMP - 1)
    return None


def _check(body: bytes) -> bytes:
    return hashlib.sha256(b"vaehub digest\n" + body).digest()[:_CHECK]
