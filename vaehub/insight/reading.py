"""Read files once: for their sha256, and on the same way for a fingerprint that will be wanted.

Also knows all autoencoders that a file's weights can be held against: those of this machine, of the
catalogs, and of the same run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaehub.digests import Digests
from vaehub.errors import IntegrityError
from vaehub.hashing import sha256_of, sha256_of_each

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from vaehub.insight.finding import Seen
    from vaehub.insight.here import Here
    from vaehub.insight.identifying import Identified
    from vaehub.insight.kin import Candidate, Reader
    from vaehub.insight.quoted import Known
    from vaehub.transfer.listener import Listener

_AT_ONCE = 8
"""Files; what was hashed is remembered after so many, so that a kill costs no more."""


class Reading:
    """All that is known, and what has been read in this run."""

    def __init__(
        self, cache: Path, known: Mapping[str, Known], around: Here, *, fingerprints: bool = False
    ) -> None:
        """Make ready; with ``fingerprints``, those of all files will be wanted."""
        self.known = known
        self.around = around
        self._digests = Digests(cache)
        self._cache = cache
        self._wants_all = fingerprints
        self._reader: Reader | None = None
        self._paths: list[Path] = []
        """Files of this run."""
        self._others: list[Candidate] | None = None
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
        self._paths = [seen.path for seen in chosen]
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
        """Hash files; one of unknown size that is near another gives its fingerprint as well."""
        whole = {path for path in paths if not self._may_be_known(path) and self._is_near(path)}
        plain = [path for path in paths if path not in whole]
        answers = dict(zip(plain, sha256_of_each(plain), strict=True))
        for path in whole:
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

    def _is_near(self, path: Path) -> bool:
        try:
            return self._wants_all or self.is_near_any(path)
        except (IntegrityError, OSError):
            return False  # what is wrong with it is told where it is described

    def is_near_any(self, path: Path) -> bool:
        """Say whether a file's weights may have to do with any that are known, or of this run.

        Raises:
            IntegrityError: the file is no model.
            OSError: it cannot be read.
        """
        if self._others is None:
            from vaehub.insight.kin import Candidate

            beside = [Candidate(str(each), each, None, is_named=False) for each in self._paths]
            self._others = [*self.candidates(()), *beside]
        return self.reader.is_near_any(path, self._others)

    def _read(self, path: Path) -> str:
        try:
            return self.reader.read(path)
        except IntegrityError:
            return sha256_of(path)

    def candidates(self, files: Sequence[Identified]) -> list[Candidate]:
        """Give all autoencoders that a file may be related to."""
        from vaehub.insight.kin import Candidate, of_catalog

        found: dict[str, Candidate] = {}
        for sha256 in self.around.all():
            name = self._called(sha256)
            path = self.around.path_of(sha256)
            found[sha256] = Candidate(name or sha256[:10], path, sha256, is_named=name is not None)
        for file in files:
            if file.message is None:
                name = self._called(file.sha256)
                told = name or str(file.seen.path)
                found.setdefault(
                    file.sha256,
                    Candidate(told, file.seen.path, file.sha256, is_named=name is not None),
                )
        for one in self.known.values():
            listed = of_catalog(one.called, one.sha256, one.fingerprint)
            if listed is not None:
                found.setdefault(one.sha256, listed)
        return list(found.values())

    def _called(self, sha256: str) -> str | None:
        """Give the name of bytes that a catalog or a receipt knows."""
        known = self.known.get(sha256)
        if known is not None:
            return known.called
        placed = self.around.installed.get(sha256)
        return f"{placed[0].entry}@{placed[0].variant}".removeprefix("vaehub/") if placed else None

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
