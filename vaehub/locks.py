"""A lock between processes, which the operating system takes back from one that dies.

On one machine, and on NFS for as many as mount it (where Linux turns ``flock`` into a lock that the
server keeps). Written here because it is this short: the library that we took before costs ten
milliseconds to import, a tenth of a small install.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import time
from typing import TYPE_CHECKING

from vaehub.errors import TargetNotUsable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_POLL = 0.05
"""Seconds between two tries."""
_PATIENCE = 30
"""Seconds to wait for who changes a small file."""


class Lock:
    """The right to what a file stands for; the file is empty, and stays.

    To remove it while another process waits for it would give both the lock. Two locks of the same
    file exclude each other within one process too.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def acquire(self, *, patience: float = 0) -> bool:
        """Take the lock, and say whether it could be had.

        Args:
            patience: Seconds to try for, while another process has it.

        Raises:
            OSError: the file cannot be opened, or its file system has no locks.
        """
        assert self._descriptor is None
        # Locks over NFS want a file that may be written.
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666)
        end = time.monotonic() + patience
        try:
            while not _take(descriptor):
                left = end - time.monotonic()
                if left <= 0:
                    return False
                time.sleep(min(_POLL, left))
            self._descriptor = descriptor
            return True
        finally:
            if self._descriptor is None:
                os.close(descriptor)

    def release(self) -> None:
        """Give it back; nothing where it is not held."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            return
        try:
            # Closing would do, but for a child that is just being born and has it open as well.
            _give_back(descriptor)
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def held(path: Path) -> Iterator[None]:
    """Keep two processes from overwriting what the other one has just written.

    Args:
        path: The file that stands for the right to write; its folder is made where it is missing.

    Raises:
        TargetNotUsable: it cannot be had.
    """
    lock = Lock(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not lock.acquire(patience=_PATIENCE):
            raise TimeoutError(errno.ETIMEDOUT, "somebody else holds it")
    except OSError as error:
        raise TargetNotUsable(
            f"cannot lock {path}: {error.strerror or error}",
            hint="check the owner and the permissions of that folder",
        ) from error
    try:
        yield
    finally:
        lock.release()


if sys.platform == "win32":  # pragma: no cover
    import msvcrt

    def _take(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            if error.errno in {errno.EACCES, errno.EDEADLK}:
                return False
            raise
        return True

    def _give_back(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _take(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _give_back(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
