"""Find the files that are to be identified, and note what cannot be one.

Knows paths and the names that models have. Reads no file.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from vaehub import walking
from vaehub.errors import UsageError, VaehubError
from vaehub.model import PICKLE_SUFFIXES, Problem
from vaehub.weights.heads import SAFETENSORS_SUFFIXES

SUFFIXES = SAFETENSORS_SUFFIXES | PICKLE_SUFFIXES


class Seen(NamedTuple):
    """A file as it was found."""

    path: Path
    stat: os.stat_result
    named: bool
    """Whether the user named it, and not only a folder that it lies in."""

    @property
    def identity(self) -> tuple[int, int]:
        """Device and inode: names of one file have the same."""
        return (self.stat.st_dev, self.stat.st_ino)


class Failed(NamedTuple):
    """A file or a path that could not be identified."""

    path: Path
    error: VaehubError


class Finding:
    """Files to look at, each path once, and what went wrong on the way."""

    def __init__(self, suffixes: frozenset[str] = SUFFIXES) -> None:
        """Begin; of files in folders, those with such suffixes are meant."""
        self._suffixes = suffixes
        self.files: list[Seen] = []
        self.failed: list[Failed] = []
        self.problems: list[Problem] = []
        self.passed_by = 0
        self._paths: set[Path] = set()

    def add(self, path: Path) -> None:
        """Add a file, or those of a folder."""
        try:
            stat = path.stat()
        except (OSError, ValueError) as error:
            reason = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
            what = (
                f"there is no {path}"
                if isinstance(error, FileNotFoundError)
                else f"{path}: {reason}"
            )
            hint = "name files, or folders that hold models"
            self.failed.append(Failed(path, UsageError(what, hint=hint)))
            return
        if path.is_dir():
            self._refuse_closed(path)
            for inner, stat in walking.files_below(path, self.problems):
                if inner.suffix.lower() in self._suffixes:
                    self._add(Seen(inner, stat, named=False))
                else:
                    self.passed_by += 1
        elif path.is_file():
            self._add(Seen(path, stat, named=True))
        else:
            self.failed.append(Failed(path, UsageError(f"{path} is neither a file nor a folder")))

    def _refuse_closed(self, folder: Path) -> None:
        try:
            os.listdir(folder)  # noqa: PTH208  # names, not paths
        except OSError as error:
            told = f"cannot look into {folder}: {error.strerror or error}"
            self.failed.append(Failed(folder, UsageError(told, hint="name one that you may read")))

    def _add(self, seen: Seen) -> None:
        absolute = Path(os.path.normpath(seen.path.absolute()))
        if absolute not in self._paths:
            self._paths.add(absolute)
            self.files.append(seen)

    def refuse(self, seen: Seen, error: VaehubError) -> None:
        """Note that a file is no model: an error where the user named it, else a note."""
        if seen.named:
            self.failed.append(Failed(seen.path, error))
        else:
            self.problems.append(
                Problem(error.code, error.message, str(seen.path), blocking=False, hint=error.hint)
            )

    def unreadable(self, seen: Seen, error: OSError) -> None:
        """Note that a file cannot be read: an error where the user named it, else a note."""
        if seen.named:
            told = f"cannot read {seen.path}: {error.strerror or error}"
            hint = "check its owner and its permissions"
            self.failed.append(Failed(seen.path, UsageError(told, hint=hint)))
        else:
            self.problems.append(walking.unreadable(seen.path, error))
