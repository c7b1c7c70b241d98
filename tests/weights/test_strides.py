"""Gathering, held against walking through every element."""

from __future__ import annotations

import itertools
import math

from hypothesis import given
from hypothesis import strategies as st

from vaehub.weights.strides import gather, is_contiguous, span


@given(
    dimensions=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 9)), max_size=5),
    item=st.sampled_from([1, 2, 4, 8, 16]),
)
def test_every_element_is_found(dimensions: list[tuple[int, int]], item: int) -> None:
    shape = [length for length, _ in dimensions]
    strides = [stride for _, stride in dimensions]
    reach = span(shape, strides)
    data = bytes((7 * at) % 251 for at in range(reach * item))
    expected = bytearray()
    for indices in itertools.product(*map(range, shape)):
        at = sum(index * stride for index, stride in zip(indices, strides, strict=True)) * item
        expected += data[at : at + item]
    made = gather(bytearray(data), shape=shape, strides=strides, item=item)
    assert made == expected
    if is_contiguous(shape, strides):
        assert made == data
        assert reach == math.prod(shape)


def test_one_behind_the_other_is_contiguous() -> None:
    assert is_contiguous((), ())
    assert is_contiguous((2, 3), (3, 1))
    assert is_contiguous((2, 1, 3), (3, 99, 1))
    assert is_contiguous((0, 3), (7, 7))
    assert not is_contiguous((2, 3), (1, 2))
    assert not is_contiguous((2, 3), (0, 1))
