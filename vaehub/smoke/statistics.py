"""What the numbers of one tensor show, whoever counted them.

Pure data: :mod:`vaehub.smoke.scan` counts with torch, :mod:`vaehub.smoke.counting` without, and
:mod:`vaehub.smoke.findings` judges.
"""

from __future__ import annotations

import math
from typing import NamedTuple

HALF_LARGEST = 65504.0
"""The largest number of float16 (IEEE 754 binary16)."""
TOP = 9
"""Which of the largest magnitudes :attr:`Statistics.ninth` is."""
EXACT = 1 << 16
"""Elements up to which moments are summed in float64; cheap there, and norms lie near 1."""
RUN_WORTH_FINDING = 64
"""Zeros of a tensor from which on their longest run is looked for."""
STANDS_OUT = 30.0
"""Standard deviations; a lone giant among n elements lies at the square root of n of them."""
SMALLEST_COPY = 16
"""Elements; shorter tensors resemble each other by chance or by rule."""


class Statistics(NamedTuple):
    """What one tensor's numbers show; those of a complex one's parts together."""

    dtype: str
    """As torch names it: ``float16``."""
    shape: tuple[int, ...]
    elements: int
    nan: int
    inf: int
    zeros: int
    """Elements that are exactly zero."""
    denormals: int
    """Elements that are not zero and below the smallest normal number of the type."""
    beyond_half: int
    """Finite elements that float16 has no room for (above 65504)."""
    minimum: float
    """Of the finite elements, as the next three; NaN where there is none."""
    maximum: float
    mean: float
    std: float
    """Of the population."""
    zero_run: tuple[int, int] | None
    """First element and length of the longest run of zeros in C order, where there are many and
    other elements too."""
    ninth: float | None
    """The ninth largest magnitude, where the largest stands far out."""
    same_as: str | None
    """The first tensor before it with the very same bytes elsewhere, constants left aside."""
    offset: int | None
    """Byte of the file where it begins, where a file was scanned and it is contiguous in it."""
    nbytes: int

    @property
    def largest(self) -> float:
        """The largest finite magnitude."""
        return max(abs(self.minimum), abs(self.maximum))

    @property
    def is_zero(self) -> bool:
        """Whether it has elements and all are zero."""
        return 0 < self.elements == self.zeros

    @property
    def is_constant(self) -> bool:
        """Whether all elements are one finite number."""
        return self.minimum == self.maximum and not self.nan and not self.inf


def stands_out(largest: float, *, elements: int, std: float) -> bool:
    """Say whether the largest magnitude is so far out that the ninth is worth looking for."""
    return elements > TOP and largest > min(STANDS_OUT, math.sqrt(elements) / 3) * std > 0
