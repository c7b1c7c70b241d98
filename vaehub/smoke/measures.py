"""Numbers that tell a sound decode from a broken one.

Pure functions of tensors: pictures are [B, 3, H, W] from -1 to 1, in any precision, on any device;
figures are plain floats. Judges nothing: that is :mod:`vaehub.smoke.judge`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from torch import Tensor

RANGE = 2.0
"""Between black and white."""


def finite_share(x: Tensor) -> float:
    """Give the share of elements that are numbers."""
    return float(torch.isfinite(x).to(torch.float32).mean())


def psnr(x: Tensor, y: Tensor) -> float:
    """Give the peak signal-to-noise ratio of two pictures, dB; NaN where one has no numbers."""
    return decibels(float((x.double() - y.double()).square().mean()))


def decibels(error: float) -> float:
    """Give the peak signal-to-noise ratio of a mean square error; NaN where that is no number."""
    if not math.isfinite(error):
        return math.nan
    return math.inf if error == 0 else 10 * math.log10(RANGE**2 / error)


def correlation(x: Tensor, y: Tensor) -> float:
    """Give Pearson's correlation of all elements; 0 where one of the two is flat."""
    x, y = (one.double().flatten() - one.double().mean() for one in (x, y))
    size = float(x.norm() * y.norm())
    if math.isnan(size):
        return math.nan
    return max(-1.0, min(1.0, float(x @ y) / size)) if size > 0 else 0.0


def thumbnail(x: Tensor, size: int) -> Tensor:
    """Average a picture down to ``size`` x ``size``."""
    return functional.adaptive_avg_pool2d(x.float(), size)


def contrast(x: Tensor) -> float:
    """Give the deviation of the brightness, from 0 (flat) to 1 (black and white in halves)."""
    return float(x.float().mean(1).std(correction=0))


def saturation(x: Tensor) -> float:
    """Give the mean distance of the strongest channel from the weakest, from 0 to 2."""
    return float((x.float().amax(1) - x.float().amin(1)).mean())


def flat_share(x: Tensor, *, block: int = 8, below: float = 1 / 512) -> float:
    """Give the share of blocks that are of one colour.

    Args:
        x: A picture that should have none.
        block: Edge of a block in pixels.
        below: Deviation within a block that counts as none; half a step of eight bits.
    """
    blocks = functional.unfold(x.float(), block, stride=block)
    blocks = blocks.reshape(x.shape[0], x.shape[1], block * block, -1)
    spread = blocks.std(2, correction=0).amax(1)
    return float((spread < below).to(torch.float32).mean())


def moved(still: Tensor, shifted: Tensor, *, pixels: int) -> float:
    """Tell how far a picture moved along with its latents; 1 where it did so exactly.

    Args:
        still: The picture.
        shifted: The picture of the latents moved by one cell to the right.
        pixels: What a cell is wide. The edge, where the two have no common neighbours, is left
            aside.
    """
    margin = 2 * pixels if still.shape[-1] > 6 * pixels else pixels
    expected = torch.roll(still, pixels, -1)[..., margin:-margin, margin:-margin]
    return correlation(expected, shifted[..., margin:-margin, margin:-margin])
