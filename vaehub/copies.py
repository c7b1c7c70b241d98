"""Files of ours whose bytes a run knows, so that a further place needs no second download.

The store is not enough: where a target lies on another file system, the bytes go straight there
and none stay behind. Whatever was placed in this run, or was found in place by it, serves the
targets that come after it. Places nothing, and refuses files that are the user's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vaehub.hashing import sha256_of

if TYPE_CHECKING:
    import os
    from pathlib import Path


class Copy(NamedTuple):
    """A placed file and what it holds."""

    path: Path
    sha256: str
    size: int
    device: int

    @property
    def label(self) -> str:
        """Say where that is, as reports and receipts have it."""
        from vaehub.nearby import Nearby

        return Nearby(self.path, "installed").label


class Copies:
    """The placed files of one run, by the key of their artifact; any thread may ask."""

    def __init__(self) -> None:
        self._known: dict[str, list[tuple[Copy, tuple[int, int, int] | None]]] = {}

    def placed(self, key: str, path: Path, sha256: str) -> None:
        """Remember a file that was verified and placed just now."""
        self._remember(key, path, sha256, trusted=True)

    def found(self, key: str, path: Path, sha256: str) -> None:
        """Remember a file that an earlier run placed: it is hashed before anybody gets it."""
        self._remember(key, path, sha256, trusted=False)

    def _remember(self, key: str, path: Path, sha256: str, *, trusted: bool) -> None:
        try:
            stat = path.stat()
        except OSError:  # somebody has removed it already, or nobody lets us look
            return
        copy = Copy(path, sha256, stat.st_size, stat.st_dev)
        self._known.setdefault(key, []).append((copy, _marks(stat) if trusted else None))

    def knows(self, key: str) -> bool:
        """Tell whether there is a file to be had, as far as is known without reading it."""
        return bool(self._known.get(key))

    def find(self, key: str, *, device: int) -> Copy | None:
        """Give a file that still holds the bytes; on this device rather than on another one.

        One that somebody has changed since is forgotten.
        """
        known = self._known.get(key, [])
        for each in sorted(known, key=lambda each: each[0].device != device):
            copy, marks = each
            if _still_holds(copy, marks):
                if marks is None:  # hashed: need not be again
                    known[known.index(each)] = (copy, _marks(copy.path.stat()))
                return copy
            known.remove(each)
        return None


def device_of(path: Path) -> int:
    """Give the device of a path, or of the nearest folder above it that exists."""
    while True:
        try:
            return path.stat().st_dev
        except OSError:  # what is wrong with it, if anything, shows when it is used
            if path == path.parent:
                raise
            path = path.parent


def _still_holds(copy: Copy, marks: tuple[int, int, int] | None) -> bool:
    try:
        if copy.path.is_symlink() or not copy.path.is_file():
            return False
        if marks is not None:
            return _marks(copy.path.stat()) == marks
        return sha256_of(copy.path) == copy.sha256
    except OSError:
        return False


def _marks(stat: os.stat_result) -> tuple[int, int, int]:
    return stat.st_size, stat.st_mtime_ns, stat.st_ino
