"""Remember which files of the user's are known to be files of a catalog: one record per folder.

A record says where bytes are to be had, and gives no right to the file: nothing of what stands
here is ever written to, renamed or removed. It is no proof either, for the user may have changed
the file since; whoever wants its bytes hashes them. Knows nothing of catalogs.
"""

from __future__ import annotations

import re
from datetime import datetime, timezone
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, NamedTuple

from vaehub import ledger

if TYPE_CHECKING:
    from collections.abc import Sequence

_DIGEST = re.compile(r"[0-9a-f]{64}")


class AdoptedFile(NamedTuple):
    """A file that held these bytes when it was looked at."""

    path: Path
    size: int
    sha256: str


class AdoptedFolder(NamedTuple):
    """What was recognised in a folder."""

    folder: Path
    files: tuple[AdoptedFile, ...]
    at: str
    """UTC, ISO 8601."""


def remember(state: Path, folder: Path, files: Sequence[AdoptedFile]) -> bool:
    """Record what was recognised in a folder, in place of what was recognised there before.

    Args:
        state: The user's state folder.
        folder: The folder.
        files: Files below it; none forgets the folder.

    Returns:
        Whether the record has changed.

    Raises:
        OSError: it cannot be written.
    """
    if not files:
        return forget(state, folder)
    listed = [
        {"path": str(file.path.relative_to(folder)), "size": file.size, "sha256": file.sha256}
        for file in files
    ]
    before = ledger.read_one(_folder(state), folder)
    if before is not None and before.get("files") == listed:
        return False
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    ledger.write(_folder(state), folder, {"at": now, "files": listed})
    return True


def forget(state: Path, folder: Path) -> bool:
    """Forget a folder; says whether it was known.

    Raises:
        OSError: its record cannot be removed.
    """
    return ledger.forget(_folder(state), folder)


def read(state: Path) -> list[AdoptedFolder]:
    """Give all adopted folders, by path."""
    return [
        AdoptedFolder(folder, tuple(_files(folder, record.get("files"))), str(record.get("at", "")))
        for folder, record in ledger.read(_folder(state))
    ]


def _files(folder: Path, listed: Any) -> list[AdoptedFile]:
    files = []
    for item in listed if isinstance(listed, list) else ():
        match item:
            case {"path": str(name), "size": int(size), "sha256": str(sha256)}:
                below = "\0" not in name and ".." not in PurePath(name).parts
                if below and not PurePath(name).is_absolute() and _DIGEST.fullmatch(sha256):
                    files.append(AdoptedFile(folder / name, size, sha256))
    return files


def _folder(state: Path) -> Path:
    return state / "adopted"
