"""Write a bundle: the tar, from blobs that are hashed while they are read.

Knows the order of the members and where the finished file goes; not where blobs come from.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

from vaehub import durable, folders, place, staging
from vaehub.errors import (
    BundleRefused,
    DiskFull,
    FileInTheWay,
    HashMismatch,
    TargetNotUsable,
    UsageError,
)
from vaehub.provision.bundles import index as index_module
from vaehub.provision.bundles import tarred
from vaehub.provision.bundles.reading import Reader
from vaehub.provision.bundles.source import Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from vaehub.provision.bundles.index import Index, Member
    from vaehub.provision.lock import Lock

    Blobs = Callable[[str], AbstractContextManager[Path]]
    """Gives the path of a blob that stays there meanwhile, by its sha256."""

_CHUNK = 1 << 20


class Written(NamedTuple):
    """A bundle as a whole."""

    sha256: str
    size: int


class _Output:
    """Where a bundle goes: hashes and counts what passes."""

    def __init__(self, file: IO[bytes]) -> None:
        self.size = 0
        self._file = file
        self._hash = hashlib.sha256()

    def write(self, data: bytes | memoryview) -> None:
        self._hash.update(data)
        self.size += len(data)
        rest = memoryview(data)
        while rest:  # a pipe takes a part
            rest = rest[self._file.write(rest) or 0 :]

    def written(self) -> Written:
        return Written(self._hash.hexdigest(), self.size)


def write_to(
    file: IO[bytes], lock: Lock, index: Index, blobs: Blobs, *, advanced: Callable[[int], None]
) -> Written:
    """Write a bundle into an open file or a pipe.

    Args:
        file: Unbuffered.
        lock: The lock.
        index: Its index.
        blobs: Gives the files.
        advanced: Told how many bytes are written.

    Raises:
        HashMismatch: a blob is not what it was; what was written so far is no bundle.
        OSError: the file cannot take it.
    """
    output = _Output(file)
    small = (
        (index_module.NAME, index_module.text(index)),
        (index.lock.name, lock.text().encode()),
        (index.readme.name, index_module.README.encode()),
    )
    for name, content in small:
        output.write(tarred.header(name, len(content)))
        output.write(content)
        output.write(bytes(tarred.padding(len(content))))
    for member in index.blobs:
        output.write(tarred.header(member.name, member.size))
        with blobs(member.sha256) as path:
            _write_blob(path, member, output, advanced=advanced)
        output.write(bytes(tarred.padding(member.size)))
    output.write(tarred.END)
    return output.written()


def write_file(
    path: Path, lock: Lock, index: Index, blobs: Blobs, *, advanced: Callable[[int], None]
) -> Written:
    """Write a bundle to its final name: whole and durable, or not at all; see :func:`write_to`.

    Raises:
        FileInTheWay: something else has that name by now.
        DiskFull: it does not fit.
        TargetNotUsable: the folder cannot be written.
    """
    size = index.length(len(index_module.text(index)))
    try:
        staging.sweep(path.parent)  # what a killed run left is as large as the bundle
        free = folders.free_bytes(path.parent)
        if free < size:
            raise DiskFull(
                f"{path.parent} has {free:,} bytes free, and the bundle needs {size:,}",
                hint="make room there, or name another disk with -o",
            )
        temporary = staging.create(path.parent)
        try:
            with temporary.open("wb", buffering=0) as file:
                written = write_to(file, lock, index, blobs, advanced=advanced)
                os.fsync(file.fileno())
            place.publish(temporary, path)
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
        durable.sync_folder(path.parent)
    except FileExistsError:
        there = existing(path, lock)  # somebody was faster
        if there is None:
            raise
        return there
    except OSError as error:
        raise _in_words(error, path, size) from error
    return written


def existing(path: Path, lock: Lock) -> Written | None:
    """Tell whether the very bundle of a lock stands at a path already.

    Returns:
        None where nothing does.

    Raises:
        FileInTheWay: something else does; it is not touched.
        TargetNotUsable: nobody lets us look, or there is no such folder.
    """
    if not path.parent.is_dir():
        raise TargetNotUsable(
            f"there is no folder {path.parent}", hint="make it, or name another place with -o"
        )
    if path.is_file():
        with contextlib.suppress(OSError, BundleRefused), path.open("rb", buffering=0) as file:
            source = Source(file, str(path), hashing=True)
            reader = Reader(source)
            sizes = {member.sha256: member.size for member in reader.index.blobs}
            same = reader.lock.digest() == lock.digest()
            if same and reader.index_text == index_module.text(index_module.of(lock, sizes)):
                digest = source.digest() if reader.is_whole() else None
                if digest is not None:
                    return Written(digest, reader.length)
    try:
        place.refuse_if_taken(path)
    except FileInTheWay as error:
        raise FileInTheWay(
            f"{error.message}, and not the bundle of this lock",
            hint="it was not touched; move it, or name another file with -o",
        ) from None
    return None


def output_of(name: str | Path) -> Path:
    """Give the path that a user named with ``-o``.

    Raises:
        UsageError: it cannot be the name of a file.
    """
    path = Path(name).expanduser()
    if not path.name or str(name).endswith(("/", os.sep)):
        raise UsageError(f"-o {name} names no file", hint="for example: -o vae.tar")
    return path


def _write_blob(
    path: Path, member: Member, output: _Output, *, advanced: Callable[[int], None]
) -> None:
    digest = hashlib.sha256()
    for piece in _pieces(path):
        digest.update(piece)
        output.write(piece)
        advanced(output.size)
    if digest.hexdigest() != member.sha256:
        raise HashMismatch(
            f"{path} changed: it is no longer the file of its name; no bundle was made of it",
            hint="run the same command again: it is fetched anew",
        )


def _pieces(path: Path) -> Iterator[memoryview]:
    buffer = memoryview(bytearray(_CHUNK))
    try:
        with path.open("rb", buffering=0) as file:
            while count := file.readinto(buffer):
                yield buffer[:count]
    except OSError as error:
        raise TargetNotUsable(
            f"cannot read {path}: {error.strerror or error}",
            hint="`vaehub store verify` names what is damaged there",
        ) from error


def _in_words(error: OSError, path: Path, size: int) -> DiskFull | TargetNotUsable:
    if error.errno in durable.FULL or error.errno == errno.EFBIG:
        return DiskFull(
            f"{path.parent} ran full: the bundle needs {size:,} bytes",
            hint="make room there (quotas count too), or name another disk with -o",
        )
    return TargetNotUsable(
        f"cannot write {path}: {error.strerror or error}",
        hint="name a place that you may write to with -o",
    )
