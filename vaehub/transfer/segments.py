"""Who fetches which bytes: pieces of a file handed to several connections.

Pure: knows ranges and workers, no HTTP, no files, no threads (the caller holds a lock). Pieces are
handed out from the front, so that a hasher which follows the contiguous bytes never waits long;
large while much is missing and small near the end (guided self-scheduling), and when nothing is
left to hand out, the largest piece on its way is split and its second half given away.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MIB = 1024 * 1024
SMALLEST = 2 * MIB
LARGEST = 16 * MIB
WORTH_SPLITTING = MIB
"""A piece with less than twice this to go is left to whoever has it."""


@dataclass(slots=True, eq=False)
class Piece:
    """A range that one worker fetches; its end may be lowered while it does."""

    position: int
    """The next byte to come."""
    end: int

    @property
    def left(self) -> int:
        """Bytes still to come."""
        return self.end - self.position


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

    def take(self, workers: int) -> Piece | None:
        """Hand a piece to a worker.

        Args:
            workers: How many there are.

        Returns:
            None where nothing is worth another connection.
        """
        if self._free:
            first = self._free[0]
            guided = self.unassigned // (2 * max(1, workers))
            size = min(max(guided, SMALLEST), LARGEST, first[1] - first[0])
            piece = Piece(first[0], first[0] + size)
            first[0] += size
            if first[0] == first[1]:
                self._free.pop(0)
        else:
            slowest = max(self._active, key=lambda active: active.left, default=None)
            if slowest is None or slowest.left < 2 * WORTH_SPLITTING:
                return None
            middle = slowest.position + slowest.left // 2
            piece = Piece(middle, slowest.end)
            slowest.end = middle
        self._active.append(piece)
        return piece

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
