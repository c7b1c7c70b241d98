"""The few layers that every decoder here is made of, as functions over a dict of tensors.

Knows arithmetic only. Nothing here holds state, moves tensors between devices or casts them: the
weights and the input decide in which precision and where it runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch.nn.functional as F  # noqa: N812 (torch's own name for it)
from torch import Tensor

Weights = Mapping[str, Tensor]
Watch = Callable[[str, Tensor], None]
"""Called with a layer's name and its activation, in the order they are computed."""


def ignore(name: str, activation: Tensor) -> None:
    """Watch nothing."""


def conv(weights: Weights, name: str, x: Tensor, *, stride: int = 1, padding: int = 0) -> Tensor:
    """Convolve in two dimensions; without bias where the file has none."""
    bias = weights.get(f"{name}.bias")
    return F.conv2d(x, weights[f"{name}.weight"], bias, stride=stride, padding=padding)


def same(weights: Weights, name: str, x: Tensor) -> Tensor:
    """Convolve so that height and width stay, whatever the odd kernel size."""
    return conv(weights, name, x, padding=weights[f"{name}.weight"].shape[-1] // 2)


def halve(weights: Weights, name: str, x: Tensor) -> Tensor:
    """Convolve with stride 2, padded at the right and the bottom only, as LDM does."""
    return conv(weights, name, F.pad(x, (0, 1, 0, 1)), stride=2)


def double(x: Tensor) -> Tensor:
    """Repeat every pixel in both directions."""
    return F.interpolate(x, scale_factor=2.0, mode="nearest")


def group_norm(weights: Weights, name: str, x: Tensor, *, groups: int, eps: float) -> Tensor:
    """Normalise over groups of channels."""
    return F.group_norm(x, groups, weights[f"{name}.weight"], weights[f"{name}.bias"], eps)


def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Let every pixel attend to every other, one head over all channels.

    Args:
        q: queries, [B, C, H, W].
        k: keys, likewise.
        v: values, likewise.
    """
    batch, channels, height, width = q.shape
    q, k, v = (t.reshape(batch, 1, channels, -1).transpose(2, 3).contiguous() for t in (q, k, v))
    out = F.scaled_dot_product_attention(q, k, v)
    return out.transpose(2, 3).reshape(batch, channels, height, width)


def layer_norm(x: Tensor, *, eps: float) -> Tensor:
    """Normalise over the channels of each pixel, without learnt scale."""
    return F.layer_norm(x.permute(0, 2, 3, 1), x.shape[1:2], eps=eps).permute(0, 3, 1, 2)
