"""Gather a tensor whose elements lie apart into one contiguous run, in C order.

Pure; knows bytes and strides. Python 3.10's memoryview copies one strided dimension at a time, so
the longest one is what it is given.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_FORMATS: Mapping[int, Literal["B", "H", "I", "Q"]] = {1: "B", 2: "H", 4: "I", 8: "Q"}


def is_contiguous(shape: Sequence[int], strides: Sequence[int]) -> bool:
    """Say whether elements lie one behind the other, as torch's ``is_contiguous`` does."""
    expected = 1
    for length, stride in zip(reversed(shape), reversed(strides), strict=True):
        if length != 1:
            if stride != expected:
                return math.prod(shape) == 0
            expected *= length
    return True


def span(shape: Sequence[int], strides: Sequence[int]) -> int:
    """Count the elements from a tensor's first to its last, both included."""
    if math.prod(shape) == 0:
        return 0
    return 1 + sum((n - 1) * stride for n, stride in zip(shape, strides, strict=True))


def gather(
    data: bytearray | memoryview, *, shape: Sequence[int], strides: Sequence[int], item: int
) -> bytearray:
    """Copy a strided tensor into C order.

    Args:
        data: the bytes from its first element to its last (:func:`span`).
        shape: lengths of its dimensions.
        strides: in elements, none negative.
        item: bytes of one element: 1, 2, 4, 8 or 16.
    """
    dimensions = _merged(shape, strides)
    if item == 16:  # two halves, as memoryview has no such type
        dimensions = [*((n, 2 * stride) for n, stride in dimensions), (2, 1)]
        item = 8
    made = bytearray(math.prod(n for n, _ in dimensions) * item)
    if not made:
        return made
    source = memoryview(data).cast("B").cast(_FORMATS[item])
    target = memoryview(made).cast(_FORMATS[item])
    laid = [math.prod(n for n, _ in dimensions[i + 1 :]) for i in range(len(dimensions))]
    # A stride of zero says one element many times; a slice cannot.
    sliced = max(
        (i for i, (_, stride) in enumerate(dimensions) if stride),
        key=lambda i: dimensions[i][0],
        default=None,
    )
    walked = [i for i in range(len(dimensions)) if i != sliced]
    for indices in itertools.product(*(range(dimensions[i][0]) for i in walked)):
        at = sum(k * dimensions[i][1] for k, i in zip(indices, walked, strict=True))
        to = sum(k * laid[i] for k, i in zip(indices, walked, strict=True))
        if sliced is None:
            target[to] = source[at]
        else:
            length, stride = dimensions[sliced]
            step = laid[sliced]
            target[to : to + (length - 1) * step + 1 : step] = source[
                at : at + (length - 1) * stride + 1 : stride
            ]
    return made


def _merged(shape: Sequence[int], strides: Sequence[int]) -> list[tuple[int, int]]:
    """Join neighbouring dimensions that lie as one does."""
    merged: list[tuple[int, int]] = []
    for length, stride in zip(shape, strides, strict=True):
        if length == 1:
            continue
        if merged and merged[-1][1] == length * stride:
            merged[-1] = (merged[-1][0] * length, stride)
        else:
            merged.append((length, stride))
    return merged or [(math.prod(shape), 1)]
