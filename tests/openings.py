"""Count how often this process opens a file, and do something at that moment."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_watching: list[Callable[[str], None]] = []


def _hook(event: str, args: tuple[Any, ...]) -> None:
    if event == "open" and _watching and isinstance(args[0], (str, bytes, os.PathLike)):
        path = os.fsdecode(args[0])
        for watch in list(_watching):
            watch(path)


sys.addaudithook(_hook)  # there is no taking it back, and with nobody watching it does nothing


@contextlib.contextmanager
def watched(
    folder: Path, *, then: Callable[[str], object] = lambda path: None
) -> Iterator[list[str]]:
    """Give the names of the files below a folder that are opened meanwhile.

    Args:
        folder: The folder.
        then: Done with each path, before it is opened.
    """
    names: list[str] = []

    def watch(path: str) -> None:
        if path.startswith(f"{folder}{os.sep}"):
            names.append(os.path.relpath(path, folder))
            then(path)

    _watching.append(watch)
    try:
        yield names
    finally:
        _watching.remove(watch)
