"""Counting without torch: the same with numpy and without, in any pieces, and what torch counts."""

from __future__ import annotations

import math
import struct
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaehub.smoke import adding
from vaehub.smoke.counting import KINDS, Counter

if TYPE_CHECKING:
    from vaehub.smoke.statistics import Statistics

FORMATS = {"F64": "d", "F32": "f", "F16": "e"}


def count(dtype: str, data: bytes, *, pieces: int = 1 << 20) -> Statistics:
    item = KINDS[dtype].item
    counter = Counter(dtype, (len(data) // item,))
    for at in range(0, len(data), pieces * item):
        counter.add(memoryview(data)[at : at + pieces * item])
    return counter.statistics()


def plainly(dtype: str, data: bytes, *, pieces: int = 1 << 20) -> Statistics:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "numpy", None)
        return count(dtype, data, pieces=pieces)


def floats(*numbers: float) -> bytes:
    return struct.pack(f"<{len(numbers)}f", *numbers)


def same(one: Statistics, other: Statistics) -> None:
    for name, a, b in zip(one._fields, one, other, strict=True):
        if isinstance(a, float) and isinstance(b, float):
            assert a == pytest.approx(b, rel=1e-6, abs=1e-9, nan_ok=True), name
        else:
            assert a == b, name


@given(st.sampled_from([*KINDS]), st.binary(min_size=8, max_size=800), st.integers(1, 90))
def test_numpy_and_plain_python_count_the_same(dtype: str, data: bytes, pieces: int) -> None:
    pytest.importorskip("numpy")
    data = data[: len(data) // 8 * 8]
    same(count(dtype, data), plainly(dtype, data, pieces=pieces))


@given(st.lists(st.sampled_from([0.0, 0.0, 0.0, -0.0, 1.5, math.nan]), min_size=1, max_size=300))
def test_the_longest_run_of_zeros_is_found_across_pieces(numbers: list[float]) -> None:
    runs = []
    at = None
    for place, number in enumerate([*numbers, 1.0]):
        if number == 0:
            at = place if at is None else at
        elif at is not None:
            runs.append((at, place - at))
            at = None
    zeros = sum(number == 0 for number in numbers)
    longest = max(runs, key=lambda run: run[1], default=(0, 0))
    expected = longest if 64 <= zeros < len(numbers) else None
    for pieces in (1, 7, 64, 1000):
        assert count("F32", floats(*numbers), pieces=pieces).zero_run == expected
        assert plainly("F32", floats(*numbers), pieces=pieces).zero_run == expected


@pytest.mark.parametrize("plain", [False, True])
def test_strays_are_counted_and_left_out_of_the_rest(plain: bool) -> None:
    data = floats(1, 2, 3, math.nan, math.inf, -math.inf, 0, 1e-40, -1e5)
    found = plainly("F32", data) if plain else count("F32", data)
    assert (found.nan, found.inf, found.zeros, found.denormals, found.beyond_half) == (
        *(1, 2, 1, 1),
        1,
    )
    assert (found.minimum, found.maximum) == (-1e5, 3.0)


@pytest.mark.parametrize("plain", [False, True])
def test_a_lone_giant_stands_out(plain: bool) -> None:
    data = floats(*(0.1 * (at % 7) for at in range(2000)), 3e38)
    found = plainly("F32", data, pieces=100) if plain else count("F32", data, pieces=100)
    assert found.ninth == pytest.approx(0.6)


@pytest.mark.parametrize(("dtype", "code"), FORMATS.items())
def test_what_torch_counts(dtype: str, code: str) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("numpy")
    from vaehub.smoke.scan import scan

    tensor = torch.randn(70_000, generator=torch.Generator().manual_seed(3)) * 0.1
    tensor[100:400] = 0
    tensor[9] = 4e4
    tensor = tensor.to({"d": torch.float64, "f": torch.float32, "e": torch.float16}[code])
    same(count(dtype, tensor.numpy().tobytes()), scan({"w": tensor})["w"])


@pytest.mark.parametrize("dtype", ["F8_E4M3", "F8_E5M2"])
def test_eight_bits_mean_what_torch_says(dtype: str) -> None:
    torch = pytest.importorskip("torch")
    every = torch.arange(256, dtype=torch.uint8).view(getattr(torch, KINDS[dtype].name))
    theirs = every.float().tolist()
    ours = adding.eight_bit(dtype)
    assert all(a == b or (a != a and b != b) for a, b in zip(ours, theirs, strict=True))
    assert torch.finfo(every.dtype).tiny == KINDS[dtype].smallest
