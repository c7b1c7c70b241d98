"""Remember, in our own store, what is about to be placed, until its receipt is written.

A file and its receipt are two writes, and a kill may fall between them. The receipt is therefore
first noted here, outside the UI's folder: a file that stands at its destination without a receipt,
but with an intent and the intended bytes, is ours, and the next run writes the missing receipt.

Folders are noted likewise before they are made: a failed or killed download may leave them, and
no receipt says yet that they are there only because of us.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from vaehub import durable, receipts
from vaehub.hashing import sha256_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vaehub.model import Receipt


def note(store_root: Path, receipt: Receipt) -> None:
    """Write down that a file is about to be placed.

    Raises:
        OSError: the store cannot be written.
    """
    path = _path(store_root, receipt.path)
    path.parent.mkdir(parents=True, exist_ok=True)
    record = {"path": str(receipt.path), "receipt": receipts.to_json(receipt)}
    durable.write(path, json.dumps(record).encode())


def forget(store_root: Path, destination: Path) -> None:
    """Drop the note: the receipt is written, or nothing was placed."""
    _path(store_root, destination).unlink(missing_ok=True)


def finish(store_root: Path, destination: Path) -> None:
    """Write the receipt that a killed run still owed, if its file was placed."""
    note_path = _path(store_root, destination)
    try:
        record = json.loads(note_path.read_text(encoding="utf-8"))
        receipt = receipts.from_json(record["receipt"], path=Path(record["path"]))
    except FileNotFoundError:
        return
    except (OSError, ValueError, KeyError, TypeError):
        # Never a guess: without a sound note the file is not ours.
        note_path.unlink(missing_ok=True)
        return
    if receipt.path == destination and _holds(destination, receipt):
        _drop_second_name(destination)  # first: once the receipt stands, nobody looks again
        receipts.write(receipts.with_stat(receipt, destination.stat()))
    note_path.unlink(missing_ok=True)


def owed(store_root: Path) -> list[Receipt]:
    """Give the receipts that killed runs still owe for files that they placed; changes nothing."""
    found = []
    try:
        notes = sorted((store_root / "intents").iterdir())
    except OSError:
        return []
    for note_path in notes:
        try:
            record = json.loads(note_path.read_text(encoding="utf-8"))
            receipt = receipts.from_json(record["receipt"], path=Path(record["path"]))
            if note_path == _path(store_root, receipt.path) and _holds(receipt.path, receipt):
                found.append(receipt)
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            continue  # a note of folders, or none that can be read
    return found


def note_folders(store_root: Path, folder: Path, made: Iterable[Path]) -> None:
    """Write down which folders are there, or will be, only because a file goes into one.

    Args:
        store_root: Our store.
        folder: The folder that the file goes into.
        made: That folder or those above it; none writes nothing.

    Raises:
        OSError: the store cannot be written.
    """
    names = sorted(str(path) for path in made)
    if names:
        path = _path(store_root, folder)
        path.parent.mkdir(parents=True, exist_ok=True)
        durable.write(path, json.dumps({"folders": names}).encode())


def folders(store_root: Path, folder: Path) -> frozenset[Path]:
    """Give the folders that an unfinished run made, or was about to make."""
    try:
        record = json.loads(_path(store_root, folder).read_text(encoding="utf-8"))
        return frozenset(Path(name) for name in record["folders"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return frozenset()  # no note, or none that can be read: they are the user's


def _holds(destination: Path, receipt: Receipt) -> bool:
    """Tell whether the intended bytes stand there and nobody has recorded them yet."""
    recorded = receipts.find(destination)
    return (
        destination.is_file()
        and not destination.is_symlink()
        # An older receipt is that of the file which the intended one has replaced.
        and (recorded is None or recorded.sha256 != receipt.sha256)
        and sha256_of(destination) == receipt.sha256
    )


def _drop_second_name(destination: Path) -> None:
    """Remove the partial that is the placed file: a kill fell between a move's link and unlink."""
    for path in receipts.folder_of(destination).glob("*.part"):
        if path.samefile(destination):
            durable.remove(path)


def _path(store_root: Path, destination: Path) -> Path:
    name = hashlib.sha256(os.fsencode(destination)).hexdigest()
    return store_root / "intents" / f"{name}.json"
