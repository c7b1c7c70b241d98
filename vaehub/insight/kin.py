"""Find out which known autoencoder a file's weights are, or are near.

Held against each other are fingerprints: those of what is on this machine, those in the catalogs,
and those of the other files that were asked about. A file is read for its fingerprint only where
its names and shapes are those of the other, and some thousand of its numbers near the other's; and
never twice (:mod:`vaehub.insight.remembered`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vaehub.errors import IntegrityError
from vaehub.insight import remembered
from vaehub.weights import prints, sketch
from vaehub.weights.canonical import canonical
from vaehub.weights.fingerprint import outlines, read_fingerprint
from vaehub.weights.relation import Relation, relate
from vaehub.weights.sampling import read_sketches
from vaehub.weights.tensors import read_tensors

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from vaehub.weights.prints import Fingerprint

KEPT = 5
"""Relations of one file that are told, the nearest first."""


class Kin(NamedTuple):
    """Another autoencoder, and what a file's is to it."""

    name: str
    """``catalog/id@variant``, or a path."""
    path: Path | None
    """Where it lies on this machine; None where only the catalog tells of it."""
    sha256: str | None
    relation: Relation
    is_named: bool
    """Whether a catalog or a receipt says what the other one is; else it is but a file, too."""


class Candidate(NamedTuple):
    """What a file is held against."""

    name: str
    path: Path | None
    sha256: str | None
    is_named: bool
    """As for :class:`Kin`."""
    fingerprint: Fingerprint | None = None
    """Where it is known without the file."""


class Reader:
    """Reads fingerprints, each once, and remembers them beyond this run."""

    def __init__(self, cache: Path) -> None:
        self._cache = cache
        self._known: dict[str, Fingerprint] = {}
        self._glances: dict[Path, Mapping[str, Glance]] = {}

    def read(self, path: Path) -> str:
        """Read a file at once for its sha256 and its fingerprint, and give the former.

        Raises:
            IntegrityError: there is no autoencoder in it.
            OSError: it cannot be read.
        """
        done = read_fingerprint(read_tensors(path))
        self._keep(done.sha256, done.fingerprint)
        return done.sha256

    def of(self, path: Path, sha256: str) -> Fingerprint:
        """Give the fingerprint of a file whose sha256 is known.

        Raises:
            IntegrityError: there is no autoencoder in it, or it holds other bytes by now.
            OSError: it cannot be read.
        """
        known = self._recall(sha256)
        if known is not None:
            return known
        if self.read(path) != sha256:
            raise IntegrityError(
                f"{path}: holds other bytes than a moment ago",
                hint="something writes to it; wait, then try again",
            )
        return self._known[sha256]

    def _keep(self, sha256: str, fingerprint: Fingerprint) -> None:
        self._known[sha256] = fingerprint
        remembered.remember(self._cache, sha256, fingerprint)

    def kin(self, mine: Fingerprint, others: Iterable[Candidate]) -> list[Kin]:
        """Say what an autoencoder is to each of others; unrelated ones are left out."""
        found = []
        for other in others:
            theirs = other.fingerprint or self._comparable(mine, other)
            if theirs is None:
                continue
            relation = relate(mine, theirs)
            if relation.kind != "unrelated":
                found.append(Kin(other.name, other.path, other.sha256, relation, other.is_named))
        return sorted(found, key=_nearest)[:KEPT]

    def is_near_any(self, path: Path, others: Iterable[Candidate]) -> bool:
        """Say whether a file's weights may have to do with any of others.

        Told by names, shapes and some thousand numbers of each; where of another one only digests
        are known, it may.

        Raises:
            IntegrityError: the file is no model.
            OSError: it cannot be read.
        """
        mine = self._look(path)
        for other in others:
            if other.fingerprint is not None:
                return True
            if other.path is not None and other.path != path:
                theirs = self._glance(other)
                if theirs is not None and _may_be_near(mine, theirs):
                    return True
        return False

    def glances(self, others: Iterable[Candidate]) -> dict[str, Mapping[str, Glance]]:
        """Give by name what is told of others without reading all of them."""
        found = {}
        for other in others:
            if other.fingerprint is not None:
                found[other.name] = glanced(other.fingerprint)
            elif other.path is not None:
                theirs = self._glance(other)
                if theirs is not None:
                    found[other.name] = theirs
        return found

    def remembers(self, sha256: str) -> bool:
        """Say whether the fingerprint of a file is known without reading the file."""
        return self._recall(sha256) is not None

    def _recall(self, sha256: str | None) -> Fingerprint | None:
        if sha256 is None:
            return None
        known = self._known.get(sha256) or remembered.recall(self._cache, sha256)
        if known is not None:
            self._known[sha256] = known
        return known

    def _comparable(self, mine: Fingerprint, other: Candidate) -> Fingerprint | None:
        """Read the fingerprint of a file that may be near this autoencoder."""
        if other.path is None or other.sha256 is None:
            return None
        known = self._recall(other.sha256)
        if known is not None:
            return known
        theirs = self._glance(other)
        if theirs is None or not _may_be_near(glanced(mine), theirs):
            return None
        try:
            return self.of(other.path, other.sha256)
        except (IntegrityError, OSError):
            return None

    def _glance(self, other: Candidate) -> Mapping[str, Glance] | None:
        known = self._recall(other.sha256)
        if known is not None:
            return glanced(known)
        assert other.path is not None
        try:
            return self._look(other.path)
        except (IntegrityError, OSError):
            self._glances[other.path] = {}
            return None

    def _look(self, path: Path) -> Mapping[str, Glance]:
        if path not in self._glances:
            tensors = read_tensors(path)
            named = canonical({key: stored.shape for key, stored in tensors.stored.items()})
            sketches = read_sketches(tensors, named)
            self._glances[path] = {
                half: Glance(outline, sketches[half] if sketches is not None else None)
                for half, outline in outlines(named).items()
            }
        return self._glances[path]


class Glance(NamedTuple):
    """What is told of one half without reading all of it."""

    outline: str
    sketch: bytes | None
    """None where the file would have to be read for it."""


def glanced(fingerprint: Fingerprint) -> Mapping[str, Glance]:
    """Give of a fingerprint what is told of each half without it."""
    return {half: Glance(side.outline, side.sketch) for half, side in fingerprint.sides.items()}


def _may_be_near(mine: Mapping[str, Glance], theirs: Mapping[str, Glance]) -> bool:
    """Say whether any half is of the same shapes, and not far from the other's."""
    for half, one in mine.items():
        other = theirs.get(half)
        if other is None or one.outline != other.outline:
            continue
        if one.sketch is None or other.sketch is None:
            return True
        away = sketch.distance([(one.sketch, other.sketch)])
        if away is None or away < sketch.FAR:
            return True
    return False


def of_catalog(name: str, sha256: str, record: Mapping[str, object] | None) -> Candidate | None:
    """Make a candidate of a fingerprint that stands in a catalog."""
    fingerprint = prints.from_json(dict(record)) if record is not None else None
    if fingerprint is None:
        return None
    return Candidate(name, None, sha256, is_named=True, fingerprint=fingerprint)


def _nearest(kin: Kin) -> tuple[int, bool, float, str]:
    away = kin.relation.distance
    return (kin.relation.rank, not kin.is_named, away if away is not None else 9.0, kin.name)
