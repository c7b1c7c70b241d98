"""The small files of a mirror, beside the folder of blobs: which of them are ours to replace.

Ours is each whose bytes stand in ``.vaehub/mirror.json``. They are noted there before they are
written, so a kill leaves nothing that the next run would take for a stranger's. Whoever can write
into the folder can write the notes as well: a name in them leads nowhere but into that folder.
"""

from __future__ import annotations

import hashlib
import json
from stat import S_ISREG
from typing import TYPE_CHECKING

from vaehub import durable, staging
from vaehub.errors import DiskFull, FileInTheWay, TargetNotUsable, VaehubError
from vaehub.provision import mirror_index
from vaehub.provision.mirror_index import INDEX, README, SUMS

if TYPE_CHECKING:
    from pathlib import Path

    from vaehub.provision.mirror_index import Index

HINT = "name a folder that you may write to"
NOT_TOUCHED = "it was not touched; move it away, or name another folder"
_CEILING = 64 << 20
"""Bytes: more than any small file of ours has."""
_FIXED = frozenset({INDEX, SUMS, README})


class Papers:
    """The small files of one mirror."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._notes = root / staging.FOLDER / "mirror.json"
        self._put: dict[str, set[str]] = {}

    def read(self) -> Index:
        """Read what the index names, and which of the small files are ours.

        Raises:
            FileInTheWay: an ``index.json`` of somebody else stands there.
            TargetNotUsable: nobody lets us look.
        """
        self._put = self._noted()
        readme = self._read(README) or b""
        if readme.startswith(mirror_index.README_SIGNATURE.encode()):
            self._put.setdefault(README, set()).add(_digest(readme))
        content = self._read(INDEX)
        if content is None:
            return mirror_index.NOTHING
        found = mirror_index.parse(content)
        if found is None:
            self.check(INDEX)  # noted, and yet not one that this version reads
            return mirror_index.NOTHING
        # A mirror that was copied without .vaehub: the index says what the others must be.
        for name, text in ((INDEX, content), (SUMS, found.sums().encode())):
            self._put.setdefault(name, set()).add(_digest(text))
        for name, digest in found.locks.items():
            self._put.setdefault(name, set()).add(digest)
        return found

    def check(self, name: str, data: bytes | None = None) -> None:
        """Make sure that a small file may be written, or has that text already.

        Raises:
            FileInTheWay: something stands there that is not ours.
        """
        now = self._read(name)
        if now not in (None, data) and self.digest(name) is None:
            raise FileInTheWay(
                f"{self.root / name} is no file of this mirror, or was changed since",
                hint=NOT_TOUCHED,
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
            raise not_usable(self.root, error) from error
        return True

    def digest(self, name: str) -> str | None:
        """Give the sha256 of a small file that vaehub has written; None where there is none."""
        now = self._read(name)
        found = _digest(now) if now is not None else ""
        return found if found in self._put.get(name, ()) else None

    @property
    def locks(self) -> tuple[str, ...]:
        """The names under which vaehub has put copies of locks there, sorted."""
        return tuple(sorted(self._put.keys() - _FIXED))

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
            raise not_usable(self.root, error) from error
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
            raise not_usable(self.root, error) from error

    def _noted(self) -> dict[str, set[str]]:
        try:
            said = json.loads(self._notes.read_bytes())["put"]
            return {
                name: {str(one) for one in digests}
                for name, digests in said.items()
                if name in _FIXED or mirror_index.is_free(name)
            }
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return {}

    def _note(self) -> None:
        if self._put == self._noted():
            return
        said = {name: sorted(digests) for name, digests in sorted(self._put.items())}
        text = json.dumps({"schema": 1, "put": said}, indent=1) + "\n"
        durable.write(self._notes, text.encode())

    def _read(self, name: str) -> bytes | None:
        path = self.root / name
        try:
            stat = path.lstat()
            if not S_ISREG(stat.st_mode) or stat.st_size > _CEILING:
                raise FileInTheWay(f"{path} is no file of a mirror", hint=NOT_TOUCHED)
            return path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None  # where that is wrong, it shows when the folder is made
        except OSError as error:
            raise not_usable(self.root, error) from error


def not_usable(root: Path, error: OSError) -> VaehubError:
    """Put into words why a mirror cannot be read or written."""
    if error.errno in durable.FULL:
        return DiskFull(
            f"{root} has run full", hint="make room there, and run it again: it goes on"
        )
    return TargetNotUsable(
        f"the mirror {root} cannot be used: {error.strerror or error}", hint=HINT
    )


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
