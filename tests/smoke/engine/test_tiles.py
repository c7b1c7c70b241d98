from __future__ import annotations

import pytest

from tests.smoke.engine.oracle import apart, noise, torch
from vaehub.smoke import engine


def test_tiles_must_overlap_by_less_than_themselves() -> None:
    with pytest.raises(ValueError, match="cannot overlap"):
        engine.decode_tiles(lambda x: x, noise(1, 4, 8, 8), downscale=1, tile=4, overlap=4)


@pytest.mark.parametrize("overlap", [0, 3])
@pytest.mark.parametrize("size", [3, 8, 13, 16, 21])
def test_tiles_make_up_the_whole(size: int, overlap: int) -> None:
    latents = noise(2, 3, size, size + 5)
    whole = torch.nn.functional.interpolate(latents, scale_factor=4)
    tiled = engine.decode_tiles(
        lambda x: torch.nn.functional.interpolate(x, scale_factor=4),
        latents,
        downscale=4,
        tile=8,
        overlap=overlap,
    )
    assert apart(tiled, whole) < 1e-6


def test_no_tile_is_larger_than_asked() -> None:
    seen = []

    def decode(part: torch.Tensor) -> torch.Tensor:
        seen.append(tuple(part.shape[-2:]))
        return part

    engine.decode_tiles(decode, noise(1, 4, 40, 20), downscale=1, tile=16, overlap=4)
    assert set(seen) == {(16, 16)}
