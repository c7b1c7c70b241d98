"""Mark a verified file so that a later look tells, without reading it, that nobody wrote into it.

The **seal** is the sub-second part of the modification time: it is computed from the sha256, and
whoever writes into the file sets it to something else. It needs no second file, and goes along
with a hard link. It is no proof against somebody who forges times, only against accidents; and file
systems that round times lose it, which costs them a hash at every look and nothing else.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_SECOND = 1_000_000_000


def seal(path: Path, sha256: str) -> None:
    """Mark a file as holding the bytes of a digest; its time changes by less than a second.

    Raises:
        OSError: the file is not ours to mark.
    """
    stat = path.stat()
    whole = stat.st_mtime_ns // _SECOND * _SECOND
    os.utime(path, ns=(stat.st_atime_ns, whole + _fraction(sha256)))


def break_(path: Path) -> None:
    """Take the mark off a file; its time changes by less than a second.

    Raises:
        OSError: there is no such file, or it is not ours to mark.
    """
    stat = path.stat()
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns // _SECOND * _SECOND))


def is_sealed(stat: os.stat_result, sha256: str) -> bool:
    """Tell whether a file was marked for this digest and not written to since."""
    return stat.st_mtime_ns % _SECOND == _fraction(sha256)


def _fraction(sha256: str) -> int:
    # In steps of 100: NTFS counts no finer. Never 0, which is what a rounded time shows.
    return (int(sha256[:15], 16) % 9_999_999 + 1) * 100
