"""Say which VAE each of some files is: by its bytes, else by its weights.

The order of things: the files are found, hashed (as far as nobody remembers them), held against
what is known by sha256, and only those that nobody knows are held against each other and all others
by fingerprint. Nothing is changed; :mod:`vaehub.insight.dedupe` does that.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Literal, NamedTuple

from vaehub.errors import IntegrityError
from vaehub.insight import hashes, here, quoted
from vaehub.insight.finding import Failed, Finding, Seen
from vaehub.insight.reading import Reading
from vaehub.model import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from vaehub.catalog import Catalogs
    from vaehub.insight.kin import Kin
    from vaehub.insight.quoted import Known
    from vaehub.settings import Settings
    from vaehub.transfer.listener import Listener
    from vaehub.weights.prints import Fingerprint

Status = Literal["known", "recognised", "unknown"]
"""``known``: its bytes are described somewhere; ``recognised``: its weights are those of something
that is, or one half of them, or near them; ``unknown``: neither."""


class Identified(NamedTuple):
    """What a file is."""

    seen: Seen
    sha256: str
    hashes: Mapping[str, str]
    known: Known | None
    placed_as: tuple[str, ...]
    """``catalog/id@variant`` by the receipts of files with these bytes; more than the catalogs say
    where a file was converted here."""
    installed: tuple[Path, ...]
    """Where vaehub placed the same bytes."""
    in_store: bool
    architecture: str | None
    fingerprint: Fingerprint | None
    """None where it was not wanted: the bytes are known, or no other weights are near."""
    kin: tuple[Kin, ...]
    message: str | None
    """Why nothing is known of its weights: it is a LoRA, or no autoencoder that vaehub knows."""

    @property
    def status(self) -> Status:
        """Say how much is known of it."""
        if self.names or self.known is not None:
            return "known"
        told = any(one.is_named and one.relation.kind != "distant" for one in self.kin)
        return "recognised" if told else "unknown"

    @property
    def names(self) -> tuple[str, ...]:
        """Give all that these very bytes are: ``catalog/id@variant``."""
        told = self.known.entries if self.known is not None else ()
        return tuple(dict.fromkeys((*told, *self.placed_as)))


class Report(NamedTuple):
    """What was found."""

    files: tuple[Identified, ...]
    failed: tuple[Failed, ...]
    """What the user named, and what went wrong with it."""
    problems: tuple[Problem, ...]
    passed_by: int
    """Files in folders that no UI would take for a model."""

    def groups(self) -> list[list[Identified]]:
        """Give the files that hold the same bytes and are not one file, several in each group."""
        found: dict[str, dict[tuple[int, int], Identified]] = {}
        # A symbolic link stands for the file only where that is not in the list itself.
        for file in sorted(self.files, key=lambda file: file.seen.path.is_symlink()):
            found.setdefault(file.sha256, {}).setdefault(file.seen.identity, file)
        return [list(group.values()) for group in found.values() if len(group) > 1]

    @property
    def wasted(self) -> int:
        """Sum up the bytes that stand on disks more than once.

        Files that share their blocks (reflinks) cannot be told, and count too.
        """
        return sum(file.seen.stat.st_size for group in self.groups() for file in group[1:])


def identify(
    paths: Sequence[Path],
    catalogs: Catalogs,
    *,
    settings: Settings,
    listener: Listener,
    every_hash: bool,
) -> Report:
    """Say which VAE each file is.

    Args:
        paths: Files, and folders that are looked through with all below them.
        catalogs: What is known.
        settings: Where store, state and cache of the user lie.
        listener: Told how far reading is.
        every_hash: Also work out the digests that cost another reading, fingerprints among them.
    """
    found = Finding()
    for path in paths:
        found.add(path)
    known = quoted.index(catalogs)
    around = here.look_around(settings)
    reading = Reading(settings.cache, known, around, fingerprints=every_hash)
    digests = reading.digests(found.files, listener)
    done: list[Identified] = []
    for seen in found.files:
        digest = digests[seen.identity]
        if isinstance(digest, OSError):
            found.unreadable(seen, digest)
            continue
        try:
            done.append(_describe(seen, digest, reading, every_hash=every_hash))
        except IntegrityError as error:
            found.refuse(seen, error)
        except OSError as error:
            found.unreadable(seen, error)
    reading.relate(done)
    named = [_misnamed(file, known) for file in done]
    return Report(
        tuple(done),
        tuple(found.failed),
        (*found.problems, *(problem for problem in named if problem is not None)),
        found.passed_by,
    )


def _describe(seen: Seen, sha256: str, reading: Reading, *, every_hash: bool) -> Identified:
    """Say what is known of a file by its bytes, and take its fingerprint where nothing is.

    Raises:
        IntegrityError: it is no model.
        OSError: it cannot be read.
    """
    known = reading.known.get(sha256)
    placed = reading.around.installed.get(sha256, ())
    told = hashes.every(seen.path, sha256) if every_hash else hashes.quick(seen.path, sha256)
    if known is not None:
        told = {**known.hashes, **told}
    file = Identified(
        seen=seen,
        sha256=sha256,
        hashes=told,
        known=known,
        placed_as=tuple(dict.fromkeys(f"{one.entry}@{one.variant}" for one in placed)),
        installed=tuple(one.path for one in placed),
        in_store=sha256 in reading.around.blobs,
        architecture=None,
        fingerprint=None,
        kin=(),
        message=None,
    )
    if file.status != "known":
        return _with_weights(file, reading, wanted=every_hash)
    if every_hash:
        with contextlib.suppress(IntegrityError):  # its bytes say what it is, weights or not
            return _with_weights(file, reading, wanted=True)
    return file


def _with_weights(file: Identified, reading: Reading, *, wanted: bool) -> Identified:
    """Say what a file's weights are, and take their fingerprint where it can tell anything."""
    from vaehub.weights.architectures import examine
    from vaehub.weights.found import Found
    from vaehub.weights.tensors import read_tensors

    shapes = {k: s.shape for k, s in read_tensors(file.seen.path).stored.items()}
    inside, found = examine(shapes)
    if not isinstance(found, Found) and (found.kind is not None or not inside.shapes):
        return file._replace(message=found.message)  # a model, and no VAE
    path, sha256 = file.seen.path, file.sha256
    if isinstance(found, Found):
        file = file._replace(architecture=found.architecture)
    else:
        file = file._replace(message=found.message)
    if wanted or reading.reader.remembers(sha256) or reading.is_near_any(path):
        file = file._replace(fingerprint=reading.reader.of(path, sha256))
    return file


def _misnamed(file: Identified, known: Mapping[str, Known]) -> Problem | None:
    """Say so where a file goes by the name of other bytes."""
    name = file.seen.path.name.casefold()
    bearers = [
        one
        for one in known.values()
        if one.entries and name in {each.casefold() for each in one.names}
    ]
    if not bearers or any(one.sha256 == file.sha256 for one in bearers) or file.placed_as:
        return None
    usual = " or ".join(dict.fromkeys(one.called for one in bearers))
    return Problem(
        "misnamed",
        f"it has the name of {usual}, and is not that: other bytes",
        where=str(file.seen.path),
        blocking=False,
    )


__all__ = ["Failed", "Identified", "Report", "Seen", "identify"]
