"""What we put where: one small JSON beside each placed file.

::

    models/VAE/
    ├── kl-f8-anime2.safetensors
    └── .vaehub/
        └── kl-f8-anime2.safetensors.json

No UI takes ``.json`` for a model. The one name that is never written is ``config.json``: SD.Next
takes any folder that holds one for a VAE.

Knows the receipt's format and what goes with a receipt when it goes. Refuses to know catalogs and
whether a file is still what its receipt says beyond its size, time and inode. A receipt is data
that anybody may have edited: it names no path outside its folder, and a damaged one is a
:class:`~vaehub.model.Problem`, never a crash.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from vaehub import durable, folders, names, staging
from vaehub.errors import FileInTheWay, TargetNotUsable, TargetRefuses
from vaehub.model import Problem, Receipt

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from vaehub.model import Target

folder_of = staging.folder_of
SCHEMA = 1
_SUFFIX = ".json"
_CEILING = 1 << 16
"""Bytes; a receipt has about 600."""
_EVIDENCE = frozenset({"confirmed", "single", "host"})
_FIELDS = tuple(name for name in Receipt._fields if name != "path")
_OPTIONAL = ("smoke", "checkpoint", "placed_for", "converted_from")
"""Left out where there is nothing to say. All but the last are words on the file, and no right to
it: where they cannot be read, that is not worth a refusal."""
_NUMBERS = frozenset({"size", "mtime_ns", "inode"})


class Scan(NamedTuple):
    """All that the receipts of one folder say."""

    receipts: tuple[Receipt, ...]
    problems: tuple[Problem, ...]
    """Receipts that cannot be read; the files they stood for count as the user's."""


def receipt_path(path: Path) -> Path:
    """Give the place of a file's receipt.

    Raises:
        TargetRefuses: the file's name is one that cannot be installed.
    """
    reason = names.trouble(path.name)
    if reason is None and path.name.casefold() == "config":
        reason = "its receipt would make SD.Next take our folder for a VAE"
    if reason is not None:
        raise TargetRefuses(f"{path.name!r} cannot be the name of an installed file: {reason}")
    return folder_of(path) / (path.name + _SUFFIX)


def write(receipt: Receipt) -> Path:
    """Record a placed file, durably; replaces its earlier receipt.

    Raises:
        TargetNotUsable: the folder cannot be written.
        TargetRefuses: the file's name is one that cannot be installed.
    """
    destination = receipt_path(receipt.path)
    text = json.dumps(to_json(receipt), indent=2, ensure_ascii=False) + "\n"
    try:
        durable.write(destination, text.encode("utf-8"))
        durable.sync_folder(receipt.path.parent)
    except OSError as error:
        raise TargetNotUsable(
            f"cannot write the receipt {destination}: {error.strerror or error}",
            hint="vaehub keeps its records beside the files; make the folder writable",
        ) from error
    return destination


def read(folder: Path) -> list[Receipt]:
    """Read the receipts of a folder, sorted by name; unreadable ones are left out."""
    return list(scan(folder).receipts)


def scan(folder: Path) -> Scan:
    """Read the receipts of a folder, and say which cannot be read.

    Args:
        folder: A folder of models; one without receipts, or none at all, is fine.
    """
    receipts: list[Receipt] = []
    problems: list[Problem] = []
    ours = folder / staging.FOLDER
    try:
        files = sorted(path for path in ours.iterdir() if path.name.endswith(_SUFFIX))
    except (FileNotFoundError, NotADirectoryError):
        return Scan((), ())
    except OSError as error:
        return Scan((), (_problem(ours, error.strerror or str(error)),))
    for file in files:
        try:
            receipts.append(_read(file))
        except FileNotFoundError:
            continue  # another vaehub just removed it
        except (OSError, ValueError) as error:
            problems.append(_problem(file, str(error)))
    return Scan(tuple(receipts), tuple(problems))


def find(path: Path) -> Receipt | None:
    """Find the receipt of one file.

    Returns:
        None where there is none, or none that can be read: then the file is the user's.
    """
    try:
        return _read(receipt_path(path))._replace(path=path)
    except (OSError, ValueError, TargetRefuses):
        return None


def unplace(receipt: Receipt) -> None:
    """Remove a placed file and all that came with it.

    The caller has made sure that the file still is what the receipt says. A file that is gone
    already is fine.

    Raises:
        FileInTheWay: something else than a file stands in its place now.
        TargetNotUsable: the file or its receipt cannot be removed.
    """
    path = receipt.path
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise FileInTheWay(
            f"{path} is no longer the file that vaehub placed there",
            hint="it was not touched; put it elsewhere, and uninstall again",
        )
    try:
        durable.remove(path)
        if path.parent.is_dir():
            durable.sync_folder(path.parent)
    except OSError as error:
        raise TargetNotUsable(
            f"cannot remove {path}: {error.strerror or error}",
            hint="close what uses it, and make its folder writable",
        ) from error
    remove(receipt)


def remove(receipt: Receipt) -> None:
    """Forget a file, and leave no trace: the receipt, our folder, the folders made for it.

    Folders go only when they are empty, so that nothing of the user's goes with them.

    Raises:
        TargetNotUsable: the receipt cannot be removed.
    """
    path = receipt_path(receipt.path)
    try:
        durable.remove(path)
    except OSError as error:
        raise TargetNotUsable(f"cannot remove the receipt {path}: {error.strerror}") from error
    staging.sweep(path.parent)
    folders.remove_empty([*_created(receipt), path.parent])


def make_folder(folder: Path, *, root: Path, known: Iterable[Receipt] = ()) -> tuple[str, ...]:
    """Make a folder to place into, and say which folders are there only because of us.

    Args:
        folder: The folder; those above it are made too.
        root: The target's root, to which the answer is relative.
        known: The target's receipts. A folder that was made for one of them counts as made for
            this file as well, so that the last of them to go takes it along.

    Returns:
        For :attr:`Receipt.created_folders`: outermost first.

    Raises:
        TargetNotUsable: something on the way is not a folder, or nothing can be made there.
    """
    home = _plain(folder)
    ours = {created for receipt in known for created in _created(receipt)}
    ours.update(folders.make(home))
    return tuple(
        Path(os.path.relpath(step, root)).as_posix()
        for step in (*reversed(home.parents), home)
        if step in ours
    )


def stat_matches(receipt: Receipt, stat: os.stat_result) -> bool:
    """Tell whether a file still has the size, time and inode of the day it was placed."""
    return (stat.st_size, stat.st_mtime_ns, stat.st_ino) == (
        receipt.size,
        receipt.mtime_ns,
        receipt.inode,
    )


def is_for(receipt: Receipt, target: Target) -> bool:
    """Tell whether a file was placed for this target: UIs may share a folder, also by a link."""
    home = receipt.path.parent / receipt.root
    said = Path(receipt.placed_for) if receipt.placed_for is not None else home
    return os.path.realpath(said) == os.path.realpath(target.root)


def with_stat(receipt: Receipt, stat: os.stat_result) -> Receipt:
    """Give the receipt with the time and inode of the file that now stands at its path."""
    return receipt._replace(mtime_ns=stat.st_mtime_ns, inode=stat.st_ino)


def to_json(receipt: Receipt) -> dict[str, Any]:
    """Give the receipt as it is stored: all but its own path."""
    record = receipt._asdict()
    del record["path"]
    for key in _OPTIONAL:
        if record[key] is None:
            del record[key]
    return {"schema": SCHEMA, **record, "created_folders": list(receipt.created_folders)}


def from_json(record: Mapping[str, Any], *, path: Path) -> Receipt:
    """Make a receipt from its stored form.

    Args:
        record: What :func:`to_json` gave, perhaps by another version of vaehub.
        path: The file that it stands for.

    Raises:
        ValueError: it is not a receipt, or one of a newer kind.
    """
    if not isinstance(record, dict):
        raise ValueError("it is not a JSON object")
    if record.get("schema") != SCHEMA:
        raise ValueError(f"its schema is {record.get('schema')!r}; this vaehub knows {SCHEMA}")
    values = {key: value for key, value in record.items() if key in _FIELDS}
    created = values.get("created_folders", [])
    if not isinstance(created, list) or not all(isinstance(item, str) for item in created):
        raise ValueError("created_folders is not a list of texts")
    values["created_folders"] = tuple(created)
    if not isinstance(values.get("smoke"), dict):
        values["smoke"] = None
    for key in ("checkpoint", "placed_for"):
        if not isinstance(values.get(key), str) or "\0" in values[key]:
            values[key] = None
    values["converted_from"] = _origin(values.get("converted_from"))
    for key in _FIELDS:
        if key in {"created_folders", *_OPTIONAL} or (key == "root" and key not in values):
            continue
        kind = int if key in _NUMBERS else str
        if type(values.get(key)) is not kind:
            raise ValueError(f"{key!r} is missing or not {'a number' if kind is int else 'a text'}")
    if values["evidence"] not in _EVIDENCE:
        raise ValueError(f"evidence {values['evidence']!r} is unknown")
    if not _is_sha256(values["sha256"]):
        raise ValueError("sha256 is not 64 lower-case hex digits")
    return Receipt(path=path, **values)


def _origin(value: object) -> dict[str, Any] | None:
    """Take what a file was made of: it decides whether that file is what the catalog wants."""
    if value is None:
        return None
    if not isinstance(value, dict):
        raise ValueError("converted_from is not a JSON object")
    name, size, sha256 = (value.get(key) for key in ("name", "size", "sha256"))
    if not isinstance(name, str) or type(size) is not int or not _is_sha256(sha256):
        raise ValueError("converted_from lacks a name, a size or a sha256")
    return {"name": name, "size": size, "sha256": sha256}


def _is_sha256(value: object) -> bool:
    return isinstance(value, str) and len(value) == 64 and set(value) <= set("0123456789abcdef")


def _read(file: Path) -> Receipt:
    name = file.name[: -len(_SUFFIX)]
    reason = names.trouble(name)
    if reason is not None:
        raise ValueError(f"its name is not one we would give: {reason}")
    with file.open("rb") as opened:
        data = opened.read(_CEILING + 1)
    if len(data) > _CEILING:
        raise ValueError("it is far too long")
    try:
        record = json.loads(data)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return from_json(record, path=file.parent.parent / name)


def _created(receipt: Receipt) -> list[Path]:
    """Give the folders made for a file, outermost first; anything else that it names is not.

    Only the file's own folder and those above it can have been made for it. A receipt that
    somebody edited must not lead anywhere else, not even to an empty folder.
    """
    home = _plain(receipt.path.parent)
    if not set(Path(receipt.root).parts) <= {".."}:
        return []
    named = {_plain(home / receipt.root / name) for name in receipt.created_folders if name}
    return [step for step in (*reversed(home.parents), home) if step in named]


def _plain(folder: Path) -> Path:
    return Path(os.path.normpath(folder.absolute()))


def _problem(where: Path, reason: str) -> Problem:
    return Problem(
        code="receipt-damaged",
        message=f"the receipt cannot be read: {reason}",
        where=str(where),
        hint="vaehub will not touch the file it stood for; delete the receipt, and the file too if "
        "you want to install it again",
    )
