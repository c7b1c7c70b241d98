"""Write, rename and remove so that a crash or a power cut leaves the old state or the new one.

Knows system calls and nothing of blobs, receipts or UIs. Errors stay ``OSError``: the caller knows
what the file was for and says so.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from pathlib import Path

from vaehub import staging

READ_ONLY = 0o444
FULL = frozenset({errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)})
"""What a full disk and a used-up quota say."""


def sync_folder(folder: Path) -> None:
    """Make renames, links and removals in a folder survive a power cut.

    Raises:
        OSError: the folder is not there.
    """
    if os.name == "nt":  # pragma: no cover  # Windows opens no folders, and has no such call
        return
    descriptor = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
    try:
        # Some network file systems do not know the call; there is nothing better to do then.
        with contextlib.suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write(path: Path, data: bytes, *, mode: int | None = None) -> None:
    """Replace a small file of ours as a whole; its folder is made where it is missing.

    Args:
        path: The file.
        data: What it is to hold.
        mode: Its permissions, which it never exceeds on the way; None: those of any new file.

    Raises:
        OSError: the file cannot be written; what stood there before still does.
    """
    temporary = staging.create(path.parent, private=mode is not None)
    try:
        with temporary.open("wb") as file:
            if mode is not None:
                temporary.chmod(mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def rewrite(path: Path, data: bytes) -> None:
    """Replace a small file of the user's as a whole: a link is followed, permissions stay.

    Raises:
        OSError: the file cannot be written; what stood there before still does.
    """
    real = Path(os.path.realpath(path))
    mode = stat.S_IMODE(real.stat().st_mode) if real.exists() else None
    real.parent.mkdir(parents=True, exist_ok=True)
    write(real, data, mode=mode)


def remove(path: Path) -> None:
    """Remove a file of ours, also one that is marked read-only; no such file is fine.

    Raises:
        OSError: the file cannot be removed.
    """
    try:
        path.unlink(missing_ok=True)
    except PermissionError:
        if os.name != "nt":
            raise
        path.chmod(stat.S_IWRITE | stat.S_IREAD)  # pragma: no cover  # Windows keeps such files
        path.unlink(missing_ok=True)  # pragma: no cover
