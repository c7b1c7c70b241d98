from __future__ import annotations

import pytest

from tests.smoke.engine.oracle import apart, noise, torch
from vaehub.smoke.engine import denormalise, normalise, packed, unpacked
from vaehub.smoke.factors import Factors, factors_of

CLOSE = 1e-5


def test_scales_and_shifts_as_pipelines_do() -> None:
    latents = noise(1, 16, 4, 4)
    got = denormalise(latents, Factors(scaling_factor=0.3611, shift_factor=0.1159))
    assert apart(got, latents / 0.3611 + 0.1159) < CLOSE


def test_unknown_factors_change_nothing() -> None:
    latents = noise(1, 4, 4, 4)
    assert apart(denormalise(latents, Factors()), latents) == 0


def test_statistics_apply_per_channel() -> None:
    factors = factors_of("wan21")
    assert factors is not None
    got = denormalise(noise(1, 16, 2, 2), factors)
    mean, std = (torch.tensor(x).reshape(1, -1, 1, 1) for x in (factors.mean, factors.std))
    assert apart(got, noise(1, 16, 2, 2) * std + mean) < CLOSE


def test_packs_as_flux2_does() -> None:
    # diffusers' Flux2Pipeline._patchify_latents: a channel's four cells lie side by side, by rows.
    latents = noise(2, 8, 6, 4)
    got = packed(latents)
    assert got.shape == (2, 32, 3, 2)
    for cell in range(4):
        below, right = divmod(cell, 2)
        assert apart(got[:, cell::4], latents[:, :, below::2, right::2]) == 0
    assert apart(unpacked(got), latents) == 0


def test_statistics_in_the_file_come_first() -> None:
    weights = {
        "bn.running_mean": noise(128) / 3,
        "bn.running_var": noise(128).abs() + 0.5,
    }
    mean, var = (weights[f"bn.running_{part}"].reshape(1, -1, 1, 1) for part in ("mean", "var"))
    latents = noise(1, 32, 4, 4)
    got = denormalise(latents, Factors(scaling_factor=1.0), weights=weights)
    assert apart(got, unpacked(packed(latents) * torch.sqrt(var + 1e-4) + mean)) < CLOSE
    assert apart(normalise(got, Factors(), weights=weights), latents) < CLOSE


@pytest.mark.parametrize("family", ["sd1", "sdxl", "sd3", "flux1", "wan22", "mochi", "unknown"])
def test_normalising_undoes_denormalising(family: str) -> None:
    factors = factors_of(family) or Factors()
    channels = len(factors.mean or factors.rgb) or 4
    latents = noise(1, channels, 4, 4)
    assert apart(normalise(denormalise(latents, factors), factors), latents) < CLOSE
