"""Count what the numbers of one tensor show while its bytes come in, without torch.

Gives what :mod:`vaehub.smoke.scan` gives, the copies apart, which take a second look at the file.
With numpy near the disk's speed; without, some hundred times slower. Knows bytes, and no file.
"""

from __future__ import annotations

import heapq
import math
import sys
from typing import TYPE_CHECKING, NamedTuple

from vaehub.smoke.adding import Chunk, Gaps, reader
from vaehub.smoke.statistics import (
    EXACT,
    RUN_WORTH_FINDING,
    TOP,
    Statistics,
    stands_out,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


class Kind(NamedTuple):
    """A type of numbers that is counted."""

    name: str
    """As torch names it."""
    item: int
    """Bytes of one number."""
    smallest: float
    """The smallest normal number."""


KINDS: Mapping[str, Kind] = {
    "F64": Kind("float64", 8, sys.float_info.min),
    "F32": Kind("float32", 4, 2.0**-126),
    "F16": Kind("float16", 2, 2.0**-14),
    "BF16": Kind("bfloat16", 2, 2.0**-126),
    "F8_E4M3": Kind("float8_e4m3fn", 1, 2.0**-6),
    "F8_E5M2": Kind("float8_e5m2", 1, 2.0**-14),
}
"""What can be counted, by safetensors' name of it."""


class Counter:
    """Adds up one tensor, given in whole numbers and in C order."""

    def __init__(self, dtype: str, shape: tuple[int, ...]) -> None:
        """Begin.

        Raises:
            KeyError: numbers of this type are not counted.
        """
        self._kind = KINDS[dtype]
        self._read = reader(dtype)
        self._shape = shape
        self._elements = math.prod(shape)
        self._exact = dtype == "F64" or self._elements <= EXACT
        self._sum = Chunk(0, 0, 0, math.inf, -math.inf, 0.0, 0.0, 0, 0, 0, None, ())
        self._top: list[float] = []
        self._at = 0
        self._open = 0
        """Zeros at the end of what came so far."""
        self._run = (0, 0)

    def add(self, piece: memoryview) -> None:
        """Count a piece."""
        count = len(piece) // self._kind.item
        if not count:
            return
        ninth = self._top[-1] if len(self._top) == TOP else -1.0
        one = self._read(piece, smallest=self._kind.smallest, ninth=ninth, exact=self._exact)
        sum_ = self._sum
        self._sum = Chunk(
            sum_.finite + one.finite,
            sum_.nan + one.nan,
            sum_.inf + one.inf,
            min(sum_.low, one.low),
            max(sum_.high, one.high),
            sum_.total + one.total,
            sum_.squares + one.squares,
            sum_.zeros + one.zeros,
            sum_.denormals + one.denormals,
            sum_.beyond + one.beyond,
            None,
            (),
        )
        self._top = heapq.nlargest(TOP, [*self._top, *one.largest])
        self._follow_runs(one.gaps or Gaps(0, 0, 0, 0), count)
        self._at += count

    def _follow_runs(self, gaps: Gaps, count: int) -> None:
        if gaps.before == count:
            self._open += count
            return
        self._note_run(self._at - self._open, self._open + gaps.before)
        self._note_run(self._at + gaps.start, gaps.length)
        self._open = gaps.behind

    def _note_run(self, start: int, length: int) -> None:
        if length > self._run[1]:
            self._run = (start, length)

    def statistics(self) -> Statistics:
        """Give what came out."""
        one, elements = self._sum, self._elements
        mean = one.total / one.finite if one.finite else math.nan
        std = math.nan
        if one.finite:
            spread = one.squares / one.finite - mean * mean
            std = 0.0 if one.low == one.high else math.sqrt(max(0.0, spread))
        self._note_run(self._at - self._open, self._open)
        largest = max(abs(one.low), abs(one.high)) if one.finite else math.nan
        ninth = None
        if stands_out(largest, elements=elements, std=std):
            ninth = self._top[-1] if len(self._top) == TOP else math.nan
        return Statistics(
            dtype=self._kind.name,
            shape=self._shape,
            elements=elements,
            nan=one.nan,
            inf=one.inf,
            zeros=one.zeros,
            denormals=one.denormals,
            beyond_half=one.beyond,
            minimum=one.low if one.finite else math.nan,
            maximum=one.high if one.finite else math.nan,
            mean=mean,
            std=std,
            zero_run=self._run if RUN_WORTH_FINDING <= one.zeros < elements else None,
            ninth=ninth,
            same_as=None,
            offset=None,
            nbytes=elements * self._kind.item,
        )
