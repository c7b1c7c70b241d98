"""Walk a folder of models as UIs do: through links, past hidden folders, in a circle only once.

Opens nothing and decides nothing; what it may not look at it names and passes by.
"""

from __future__ import annotations

import os
from stat import S_ISDIR, S_ISREG
from typing import TYPE_CHECKING

from vaehub import staging
from vaehub.model import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def files_below(
    root: Path, problems: list[Problem], *, hidden: bool = False
) -> Iterator[tuple[Path, os.stat_result]]:
    """Give each regular file below a folder, also behind links, with what it is.

    A file behind several names is given under each of them, a folder's files under one.

    Args:
        root: The folder.
        problems: Gets one for each folder, file and link that cannot be looked at.
        hidden: Go into folders that begin with a dot, too, but never into our own.
    """
    seen: set[tuple[int, int]] = set()
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        try:
            stat = folder.stat()
            names = sorted(os.listdir(folder))  # noqa: PTH208  # names, not paths
        except OSError as error:
            problems.append(unreadable(folder, error))
            continue
        if (stat.st_dev, stat.st_ino) in seen:
            continue
        seen.add((stat.st_dev, stat.st_ino))
        inner = []
        for name in names:
            path = folder / name
            try:
                stat = path.stat()
            except OSError as error:
                # One that went away while we looked is nobody's concern; a link to nowhere is.
                if path.is_symlink() or not isinstance(error, FileNotFoundError):
                    problems.append(unreadable(path, error))
                continue
            if S_ISREG(stat.st_mode):
                yield path, stat
            elif S_ISDIR(stat.st_mode) and _is_entered(name, hidden=hidden):
                inner.append(path)
        waiting += reversed(inner)


def _is_entered(name: str, *, hidden: bool) -> bool:
    return name != staging.FOLDER if hidden else not name.startswith(".")


def unreadable(path: Path, error: OSError) -> Problem:
    """Say that something could not be looked at."""
    nowhere = isinstance(error, FileNotFoundError) and path.is_symlink()
    reason = "it is a link that leads nowhere" if nowhere else error.strerror or str(error)
    return Problem("unreadable", f"cannot be read: {reason}", where=str(path), blocking=False)
