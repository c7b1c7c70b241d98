"""The folder of a mirror: which of its files are ours, and how a file gets there whole.

::

    <root>/
    ├── sha256/<digest>       read-only, whole, verified before it appeared
    ├── index.json, SHA256SUMS, README.txt, *.lock
    └── .vaehub/              whose run it is, and which of those small files are ours

Ours is what the index names or what carries our seal (:mod:`vaehub.seals`), and of the small files
each whose bytes stand in ``.vaehub/mirror.json``, where they are noted before they are written: a
kill leaves nothing that the next run would take for a stranger's. Knows no lock and no host.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from stat import S_ISREG
from typing import TYPE_CHECKING, Literal

from vaehub import durable, folders, seals, staging
from vaehub.errors import DiskFull, FileInTheWay, IntegrityError, TargetNotUsable, VaehubError
from vaehub.hashing import sha256_of
from vaehub.locks import Lock
from vaehub.place import copy, hard_linked, publish, reflinked
from vaehub.provision import mirror_index as index_module
from vaehub.provision.mirror_index import BLOBS, INDEX, KEY, README, SUMS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    from vaehub.provision.mirror_index import Index

State = Literal["present", "absent", "damaged"]
_LOOK_EVERY = 0.5
"""Seconds between two looks at whether the other run is through."""
_CEILING = 64 << 20
"""Bytes: more than any small file of ours has."""


class Tree:
    """A mirror below one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._ours = root / staging.FOLDER
        self._put: dict[str, set[str]] = {}

    def path(self, sha256: str) -> Path:
        """Give the path of a file, whether it is there or not."""
        return self.root / BLOBS / sha256

    @contextlib.contextmanager
    def held(self, *, waiting: Callable[[], None]) -> Iterator[Index]:
        """Make the folder where it is missing, and be the only one who writes into it.

        Args:
            waiting: Called once, if there is another run to wait for.

        Returns:
            What the index names now.

        Raises:
            TargetNotUsable: the folder cannot be made or written.
            FileInTheWay: an ``index.json`` of somebody else stands there.
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
            raise TargetNotUsable(error.message, hint=_HINT) from error
        except OSError as error:
            raise self._not_usable(error) from error
        try:
            for folder in (self.root, self._ours, self.root / BLOBS / staging.FOLDER):
                staging.sweep(folder)
            yield self._begin()
        finally:
            with contextlib.suppress(OSError):
                (self.root / BLOBS / staging.FOLDER).rmdir()
            lock.release()

    # The files

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
                raise FileInTheWay(f"{path} is no file of a mirror", hint=_NOT_TOUCHED)
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
            raise self._not_usable(error) from error
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
            raise FileInTheWay(f"{final} has come meanwhile", hint=_NOT_TOUCHED) from error
        except OSError as error:
            raise self._not_usable(error) from error
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
            raise self._not_usable(error) from error
        return True

    # The small files

    def check(self, name: str, data: bytes | None = None) -> None:
        """Make sure that a small file may be written, or has that text already.

        Raises:
            FileInTheWay: something stands there that is not ours.
        """
        now = self._read(name)
        if now not in (None, data) and self.digest(name) is None:
            raise FileInTheWay(
                f"{self.root / name} is no file of this mirror, or was changed since",
                hint=_NOT_TOUCHED,
            )

    def write(self, name: str, data: bytes) -> bool:
        """Write a small file, unless it has that text already; says whether that was necessary.

        Raises:
            FileInTheWay: something stands there that is not ours.
            DiskFull, TargetNotUsable: it cannot be written.
        """
        if self._read(name) == data:
            return False
        self.check(name)
        self._put.setdefault(name, set()).add(_digest(data))
        try:
            self._note()
            durable.write(self.root / name, data)
        except OSError as error:
            raise self._not_usable(error) from error
        return True

    def digest(self, name: str) -> str | None:
        """Give the sha256 of a small file that vaehub has written; None where there is none."""
        now = self._read(name)
        found = _digest(now) if now is not None else ""
        return found if found in self._put.get(name, ()) else None

    @property
    def locks(self) -> tuple[str, ...]:
        """The names under which vaehub has put copies of locks there, sorted."""
        return tuple(sorted(self._put.keys() - {INDEX, SUMS, README}))

    def drop(self, name: str) -> bool:
        """Remove a small file of ours; says whether there was one.

        Raises:
            TargetNotUsable: it cannot be removed.
        """
        if self.digest(name) is None:
            return False
        try:
            durable.remove(self.root / name)
            durable.sync_folder(self.root)
        except OSError as error:
            raise self._not_usable(error) from error
        return True

    def settle(self) -> None:
        """Forget the texts that no small file has any more.

        Raises:
            DiskFull, TargetNotUsable: it cannot be written.
        """
        for name in list(self._put):
            now = self._read(name)
            self._put[name] &= {_digest(now)} if now is not None else set()
            if not self._put[name]:
                del self._put[name]
        try:
            self._note()
        except OSError as error:
            raise self._not_usable(error) from error

    def _begin(self) -> Index:
        """Read what is ours."""
        self._put = self._noted()
        readme = self._read(README) or b""
        if readme.startswith(index_module.README_SIGNATURE.encode()):
            self._put.setdefault(README, set()).add(_digest(readme))
        content = self._read(INDEX)
        if content is None:
            return index_module.NOTHING
        found = index_module.parse(content)
        if found is None:
            self.check(INDEX)  # noted, and yet not one that this version reads
            return index_module.NOTHING
        # A mirror that was copied without .vaehub: the index says what the others must be.
        for name, text in ((INDEX, content), (SUMS, found.sums().encode())):
            self._put.setdefault(name, set()).add(_digest(text))
        for name, digest in found.locks.items():
            self._put.setdefault(name, set()).add(digest)
        return found

    def _noted(self) -> dict[str, set[str]]:
        try:
            said = json.loads((self._ours / "mirror.json").read_bytes())["put"]
            return {str(name): {str(one) for one in digests} for name, digests in said.items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return {}

    def _note(self) -> None:
        if self._put == self._noted():
            return
        said = {name: sorted(digests) for name, digests in sorted(self._put.items())}
        text = json.dumps({"schema": 1, "put": said}, indent=1) + "\n"
        durable.write(self._ours / "mirror.json", text.encode())

    def _read(self, name: str) -> bytes | None:
        path = self.root / name
        try:
            stat = path.lstat()
            if not S_ISREG(stat.st_mode) or stat.st_size > _CEILING:
                raise FileInTheWay(f"{path} is no file of a mirror", hint=_NOT_TOUCHED)
            return path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._not_usable(error) from error

    def _not_usable(self, error: OSError) -> VaehubError:
        if error.errno in durable.FULL:
            return DiskFull(
                f"{self.root} has run full", hint="make room there, and run it again: it goes on"
            )
        return TargetNotUsable(
            f"the mirror {self.root} cannot be used: {error.strerror or error}", hint=_HINT
        )


_HINT = "name a folder that you may write to"
_NOT_TOUCHED = "it was not touched; move it away, or name another folder"


def _brought(source: Path, temporary: Path) -> str:
    with source.open("rb") as opened:
        if reflinked(opened, temporary):
            return "reflink"
        durable.remove(temporary)
        if hard_linked(source, temporary):
            return "hardlink"
        copy(opened, temporary)
        return "copy"


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
