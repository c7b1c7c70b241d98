"""Say which VAE each of some files is: by its bytes, else by its weights.

The order of things: the files are found, hashed (as far as nobody remembers them), held against
what is known by sha256, and only those that nobody knows are held against each other and all others
by fingerprint. Nothing is changed; :mod:`vaehub.insight.dedupe` does that.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from vaehub import walking
from vaehub.digests import Digests
from vaehub.errors import IntegrityError, NotAModel, UsageError, VaehubError
from vaehub.hashing import sha256_of, sha256_of_each
from vaehub.insight import hashes, here, quoted
from vaehub.model import PICKLE_SUFFIXES, Problem
from vaehub.weights.heads import SAFETENSORS_SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vaehub.catalog import Catalogs
    from vaehub.insight.here import Here
    from vaehub.insight.kin import Candidate, Kin, Reader
    from vaehub.insight.quoted import Known
    from vaehub.settings import Settings
    from vaehub.transfer.listener import Listener
    from vaehub.weights.prints import Fingerprint

Status = Literal["known", "recognised", "unknown"]
"""``known``: its bytes are described somewhere; ``recognised``: its weights are those of another
file, or near them; ``unknown``: neither."""
SUFFIXES = SAFETENSORS_SUFFIXES | PICKLE_SUFFIXES
_AT_ONCE = 8


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
    """None where nobody wanted it: the bytes are known."""
    kin: tuple[Kin, ...]
    message: str | None
    """Why nothing is known of its weights: it is a LoRA, or no autoencoder that vaehub knows."""

    @property
    def status(self) -> Status:
        """Say how much is known of it."""
        if self.names or self.known is not None:
            return "known"
        return "recognised" if self.kin and self.kin[0].relation.kind != "distant" else "unknown"

    @property
    def names(self) -> tuple[str, ...]:
        """Give all that these very bytes are: ``catalog/id@variant``."""
        told = self.known.entries if self.known is not None else ()
        return tuple(dict.fromkeys((*told, *self.placed_as)))


class Failed(NamedTuple):
    """A file or a path that could not be identified."""

    path: Path
    error: VaehubError


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
        for file in self.files:
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
    found = _Found()
    for path in paths:
        found.add(path)
    known = quoted.index(catalogs)
    around = here.look_around(settings)
    reading = _Reading(settings.cache, known, around)
    digests = reading.digests(found.files, listener)
    done: list[Identified] = []
    for seen in found.files:
        digest = digests[seen.identity]
        if isinstance(digest, OSError):
            _unreadable(found, seen, digest)
            continue
        try:
            done.append(_describe(seen, digest, reading, every_hash=every_hash))
        except IntegrityError as error:
            found.refuse(seen, error)
        except OSError as error:
            _unreadable(found, seen, error)
    reading.relate(done)
    named = [_misnamed(file, known, catalogs) for file in done]
    return Report(
        tuple(done),
        tuple(found.failed),
        (*found.problems, *(problem for problem in named if problem is not None)),
        found.passed_by,
    )


class _Found:
    """Files to look at, each path once, and what went wrong on the way."""

    def __init__(self) -> None:
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
            for inner, stat in walking.files_below(path, self.problems):
                if inner.suffix.lower() in SUFFIXES:
                    self._add(Seen(inner, stat, named=False))
                else:
                    self.passed_by += 1
        elif path.is_file():
            self._add(Seen(path, stat, named=True))
        else:
            self.failed.append(Failed(path, UsageError(f"{path} is neither a file nor a folder")))

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


def _unreadable(found: _Found, seen: Seen, error: OSError) -> None:
    if seen.named:
        reason = error.strerror or str(error)
        hint = "check its owner and its permissions"
        found.failed.append(
            Failed(seen.path, UsageError(f"cannot read {seen.path}: {reason}", hint=hint))
        )
    else:
        found.problems.append(walking.unreadable(seen.path, error))


class _Reading:
    """All that is known, and what has been read in this run."""

    def __init__(self, cache: Path, known: Mapping[str, Known], around: Here) -> None:
        self.known = known
        self.around = around
        self._digests = Digests(cache)
        self._cache = cache
        self._reader: Reader | None = None
        self._sizes = {one.size for one in known.values()} | {
            receipt.size for placed in around.installed.values() for receipt in placed
        }

    @property
    def reader(self) -> Reader:
        """Give what reads fingerprints, which is imported where one is wanted."""
        if self._reader is None:
            from vaehub.insight.kin import Reader

            self._reader = Reader(self._cache)
        return self._reader

    def digests(
        self, files: Sequence[Seen], listener: Listener
    ) -> dict[tuple[int, int], str | OSError]:
        """Hash files, those with several names once; what nobody remembers is read."""
        first: dict[tuple[int, int], Seen] = {}
        for seen in files:
            first.setdefault(seen.identity, seen)
        chosen = list(first.values())
        label = "reading"
        done = 0
        if chosen:
            listener.started(label, sum(seen.stat.st_size for seen in chosen), 0)
        answers: dict[tuple[int, int], str | OSError] = {}
        for at in range(0, len(chosen), _AT_ONCE):
            batch = chosen[at : at + _AT_ONCE]
            told = self._digests.of_each([seen.path for seen in batch], by=self._hash)
            answers.update(zip((seen.identity for seen in batch), told, strict=True))
            done += sum(seen.stat.st_size for seen in batch)
            listener.advanced(label, done)
        if chosen:
            listener.finished(label)
        return answers

    def _hash(self, paths: Sequence[Path]) -> list[str | OSError]:
        """Hash files; one that by its size nobody knows gives its fingerprint on the same way."""
        unsized = {path for path in paths if not self._may_be_known(path)}
        plain = [path for path in paths if path not in unsized]
        answers = dict(zip(plain, sha256_of_each(plain), strict=True))
        for path in unsized:
            try:
                answers[path] = self._read(path)
            except OSError as error:
                answers[path] = error
        return [answers[path] for path in paths]

    def _may_be_known(self, path: Path) -> bool:
        try:
            return path.stat().st_size in self._sizes
        except OSError:
            return True

    def _read(self, path: Path) -> str:
        try:
            return self.reader.read(path)
        except IntegrityError:
            return sha256_of(path)  # what is wrong with it is told where it is described

    def candidates(self, files: Sequence[Identified]) -> list[Candidate]:
        """Give all autoencoders that a file may be related to."""
        from vaehub.insight.kin import Candidate, of_catalog

        found: dict[str, Candidate] = {}
        for sha256 in self.around.all():
            found[sha256] = Candidate(self._called(sha256), self.around.path_of(sha256), sha256)
        for file in files:
            if file.message is None:
                name = self._called(file.sha256, otherwise=str(file.seen.path))
                found.setdefault(file.sha256, Candidate(name, file.seen.path, file.sha256))
        for one in self.known.values():
            listed = of_catalog(one.called, one.sha256, one.fingerprint)
            if listed is not None:
                found.setdefault(one.sha256, listed)
        return list(found.values())

    def _called(self, sha256: str, *, otherwise: str | None = None) -> str:
        known = self.known.get(sha256)
        if known is not None:
            return known.called
        placed = self.around.installed.get(sha256)
        if placed:
            return f"{placed[0].entry}@{placed[0].variant}".removeprefix("vaehub/")
        return otherwise or sha256[:10]

    def relate(self, files: list[Identified]) -> None:
        """Say of each file whose bytes nobody knows what its weights are."""
        unknown = [at for at, file in enumerate(files) if file.fingerprint is not None]
        if not unknown:
            return
        candidates = self.candidates(files)
        for at in unknown:
            file = files[at]
            assert file.fingerprint is not None
            others = [one for one in candidates if one.sha256 != file.sha256]
            kin = self.reader.kin(file.fingerprint, others)
            files[at] = file._replace(kin=tuple(kin))


def _describe(seen: Seen, sha256: str, reading: _Reading, *, every_hash: bool) -> Identified:
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
        return _with_fingerprint(file, reading.reader)
    if every_hash:
        with contextlib.suppress(IntegrityError):  # its bytes say what it is, weights or not
            return _with_fingerprint(file, reading.reader)
    return file


def _with_fingerprint(file: Identified, reader: Reader) -> Identified:
    from vaehub.weights.architectures import examine
    from vaehub.weights.found import Found
    from vaehub.weights.tensors import read_tensors

    shapes = {k: s.shape for k, s in read_tensors(file.seen.path).stored.items()}
    inside, found = examine(shapes)
    if not isinstance(found, Found) and (found.kind is not None or not inside.shapes):
        return file._replace(message=found.message)  # a model, and no VAE
    fingerprint = reader.of(file.seen.path, file.sha256)
    message = None if isinstance(found, Found) else found.message
    return file._replace(
        fingerprint=fingerprint, architecture=fingerprint.architecture, message=message
    )


def _misnamed(file: Identified, known: Mapping[str, Known], catalogs: Catalogs) -> Problem | None:
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


__all__ = ["Failed", "Identified", "NotAModel", "Report", "Seen", "identify"]
