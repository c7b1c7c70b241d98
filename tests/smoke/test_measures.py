"""Figures of pictures: what holds for any picture, and what for some that are known."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="torch is not installed (vaehub[smoke])")

from vaehub.smoke import measures  # noqa: E402  torch comes first

if TYPE_CHECKING:
    from torch import Tensor

SEEDS = st.integers(0, 1 << 20)
SCALES = st.floats(1e-3, 1e3)


def noise(seed: int, *, size: int = 16, scale: float = 1.0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    made: Tensor = torch.randn(1, 3, size, size, generator=generator) * scale
    return made


@given(SEEDS, SEEDS, SCALES)
def test_psnr_is_the_same_both_ways_and_infinite_for_equal_ones(
    one: int, other: int, scale: float
) -> None:
    x, y = noise(one), noise(other, scale=scale)
    assert measures.psnr(x, y) == measures.psnr(y, x)
    assert measures.psnr(x, x) == math.inf


def test_psnr_of_a_known_error() -> None:
    x = torch.zeros(1, 3, 8, 8)
    assert measures.psnr(x, x + 0.2) == pytest.approx(20.0, abs=1e-4)
    assert measures.psnr(x - 1, x + 1) == pytest.approx(0.0)


@given(SEEDS, SEEDS, SCALES, st.floats(-10, 10))
def test_correlation_lies_between_minus_one_and_one(
    one: int, other: int, scale: float, offset: float
) -> None:
    x, y = noise(one), noise(other, scale=scale)
    assert -1 <= measures.correlation(x, y) <= 1
    assert measures.correlation(x, x * scale + offset) == pytest.approx(1, abs=1e-4)
    assert measures.correlation(x, -x * scale) == pytest.approx(-1, abs=1e-6)


def test_nothing_is_like_a_flat_picture() -> None:
    assert measures.correlation(noise(0), torch.full((1, 3, 16, 16), 0.5)) == 0.0


@pytest.mark.parametrize("stray", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_makes_no_number_and_no_error(stray: float) -> None:
    x, broken = noise(0), noise(1)
    broken[0, 1, 8, 8] = stray
    assert math.isnan(measures.psnr(x, broken))
    assert math.isnan(measures.psnr(broken, x))
    assert math.isnan(measures.correlation(x, broken))
    assert math.isnan(measures.moved(broken, broken, pixels=2))
    assert measures.finite_share(broken) == pytest.approx(1 - 1 / (3 * 16 * 16))
    for figure in (measures.contrast, measures.saturation, measures.flat_share):
        assert isinstance(figure(broken), float)


@given(SEEDS, st.sampled_from([2, 4, 8]))
def test_a_picture_that_moved_by_a_cell_moved_wholly(seed: int, pixels: int) -> None:
    picture = noise(seed, size=8 * pixels)
    shifted = torch.roll(picture, pixels, -1)
    assert measures.moved(picture, shifted, pixels=pixels) == pytest.approx(1)
    assert measures.moved(picture, picture, pixels=pixels) < 0.7


def test_moving_is_measured_on_the_smallest_picture_too() -> None:
    picture = noise(0, size=32)
    assert measures.moved(picture, torch.roll(picture, 8, -1), pixels=8) == pytest.approx(1)


@given(st.floats(-1, 1))
def test_a_flat_picture_is_all_flat(colour: float) -> None:
    flat = torch.full((1, 3, 32, 32), colour)
    assert measures.flat_share(flat) == 1.0
    assert measures.contrast(flat) == pytest.approx(0, abs=1e-6)
    assert measures.saturation(flat) == 0.0


@given(SEEDS)
def test_noise_has_no_flat_block(seed: int) -> None:
    assert measures.flat_share(noise(seed)) == 0.0


def test_the_share_of_flat_blocks_is_counted() -> None:
    picture = noise(0, size=32)
    picture[..., :16] = 0.25
    assert measures.flat_share(picture) == 0.5


def test_contrast_and_colour_of_known_pictures() -> None:
    halves = torch.full((1, 3, 8, 8), -1.0)
    halves[..., 4:] = 1.0
    assert measures.contrast(halves) == pytest.approx(1)
    red = torch.tensor([1.0, -1.0, -1.0])[None, :, None, None].expand(1, 3, 8, 8)
    assert measures.saturation(red) == pytest.approx(2)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_every_precision_is_taken(dtype: str) -> None:
    picture = noise(0).to(getattr(torch, dtype))
    assert measures.psnr(picture, picture) == math.inf
    assert measures.thumbnail(picture, 4).shape == (1, 3, 4, 4)
    assert measures.flat_share(picture) == 0.0
