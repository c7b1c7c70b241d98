"""Where a conversion goes, and how it gets there: whole or not at all, over nobody's file.

Knows names and the disk; knows nothing of tensors beyond how many bytes there will be.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import TYPE_CHECKING

from vaehub import durable, folders, staging
from vaehub.errors import DiskFull, FileInTheWay, TargetNotUsable, UsageError
from vaehub.hashing import sha256_of
from vaehub.model import PICKLE_SUFFIXES
from vaehub.place import publish
from vaehub.weights.heads import SAFETENSORS_SUFFIXES

if TYPE_CHECKING:
    from pathlib import Path

    from vaehub.converting.conversion import Conversion


def find_place(path: Path, output: Path | None, *, changes: bool) -> Path:
    """Give the path of a result.

    Args:
        path: the file that is converted.
        output: what the user named: a file, or a folder for it.
        changes: whether more than the container changes.

    Raises:
        UsageError: the file would have to replace itself, or the result is not called safetensors.
        TargetNotUsable: there is no such folder.
    """
    suffix = path.suffix.lower()
    stem = path.stem if suffix in PICKLE_SUFFIXES | SAFETENSORS_SUFFIXES else path.name
    default = f"{stem}.safetensors"
    if output is None and suffix in SAFETENSORS_SUFFIXES:
        hint = "-o NAME.safetensors" if changes else "--layout and --dtype say what to change"
        raise UsageError(f"{path} is a safetensors file already, and has the name", hint=hint)
    destination = path.with_name(default) if output is None else output
    if output is not None and output.is_dir():
        destination = output / default
    if destination.suffix.lower() not in SAFETENSORS_SUFFIXES:
        raise UsageError(
            f"{destination}: the result is a safetensors file, and must be called one",
            hint="UIs go by the name's end: .safetensors",
        )
    if not destination.parent.is_dir():
        raise TargetNotUsable(f"there is no folder {destination.parent}", hint="make it first")
    return destination


def write(conversion: Conversion, destination: Path) -> str:
    """Write a conversion, so that its name appears when it is whole, and give its sha256.

    Raises:
        NotAModel, UsageError: as for :meth:`Conversion.pour`; nothing is left behind.
        FileInTheWay: somebody took the name meanwhile.
        DiskFull: it does not fit.
        OSError: the disk refuses.
    """
    ours = destination.parent / staging.FOLDER
    try:
        staging.sweep(ours)
        temporary = staging.create(ours)
        try:
            _refuse_if_full(destination, conversion.size)
            with temporary.open("wb", buffering=0) as file:
                sha256 = conversion.pour(file)
                os.fsync(file.fileno())
            publish(temporary, destination)
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
        durable.sync_folder(destination.parent)
    except FileExistsError:
        raise _in_the_way(destination, "came into being meanwhile") from None
    except OSError as error:
        if error.errno in durable.FULL:
            raise _full(destination, conversion.size) from error
        raise
    finally:
        folders.remove_empty([ours])
    return sha256


def hold_against(destination: Path, conversion: Conversion) -> str:
    """Give the sha256 of a file that holds exactly what would be written.

    Raises:
        FileInTheWay: it holds anything else.
        NotAModel, UsageError, OSError: as for :meth:`Conversion.pour`.
    """
    if destination.is_symlink() or not destination.is_file():
        raise _in_the_way(destination, "exists and is no plain file")
    if destination.stat().st_size == conversion.size:
        sha256 = conversion.pour(None)
        if sha256_of(destination) == sha256:
            ours = destination.parent / staging.FOLDER
            staging.sweep(ours)  # a kill may have left the file's first name there
            folders.remove_empty([ours])
            return sha256
    raise _in_the_way(destination, "exists and holds something else")


def _in_the_way(destination: Path, what: str) -> FileInTheWay:
    return FileInTheWay(
        f"{destination} {what}",
        hint="it was not touched; move or rename it, or name another result with -o",
    )


def _refuse_if_full(destination: Path, needed: int) -> None:
    free = shutil.disk_usage(destination.parent).free
    if free < needed:
        raise _full(destination, needed, free)


def _full(destination: Path, needed: int, free: int | None = None) -> DiskFull:
    figures = "" if free is None else f", and {free:,} are free"
    return DiskFull(
        f"{destination.parent}: the result needs {needed:,} bytes{figures}",
        hint="make room there, or name another folder with -o",
    )
