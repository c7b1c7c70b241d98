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
        self._known: dict[str, Fingerprint | None] = {}
        self._outlines: dict[Path, Mapping[str, str]] = {}
        self._sketches: dict[Path, Mapping[str, bytes] | None] = {}

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
        known = self._known.get(sha256) or remembered.recall(self._cache, sha256)
        if known is not None:
            self._known[sha256] = known
            return known
        if self.read(path) != sha256:
            raise IntegrityError(
                f"{path}: holds other bytes than a moment ago",
                hint="something writes to it; wait, then try again",
            )
        found = self._known[sha256]
        assert found is not None
        return found

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

    def _comparable(self, mine: Fingerprint, other: Candidate) -> Fingerprint | None:
        """Read the fingerprint of a file that has the names and shapes of this autoencoder."""
        if other.path is None or other.sha256 is None:
            return None
        known = self._known.get(other.sha256) or remembered.recall(self._cache, other.sha256)
        if known is not None:
            return known
        if other.sha256 in self._known:
            return None  # was looked at, and is none
        try:
            if other.path not in self._outlines:
                self._look(other.path)
            if not self._may_be_near(mine, other.path):
                return None
            return self.of(other.path, other.sha256)
        except (IntegrityError, OSError):
            self._known[other.sha256] = None
            return None

    def _look(self, path: Path) -> None:
        tensors = read_tensors(path)
        named = canonical({key: stored.shape for key, stored in tensors.stored.items()})
        self._outlines[path] = outlines(named)
        self._sketches[path] = read_sketches(tensors, named)

    def _may_be_near(self, mine: Fingerprint, path: Path) -> bool:
        """Say whether any half is of the same shapes, and not far from this one's."""
        sketches = self._sketches[path]
        for half, outline in self._outlines[path].items():
            side = mine.sides.get(half)
            if side is None or side.outline != outline:
                continue
            away = sketch.distance([(side.sketch, sketches[half])]) if sketches else None
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
