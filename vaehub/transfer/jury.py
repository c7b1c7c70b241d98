"""Which of the sources of one file send the same bytes, by a sample of each.

Pure: knows bytes and who sent them; asks nobody, gives nothing up. With two of different minds
nobody can say who is right: the one that came later stands aside until a third agrees with it. Nor
is a majority a proof: whoever is outvoted has no part in this any more, but may be asked again
should the digest of the whole be wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vaehub.transfer.extents import Extent
    from vaehub.transfer.lane import Lane

SAMPLE = 64 * 1024
"""Bytes of a source that joins which are held against those of the others."""


class Verdict(NamedTuple):
    """What a sample has shown."""

    agrees: bool
    """Whether the source may send more."""
    outvoted: Sequence[tuple[Lane, bytes]] = ()
    """Sources that differ from what is held right now, each with its sample."""
    recalled: Lane | None = None
    """Who stood aside alone with this sample until now: all that is here is held wrong."""


class Jury:
    """The samples of one file so far; the caller holds a lock."""

    def __init__(self) -> None:
        self.sampled: tuple[int, int] | None = None
        """Which bytes are compared."""
        self.aside: dict[bytes, Lane] = {}
        """Sources whose sample differs from what is here, by that sample."""
        self._agreed = False
        """Whether a second source has sent that sample too."""

    def sample_for(self, lane: Lane, parts: Sequence[Extent]) -> tuple[int, int] | None:
        """Say which bytes to compare; None where there are none that others have sent.

        Args:
            lane: A source that joins.
            parts: What is here, and whose it is.
        """
        if self.sampled is None or not has(parts, *self.sampled):
            self.sampled = _choose(lane, parts)
            self._agreed = False
        if self.sampled is None or lane.label in _senders(parts, *self.sampled):
            return None  # nobody can vouch for himself
        return self.sampled

    def recall(self, parts: Sequence[Extent]) -> list[Lane]:
        """Let those show a sample anew who stood aside, where what they differed from is gone."""
        if self.sampled is not None and has(parts, *self.sampled):
            return []
        recalled = list(self.aside.values())
        self.aside.clear()
        return recalled

    def hear(self, lane: Lane, theirs: bytes, here: bytes) -> Verdict:
        """Hold the sample of a source against what is here."""
        second = None if theirs == here else self.aside.pop(theirs, None)
        agrees = theirs == here or second is not None
        if not agrees and not self._agreed:
            self.aside[theirs] = lane
            return Verdict(agrees=False)
        outvoted = [(other, sample) for sample, other in self.aside.items()]
        self.aside.clear()
        self._agreed = True
        if not agrees:
            outvoted.append((lane, theirs))
        return Verdict(agrees, outvoted, second)


def has(parts: Sequence[Extent], start: int, end: int) -> bool:
    """Tell whether all of these bytes are here, of one sender."""
    return any(part.start <= start and end <= part.end for part in parts)


def _senders(parts: Sequence[Extent], start: int, end: int) -> set[str]:
    return {part.owner.source for part in parts if part.start < end and start < part.end}


def _choose(lane: Lane, parts: Sequence[Extent]) -> tuple[int, int] | None:
    """Choose bytes that others have sent: from the middle of the most that one has."""
    theirs = [part for part in parts if part.owner.source != lane.label]
    largest = max(theirs, key=lambda part: part.size, default=None)
    if largest is None or largest.size < SAMPLE:
        return None
    start = largest.start + (largest.size - SAMPLE) // 2
    return start, start + SAMPLE
