"""Between a diffusion model's latents and the decoder's: scale, shift, mean and deviation.

The formulas are those of diffusers' pipelines and ComfyUI's latent formats. FLUX.2 packs 2x2 cells
into channels and keeps the statistics as a batch norm in the file (epsilon 1e-4, diffusers'
AutoencoderKLFlux2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from vaehub.smoke.engine.layers import Weights
    from vaehub.smoke.factors import Factors

_FLUX2_EPS = 1e-4


def denormalise(latents: Tensor, factors: Factors, *, weights: Weights | None = None) -> Tensor:
    """Turn a diffusion model's latents into what the raw decoder takes.

    ``latents / scaling_factor + shift_factor``, or ``latents * std + mean`` per channel.

    Args:
        latents: [B, C, h, w].
        factors: the family's; those in the file come first where it has them.
        weights: the file's tensors, for FLUX.2's and LTX's own statistics.
    """
    mean, std = _statistics(latents, factors, weights)
    if weights is not None and "bn.running_mean" in weights:
        return unpacked(packed(latents) * std + mean)
    return latents * std + mean


def normalise(latents: Tensor, factors: Factors, *, weights: Weights | None = None) -> Tensor:
    """Turn what the encoder gives into a diffusion model's latents; undoes :func:`denormalise`."""
    mean, std = _statistics(latents, factors, weights)
    if weights is not None and "bn.running_mean" in weights:
        return unpacked((packed(latents) - mean) / std)
    return (latents - mean) / std


def packed(latents: Tensor) -> Tensor:
    """Pack 2x2 cells into channels, [B, C, h, w] to [B, 4C, h/2, w/2], in FLUX.2's order."""
    batch, channels, height, width = latents.shape
    x = latents.reshape(batch, channels, height // 2, 2, width // 2, 2)
    return x.permute(0, 1, 3, 5, 2, 4).reshape(batch, channels * 4, height // 2, width // 2)


def unpacked(latents: Tensor) -> Tensor:
    """Undo :func:`packed`."""
    batch, channels, height, width = latents.shape
    x = latents.reshape(batch, channels // 4, 2, 2, height, width)
    return x.permute(0, 1, 4, 2, 5, 3).reshape(batch, channels // 4, height * 2, width * 2)


def _statistics(
    latents: Tensor, factors: Factors, weights: Weights | None
) -> tuple[Tensor, Tensor]:
    """Give mean and deviation of the decoder's latents, shaped to be applied to them."""
    if weights is not None and "bn.running_mean" in weights:
        mean = weights["bn.running_mean"]
        std = (weights["bn.running_var"].float() + _FLUX2_EPS).sqrt()
    elif factors.mean and factors.std:
        mean, std = torch.tensor(factors.mean), torch.tensor(factors.std)
        std = std / (factors.scaling_factor or 1.0)
    else:
        mean = torch.tensor([factors.shift_factor or 0.0])
        std = torch.tensor([1.0 / (factors.scaling_factor or 1.0)])
    mean, std = (x.to(latents.device, latents.dtype).reshape(1, -1, 1, 1) for x in (mean, std))
    return mean, std
