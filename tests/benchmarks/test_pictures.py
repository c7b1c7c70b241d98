"""The pictures that the autoencoder in the package is trained on follow from their number alone."""

from __future__ import annotations

import pytest

numpy = pytest.importorskip("numpy", reason="numpy is not installed")

from benchmarks.pictures import draw  # noqa: E402 (it needs numpy)


@pytest.mark.parametrize("size", [32, 64, 96])
def test_a_number_and_a_size_make_one_picture(size: int) -> None:
    for seed in range(40):
        picture = draw(seed, size)
        assert picture.shape == (3, size, size)
        assert numpy.abs(picture).max() <= 1
        assert numpy.array_equal(picture, draw(seed, size))


def test_the_pictures_differ() -> None:
    means = [tuple(draw(seed, 32).mean(axis=(1, 2)).round(3)) for seed in range(40)]
    assert len(set(means)) == len(means)
