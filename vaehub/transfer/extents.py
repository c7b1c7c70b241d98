"""Which bytes of a file are here, and whose they are.

Pure: knows ranges and owners; no file, no lock, no HTTP. Ranges are half open, and never overlap.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Owner(NamedTuple):
    """Who sent some bytes, and when."""

    source: str
    """Its label."""
    in_this_run: bool


class Extent(NamedTuple):
    """Neighbouring bytes of one owner."""

    start: int
    end: int
    owner: Owner

    @property
    def size(self) -> int:
        """Number of bytes."""
        return self.end - self.start


class Extents:
    """The bytes that are here."""

    def __init__(self, parts: Iterable[Extent] = ()) -> None:
        self._parts: list[Extent] = []
        self.present = 0
        """Number of bytes that are here."""
        for part in parts:
            self.put(part.start, part.end, part.owner)

    @property
    def length(self) -> int:
        """How many bytes are here from the first on, without a gap."""
        reach = 0
        for part in self._parts:
            if part.start > reach:
                break
            reach = part.end
        return reach

    @property
    def parts(self) -> tuple[Extent, ...]:
        """The extents, in order."""
        return tuple(self._parts)

    def put(self, start: int, end: int, owner: Owner) -> None:
        """Note bytes; where some were here already, they have this owner now."""
        if start >= end:
            return
        at = self._after(start)
        last = self._parts[at - 1] if at else None
        next_ = self._parts[at] if at < len(self._parts) else None
        if (last and last.end > start) or (next_ and next_.start < end):
            self.drop(start, end)
            at = self._after(start)
            last = self._parts[at - 1] if at else None
            next_ = self._parts[at] if at < len(self._parts) else None
        self.present += end - start
        if next_ and next_.start == end and next_.owner == owner:
            end = next_.end
            self._parts.pop(at)
        if last and last.end == start and last.owner == owner:
            self._parts[at - 1] = last._replace(end=end)
        else:
            self._parts.insert(at, Extent(start, end, owner))

    def drop(self, start: int, end: int | None = None) -> None:
        """Forget bytes; without an end, all from the start on."""
        kept: list[Extent] = []
        for part in self._parts:
            upto = part.end if end is None else end
            if part.end <= start or part.start >= upto:
                kept.append(part)
                continue
            if part.start < start:
                kept.append(Extent(part.start, start, part.owner))
            if part.end > upto:
                kept.append(Extent(upto, part.end, part.owner))
        self._parts = kept
        self.present = sum(part.size for part in kept)

    def drop_those(self, unwanted: Callable[[Owner], bool]) -> tuple[Extent, ...]:
        """Forget the bytes of some owners; gives what was forgotten."""
        gone = tuple(part for part in self._parts if unwanted(part.owner))
        self._parts = [part for part in self._parts if not unwanted(part.owner)]
        self.present -= sum(part.size for part in gone)
        return gone

    def missing(self, size: int) -> list[tuple[int, int]]:
        """Give the ranges of a file of this size that are not here."""
        return self.gaps(0, size)

    def gaps(self, start: int, end: int) -> list[tuple[int, int]]:
        """Give the parts of a range that are not here."""
        found = []
        for part in self._parts:
            if part.end <= start:
                continue
            if part.start >= end:
                break
            if part.start > start:
                found.append((start, part.start))
            start = part.end
        if start < end:
            found.append((start, end))
        return found

    def owners(self) -> dict[Owner, int]:
        """Give the number of bytes of each owner."""
        sizes: dict[Owner, int] = {}
        for part in self._parts:
            sizes[part.owner] = sizes.get(part.owner, 0) + part.size
        return sizes

    def _after(self, start: int) -> int:
        """Give the index of the first part that begins beyond ``start``."""
        return bisect_right(self._parts, start, key=lambda part: part.start)
