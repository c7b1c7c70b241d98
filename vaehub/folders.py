"""Folders that a file needs: make them, take back those it did not need, ask what fits there."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from vaehub import durable
from vaehub.errors import TargetNotUsable

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def make(folder: Path) -> list[Path]:
    """Make a folder and those above it.

    Returns:
        Those that were not there, outermost first.

    Raises:
        TargetNotUsable: something on the way is not a folder, or nothing can be made there.
    """
    made: list[Path] = []
    try:
        missing = [step for step in (folder, *folder.parents) if not step.is_dir()]
        for step in reversed(missing):
            with contextlib.suppress(FileExistsError):
                step.mkdir()
                made.append(step)
            if not step.is_dir():
                what = "a symbolic link that leads nowhere" if step.is_symlink() else "a file"
                raise TargetNotUsable(
                    f"{folder} cannot be a folder: {step} is {what}",
                    hint="name another place with --to",
                )
            durable.sync_folder(step.parent)
    except BaseException as error:
        remove_empty(made)
        if isinstance(error, OSError):
            raise TargetNotUsable(
                f"cannot make the folder {folder}: {error.strerror or error}",
                hint="name a place that you may write to with --to",
            ) from error
        raise
    return made


def free_bytes(folder: Path) -> int:
    """Give the room for this user's files on the file system that a folder lies on, in bytes.

    Raises:
        OSError: nobody can tell.
    """
    if not hasattr(os, "statvfs"):  # pragma: no cover  # Windows
        import shutil  # which brings every compressor along

        return shutil.disk_usage(folder).free
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def remove_empty(folders: Iterable[Path]) -> None:
    """Remove folders, innermost first, as far as nothing lies in them.

    Args:
        folders: Each inside the one before it.
    """
    for folder in reversed(list(folders)):
        try:
            folder.rmdir()
        except FileNotFoundError:
            continue
        except OSError:
            return  # not empty, so neither are those around it
        with contextlib.suppress(OSError):
            durable.sync_folder(folder.parent)
