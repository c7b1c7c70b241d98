"""Recognise, in a folder of the user's, files of the catalogs under whatever name they have.

A file is recognised by its sha256; those are read whose size a catalog knows, and where it knows
none, those with the file's name. Nothing in the folder is changed, and nothing written beside it:
what was found goes into the user's state (:mod:`vaehub.adopted`), from where installs know which
bytes need not be downloaded (:mod:`vaehub.nearby`).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from vaehub import adopted, walking
from vaehub.adopted import AdoptedFile
from vaehub.digests import Digests
from vaehub.errors import NamingError, TargetNotUsable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from vaehub.catalog import Catalogs
    from vaehub.model import Artifact, Problem
    from vaehub.settings import Settings
    from vaehub.transfer.listener import Listener

    _File = tuple[Path, os.stat_result]

_AT_ONCE = 8
"""Files; what was hashed is remembered after so many, so that a kill costs no more."""


class Recognised(NamedTuple):
    """A file of the user's, and what it is."""

    file: AdoptedFile
    names: tuple[str, ...]
    """``catalog/id@variant`` of all that these bytes are."""


class Adopted(NamedTuple):
    """What was found in one folder."""

    folder: Path
    files: tuple[Recognised, ...]
    looked_at: int
    """Files in the folder and below."""
    other_size: int
    """Those that were not read: no file of a catalog has their size."""
    other_bytes: int
    """Those that were read, and are no file of a catalog."""
    changed: bool
    """Whether the user's state says something new now, or would."""
    problems: tuple[Problem, ...]
    dry_run: bool


def adopt(
    folder: Path,
    catalogs: Catalogs,
    *,
    settings: Settings,
    listener: Listener,
    dry_run: bool,
) -> Adopted:
    """Look through a folder, and record which of its files a catalog knows.

    Args:
        folder: The folder, as an absolute path without links.
        catalogs: What is known.
        settings: Where state and cache lie.
        listener: Told how far hashing is.
        dry_run: Record nothing.

    Raises:
        TargetNotUsable: there is no such folder, it cannot be read, or the state not written.
    """
    refuse_other(folder)
    problems: list[Problem] = []
    is_likely = likely_files(catalogs)
    looked_at = 0
    likely: list[_File] = []
    for path, stat in walking.files_below(folder, problems):  # there may be millions
        looked_at += 1
        if is_likely(path, stat):
            likely.append((path, stat))
    digests = hash_files(folder, likely, digests=Digests(settings.cache), listener=listener)
    names = known_names(catalogs)
    files = []
    for (path, stat), digest in zip(likely, digests, strict=True):
        if isinstance(digest, OSError):
            problems.append(walking.unreadable(path, digest))
        elif digest in names:
            file = AdoptedFile(path, stat.st_size, digest)
            files.append(Recognised(file, names[digest]))
    known = [one.file for one in files]
    return Adopted(
        folder,
        tuple(files),
        looked_at=looked_at,
        other_size=looked_at - len(likely),
        other_bytes=sum(isinstance(digest, str) and digest not in names for digest in digests),
        changed=not dry_run and _remember(folder, known, state=settings.state),
        problems=tuple(problems),
        dry_run=dry_run,
    )


def forget(folder: Path, *, state: Path) -> Path:
    """Forget a folder that was adopted.

    Args:
        folder: The folder, as an absolute path without links; it need not be there any more.
        state: The user's state folder.

    Raises:
        NamingError: it was not adopted.
        TargetNotUsable: the user's state cannot be written.
    """
    try:
        known = adopted.forget(state, folder)
    except OSError as error:
        raise not_writable(state, error) from error
    if not known:
        raise NamingError(
            f"{folder} is not among the adopted folders", hint="vaehub adopt --list shows them"
        )
    return folder


def absolute(folder: str | Path) -> Path:
    """Give the one path that a folder has, however it is written.

    Raises:
        TargetNotUsable: that can be no path.
    """
    try:
        if not str(folder).strip() or "\0" in str(folder):
            raise ValueError("it is empty, or holds a NUL character")
        return Path(os.path.realpath(Path(folder).expanduser()))
    except (OSError, RuntimeError, ValueError) as error:
        raise TargetNotUsable(f"{str(folder)!r} is no usable path: {error}") from error


def known_names(catalogs: Catalogs) -> Mapping[str, tuple[str, ...]]:
    """Give, by sha256, all that these bytes are: ``catalog/id@variant``."""
    names: dict[str, tuple[str, ...]] = {}
    for name, artifact in _artifacts(catalogs):
        if artifact.sha256 is not None:
            names[artifact.sha256] = (*names.get(artifact.sha256, ()), name)
    return names


def _artifacts(catalogs: Catalogs) -> Iterator[tuple[str, Artifact]]:
    for entry in catalogs.entries():
        for variant in entry.variants:
            for artifact in variant.artifacts:
                yield f"{entry.full_name}@{variant.name}", artifact


def likely_files(catalogs: Catalogs) -> Callable[[Path, os.stat_result], bool]:
    """Give the question whether a file is worth reading."""
    pinned = [artifact for _, artifact in _artifacts(catalogs) if artifact.sha256 is not None]
    sizes = {artifact.size for artifact in pinned}
    names = {
        name.casefold()
        for artifact in pinned
        if artifact.size is None
        for name in (artifact.name, *artifact.known_as)
    }
    return lambda path, stat: stat.st_size in sizes or path.name.casefold() in names


def hash_files(
    folder: Path, files: Sequence[_File], *, digests: Digests, listener: Listener
) -> list[str | OSError]:
    """Hash files, several at once, and one with several names once.

    Args:
        folder: What they lie in, for the listener.
        files: Each with what it is.
        digests: What is remembered of them.
        listener: Told how far it is.

    Returns:
        In the order of the files, the digest of each or why it cannot be read.
    """
    first: dict[tuple[int, int], Path] = {}
    for path, stat in files:
        first.setdefault((stat.st_dev, stat.st_ino), path)
    paths = list(first.values())
    sizes = {path: stat.st_size for path, stat in files}
    answers: dict[Path, str | OSError] = {}
    done = 0
    label = f"reading {folder.name or folder}"
    if paths:
        listener.started(label, sum(sizes[path] for path in paths), 0)
    for at in range(0, len(paths), _AT_ONCE):
        batch = paths[at : at + _AT_ONCE]
        answers.update(zip(batch, digests.of_each(batch), strict=True))
        done += sum(sizes[path] for path in batch)
        listener.advanced(label, done)
    if paths:
        listener.finished(label)
    return [answers[first[stat.st_dev, stat.st_ino]] for _, stat in files]


def _remember(folder: Path, files: Sequence[AdoptedFile], *, state: Path) -> bool:
    try:
        return adopted.remember(state, folder, files)
    except OSError as error:
        raise not_writable(state, error) from error


def not_writable(state: Path, error: OSError) -> TargetNotUsable:
    """Say that the user's state cannot be written."""
    return TargetNotUsable(
        f"cannot write to {state}, where vaehub keeps what it knows: {error.strerror or error}",
        hint="make that folder writable; nothing was changed",
    )


def refuse_other(folder: Path) -> None:
    """Refuse what is no folder that can be looked into.

    Raises:
        TargetNotUsable: it is none.
    """
    if folder.is_file():
        raise TargetNotUsable(
            f"{folder} is a file, not a folder", hint=f"name its folder: {folder.parent}"
        )
    try:
        os.listdir(folder)  # noqa: PTH208  # names, not paths
    except FileNotFoundError as error:
        raise TargetNotUsable(
            f"there is no folder {folder}", hint="name a folder that holds models"
        ) from error
    except OSError as error:
        raise TargetNotUsable(
            f"cannot look into {folder}: {error.strerror or error}",
            hint="name a folder that you may read",
        ) from error
