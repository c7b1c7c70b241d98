"""Hold targets against a lock: each file of the lock, and each file that it does not name.

First everything is looked at, then what must be read is read, several files at once, and then it is
judged (:mod:`vaehub.provision.judging`). Changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vaehub import receipts
from vaehub.errors import NotAModel, UnsafePickle
from vaehub.hashing import Hashes
from vaehub.provision import judging, surveying
from vaehub.provision.audited import Audited, AuditResult, Located

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from vaehub.model import Receipt
    from vaehub.provision.judging import Wanted
    from vaehub.provision.lock import Lock
    from vaehub.provision.places import Placed
    from vaehub.provision.surveying import Expected, Other, Standing, Survey


def audit(
    lock: Lock,
    places: Sequence[Placed],
    *,
    neighbours: Sequence[Placed] = (),
    deep: bool = True,
    allow_foreign: bool = False,
) -> AuditResult:
    """Hold targets against a lock.

    Args:
        lock: What is right.
        places: The targets.
        neighbours: Other targets of the lock: what belongs to them is left alone where they share a
            folder with one of these.
        deep: Hash every file; otherwise those whose size, mtime and inode are as their receipts
            have it are believed.
        allow_foreign: Foreign models are counted, and are no problem.
    """
    return _Audit(lock, places, neighbours, deep=deep, allow_foreign=allow_foreign).result()


class _Row(NamedTuple):
    """A file that should be there, and what is there."""

    expected: Expected
    receipt: Receipt | None
    right: Wanted
    standing: Standing


class _Unnamed(NamedTuple):
    """A file that vaehub placed for a target, and that no row is about."""

    receipt: Receipt
    key: str
    stat: os.stat_result


class _Audit:
    """One audit: what was seen and read so far."""

    def __init__(
        self,
        lock: Lock,
        places: Sequence[Placed],
        neighbours: Sequence[Placed],
        *,
        deep: bool,
        allow_foreign: bool,
    ) -> None:
        self._deep, self._allow_foreign = deep, allow_foreign
        self._keys = surveying.Keys()
        self._surveys = [surveying.survey(place, lock, self._keys) for place in places]
        named = [one for survey in self._surveys for one in survey.expected]
        named += [one for place in neighbours for one in surveying.expected(place, lock)]
        self._named = {self._keys.of(one.path) for one in named}
        self._hashes = Hashes()
        self._told: set[str] = set()
        """Files that were told of: of two UIs that share a folder, under the first."""

    def result(self) -> AuditResult:
        """Look, read, and judge."""
        rows = [[self._row(one, survey) for one in survey.expected] for survey in self._surveys]
        unnamed = [list(self._unnamed(survey)) for survey in self._surveys]
        self._hashes.read(self._to_read(rows, unnamed))
        judged = [
            list(self._judge(survey, of_lock, ours))
            for survey, of_lock, ours in zip(self._surveys, rows, unnamed, strict=True)
        ]
        # What one of the targets has under another name is foreign in none that shares its folder.
        files = [
            file
            for survey, of_target in zip(self._surveys, judged, strict=True)
            for file in (*of_target, *self._foreign(survey))
        ]
        return AuditResult(
            tuple(survey.place for survey in self._surveys),
            tuple(files),
            tuple(
                Located(one, survey.place) for survey in self._surveys for one in survey.problems
            ),
        )

    def _row(self, expected: Expected, survey: Survey) -> _Row:
        receipt = survey.receipts.get(self._keys.of(expected.path))
        right = judging.wanted(expected, receipt)
        return _Row(expected, receipt, right, surveying.look(expected.path))

    def _unnamed(self, survey: Survey) -> Iterator[_Unnamed]:
        for key, receipt in survey.receipts.items():
            if key in self._named or not surveying.is_of(receipt, survey.place):
                continue
            stat = surveying.look(receipt.path).stat
            if stat is not None:
                yield _Unnamed(receipt, key, stat)

    def _to_read(
        self, rows: Sequence[Sequence[_Row]], unnamed: Sequence[Sequence[_Unnamed]]
    ) -> Iterator[tuple[Path, os.stat_result]]:
        """Give what only its bytes can tell: a wrong size tells by itself."""
        for row in (one for of_one in rows for one in of_one):
            stat, receipt, right = row.standing.stat, row.receipt, row.right
            if stat is None or not self._is_unsure(receipt, stat):
                continue
            sizes = {right.size} if right.sha256 is not None else set()
            sizes |= {receipt.size} if receipt is not None else set()
            if stat.st_size in sizes or None in sizes:
                yield row.expected.path, stat
        for one in (one for of_one in unnamed for one in of_one):
            if one.stat.st_size == one.receipt.size and self._is_unsure(one.receipt, one.stat):
                yield one.receipt.path, one.stat

    def _is_unsure(self, receipt: Receipt | None, stat: os.stat_result) -> bool:
        return self._deep or receipt is None or not receipts.stat_matches(receipt, stat)

    def _content(self, receipt: Receipt | None, stat: os.stat_result) -> str | OSError | None:
        """Give a file's sha256; None where its size alone was enough."""
        read = self._hashes.of(stat)
        if read is None and receipt is not None and not self._is_unsure(receipt, stat):
            return receipt.sha256
        return read

    def _judge(
        self, survey: Survey, rows: Sequence[_Row], unnamed: Sequence[_Unnamed]
    ) -> Iterator[Audited]:
        judged = [self._state(row) for row in rows]
        extras = [file for one in unnamed for file in self._extra(one, survey)]
        lost = {
            at: row
            for at, (row, file) in enumerate(zip(rows, judged, strict=True))
            if file.state in {"missing", "replaced"} and row.right.sha256 is not None
        }
        found = self._search(lost, self._left(survey))
        for at, (row, file) in enumerate(zip(rows, judged, strict=True)):
            yield _told(row, file, found.get(at))
        self._told.update(self._keys.of(path) for path in found.values())
        yield from extras

    def _left(self, survey: Survey) -> list[Other]:
        """Give the files that nothing was said of yet, and that belong to no other target."""
        theirs = {
            key
            for key, receipt in survey.receipts.items()
            if key not in self._named and not surveying.is_of(receipt, survey.place)
        }
        known = self._named | theirs | self._told
        return [one for one in survey.others if one.key not in known]

    def _state(self, row: _Row) -> Audited:
        """Judge a file of the lock, as yet without words."""
        standing, content = row.standing, None
        if standing.stat is not None:
            read = self._content(row.receipt, standing.stat)
            if isinstance(read, FileNotFoundError):  # somebody has just removed it
                standing = surveying.Standing()
            elif isinstance(read, OSError):
                standing = surveying.Standing(trouble=read)
            else:
                content = read
        return Audited(
            row.expected.place,
            row.expected.path,
            judging.state(row.right, standing, row.receipt, content),
            judging.unreadable(row.expected.path, standing.trouble) if standing.trouble else None,
            row.expected,
            row.receipt,
            standing.stat.st_size if standing.stat is not None else None,
            content,
        )

    def _extra(self, one: _Unnamed, survey: Survey) -> Iterator[Audited]:
        """Judge a file that we placed; one that changed since is no longer ours, but foreign."""
        read = self._content(one.receipt, one.stat)
        if one.key in self._told or isinstance(read, FileNotFoundError):
            return
        path = one.receipt.path
        file = Audited(survey.place, path, "extra", receipt=one.receipt, size=one.stat.st_size)
        if isinstance(read, OSError):
            problem = judging.unreadable(path, read)
            file = file._replace(state="unreadable", problem=problem)
        elif read == one.receipt.sha256:
            file = file._replace(problem=judging.extra(one.receipt), sha256=read)
        else:
            return
        self._told.add(one.key)
        yield file

    def _search(self, lost: Mapping[int, _Row], left: Sequence[Other]) -> Mapping[int, Path]:
        """Find the bytes of files that are not under their own names."""
        sizes = {row.right.size for row in lost.values()}
        alike = [other for other in left if other.stat.st_size in sizes]
        known = {
            (at, other.key)
            for at, row in lost.items()
            for other in alike
            if row.receipt is not None
            and row.receipt.sha256 == row.right.sha256
            and not self._is_unsure(row.receipt, other.stat)
        }
        sure = {key for _, key in known}
        self._hashes.read((one.path, one.stat) for one in alike if one.key not in sure)
        found = {}
        for at, row in lost.items():
            same = [
                one
                for one in alike
                if (at, one.key) in known or self._hashes.of(one.stat) == row.right.sha256
            ]
            if same:
                # The very file rather than a copy of it.
                inode = row.receipt.inode if row.receipt is not None else None
                best = min(same, key=lambda one: (one.stat.st_ino != inode, one.path))
                found[at] = best.path
        return found

    def _foreign(self, survey: Survey) -> Iterator[Audited]:
        for other in self._left(survey):
            if not other.is_model:
                continue
            self._told.add(other.key)
            receipt = survey.receipts.get(other.key)
            size = other.stat.st_size
            problem = judging.foreign(other.path, size, was_ours=receipt is not None)
            yield Audited(
                survey.place,
                other.path,
                "foreign",
                None if self._allow_foreign else problem,
                receipt=receipt,
                size=size,
            )


def _told(row: _Row, file: Audited, at: Path | None) -> Audited:
    """Put the state of a file of the lock into words; ``at``: where its bytes stand instead."""
    expected, right, path = row.expected, row.right, file.path
    match file.state:
        case "missing" if at is not None:
            problem = judging.renamed(expected, right, at)
            return file._replace(state="renamed", problem=problem)
        case "missing":
            return file._replace(problem=judging.missing(expected, right))
        case "changed":
            unsound = _unsound(path, NotAModel, UnsafePickle)
            problem = judging.changed(expected, right, row.standing, file.sha256, unsound=unsound)
            return file._replace(problem=problem)
        case "replaced":
            unsound = _unsound(path, NotAModel) if row.standing.stat is not None else None
            problem = judging.replaced(
                expected, right, row.standing, file.sha256, unsound=unsound, at=at
            )
            return file._replace(problem=problem)
        case "outdated":
            assert row.receipt is not None
            return file._replace(problem=judging.outdated(expected, right, row.receipt))
        case "not-installed-by-vaehub":
            return file._replace(problem=judging.not_ours(expected))
    return file


def _unsound(path: Path, *kinds: type[Exception]) -> str | None:
    """Say why a file is no model that a UI could load; None where it may be one."""
    from vaehub.weights import check_file

    try:
        check_file(path, name=path.name)
    except (NotAModel, UnsafePickle) as error:
        return error.message if isinstance(error, kinds) else None
    except OSError:
        return None
    return None
