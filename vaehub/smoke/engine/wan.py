"""Decode and encode one frame with Wan 2.1's causal autoencoder, also that of Qwen-Image.

On one frame every causal convolution sees zeros in the past, so it is a 2-D convolution with the
last tap of its kernel, and the convolutions over time are never reached. The layers follow
Wan-Video/Wan2.1, wan/modules/vae.py. What the older taps and the time convolutions hold is not
tested by this: the manifest and the statistics judge those.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch.nn.functional as F  # noqa: N812 (torch's own name for it)

from vaehub.smoke.engine.layers import attend, double, halve, same
from vaehub.weights import wan

if TYPE_CHECKING:
    from torch import Tensor

    from vaehub.smoke.engine.layers import Watch, Weights
    from vaehub.weights.kl import Half


def canonical(weights: Weights, sizes: wan.Sizes, *, layout: str, half: Half) -> dict[str, Tensor]:
    """Give the weights their original names, convolutions reduced to their last tap.

    Raises:
        KeyError: a tensor is missing, by its name in the file.
    """
    named = {}
    for name in wan.manifest(sizes, layout="native", half=half):
        if ".time_conv." in name:
            continue
        tensor = weights[name if layout == "native" else wan.to_diffusers(name)]
        named[name] = tensor[:, :, -1] if tensor.dim() == 5 else tensor
    return named


def decode(weights: Weights, latents: Tensor, sizes: wan.Sizes, *, watch: Watch) -> Tensor:
    """Decode latents [B, C, h, w] to images [B, channels, H, W]."""
    x = same(weights, "decoder.conv1", same(weights, "conv2", latents))
    watch("decoder.conv1", x)
    x = _middle(weights, "decoder", x, watch)
    at = 0
    for level in reversed(range(len(sizes.levels))):
        for _ in range(sizes.blocks + 1):
            x = _block(weights, f"decoder.upsamples.{at}", x, watch)
            at += 1
        if level:
            x = same(weights, f"decoder.upsamples.{at}.resample.1", double(x))
            watch(f"decoder.upsamples.{at}", x)
            at += 1
    return _out(weights, "decoder", x, watch)


def encode(weights: Weights, images: Tensor, sizes: wan.Sizes, *, watch: Watch) -> Tensor:
    """Encode images [B, channels, H, W] to the mean of the posterior, [B, C, h, w]."""
    x = same(weights, "encoder.conv1", images)
    watch("encoder.conv1", x)
    at = 0
    for level in range(len(sizes.levels)):
        for _ in range(sizes.blocks):
            x = _block(weights, f"encoder.downsamples.{at}", x, watch)
            at += 1
        if level < len(sizes.levels) - 1:
            x = halve(weights, f"encoder.downsamples.{at}.resample.1", x)
            watch(f"encoder.downsamples.{at}", x)
            at += 1
    x = _middle(weights, "encoder", x, watch)
    x = _out(weights, "encoder", x, watch)
    return same(weights, "conv1", x).chunk(2, dim=1)[0]


def _norm(weights: Weights, name: str, x: Tensor) -> Tensor:
    gamma = weights[f"{name}.gamma"].reshape(1, -1, 1, 1)
    return F.normalize(x, dim=1) * math.sqrt(x.shape[1]) * gamma


def _middle(weights: Weights, half: str, x: Tensor, watch: Watch) -> Tensor:
    x = _block(weights, f"{half}.middle.0", x, watch)
    name = f"{half}.middle.1"
    parts = same(weights, f"{name}.to_qkv", _norm(weights, f"{name}.norm", x))
    watch(f"{name}.to_qkv", parts)
    q, k, v = parts.chunk(3, dim=1)
    x = x + same(weights, f"{name}.proj", attend(q, k, v))
    watch(name, x)
    return _block(weights, f"{half}.middle.2", x, watch)


def _block(weights: Weights, name: str, x: Tensor, watch: Watch) -> Tensor:
    y = same(weights, f"{name}.residual.2", F.silu(_norm(weights, f"{name}.residual.0", x)))
    watch(f"{name}.residual.2", y)  # fp16 overflows within a branch too
    y = same(weights, f"{name}.residual.6", F.silu(_norm(weights, f"{name}.residual.3", y)))
    watch(f"{name}.residual.6", y)
    if f"{name}.shortcut.weight" in weights:
        x = same(weights, f"{name}.shortcut", x)
    y = x + y
    watch(name, y)
    return y


def _out(weights: Weights, half: str, x: Tensor, watch: Watch) -> Tensor:
    x = same(weights, f"{half}.head.2", F.silu(_norm(weights, f"{half}.head.0", x)))
    watch(f"{half}.head", x)
    return x
