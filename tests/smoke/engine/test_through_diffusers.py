from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.smoke.engine.oracle import (
    CLOSE,
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
from vaehub.smoke.engine import through_diffusers
from vaehub.weights import native, published
from vaehub.weights.architectures import TABLE, Found, find

if TYPE_CHECKING:
    from torch import Tensor

VARIANTS = [
    (variant.architecture, variant.name, layout)
    for architecture in TABLE
    for variant in published.variants(architecture)
    if variant.diffusers_class
    for layout in published.layouts(architecture)
]


@pytest.mark.parametrize(("architecture", "variant", "layout"), VARIANTS)
def test_every_configuration_takes_every_tensor(
    architecture: str, variant: str, layout: str
) -> None:
    shapes = published.manifest(architecture, variant, layout, "both")
    weights = {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}
    found = find(shapes, likely=architecture)
    assert isinstance(found, Found)
    for half in ("encoder", "decoder"):
        model = through_diffusers.build(weights, found, half=half)
        held = sum(tensor.numel() for name, tensor in model.state_dict().items() if half in name)
        asked = published.variants(architecture)
        want = next(one for one in asked if one.name == variant).tensors
        assert held == sum(
            torch.Size(shape).numel() for name, shape in want.items() if half in name
        )


@pytest.mark.parametrize("architecture", ["autoencoder-kl-cosmos"])
def test_decodes_like_diffusers_from_either_layout(architecture: str) -> None:
    variant = published.variants(architecture)[0]
    with seeded(), torch.inference_mode():
        model = made(getattr(diffusers, str(variant.diffusers_class))(**variant.config))
        theirs = dict(model.state_dict())
        side = SIDE // variant.downscale
        latents, images = noise(1, variant.latent_channels, side, side), pictures()[:1]
        decoded = model.decode(latents.unsqueeze(2)).sample[:, :, 0]
        encoded = model.encode(images.unsqueeze(2)).latent_dist.mode()[:, :, 0]
    original = {
        native.place(architecture, variant.name, name).name: tensor
        for name, tensor in theirs.items()
    }
    for weights in (theirs, original):
        found = recognised(weights)
        seen: dict[str, Tensor] = {}
        got = engine.decode(weights, latents, found=found, watch=seen.__setitem__)
        assert apart(got, decoded) < CLOSE
        assert apart(engine.encode(weights, images, found=found), encoded) < CLOSE
        assert "decoder.conv_out.conv_t" in seen


def taken(architecture: str, name: str, weights: dict[str, Tensor]) -> Tensor:
    variant = published.variants(architecture)[0]
    layout = published.layouts(architecture)[1]
    shapes = published.manifest(architecture, variant.name, layout, "both")
    found = find(shapes, likely=architecture)
    assert isinstance(found, Found)
    return through_diffusers._fetch(weights, name, found)


def test_takes_thirds_of_what_lies_stacked() -> None:
    stacked = torch.arange(12.0).reshape(6, 2)
    key = "encoder.down_blocks.0.attentions.1.to_k.weight"
    place = native.place("autoencoder-kl-mochi", "1", key)
    assert place.name == "encoder.layers.4.layers.2.attn_block.attn.qkv.weight"
    got = taken("autoencoder-kl-mochi", key, {place.name: stacked})
    assert torch.equal(got, stacked[2:4])


def test_takes_apart_what_lies_interleaved_by_heads() -> None:
    # 32 heads of one row each: q k v of the first head, q k v of the second, and so on.
    rows = torch.arange(96.0).reshape(96, 1)
    for part, name in enumerate("qkv"):
        key = f"decoder.transformer_blocks.3.attn.to_{name}.weight"
        weights = {"decoder.transformer_blocks.3.attn.to_qkv.weight": rows}
        got = taken("autoencoder-kl-minimax-h3", key, weights)
        assert torch.equal(got, rows[part::3])


def test_swaps_halves() -> None:
    rows = torch.arange(4.0)
    key = "decoder.transformer_blocks.0.ff.net.0.proj.bias"
    weights = {"decoder.transformer_blocks.0.ff.w1.bias": rows}
    got = taken("autoencoder-kl-minimax-h3", key, weights)
    assert got.tolist() == [2, 3, 0, 1]


def test_flattens_convolutions_of_one_cell() -> None:
    key = "decoder.mid_block.attentions.0.to_out.0.weight"
    weights = {"decoder.mid.attn_1.proj_out.weight": torch.arange(4.0).reshape(2, 2, 1, 1, 1)}
    assert taken("autoencoder-kl-hunyuan-video", key, weights).shape == (2, 2)


@pytest.mark.parametrize(
    ("architecture", "variant", "converter", "prefix"),
    [
        ("autoencoder-kl-ltx-video", "0.9.0", "convert_ltx_vae_checkpoint_to_diffusers", "vae."),
        ("autoencoder-kl-ltx-video", "0.9.1", "convert_ltx_vae_checkpoint_to_diffusers", "vae."),
        ("autoencoder-kl-ltx-video", "0.9.5", "convert_ltx_vae_checkpoint_to_diffusers", "vae."),
        ("autoencoder-kl-ltx2-video", "2.0", "convert_ltx2_vae_to_diffusers", ""),
    ],
)
def test_renaming_undoes_that_of_diffusers(
    architecture: str, variant: str, converter: str, prefix: str
) -> None:
    from diffusers.loaders import single_file_utils

    shapes = published.manifest(architecture, variant, "native", "both")
    weights: dict[str, Any] = {
        prefix + name: torch.empty(shape, device="meta") for name, shape in shapes.items()
    }
    theirs = getattr(single_file_utils, converter)(weights)
    got = {name: tuple(tensor.shape) for name, tensor in theirs.items()}
    want = published.manifest(architecture, variant, "diffusers", "both")
    statistics = {"latents_mean", "latents_std"}
    assert {n: s for n, s in got.items() if n not in statistics} == {
        n: s for n, s in want.items() if n not in statistics
    }


def test_says_which_tensor_is_missing() -> None:
    shapes = dict(published.manifest("autoencoder-dc", "f32c32", "diffusers", "both"))
    found = find(shapes)
    assert isinstance(found, Found)
    weights = {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}
    del weights["decoder.conv_in.weight"]
    with pytest.raises(KeyError, match=r"decoder\.conv_in\.weight"):
        through_diffusers.build(weights, found, half="decoder")
