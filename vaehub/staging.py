"""Where a file waits beside its destination until it is whole, and what becomes of forgotten ones.

Each folder of models that we place into has a folder ``.vaehub``: receipts lie there, and files on
their way. The latter end in ``.part``, which no UI takes for a model, and carry in their name which
process makes them, so that what a killed one left behind can be told from what a living one needs.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import time
from functools import cache
from pathlib import Path

FOLDER = ".vaehub"
SET_ASIDE = ".damaged"
"""How the name of a file ends that was damaged and had to give way: it is the user's to delete."""
_NAME = r"vaehub-(?P<machine>[0-9a-f]{12})-(?P<process>[0-9]{1,10})-[0-9a-f]{8}\.part"
_ATTEMPTS = 1000
_FORGOTTEN_AFTER = 24 * 60 * 60
"""Seconds without a write, where nobody can be asked whether the process still runs."""


def folder_of(path: Path) -> Path:
    """Give our folder beside a file: receipts, and what is on its way to become a file."""
    return path.parent / FOLDER


def new_name() -> str:
    """Give a file name that is nobody else's and says whose it is."""
    return f"vaehub-{_machine()}-{os.getpid()}-{os.urandom(4).hex()}.part"


def create(folder: Path, *, private: bool = False) -> Path:
    """Create an empty file in a folder of ours; the folder itself is made where it is missing.

    Args:
        folder: The folder.
        private: Nobody else may look into either, from the first moment on.

    Raises:
        OSError: neither can be made.
    """
    for _ in range(_ATTEMPTS):
        # Another process may take the folder away, with the last thing in it, at any moment: also
        # while mkdir looks at what is in its way.
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700 if private else 0o777)
        path = folder / new_name()
        with contextlib.suppress(FileNotFoundError):
            path.touch(mode=0o600 if private else 0o666, exist_ok=False)
            return path
    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(folder))


def sweep(folder: Path) -> None:
    """Remove what killed processes left in a folder; other files are not looked at.

    Never fails: what cannot be removed stays, and does no harm.
    """
    for path in leftovers(folder):
        with contextlib.suppress(OSError):
            path.unlink()


def leftovers(folder: Path) -> list[Path]:
    """Give what killed processes left in a folder; what nobody may look at is none of it."""
    found = []
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            match = re.fullmatch(_NAME, entry.name)
            if match is None or not entry.is_file(follow_symlinks=False):
                continue
            with contextlib.suppress(OSError):
                if _forgotten(entry, match["machine"], int(match["process"])):
                    found.append(Path(entry.path))
    return found


def _forgotten(entry: os.DirEntry[str], machine: str, process: int) -> bool:
    if time.time() - entry.stat(follow_symlinks=False).st_mtime > _FORGOTTEN_AFTER:
        return True
    # On Windows os.kill(pid, 0) would end the process instead of asking after it.
    if machine != _machine() or os.name == "nt":
        return False
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return True
    except PermissionError:
        return False  # somebody else's process: it lives
    return False


@cache
def _machine() -> str:
    """Name the space in which a process number means something: a machine, or one container."""
    import hashlib
    import socket

    try:
        space = os.readlink("/proc/self/ns/pid")  # noqa: PTH115  # not a path, only looks like one
    except OSError:
        space = ""
    return hashlib.sha256(f"{socket.gethostname()} {space}".encode()).hexdigest()[:12]
