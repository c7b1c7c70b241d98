"""Keep small records of the user's state: one JSON file for each path that one is about.

A file of its own for each record needs no lock: whoever writes last has written a whole one, and
processes that speak of different paths never meet. A record is data that anybody may have edited:
one that cannot be read counts as none. Knows nothing of what the records say.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaehub import durable

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA = 1
_SUFFIX = ".json"
_CEILING = 8 << 20
"""Bytes; ten thousand files of one folder take a quarter of it."""


def write(folder: Path, about: Path, record: Mapping[str, Any]) -> None:
    """Write the record of a path, durably, in place of its earlier one.

    Args:
        folder: Where such records lie; made where it is missing.
        about: The absolute path.
        record: What JSON can hold.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"schema": SCHEMA, "path": str(about), **record}, indent=1)
    durable.write(_file(folder, about), text.encode("ascii") + b"\n")


def read(folder: Path) -> list[tuple[Path, dict[str, Any]]]:
    """Read all records of a folder, in the order of their paths."""
    found = []
    for file in _files(folder):
        record = _read(file)
        if record is not None and file == _file(folder, Path(record["path"])):
            found.append((Path(record["path"]), record))
    return sorted(found, key=lambda one: str(one[0]))


def read_one(folder: Path, about: Path) -> dict[str, Any] | None:
    """Read the record of a path; None where there is none that can be read."""
    record = _read(_file(folder, about))
    return record if record is not None and record["path"] == str(about) else None


def exists(folder: Path, about: Path) -> bool:
    """Tell whether there is a record of a path, without reading it."""
    return _file(folder, about).is_file()


def forget(folder: Path, about: Path) -> bool:
    """Remove the record of a path; says whether there was one.

    Raises:
        OSError: it cannot be removed.
    """
    file = _file(folder, about)
    there = file.is_file()
    durable.remove(file)
    return there


def keep_newest(folder: Path, count: int) -> None:
    """Remove all but the records written last.

    Raises:
        OSError: one cannot be removed.
    """
    files = sorted(_files(folder), key=lambda file: file.stat().st_mtime_ns, reverse=True)
    for file in files[count:]:
        durable.remove(file)


def _read(file: Path) -> dict[str, Any] | None:
    try:
        with file.open("rb") as opened:
            record = json.loads(opened.read(_CEILING))  # what is longer is no JSON then
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(record, dict) or record.get("schema") != SCHEMA:
        return None
    path = record.get("path")
    return (
        record if isinstance(path, str) and "\0" not in path and Path(path).is_absolute() else None
    )


def _files(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.name.endswith(_SUFFIX)]
    except OSError:
        return []


def _file(folder: Path, about: Path) -> Path:
    # Lone surrogates beyond those of file names come from edited records alone.
    name = hashlib.sha256(str(about).encode("utf-8", "surrogatepass")).hexdigest()
    return folder / (name + _SUFFIX)
