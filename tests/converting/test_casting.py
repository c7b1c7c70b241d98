"""Rounding, held against the definition of the formats and, where it is installed, torch."""

from __future__ import annotations

import math
import random
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaehub.converting.casting import FLOATS, cast

ODD = [
    *(0.0, -0.0, 1.0, -1.0, 1e-45, -1e-45, 1.1754942e-38, 6e-8, 2.98e-8, 2.9802322e-8, 8.9e-8),
    *(6.1e-5, 6.103515625e-05, 65504.0, 65519.0, -65504.0, 1.0 + 2**-8, 1.0 + 3 * 2**-8),
    *(1.0 + 2**-11, 1.0 + 3 * 2**-11, 1.00390625, 1.01171875, 0.1, 1 / 3, math.inf, -math.inf),
    math.nan,
]
TORCH = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"}


def single(*numbers: float) -> memoryview:
    return memoryview(struct.pack(f"<{len(numbers)}f", *numbers))


def test_half_precision_rounds_ties_to_even() -> None:
    made = cast(single(1 + 2**-11, 1 + 3 * 2**-11, 2**-25, 3 * 2**-25), source="F32", target="F16")
    assert struct.unpack("<4e", made.data) == (1.0, 1 + 2**-9, 0.0, 2**-23)
    assert made.overflowed == 0


def test_bfloat16_rounds_ties_to_even() -> None:
    made = cast(single(1 + 2**-8, 1 + 3 * 2**-8, -0.0, 3.0), source="F32", target="BF16")
    assert struct.unpack("<4H", made.data) == (0x3F80, 0x3F82, 0x8000, 0x4040)


@pytest.mark.parametrize(
    ("numbers", "target", "overflowed"),
    [
        ((65519.0, 65520.0, -1e9, math.inf, math.nan), "F16", 2),
        ((3.3895e38, 3.4e38, -3.4e38, math.inf, math.nan), "BF16", 2),
    ],
)
def test_what_becomes_infinite_is_counted(
    numbers: tuple[float, ...], target: str, overflowed: int
) -> None:
    made = cast(single(*numbers), source="F32", target=target)
    assert made.overflowed == overflowed
    back = struct.unpack("<5f", cast(memoryview(made.data), source=target, target="F32").data)
    assert math.isfinite(back[0])
    assert back[1] == math.inf
    assert back[2] == -math.inf
    assert back[3] == math.inf
    assert math.isnan(back[4])


def test_double_precision_that_overflows_is_counted_once() -> None:
    data = memoryview(struct.pack("<3d", 1e300, -1e39, 1.5))
    for target in ("F32", "F16", "BF16"):
        assert cast(data, source="F64", target=target).overflowed == 2


def test_a_nan_of_low_bits_alone_stays_one() -> None:
    data = memoryview(struct.pack("<2I", 0x7F800001, 0xFFFFFFFF))
    made = struct.unpack("<2H", cast(data, source="F32", target="BF16").data)
    assert [value & 0x7F80 for value in made] == [0x7F80] * 2
    assert all(value & 0x7F for value in made)


def test_the_same_type_is_a_copy() -> None:
    data = single(*ODD)
    assert cast(data, source="F32", target="F32").data == bytes(data)


@pytest.mark.parametrize("source", FLOATS)
@pytest.mark.parametrize("target", ["F16", "BF16", "F32"])
def test_runs_of_any_length_are_the_same_as_one_by_one(source: str, target: str) -> None:
    chance = random.Random(3)
    item = FLOATS[source]
    numbers = [0.0 if i % 7 == 0 else chance.gauss(0, 3) for i in range(40_000)]
    wide = memoryview(struct.pack("<40000d", *numbers))
    data = memoryview(wide if source == "F64" else cast(wide, source="F64", target=source).data)
    made = cast(data, source=source, target=target).data
    width = FLOATS[target]
    assert len(made) == 40_000 * width
    for at in (0, 1, 16383, 16384, 16385, 32768, 39_999):
        one = cast(data[at * item : (at + 1) * item], source=source, target=target).data
        assert made[at * width : (at + 1) * width] == one


@given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=50))
def test_bfloat16_of_any_bits_is_the_nearest(bits: list[int]) -> None:
    """What the long integer gives is the nearest of all, by the values themselves."""
    data = memoryview(struct.pack(f"<{len(bits)}I", *bits))
    made = struct.unpack(f"<{len(bits)}H", cast(data, source="F32", target="BF16").data)
    for exact, short in zip(struct.unpack(f"<{len(bits)}f", data), made, strict=True):
        (value,) = struct.unpack("<f", struct.pack("<I", short << 16))
        if math.isfinite(exact) and math.isfinite(value):
            down, up = ((short & 0x7FFF) - 1 << 16, (short & 0x7FFF) + 1 << 16)
            for neighbour in (max(down, 0), min(up, 0x7F7F0000)):
                (other,) = struct.unpack("<f", struct.pack("<I", neighbour))
                assert abs(value - exact) <= abs(math.copysign(other, exact) - exact)
        elif math.isnan(exact):
            assert math.isnan(value)


def same_but_nan(ours: Any, theirs: Any, torch: Any) -> bool:
    """Compare bits; of a NaN only that it is one, for torch's own kernels differ there."""
    nan = torch.isnan(theirs)
    bits = {4: torch.int32, 2: torch.int16}[theirs.element_size()]
    equal: bool = torch.equal(torch.isnan(ours), nan) and torch.equal(
        ours[~nan].view(bits), theirs[~nan].view(bits)
    )
    return equal


@pytest.mark.parametrize("source", FLOATS)
@pytest.mark.parametrize("target", ["F16", "BF16", "F32"])
def test_every_bit_is_torch_s(source: str, target: str) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed (vaehub[smoke])")
    torch.manual_seed(0)
    if FLOATS[source] == 2:  # all there are
        raw = torch.arange(-(2**15), 2**15, dtype=torch.int32).to(torch.int16)
    else:
        kind = {4: torch.int32, 8: torch.int64}[FLOATS[source]]
        least, most = torch.iinfo(kind).min, torch.iinfo(kind).max
        raw = torch.randint(least, most, (150_000,), dtype=kind)
    numbers = raw.view(getattr(torch, TORCH[source]))
    near = torch.randn(100_000, dtype=torch.float64) * 10.0 ** torch.randint(-9, 6, (100_000,))
    odd = torch.tensor([*ODD, 65520.0, 1e30, 3.4e38], dtype=torch.float64)
    numbers = torch.cat([numbers, near.to(numbers.dtype), odd.to(numbers.dtype)])
    data = (
        memoryview(numbers.numpy(force=True).tobytes())
        if source != "BF16"
        else memoryview(numbers.view(torch.int16).numpy().tobytes())
    )
    made = cast(data, source=source, target=target)
    ours = torch.frombuffer(bytearray(made.data), dtype=getattr(torch, TORCH[target]))
    theirs = numbers.to(getattr(torch, TORCH[target]))
    assert same_but_nan(ours, theirs, torch)
    became = torch.isfinite(numbers) & torch.isinf(theirs)
    assert made.overflowed == int(became.sum())
