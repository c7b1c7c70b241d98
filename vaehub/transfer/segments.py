"""Who fetches which bytes: pieces of a file handed to several connections.

Pure: knows ranges and speeds, no HTTP, no files, no threads (the caller holds a lock). Pieces are
handed out from the front, so that a hasher which follows the contiguous bytes never waits long;
large while much is missing and small near the end (guided self-scheduling, Polychronopoulos and
Kuck 1987), in proportion to how fast each worker has been. When nothing is left to hand out, the
piece that would be ready last is split where both halves end at the same time; one that merely
drips is taken over.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MIB = 1024 * 1024
SMALLEST = MIB
"""Near the end."""
SMALLEST_AFAR = 2 * MIB
"""The same, where hosts take long to answer."""
WAITS = 4
"""A piece takes so many times as long as the host took to answer, unless that is too much."""
LARGEST = 16 * MIB
TINIEST = 256 * 1024
"""Not worth a request of its own below that."""
SLOW = 0.5
"""Of what a worker gets on average; one that gets less than that is not to hold up the hasher."""
SLOW_SECONDS = 1.0
"""For each of its pieces."""
WORTH_SPLITTING = 0.3
"""Seconds; a piece that is ready sooner is left to whoever has it."""
HOPELESS = 2.0
"""Seconds; a piece that is not ready sooner is taken over whole, where there is nothing to share:
what drips would never end."""


class Piece:
    """A range that one worker fetches; its end may be lowered while it does."""

    __slots__ = ("end", "position", "rate", "wait")

    def __init__(self, position: int, end: int, rate: float = 0.0) -> None:
        self.position = position
        """The next byte to come."""
        self.end = end
        self.rate = rate
        """Bytes a second at which it comes; 0: not known yet."""
        self.wait = 0.0
        """Seconds that the host took to answer."""

    @property
    def left(self) -> int:
        """Bytes still to come."""
        return self.end - self.position

    @property
    def time_left(self) -> float:
        """Seconds until it is ready; infinite while its speed is not known."""
        if not self.left:
            return 0.0
        return self.left / self.rate if self.rate else math.inf


class Segments:
    """The missing ranges of a file, and the pieces on their way."""

    def __init__(self, missing: Iterable[tuple[int, int]]) -> None:
        self._free = [[start, end] for start, end in sorted(missing) if start < end]
        self._active: list[Piece] = []

    @property
    def unassigned(self) -> int:
        """Bytes that nobody fetches yet."""
        return sum(end - start for start, end in self._free)

    @property
    def done(self) -> bool:
        """Whether every byte has come."""
        return not self._free and not any(piece.left for piece in self._active)

    def add(self, missing: Iterable[tuple[int, int]]) -> None:
        """Have these bytes fetched too; none of them may be missing already."""
        self._free = sorted([*self._free, *([start, end] for start, end in missing)])

    def take(self, workers: int, *, rate: float = 0.0, wait: float = 0.0) -> Piece | None:
        """Hand a piece to a worker.

        Args:
            workers: How many there are.
            rate: Bytes a second that this one has been good for; 0: not known.
            wait: Seconds that its host took to answer the last time.

        Returns:
            None where nothing is worth another connection.
        """
        piece = self._first(workers, rate, wait) if self._free else self._split(rate)
        if piece is not None:
            self._active.append(piece)
        return piece

    def _first(self, workers: int, rate: float, wait: float) -> Piece:
        first = self._free[0]
        guided = self.unassigned // (2 * max(1, workers))
        smallest = max(SMALLEST, min(SMALLEST_AFAR, int(WAITS * wait * rate)))
        largest = LARGEST
        others = [piece.rate for piece in self._active if piece.rate]
        if not rate and others:  # it may be slow, and then whoever hashes would wait for it
            largest = smallest
        elif rate and others:
            share = rate * (len(others) + 1) / (sum(others) + rate)
            guided = int(guided * share)
            smallest = max(TINIEST, int(smallest * min(1.0, share)))
            largest = max(TINIEST, int(LARGEST * min(1.0, share)))
            if share < SLOW:
                largest = max(TINIEST, min(largest, int(rate * SLOW_SECONDS)))
        size = min(max(guided, smallest), largest, first[1] - first[0])
        piece = Piece(first[0], first[0] + size, rate)
        first[0] += size
        if first[0] == first[1]:
            self._free.pop(0)
        return piece

    def _split(self, rate: float) -> Piece | None:
        last = max(self._active, key=lambda piece: (piece.time_left, piece.left), default=None)
        if last is None or last.time_left < WORTH_SPLITTING:
            return None
        share = rate / (rate + last.rate) if rate and last.rate else 0.5
        size = int(last.left * share)
        if last.left - size < TINIEST and self._is_hopeless(last, rate):
            size = last.left
        elif size < TINIEST:  # what the other keeps may be less: it has its answer already
            return None
        piece = Piece(last.end - size, last.end, rate)
        last.end -= size
        return piece

    def _is_hopeless(self, piece: Piece, rate: float) -> bool:
        """Tell whether somebody else would be ready much sooner with all that is left.

        Whose speed is not known is new, or was ready each time before it could be measured.
        """
        drips = piece.rate > 0 and piece.time_left > HOPELESS
        return drips and (not rate or rate > 4 * piece.rate)

    def take_over(self, piece: Piece) -> Piece:
        """Hand everything that is left of a piece, whose worker has stalled, to another worker."""
        taken = Piece(piece.position, piece.end)
        piece.end = piece.position
        self._active.append(taken)
        return taken

    def active(self) -> tuple[Piece, ...]:
        """Give the pieces on their way of which something is left."""
        return tuple(piece for piece in self._active if piece.left)

    def advance(self, piece: Piece, count: int) -> int:
        """Note that bytes of a piece came.

        Returns:
            How many of them count: those beyond a lowered end belong to somebody else.
        """
        counted = min(count, piece.left)
        piece.position += counted
        return counted

    def give_back(self, piece: Piece) -> None:
        """End a piece; what is left of it is handed out again."""
        self._active.remove(piece)
        if piece.left:
            self._free.append([piece.position, piece.end])
            self._free.sort()
