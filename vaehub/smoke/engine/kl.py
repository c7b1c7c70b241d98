"""Decode and encode with an AutoencoderKL: SD1, SD2, SDXL, SD3, FLUX.1, FLUX.2 and their kin.

The layers follow CompVis/latent-diffusion, ldm/modules/diffusionmodules/model.py, in whose naming
the weights are read here, whatever the file's own. What the tensors do not tell is the number of
groups of the normalisation: 32 in every published one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch.nn.functional as F  # noqa: N812 (torch's own name for it)

from vaehub.smoke.engine.layers import attend, double, group_norm, halve, same
from vaehub.weights import kl, kl_naming

if TYPE_CHECKING:
    from torch import Tensor

    from vaehub.smoke.engine.layers import Watch, Weights

_EPS = 1e-6


def canonical(
    weights: Weights, sizes: kl.Sizes, *, layout: str, half: kl.Half
) -> dict[str, Tensor]:
    """Give the weights their LDM names and shapes, without copying them.

    Raises:
        KeyError: a tensor is missing, by its name in the file.
    """
    levels = max(len(sizes.encoder_widths), len(sizes.decoder_widths))
    named = {}
    for name, shape in kl.manifest(sizes, layout="ldm", half=half).items():
        if name.startswith("bn."):
            continue
        tensor = weights[kl_naming.from_ldm(name, layout=layout, levels=levels)]
        plain = name.replace("encoder.quant_conv.", "quant_conv.")
        plain = plain.replace("decoder.post_quant_conv.", "post_quant_conv.")
        named[plain] = tensor.reshape(shape)
    return named


def decode(
    weights: Weights, latents: Tensor, sizes: kl.Sizes, *, groups: int, watch: Watch
) -> Tensor:
    """Decode latents [B, C, h, w] to images [B, 3, H, W]."""
    x = latents
    if sizes.quant:
        x = same(weights, "post_quant_conv", x)
    x = same(weights, "decoder.conv_in", x)
    watch("decoder.conv_in", x)
    x = _middle(weights, "decoder.mid", x, groups, watch)
    for level in reversed(range(len(sizes.decoder_widths))):
        place = f"decoder.up.{level}"
        for block in range(sizes.blocks + 1):
            x = _block(weights, f"{place}.block.{block}", x, groups, watch)
            if level in sizes.attention:
                x = _attention(weights, f"{place}.attn.{block}", x, groups, watch)
        if level:
            x = same(weights, f"{place}.upsample.conv", _enlarge(weights, f"{place}.upsample", x))
            watch(f"{place}.upsample", x)
    return _out(weights, "decoder", x, groups, watch)


def encode(
    weights: Weights, images: Tensor, sizes: kl.Sizes, *, groups: int, watch: Watch
) -> Tensor:
    """Encode images [B, 3, H, W] to the mean of the posterior, [B, C, h, w]."""
    x = same(weights, "encoder.conv_in", images)
    watch("encoder.conv_in", x)
    for level in range(len(sizes.encoder_widths)):
        place = f"encoder.down.{level}"
        for block in range(sizes.blocks):
            x = _block(weights, f"{place}.block.{block}", x, groups, watch)
            if level in sizes.attention:
                x = _attention(weights, f"{place}.attn.{block}", x, groups, watch)
        if level < len(sizes.encoder_widths) - 1:
            x = halve(weights, f"{place}.downsample.conv", x)
            watch(f"{place}.downsample", x)
    x = _middle(weights, "encoder.mid", x, groups, watch)
    x = _out(weights, "encoder", x, groups, watch)
    if sizes.quant:
        x = same(weights, "quant_conv", x)
    return x.chunk(2, dim=1)[0]


def _enlarge(weights: Weights, name: str, x: Tensor) -> Tensor:
    # SeedVR2 learnt how to; all others repeat every cell.
    if f"{name}.upscale_conv.weight" in weights:
        return F.pixel_shuffle(same(weights, f"{name}.upscale_conv", x), 2)
    return double(x)


def _middle(weights: Weights, name: str, x: Tensor, groups: int, watch: Watch) -> Tensor:
    x = _block(weights, f"{name}.block_1", x, groups, watch)
    x = _attention(weights, f"{name}.attn_1", x, groups, watch)
    return _block(weights, f"{name}.block_2", x, groups, watch)


def _block(weights: Weights, name: str, x: Tensor, groups: int, watch: Watch) -> Tensor:
    y = x
    for number in (1, 2):
        y = F.silu(group_norm(weights, f"{name}.norm{number}", y, groups=groups, eps=_EPS))
        y = same(weights, f"{name}.conv{number}", y)
        watch(f"{name}.conv{number}", y)  # fp16 overflows within a branch too
    if f"{name}.nin_shortcut.weight" in weights:
        x = same(weights, f"{name}.nin_shortcut", x)
    y = x + y
    watch(name, y)
    return y


def _attention(weights: Weights, name: str, x: Tensor, groups: int, watch: Watch) -> Tensor:
    y = group_norm(weights, f"{name}.norm", x, groups=groups, eps=_EPS)
    parts = [same(weights, f"{name}.{part}", y) for part in "qkv"]
    for part, one in zip("qkv", parts, strict=True):
        watch(f"{name}.{part}", one)
    y = x + same(weights, f"{name}.proj_out", attend(*parts))
    watch(name, y)
    return y


def _out(weights: Weights, half: str, x: Tensor, groups: int, watch: Watch) -> Tensor:
    x = F.silu(group_norm(weights, f"{half}.norm_out", x, groups=groups, eps=_EPS))
    x = same(weights, f"{half}.conv_out", x)
    watch(f"{half}.conv_out", x)
    return x
