"""Hash files: the one place where the bytes of a whole file are read to tell its sha256.

Knows chunks and threads, and nothing of what a digest stands for. hashlib lets go of Python's lock
while it works, so that several files are hashed at once on as many cores as this process may use.
What arrives over the network is hashed where it arrives, in :mod:`vaehub.transfer`.
"""

from __future__ import annotations

import hashlib
import os
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

_CHUNK = 256 << 10
"""Bytes; measured: twice and four times as many gain nothing, a quarter loses two per cent."""


def sha256_of(path: Path) -> str:
    """Hash a file: 64 lower-case hex digits.

    Raises:
        OSError: the file cannot be read.
    """
    return _digest(path, threading.Event())


def sha256_of_each(paths: Sequence[Path]) -> list[str | OSError]:
    """Hash several files at once.

    Args:
        paths: The files; every one is read, also after another could not be.

    Returns:
        In the order of the paths, the digest of each file or why it cannot be read.
    """
    if len(paths) < 2:
        return [_outcome(path, threading.Event()) for path in paths]

    from concurrent.futures import ThreadPoolExecutor

    stop = threading.Event()
    with ThreadPoolExecutor(min(_cores(), len(paths)), "vaehub hashing") as pool:
        try:
            return list(pool.map(lambda path: _outcome(path, stop), paths))
        except BaseException:
            # An interrupt: nobody wants to wait until the large files on their way are through.
            stop.set()
            raise


class Hashes:
    """The digests of what was read, each file once, whatever it is called."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], str | OSError] = {}

    def read(self, files: Iterable[tuple[Path, os.stat_result]]) -> None:
        """Read files, several at once; what was read before is not read again."""
        new: dict[tuple[int, int], Path] = {}
        for path, stat in files:
            if _identity(stat) not in self._known:
                new.setdefault(_identity(stat), path)
        answers = sha256_of_each(list(new.values()))
        self._known.update(zip(new, answers, strict=True))

    def of(self, stat: os.stat_result) -> str | OSError | None:
        """Give a file's sha256, or why it cannot be read; None where nobody tried."""
        return self._known.get(_identity(stat))


def _identity(stat: os.stat_result) -> tuple[int, int]:
    return stat.st_dev, stat.st_ino


def _outcome(path: Path, stop: threading.Event) -> str | OSError:
    try:
        return _digest(path, stop)
    except OSError as error:
        return error


def _digest(path: Path, stop: threading.Event) -> str:
    digest = hashlib.sha256()
    buffer = memoryview(bytearray(_CHUNK))
    with path.open("rb", buffering=0) as file:
        while (count := file.readinto(buffer)) and not stop.is_set():
            digest.update(buffer[:count])
    return digest.hexdigest()


def _cores() -> int:
    """Count the cores that this process may use, which in a container are not all."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        return os.cpu_count() or 1
