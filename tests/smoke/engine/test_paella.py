from __future__ import annotations

import pytest

from tests.smoke.engine.oracle import (
    CLOSE,
    SIDE,
    apart,
    made,
    noise,
    pictures,
    recognised,
    seeded,
    torch,
)
from vaehub.smoke import engine


@pytest.mark.parametrize("layout", ["native", "diffusers"])
def test_agrees_with_diffusers(layout: str) -> None:
    module = pytest.importorskip(
        "diffusers.pipelines.deprecated.wuerstchen.modeling_paella_vq_model",
        reason="this diffusers keeps PaellaVQModel elsewhere",
    )
    with seeded(), torch.inference_mode():
        model = made(module.PaellaVQModel())
        for name, tensor in model.state_dict().items():
            if name.endswith(("gammas", "running_mean")):
                tensor.normal_(std=0.5)
        latents, images = noise(1, 4, SIDE // 4, SIDE // 4), pictures()[:1]
        decoded = model.decode(latents, force_not_quantize=True).sample * 2 - 1
        encoded = model.encode((images + 1) / 2).latents
        weights = dict(model.state_dict())
    if layout == "native":
        weights["vquantizer.codebook.weight"] = weights.pop("vquantizer.embedding.weight")
    found = recognised(weights)
    assert found.layout == layout
    assert apart(engine.decode(weights, latents, found=found), decoded) < CLOSE
    assert apart(engine.encode(weights, images, found=found), encoded) < CLOSE
