"""Make the folders that a file needs, and take back those that it did not need after all."""

from __future__ import annotations

import contextlib
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
