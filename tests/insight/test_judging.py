"""Pixels are judged by bounds that are data, and sound pictures are called nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from vaehub.insight.pixels import judging

np = pytest.importorskip("numpy", reason="numpy is not installed")
Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")

from benchmarks import pictures  # noqa: E402 (it needs numpy)
from vaehub.insight.pixels import sampling  # noqa: E402 (as above)

if TYPE_CHECKING:
    from numpy.typing import NDArray

DRAWINGS = range(8_000_000, 8_000_012)
"""None of those that the bounds were chosen on."""


def drawn(seed: int, size: int = 256) -> NDArray[Any]:
    """Draw a picture from 0 to 1, channels last."""
    found: NDArray[Any] = (pictures.draw(seed, size).transpose(1, 2, 0) + 1) / 2
    return found


def verdict(pixels: NDArray[Any], *, lossless: bool = True) -> judging.Verdict:
    image = Image.fromarray((pixels.clip(0, 1) * 255).round().astype(np.uint8))
    return judging.judge(sampling.taken(image), lossless=lossless).verdict


@pytest.mark.parametrize("seed", DRAWINGS)
def test_sound_pictures_are_nothing_odd(seed: int) -> None:
    pixels = drawn(seed)
    for changed in (pixels, pixels**2, pixels**0.6, pixels.mean(2, keepdims=True).repeat(3, 2)):
        assert verdict(changed) == "nothing-odd"


def test_black_and_one_colour_are_told_apart() -> None:
    ones = np.ones((64, 64, 3))
    assert verdict(ones * 0) == "black"
    assert verdict(ones * 0.01) == "black"
    for colour in ((1, 1, 1), (0.5, 0.5, 0.5), (0.5, 0.4, 0.35)):
        assert verdict(ones * colour) == "one-colour"


def test_a_few_stars_are_no_black_picture() -> None:
    night = np.zeros((128, 128, 3))
    night[::10, ::9] = 1
    assert verdict(night) == "nothing-odd"


def test_a_picture_without_contrast_and_colour_is_washed_out() -> None:
    rich = drawn(DRAWINGS[0])
    grey = rich.mean(2, keepdims=True)
    low, high = np.quantile(grey, (0.01, 0.99))
    flat = 0.3 + (grey - low) / (high - low) * 0.25 + (rich - grey) * 0.2
    flat = flat + np.random.default_rng(1).normal(0, 0.02, flat.shape)
    assert verdict(flat) == "washed-out"
    assert verdict((flat - 0.3) / 0.25) != "washed-out"


def test_blocks_of_8_in_many_colours_are_latents_and_in_few_pixel_art() -> None:
    blocks = np.random.default_rng(2).random((32, 32, 3)).repeat(8, 0).repeat(8, 1)
    assert verdict(blocks) == "latents"
    assert verdict(blocks.round()) != "latents"


def blobs(*, lines: float, alike: float = 0.0) -> NDArray[Any]:
    """Paint soft blobs that are far too strong, with a line at each eighth pixel."""
    noise = np.random.default_rng(3).random((20, 20, 3))
    noise = noise * (1 - alike) + noise[..., :1] * alike
    small = Image.fromarray((noise * 255).astype(np.uint8))
    pixels: NDArray[Any] = (
        np.asarray(small.resize((256, 256), Image.Resampling.BILINEAR)) / 255 - 0.5
    ) * 3 + 0.5
    pixels[:, 7::8] += lines
    pixels[7::8] += lines
    return pixels


def test_a_grid_tells_nothing_in_a_file_that_has_one_of_its_own() -> None:
    assert verdict(blobs(lines=0.05)) == "garbled"
    assert verdict(blobs(lines=0.05), lossless=False) == "nothing-odd"
    assert verdict(blobs(lines=0.02)) == "nothing-odd"


def test_what_is_nearly_all_at_both_ends_is_garbled_in_any_file() -> None:
    assert verdict((blobs(lines=0, alike=0.8) - 0.5) * 4 + 0.5, lossless=False) == "garbled"


def test_every_bound_is_of_a_figure_and_every_verdict_has_words() -> None:
    from vaehub.insight.pixels.figures import figures

    known = set(figures(sampling.taken(Image.new("RGB", (64, 64)))))
    for rule in judging._rules():
        assert set(rule["within"]) <= known
    assert {rule["verdict"] for rule in judging._rules()} == {*judging.VERDICTS} - {"nothing-odd"}
    said = [judging._because(one, dict.fromkeys(known, 0.5)) for one in judging.VERDICTS]
    assert len(set(said)) == len(judging.VERDICTS)
    assert all("looks like" in one or "it " in one for one in said)


def test_figures_are_plain_and_finite() -> None:
    import json
    import math

    from vaehub.insight.pixels.figures import figures

    for size in ((16, 16), (16, 400), (400, 17)):
        found = figures(sampling.taken(Image.new("RGB", size, (3, 4, 5))))
        assert all(type(value) is float and math.isfinite(value) for value in found.values())
        json.dumps(found)
