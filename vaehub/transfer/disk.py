"""Read and write at any place of an open file, and say what the disk's refusals mean.

Knows system calls; knows nothing of artifacts and sources.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from vaehub import durable
from vaehub.errors import DiskFull, TargetNotUsable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import FileIO
    from pathlib import Path


def open_to_grow(path: Path) -> FileIO:
    """Open a file for reading and writing, made where it is missing, with what it holds.

    Raises:
        OSError: that cannot be done.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
    # Unbuffered: other threads write behind this object's back.
    return os.fdopen(descriptor, "r+b", buffering=0)


def read_into(file: FileIO, view: memoryview, at: int) -> int:
    """Read into a buffer; gives how many bytes came, 0 at the end of the file.

    Raises:
        OSError: the disk refuses.
    """
    if hasattr(os, "preadv"):
        return os.preadv(file.fileno(), [view], at)
    if hasattr(os, "pread"):  # macOS before 11
        data = os.pread(file.fileno(), len(view), at)
    else:
        file.seek(at)
        data = file.read(len(view))
    view[: len(data)] = data
    return len(data)


def write_at(file: FileIO, data: memoryview | bytes, at: int) -> None:
    """Write all of it.

    Raises:
        OSError: the disk refuses.
    """
    rest = memoryview(data)
    while rest:
        if hasattr(os, "pwrite"):
            done = os.pwrite(file.fileno(), rest, at)
        else:
            file.seek(at)
            done = file.write(rest)
        rest, at = rest[done:], at + done


def flush_data(file: FileIO) -> None:
    """Have the bytes, and the length of the file, survive a power cut.

    Raises:
        OSError: the disk refuses.
    """
    flush = getattr(os, "fdatasync", os.fsync)
    flush(file.fileno())


@contextlib.contextmanager
def speaking_of(path: Path) -> Iterator[None]:
    """Say what an error of the file system means for the person.

    Raises:
        DiskFull: the bytes do not fit.
        TargetNotUsable: the file cannot be used.
    """
    try:
        yield
    except OSError as error:
        if error.errno in durable.FULL:
            raise full(path) from error
        raise TargetNotUsable(
            f"{path}: cannot be written: {error.strerror or error}",
            hint="check that the folder is there, is yours, and that its disk is healthy",
        ) from error


def full(path: Path, *, needed: int | None = None, free: int | None = None) -> DiskFull:
    """Say that a file does not fit."""
    figures = f": {needed:,} bytes are needed, {free:,} are free" if needed is not None else ""
    return DiskFull(
        f"the disk that holds {path.parent} is full{figures}",
        hint="free some space (`vaehub store gc` helps), or set VAEHUB_STORE to another disk; "
        "what has been fetched is kept",
    )
