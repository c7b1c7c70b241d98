"""Decode and encode with Stable Cascade's stage A, a small quantised autoencoder.

The layers follow dome272/Paella, modules.py, as diffusers (PaellaVQModel) and ComfyUI (StageA) run
them: both decode the latent as it is, without looking it up in the codebook. Images are from 0 to
1 there and from -1 to 1 here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch.nn.functional as F  # noqa: N812 (torch's own name for it)

from vaehub.smoke.engine.layers import conv, layer_norm, same

if TYPE_CHECKING:
    from torch import Tensor

    from vaehub.smoke.engine.layers import Watch, Weights

_EPS = 1e-6


def decode(weights: Weights, latents: Tensor, *, watch: Watch) -> Tensor:
    """Decode latents [B, 4, h, w] to images [B, 3, 4h, 4w]."""
    x = same(weights, "up_blocks.0.0", latents)
    for number in _numbers(weights, "up_blocks")[1:]:
        name = f"up_blocks.{number}"
        if f"{name}.gammas" in weights:
            x = _block(weights, name, x)
        else:
            weight, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
            x = F.conv_transpose2d(x, weight, bias, stride=2, padding=1)
        watch(name, x)
    x = F.pixel_shuffle(same(weights, "out_block.0", x), 2)
    watch("out_block", x)
    return x * 2 - 1


def encode(weights: Weights, images: Tensor, *, watch: Watch) -> Tensor:
    """Encode images [B, 3, H, W] to latents [B, 4, H/4, W/4], before the codebook."""
    x = same(weights, "in_block.1", F.pixel_unshuffle((images + 1) / 2, 2))
    for number in _numbers(weights, "down_blocks"):
        name = f"down_blocks.{number}"
        if f"{name}.gammas" in weights:
            x = _block(weights, name, x)
        elif f"{name}.weight" in weights:
            x = conv(weights, name, x, stride=2, padding=1)
        else:
            x = same(weights, f"{name}.0", x)
            mean, variance, scale, bias = (
                weights[f"{name}.1.{part}"]
                for part in ("running_mean", "running_var", "weight", "bias")
            )
            x = F.batch_norm(x, mean, variance, scale, bias)
        watch(name, x)
    return x


def _numbers(weights: Weights, part: str) -> list[int]:
    return sorted({int(name.split(".")[1]) for name in weights if name.startswith(f"{part}.")})


def _block(weights: Weights, name: str, x: Tensor) -> Tensor:
    gammas = weights[f"{name}.gammas"]
    y = layer_norm(x, eps=_EPS) * (1 + gammas[0]) + gammas[1]
    weight, bias = weights[f"{name}.depthwise.1.weight"], weights[f"{name}.depthwise.1.bias"]
    y = F.conv2d(F.pad(y, (1, 1, 1, 1), mode="replicate"), weight, bias, groups=x.shape[1])
    x = x + y * gammas[2]
    y = layer_norm(x, eps=_EPS) * (1 + gammas[3]) + gammas[4]
    y = y.permute(0, 2, 3, 1)
    for number in (0, 2):
        place = f"{name}.channelwise.{number}"
        y = F.linear(y, weights[f"{place}.weight"], weights[f"{place}.bias"])
        y = F.gelu(y) if number == 0 else y
    return x + y.permute(0, 3, 1, 2) * gammas[5]
