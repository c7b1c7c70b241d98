from __future__ import annotations

import pytest

from tests.smoke.engine.oracle import CLOSE, digest, formula, recognised, wave
from vaehub.smoke import engine
from vaehub.weights import published

DECODED = (-0.001597, 0.094694, 0.111434, -0.176168, -0.098044)
ENCODED = (0.026910, 1.112870, -1.072399, -1.458392, -0.549856)
"""Digests by ComfyUI's MageVAE (comfy/ldm/mage_flow/vae.py at 783545f), weights of ``formula``."""


def test_agrees_with_the_published_code() -> None:
    weights = formula(published.manifest("mage-vae", "1", "diffusers", "both"))
    found = recognised(weights)
    assert (found.architecture, found.downscale) == ("mage-vae", 16)
    seen: list[str] = []
    decoded = engine.decode(
        weights, wave(128, 4), found=found, watch=lambda name, _: seen.append(name)
    )
    assert decoded.shape == (1, 3, 64, 64)
    assert seen[-1] == "pipeline.dec_net.res_blocks.2"
    assert digest(decoded) == pytest.approx(DECODED, abs=CLOSE)
    encoded = engine.encode(weights, wave(3, 64), found=found)
    assert digest(encoded) == pytest.approx(ENCODED, abs=CLOSE)
