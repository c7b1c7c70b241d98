"""A merge lies on the line between two VAEs; nothing else does."""

from __future__ import annotations

import random
import struct
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaehub.insight.kin import Glance
from vaehub.insight.mixing import find
from vaehub.weights import sketch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TENSORS = 40
NUMBERS = TENSORS * sketch.SAMPLES


def numbers(seed: int) -> list[float]:
    chance = random.Random(seed)
    return [chance.gauss(0, 1 + at // sketch.SAMPLES) for at in range(NUMBERS)]


def glance(values: Sequence[float], *, outline: str = "a") -> Mapping[str, Glance]:
    return {"decoder": Glance(outline, struct.pack(f"<{NUMBERS}f", *values))}


def between(one: Sequence[float], other: Sequence[float], share: float) -> list[float]:
    return [(1 - share) * a + share * b for a, b in zip(one, other, strict=True)]


A, B, C = numbers(1), numbers(2), numbers(3)
KNOWN = {"a": glance(A), "b": glance(B), "c": glance(C)}


@given(st.floats(0.04, 0.96))
def test_what_lies_between_two_is_found_with_its_share(share: float) -> None:
    found = find(glance(between(A, B, share)), KNOWN)
    assert found is not None
    assert {found.base, found.other} == {"a", "b"}
    assert (found.share if found.base == "a" else 1 - found.share) == pytest.approx(share, abs=1e-3)


@given(st.integers(10, 10_000), st.floats(0, 0.9))
def test_what_went_its_own_way_is_none(seed: int, far: float) -> None:
    own = between(A, numbers(seed), far)
    assert find(glance(own), KNOWN) is None


@given(st.integers(10, 10_000))
def test_far_off_the_line_is_none(seed: int) -> None:
    away = between(between(A, B, 0.1), numbers(seed), 0.4)
    assert find(glance(away), KNOWN) is None


def test_two_of_one_line_are_no_merge() -> None:
    near = between(A, C, 0.1)
    assert find(glance(between(A, near, 0.5)), {"a": glance(A), "near": glance(near)}) is None


def test_other_shapes_and_no_sketches_tell_nothing() -> None:
    mixed = between(A, B, 0.5)
    assert find(glance(mixed), {"a": glance(A, outline="x"), "b": glance(B)}) is None
    assert find(glance(mixed), {"a": {"decoder": Glance("a", None)}, "b": glance(B)}) is None
    assert find({"decoder": Glance("a", b"")}, KNOWN) is None
    assert find(glance([0.0] * NUMBERS), {"a": glance([0.0] * NUMBERS)}) is None


@given(st.integers(0, NUMBERS - 1), st.sampled_from([float("nan"), float("inf"), 3e38]))
def test_numbers_that_are_none_end_nothing(at: int, number: float) -> None:
    mixed = between(A, B, 0.5)
    mixed[at] = number
    assert find(glance(mixed), KNOWN) is None
