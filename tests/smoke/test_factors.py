from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from vaehub.catalog import load_catalogs
from vaehub.settings import Settings
from vaehub.smoke.factors import factors_of

if TYPE_CHECKING:
    from pathlib import Path

CHANNELS = {
    **dict.fromkeys(("sd1", "sd2", "sdxl", "kolors", "sd-x4-upscaler", "cascade"), 4),
    **dict.fromkeys(("sd3", "flux1", "wan21", "qwen-image", "hunyuan-video", "cosmos"), 16),
    "flux2": 32,
    "hunyuan-video15": 32,
    "wan22": 48,
    "hunyuan-image21": 64,
    "mochi": 12,
    "ltx": 128,
    "ltx2": 128,
    "minimax-h3": 24,
    "qwen-image21": 64,
}


@pytest.mark.parametrize("family", CHANNELS)
def test_every_list_has_a_number_per_channel(family: str) -> None:
    factors = factors_of(family)
    assert factors is not None
    for numbers in (factors.mean, factors.std, factors.rgb):
        assert len(numbers) in {0, CHANNELS[family]}
    assert len(factors.mean) == len(factors.std)
    assert all(len(row) == 3 for row in factors.rgb)
    assert len(factors.rgb_bias) in {0, 3}
    assert all(deviation > 0 for deviation in factors.std)


def test_an_unknown_family_has_no_numbers() -> None:
    assert factors_of("nothing") is None


def test_the_catalog_says_the_same(tmp_path: Path) -> None:
    catalogs = load_catalogs(Settings(store=tmp_path, state=tmp_path, cache=tmp_path))
    seen = set()
    for entry in catalogs.entries():
        facts, factors = entry.smoke, factors_of(entry.family)
        # Tiny autoencoders speak the diffusion model's own latents: their factor is 1.
        if facts is None or facts.architecture in {"taesd", "taehv", "tae-2d"}:
            continue
        if facts.scaling_factor is None or factors is None:
            continue
        seen.add(entry.family)
        assert facts.scaling_factor == factors.scaling_factor, entry.id
        assert (facts.shift_factor or 0) == (factors.shift_factor or 0), entry.id
    assert {"sd1", "sdxl", "sd3", "flux1", "cascade", "hunyuan-video"} <= seen
