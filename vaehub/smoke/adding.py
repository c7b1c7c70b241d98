"""Add up a run of numbers, with numpy or without; both give the same.

Knows bytes, little end first, and nothing of tensors; :mod:`vaehub.smoke.counting` puts the runs of
one together.
"""

from __future__ import annotations

import heapq
import math
import sys
from array import array
from itertools import pairwise
from operator import mul
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from vaehub.smoke.statistics import HALF_LARGEST, TOP

if TYPE_CHECKING:
    from collections.abc import Sequence


class Gaps(NamedTuple):
    """Runs of zeros in a run of numbers."""

    before: int
    """Zeros at its beginning; as many as it has numbers where all are zero."""
    start: int
    length: int
    """Of the longest run between two other numbers."""
    behind: int
    """Zeros at its end."""


class Chunk(NamedTuple):
    """What a run of numbers adds up to; ends and sums are of the finite ones."""

    finite: int
    nan: int
    inf: int
    low: float
    high: float
    total: float
    squares: float
    zeros: int
    denormals: int
    beyond: int
    gaps: Gaps | None
    """Where it is zero; None: nowhere."""
    largest: Sequence[float]
    """Magnitudes that may be among the largest nine."""


class Reader(Protocol):
    """A way to add up."""

    def __call__(self, piece: memoryview, *, smallest: float, ninth: float, exact: bool) -> Chunk:
        """Add up whole numbers.

        Args:
            piece: their bytes.
            smallest: the smallest normal number of their type.
            ninth: magnitudes up to it need not be told.
            exact: sum in double precision.
        """


def reader(dtype: str) -> Reader:
    """Give the quickest way to count that this machine has."""
    try:
        import numpy as np
    except ImportError:
        return _Plain(dtype)
    return _Numpy(np, dtype)


def eight_bit(dtype: str) -> list[float]:
    """Give the 256 numbers that eight bits stand for (OCP 8-bit floating point, revision 1.0)."""
    bits, bias = (3, 7) if dtype == "F8_E4M3" else (2, 15)
    values = []
    for byte in range(256):
        sign = -1.0 if byte & 0x80 else 1.0
        exponent, part = (byte & 0x7F) >> bits, byte & ((1 << bits) - 1)
        if dtype == "F8_E5M2" and exponent == 31:
            value = math.nan if part else math.inf
        elif byte & 0x7F == 0x7F and dtype == "F8_E4M3":
            value = math.nan
        elif exponent:
            value = (1 + part / (1 << bits)) * 2.0 ** (exponent - bias)
        else:
            value = part / (1 << bits) * 2.0 ** (1 - bias)
        values.append(sign * value)
    return values


class _Numpy:
    """Counts with numpy."""

    def __init__(self, numpy: Any, dtype: str) -> None:
        self._np = numpy
        self._dtype = dtype
        is_small = dtype in {"F8_E4M3", "F8_E5M2"}
        self._table = numpy.array(eight_bit(dtype), "<f4") if is_small else None

    def __call__(self, piece: memoryview, *, smallest: float, ninth: float, exact: bool) -> Chunk:
        np = self._np
        with np.errstate(all="ignore"):
            run = self._numbers(piece)
            low, high = float(run.min()), float(run.max())
            whole, nan, inf = run, 0, 0
            if not (math.isfinite(low) and math.isfinite(high)):
                nan, inf = int(np.isnan(run).sum()), int(np.isinf(run).sum())
                run = run[np.isfinite(run)]
                if not len(run):
                    return Chunk(0, nan, inf, math.inf, -math.inf, 0.0, 0.0, 0, 0, 0, None, ())
                low, high = float(run.min()), float(run.max())
            wide = run.astype("<f8") if exact and run.dtype != "<f8" else run
            squares = float(np.dot(wide, wide))
            if not math.isfinite(squares):
                wide = run.astype("<f8")
                squares = float(np.dot(wide, wide))
            size = np.abs(run)
            zeros = denormals = 0
            if float(size.min()) < smallest:
                zeros = len(run) - int(np.count_nonzero(run))
                denormals = int(np.count_nonzero(size < smallest)) - zeros
            beyond = 0
            if max(-low, high) > HALF_LARGEST:
                beyond = int(np.count_nonzero(size > HALF_LARGEST))
            gaps = self._gaps(whole) if zeros else None
            total = float(run.sum(dtype="<f8"))
            largest = self._largest(size, ninth, max(-low, high))
        return Chunk(
            len(run), nan, inf, low, high, total, squares, zeros, denormals, beyond, gaps, largest
        )

    def _numbers(self, piece: memoryview) -> Any:
        np = self._np
        if self._table is not None:
            return self._table[np.frombuffer(piece, "u1")]
        if self._dtype == "BF16":
            return (np.frombuffer(piece, "<u2").astype("<u4") << 16).view("<f4")
        found = np.frombuffer(piece, {"F64": "<f8", "F32": "<f4", "F16": "<f2"}[self._dtype])
        return found.astype("<f4") if self._dtype == "F16" else found

    def _gaps(self, run: Any) -> Gaps:
        np = self._np
        solid = np.flatnonzero(run)
        if not len(solid):
            return Gaps(len(run), 0, 0, len(run))
        between = np.diff(solid) - 1
        at = int(between.argmax()) if len(between) else 0
        length = int(between[at]) if len(between) else 0
        return Gaps(int(solid[0]), int(solid[at]) + 1, length, len(run) - 1 - int(solid[-1]))

    def _largest(self, size: Any, ninth: float, largest: float) -> Sequence[float]:
        np = self._np
        if largest <= ninth:
            return ()
        found = size[size > ninth] if ninth >= 0 else size
        if len(found) > TOP:
            found = np.partition(found, len(found) - TOP)[-TOP:]
        listed: list[float] = found.tolist()
        return listed


class _Plain:
    """Counts without numpy."""

    def __init__(self, dtype: str) -> None:
        self._dtype = dtype
        self._table = eight_bit(dtype) if dtype in {"F8_E4M3", "F8_E5M2"} else None

    def __call__(self, piece: memoryview, *, smallest: float, ninth: float, exact: bool) -> Chunk:
        run = self._numbers(piece)
        whole, nan, inf = run, 0, 0
        total = sum(run)
        if not math.isfinite(total):
            nan = sum(number != number for number in run)
            inf = sum(math.isinf(number) for number in run)
            run = array("d", filter(math.isfinite, run))
            total = sum(run)
            if not run:
                return Chunk(0, nan, inf, math.inf, -math.inf, 0.0, 0.0, 0, 0, 0, None, ())
        low, high = min(run), max(run)
        zeros = run.count(0.0)
        denormals = beyond = 0
        if zeros or min(map(abs, run)) < smallest:
            denormals = sum(abs(number) < smallest for number in run) - zeros
        if max(-low, high) > HALF_LARGEST:
            beyond = sum(abs(number) > HALF_LARGEST for number in run)
        largest: Sequence[float] = ()
        if max(-low, high) > ninth:
            largest = heapq.nlargest(TOP, map(abs, run))
        gaps = _gaps_plainly(whole) if zeros else None
        return Chunk(
            len(run),
            nan,
            inf,
            low,
            high,
            total,
            sum(map(mul, run, run)),
            zeros,
            denormals,
            beyond,
            gaps,
            largest,
        )

    def _numbers(self, piece: memoryview) -> array[float]:
        if self._table is not None:
            return array("f", map(self._table.__getitem__, piece))
        if self._dtype == "F64":
            return _from("d", piece)
        from vaehub.converting.casting import cast

        data = cast(piece, source=self._dtype, target="F32").data
        return _from("f", memoryview(data))


def _gaps_plainly(run: array[float]) -> Gaps:
    solid = [at for at, number in enumerate(run) if number != 0]
    if not solid:
        return Gaps(len(run), 0, 0, len(run))
    longest, start = max(
        ((after - at - 1, at + 1) for at, after in pairwise(solid)),
        default=(0, 0),
        key=lambda gap: gap[0],
    )
    return Gaps(solid[0], start, longest, len(run) - 1 - solid[-1])


def _from(code: str, data: memoryview) -> array[float]:
    found: array[float] = array("d" if code == "d" else "f", bytes(data))
    if sys.byteorder == "big":
        found.byteswap()
    return found
