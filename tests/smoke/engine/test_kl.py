from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests.smoke.engine.oracle import (
    CLOSE,
    SD,
    SIDE,
    apart,
    diffusers,
    made,
    noise,
    pictures,
    recognised,
    seeded,
    torch,
)
from vaehub.smoke import engine
from vaehub.weights import kl
from vaehub.weights.kl_naming import LAYOUTS, from_ldm

if TYPE_CHECKING:
    from torch import Tensor

MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "sd1": ("AutoencoderKL", SD),
    "flux1": (
        "AutoencoderKL",
        SD | {"latent_channels": 16, "use_quant_conv": False, "use_post_quant_conv": False},
    ),
    "flux2": ("AutoencoderKLFlux2", {}),
    "flux2-small-decoder": (
        "AutoencoderKLFlux2",
        {"decoder_block_out_channels": [96, 192, 384, 384]},
    ),
    "sd-x4-upscaler": (
        "AutoencoderKL",
        {name: value[:3] if isinstance(value, list) else value for name, value in SD.items()},
    ),
}


class Reference(NamedTuple):
    weights: dict[str, Tensor]
    latents: Tensor
    images: Tensor
    decoded: Tensor
    encoded: Tensor


@pytest.fixture(scope="module", params=MODELS)
def reference(request: pytest.FixtureRequest) -> Reference:
    name, config = MODELS[request.param]
    with seeded(), torch.inference_mode():
        model = made(getattr(diffusers, name)(**config))
        side = SIDE // 2 ** (len(model.config.block_out_channels) - 1)
        latents, images = noise(1, model.config.latent_channels, side, side), pictures()[:1]
        return Reference(
            weights=dict(model.state_dict()),
            latents=latents,
            images=images,
            decoded=model.decode(latents).sample,
            encoded=model.encode(images).latent_dist.mode(),
        )


def renamed(weights: dict[str, Tensor], layout: str) -> dict[str, Tensor]:
    """Give a model of diffusers the names and shapes of another layout; nothing is copied."""
    found = recognised(weights)
    assert isinstance(found.sizes, kl.Sizes)
    levels = len(found.sizes.decoder_widths)
    shapes = kl.manifest(found.sizes, layout=layout)
    plain = kl.manifest(found.sizes, layout="ldm")
    return {
        new: weights[from_ldm(old, layout="diffusers", levels=levels)].reshape(shapes[new])
        for new, old in zip(shapes, plain, strict=True)
    }


@pytest.mark.parametrize("layout", LAYOUTS)
def test_agrees_with_diffusers_in_every_naming(reference: Reference, layout: str) -> None:
    weights = renamed(reference.weights, layout)
    found = recognised(weights)
    assert found.layout == layout
    assert apart(engine.decode(weights, reference.latents, found=found), reference.decoded) < CLOSE
    assert apart(engine.encode(weights, reference.images, found=found), reference.encoded) < CLOSE


def small(groups: int) -> dict[str, Any]:
    return SD | {
        "block_out_channels": [32, 64, 64, 64],
        "layers_per_block": 1,
        "norm_num_groups": groups,
    }


def test_takes_the_number_of_groups_from_the_caller() -> None:
    with seeded(), torch.inference_mode():
        model = made(diffusers.AutoencoderKL(**small(8)))
        weights = dict(model.state_dict())
        latents = noise(1, 4, 8, 8)
        want = model.decode(latents).sample
    found = recognised(weights)
    assert found.families == ()
    assert apart(engine.decode(weights, latents, found=found, groups=8), want) < CLOSE
    assert apart(engine.decode(weights, latents, found=found, groups=32), want) > CLOSE


@pytest.fixture(scope="module")
def little() -> dict[str, Tensor]:
    with seeded():
        return dict(made(diffusers.AutoencoderKL(**small(32))).state_dict())


def test_reports_every_block_in_order(little: dict[str, Tensor]) -> None:
    seen: list[str] = []
    engine.decode(
        little,
        noise(1, 4, 8, 8),
        found=recognised(little),
        watch=lambda name, activation: seen.append(name),
    )
    assert seen[:11] == [
        "decoder.conv_in",
        "decoder.mid.block_1.conv1",
        "decoder.mid.block_1.conv2",
        "decoder.mid.block_1",
        "decoder.mid.attn_1.q",
        "decoder.mid.attn_1.k",
        "decoder.mid.attn_1.v",
        "decoder.mid.attn_1",
        "decoder.mid.block_2.conv1",
        "decoder.mid.block_2.conv2",
        "decoder.mid.block_2",
    ]
    assert seen[-1] == "decoder.conv_out"
    assert len(seen) == len(set(seen)) == 11 + 3 * 4 * 2 + 3 + 1


@pytest.mark.parametrize("half", ["encoder", "decoder"])
def test_runs_on_one_half_alone(little: dict[str, Tensor], half: str) -> None:
    of = {"encoder": ("encoder.", "quant_conv."), "decoder": ("decoder.", "post_quant_conv.")}
    weights = {name: tensor for name, tensor in little.items() if name.startswith(of[half])}
    found, whole = recognised(weights), recognised(little)
    latents, images = noise(1, 4, 8, 8), pictures()
    if half == "decoder":
        want = engine.decode(little, latents, found=whole)
        assert apart(engine.decode(weights, latents, found=found), want) == 0
        with pytest.raises(engine.CannotDecode, match="only the decoder"):
            engine.encode(weights, images, found=found)
    else:
        want = engine.encode(little, images, found=whole)
        assert apart(engine.encode(weights, images, found=found), want) == 0
        with pytest.raises(engine.CannotDecode, match="only the encoder"):
            engine.decode(weights, latents, found=found)


def test_names_the_tensor_that_is_missing(little: dict[str, Tensor]) -> None:
    found = recognised(little)
    weights = {name: tensor for name, tensor in little.items() if "up_blocks.1" not in name}
    with pytest.raises(KeyError, match=r"decoder\.up_blocks\.1\."):
        engine.decode(weights, noise(1, 4, 8, 8), found=found)


def test_keeps_the_precision_of_the_weights(little: dict[str, Tensor]) -> None:
    found = recognised(little)
    weights = {name: tensor.bfloat16() for name, tensor in little.items()}
    out = engine.decode(weights, noise(1, 4, 8, 8).bfloat16(), found=found)
    assert out.dtype == torch.bfloat16
    want = engine.decode(little, noise(1, 4, 8, 8), found=found)
    assert float((out.float() - want).abs().mean()) < 0.05
