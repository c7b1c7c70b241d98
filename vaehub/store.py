"""Verified bytes under the name of their sha256, once per machine.

::

    <root>/
    ├── README.txt                    whose folder this is
    ├── blobs/sha256/<aa>/<sha256>    read-only, complete, verified when they came in
    ├── partial/<key>.part            bytes on their way, with the transfer's notes beside them
    └── locks/<key>.lock              empty; held while somebody downloads that file

A key is 64 hex digits: the sha256 of the bytes, or where that is not known yet, a digest of where
they come from. Knows nothing of catalogs and hosts, nor of the folders that blobs are placed into.

A placed file may be a hard link to its blob, so a user who writes into it writes into the blob.
Each blob carries a seal (:mod:`vaehub.seals`) that any write breaks; one with a broken seal counts
only after it was hashed again.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from typing import TYPE_CHECKING, NamedTuple

from vaehub import durable, folders, seals
from vaehub.errors import DiskFull, TargetNotUsable
from vaehub.hashing import sha256_of, sha256_of_each
from vaehub.locks import Lock
from vaehub.model import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


README = "README.txt"
_SIGNATURE = "This folder is the store of vaehub"
_README_TEXT = f"""{_SIGNATURE}: verified model files, named by their SHA-256.

Files that were installed from here may be hard links to the ones in blobs/, so both together take
the room of one. Deleting this whole folder is safe: installed files stay, and what is needed again
is downloaded again. `vaehub store gc` frees what no installed file is linked to.
"""
_KEY = re.compile(r"[0-9a-f]{64}")
_PARTIAL = re.compile(r"([0-9a-f]{64})\.part(\..+)?")
_LOOK_EVERY = 0.5
"""Seconds between two looks at how far the other process is."""
_PARTIAL_KEPT_FOR = 7 * 24 * 60 * 60
"""Seconds: until then somebody may still go on with the download."""


class Collected(NamedTuple):
    """What a garbage collection removed, or would remove."""

    removed: tuple[Path, ...]
    bytes_freed: int
    kept: int
    """Blobs that stay because an installed file is linked to them or a download holds them."""
    dry_run: bool


class Store:
    """The blob store below one folder, which is made when the first bytes come."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def blob(self, sha256: str) -> Path:
        """Give the path of a blob, whether it is there or not.

        Raises:
            ValueError: that is no sha256.
        """
        key = _key(sha256)
        return self.root / "blobs" / "sha256" / key[:2] / key

    def partial(self, key: str) -> Path:
        """Give the path of a download on its way; its folder exists afterwards.

        Raises:
            ValueError: the key is not 64 hex digits.
            TargetNotUsable: the store cannot be written.
        """
        path = self.root / "partial" / f"{_key(key)}.part"
        self._prepare(path.parent)
        return path

    def has(self, sha256: str, size: int | None = None) -> bool:
        """Tell whether the whole, unchanged bytes are here.

        Reads no byte of a blob whose seal is intact, and all of one that somebody wrote into.

        Args:
            sha256: Of the bytes wanted.
            size: What it must be, where that is known.
        """
        path = self.blob(sha256)
        try:
            stat = path.lstat()
            if not path.is_file() or path.is_symlink() or size not in (None, stat.st_size):
                return False
            if seals.is_sealed(stat, sha256):
                return True
            if sha256_of(path) != sha256:
                return False
        except OSError:
            return False
        with contextlib.suppress(OSError):  # the seal only saves time
            seals.seal(path, sha256)
        return True

    def doubt(self, sha256: str) -> None:
        """Have a blob hashed at the next look, since a file that may be a link to it is damaged."""
        with contextlib.suppress(OSError):
            seals.break_(self.blob(sha256))

    def size(self) -> int:
        """Sum up the bytes of all blobs."""
        return sum(path.lstat().st_size for path in self.blobs())

    @contextlib.contextmanager
    def lock(self, key: str, *, waiting: Callable[[], None] | None = None) -> Iterator[None]:
        """Hold the right to download one file; wait for another process that has it.

        The operating system takes the lock from a process that dies, however it dies. The empty
        lock files stay: to remove one while another process waits for it would give both the lock.

        Args:
            key: The sha256 of the file, or the key of its partial.
            waiting: Called at once when there is somebody to wait for, and then now and then; may
                raise to wait no longer.

        Raises:
            ValueError: the key is not 64 hex digits.
            TargetNotUsable: the store cannot be written.
        """
        path = self.root / "locks" / f"{_key(key)}.lock"
        self._prepare(path.parent)
        lock = Lock(path)
        try:
            patience: float = 0
            while not lock.acquire(patience=patience):
                patience = _LOOK_EVERY
                if waiting is not None:
                    waiting()
        except OSError as error:
            raise TargetNotUsable(
                f"cannot lock {path}: {error}",
                hint="name a store on a local disk with VAEHUB_STORE",
            ) from error
        try:
            yield
        finally:
            lock.release()

    def adopt(self, partial: Path, sha256: str) -> Path:
        """Make verified bytes a blob, durably.

        Args:
            partial: The whole file, verified and fsynced by the caller; gone afterwards.
            sha256: Its digest.

        Raises:
            ValueError: that is no sha256.
            TargetNotUsable: the store cannot be written.
        """
        path = self.blob(sha256)
        self._prepare(path.parent)
        try:
            seals.seal(partial, sha256)
            if os.name == "nt":  # pragma: no cover  # read-only files are not replaced there
                durable.remove(path)
            partial.replace(path)
            path.chmod(durable.READ_ONLY)
            durable.sync_folder(path.parent)
        except OSError as error:
            raise self._not_usable(error) from error
        return path

    def verify(self) -> list[Problem]:
        """Hash every blob again, several at once.

        Returns:
            One problem for each that is not what its name says. Nothing is removed: a damaged blob
            may be an installed file as well.
        """
        problems = []
        blobs = list(self.blobs())
        for path, got in zip(blobs, sha256_of_each(blobs), strict=True):
            if isinstance(got, OSError):
                problems.append(
                    Problem("blob-unreadable", f"cannot be read: {got.strerror}", str(path))
                )
            elif got != path.name:
                linked = path.lstat().st_nlink > 1
                problems.append(
                    Problem(
                        code="blob-damaged",
                        message=f"the bytes have changed: their sha256 is {got} now",
                        where=str(path),
                        hint="an installed file is a hard link to it: `vaehub verify --deep` names "
                        "it"
                        if linked
                        else "delete it; it is downloaded again when it is needed",
                    )
                )
        return problems

    def gc(self, *, dry_run: bool) -> Collected:
        """Remove what no installed file needs.

        The store does not know where its blobs were placed, and needs not to: a blob with a second
        hard link is an installed file and stays, since removing it would free nothing. All others
        are copies kept for the next install, and go. Partials go when nobody has written to them
        for a week. What a running download holds stays, and so does every file that is not ours.

        Args:
            dry_run: Only say what would go.

        Raises:
            TargetNotUsable: the folder is not a store of ours, or something cannot be removed.
        """
        if not self.root.exists():
            return Collected((), 0, 0, dry_run)
        self._refuse_foreign_root()
        removed: list[Path] = []
        freed = kept = 0
        try:
            for path, key in [*((path, path.name) for path in self.blobs()), *self._abandoned()]:
                with self._unless_held(key) as free:
                    stat = path.lstat()
                    if not free or (path.name == key and stat.st_nlink > 1):
                        kept += path.name == key
                        continue
                    if not dry_run:
                        durable.remove(path)
                    removed.append(path)
                    freed += stat.st_size
        except OSError as error:
            raise self._not_usable(error) from error
        return Collected(tuple(removed), freed, kept, dry_run)

    def blobs(self) -> Iterator[Path]:
        """Give the paths of all blobs; each is named by its sha256."""
        for shard in _entries(self.root / "blobs" / "sha256"):
            if shard.is_symlink() or not shard.is_dir():
                continue
            for path in _entries(shard):
                ours = _KEY.fullmatch(path.name) and path.name.startswith(shard.name)
                if ours and path.is_file() and not path.is_symlink():
                    yield path

    def _abandoned(self) -> Iterator[tuple[Path, str]]:
        """Give the files of downloads that nobody goes on with."""
        newest: dict[str, float] = {}
        files: dict[str, list[Path]] = {}
        for path in _entries(self.root / "partial"):
            match = _PARTIAL.fullmatch(path.name)
            if match and path.is_file() and not path.is_symlink():
                files.setdefault(match[1], []).append(path)
                newest[match[1]] = max(newest.get(match[1], 0.0), path.lstat().st_mtime)
        for key, paths in files.items():
            if time.time() - newest[key] > _PARTIAL_KEPT_FOR:
                yield from ((path, key) for path in paths)

    @contextlib.contextmanager
    def _unless_held(self, key: str) -> Iterator[bool]:
        """Hold a lock if nobody else does, and say whether."""
        path = self.root / "locks" / f"{key}.lock"
        self._prepare(path.parent)
        lock = Lock(path)
        try:
            yield lock.acquire()
        finally:
            lock.release()

    def _prepare(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            readme = self.root / README
            if not readme.exists():
                durable.write(readme, _README_TEXT.encode("utf-8"))
        except OSError as error:
            raise self._not_usable(error) from error

    def _refuse_foreign_root(self) -> None:
        readme = self.root / README
        try:
            ours = readme.read_text(encoding="utf-8", errors="replace").startswith(_SIGNATURE)
        except OSError:
            ours = False
        if not ours:
            raise TargetNotUsable(
                f"{self.root} does not look like a store of vaehub: it has no {README} of ours",
                hint="set VAEHUB_STORE to the store; `vaehub store path` shows what it is now",
            )

    def _not_usable(self, error: OSError) -> DiskFull | TargetNotUsable:
        if error.errno in durable.FULL:
            existing = next(path for path in (self.root, *self.root.parents) if path.exists())
            free = folders.free_bytes(existing)
            return DiskFull(
                f"the store {self.root} has run full: {free:,} bytes are free",
                hint="make room with `vaehub store gc`, or name another disk with VAEHUB_STORE",
            )
        return TargetNotUsable(
            f"the store {self.root} cannot be used: {error.strerror or error}",
            hint="name a folder that you may write to with VAEHUB_STORE",
        )


def _key(text: str) -> str:
    # What comes here becomes a path, and may have come from a catalog.
    if not _KEY.fullmatch(text):
        raise ValueError(f"not 64 lower-case hex digits: {text[:80]!r}")
    return text


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
