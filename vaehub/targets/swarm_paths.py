"""Folders that a user of SwarmUI has set in ``Data/Settings.fds``.

::

    Paths:
        ModelRoot: Models;/data/models
        SDVAEFolder: VAE;vae

Each folder is looked for below each root, unless it is absolute. A line with a backslash is passed
over: nobody has looked up how SwarmUI escapes it. Refuses to make a folder, and to know what is in
one.
"""

from __future__ import annotations

import os
from pathlib import Path

_CEILING = 1 << 20
"""Bytes; the file has about ten thousand."""


def folders(file: Path, key: str, *, root: Path, own: Path) -> tuple[Path, ...]:
    """Give the folders of one kind of model, in SwarmUI's order.

    Args:
        file: The settings, which need not be there.
        key: The setting that names the folders, as ``SDVAEFolder``.
        root: SwarmUI's own folder, to which the roots are relative.
        own: Where the models lie if nothing is set.

    Returns:
        Each folder once; ``own`` alone where nothing is set.
    """
    paths = _paths(file)
    roots = _split(paths.get("ModelRoot", own.parent.name))
    names = _split(paths.get(key, own.name))
    found = [Path(os.path.normpath(root / base / name)) for base in roots for name in names]
    return tuple(dict.fromkeys(found)) or (own,)


def _split(value: str) -> list[str]:
    return [part.strip() for part in value.split(";") if part.strip()]


def _paths(file: Path) -> dict[str, str]:
    """Give the settings of the section ``Paths``."""
    try:
        with file.open("rb") as opened:
            text = opened.read(_CEILING).decode("utf-8-sig")
    except (OSError, ValueError):
        return {}
    found: dict[str, str] = {}
    inside = False
    for line in text.splitlines():
        key, colon, value = line.partition(":")
        if not colon or line.lstrip().startswith("#"):
            continue
        if not line[0].isspace():
            inside = key == "Paths"
        elif inside and "\\" not in value and "\0" not in value:
            found[key.strip()] = value.strip()
    return found
