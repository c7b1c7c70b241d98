"""The folder of a mirror: how a file gets there whole, and which of the files are ours.

::

    <root>/
    ├── sha256/<digest>       read-only, whole, verified before it appeared
    ├── index.json, SHA256SUMS, README.txt, *.lock
    └── .vaehub/              whose run it is, and what :mod:`.mirror_papers` notes

Ours is what the index names or what carries our seal (:mod:`vaehub.seals`). Knows no lock and no
host.
"""

from __future__ import annotations

import contextlib
import os
from stat import S_ISREG
from typing import TYPE_CHECKING, Literal

from vaehub import durable, folders, seals, staging
from vaehub.errors import FileInTheWay, IntegrityError, TargetNotUsable
from vaehub.hashing import sha256_of
from vaehub.locks import Lock
from vaehub.place import copy, hard_linked, publish, reflinked
from vaehub.provision.mirror_index import BLOBS, KEY
from vaehub.provision.mirror_papers import HINT, NOT_TOUCHED, Papers, not_usable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

State = Literal["present", "absent", "damaged"]
_LOOK_EVERY = 0.5
"""Seconds between two looks at whether the other run is through."""


class Tree:
    """A mirror below one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.papers = Papers(root)
        self._ours = root / staging.FOLDER

    def path(self, sha256: str) -> Path:
        """Give the path of a file, whether it is there or not."""
        return self.root / BLOBS / sha256

    @contextlib.contextmanager
    def held(self, *, waiting: Callable[[], None]) -> Iterator[None]:
        """Make the folder where it is missing, and be the only one who writes into it.

        Args:
            waiting: Called once, if there is another run to wait for.

        Raises:
            TargetNotUsable: the folder cannot be made or written.
        """
        try:
            for folder in (self._ours, self.root / BLOBS):
                folders.make(folder)
            lock = Lock(self._ours / "mirror.lock")
            if not lock.acquire():
                waiting()
                while not lock.acquire(patience=_LOOK_EVERY):
                    pass
        except TargetNotUsable as error:
            raise TargetNotUsable(error.message, hint=HINT) from error
        except OSError as error:
            raise not_usable(self.root, error) from error
        try:
            for folder in (self.root, self._ours, self.root / BLOBS / staging.FOLDER):
                staging.sweep(folder)
            yield
        finally:
            with contextlib.suppress(OSError):
                (self.root / BLOBS / staging.FOLDER).rmdir()
            lock.release()

    def look(self, sha256: str, size: int | None) -> State:
        """Say whether the whole, unchanged bytes are there; reads none whose seal is intact.

        Raises:
            FileInTheWay: it is no file.
            TargetNotUsable: nobody lets us look.
        """
        path = self.path(sha256)
        try:
            stat = path.lstat()
            if not S_ISREG(stat.st_mode):
                raise FileInTheWay(f"{path} is no file of a mirror", hint=NOT_TOUCHED)
            if size not in (None, stat.st_size):
                return "damaged"
            if not seals.is_sealed(stat, sha256):
                if sha256_of(path) != sha256:
                    return "damaged"
                with contextlib.suppress(OSError):  # it only saves time
                    seals.seal(path, sha256)
        except FileNotFoundError:
            return "absent"
        except OSError as error:
            raise not_usable(self.root, error) from error
        return "present"

    def put(self, source: Path, sha256: str, *, replaces: bool) -> str:
        """Bring verified bytes to their name, whole or not at all.

        Args:
            source: A blob of the store.
            sha256: Its digest.
            replaces: A damaged file of ours gives way.

        Returns:
            How: ``reflink``, ``hardlink`` or ``copy``.

        Raises:
            FileInTheWay: somebody else has made a file of that name meanwhile.
            DiskFull, TargetNotUsable: it cannot be written.
            IntegrityError: the copy is not what was read; nothing appeared.
        """
        final = self.path(sha256)
        try:
            temporary = staging.create(final.parent / staging.FOLDER)
            try:
                method = _brought(source, temporary)
                if method == "copy" and sha256_of(temporary) != sha256:
                    raise IntegrityError(
                        f"{source} came to {final.parent} with other bytes; thrown away",
                        hint="run it again; if it stays so, that disk or this memory is not sound",
                    )
                if method != "hardlink":
                    seals.seal(temporary, sha256)
                    temporary.chmod(durable.READ_ONLY)
                if replaces:
                    temporary.replace(final)
                else:
                    publish(temporary, final)
            finally:
                with contextlib.suppress(OSError):
                    temporary.unlink(missing_ok=True)
            durable.sync_folder(final.parent)
        except FileExistsError as error:
            raise FileInTheWay(f"{final} has come meanwhile", hint=NOT_TOUCHED) from error
        except OSError as error:
            raise not_usable(self.root, error) from error
        return method

    def strangers(self, known: Collection[str], wanted: Collection[str]) -> Iterator[Path]:
        """Give the files that vaehub put there, as the index or their seal says, and nobody wants.

        Args:
            known: The sha256 of what the index names.
            wanted: The sha256 of what is to stay.
        """
        for name in sorted(os.listdir(self.root / BLOBS)):  # noqa: PTH208  # names, not paths
            path = self.root / BLOBS / name
            if KEY.fullmatch(name) is None or name in wanted:
                continue
            stat = path.lstat()
            if S_ISREG(stat.st_mode) and (name in known or seals.is_sealed(stat, name)):
                yield path

    def remove(self, path: Path) -> bool:
        """Remove a file if it still is what its name says; else it stays, and False is given.

        Raises:
            TargetNotUsable: it cannot be removed.
        """
        try:
            if not seals.is_sealed(path.lstat(), path.name) and sha256_of(path) != path.name:
                return False
            durable.remove(path)
            durable.sync_folder(path.parent)
        except OSError as error:
            raise not_usable(self.root, error) from error
        return True


def _brought(source: Path, temporary: Path) -> str:
    with source.open("rb") as opened:
        if reflinked(opened, temporary):
            return "reflink"
        durable.remove(temporary)
        if hard_linked(source, temporary):
            return "hardlink"
        copy(opened, temporary)
        return "copy"
