"""An AutoencoderKL of full size whose weights are worked out by hand, so that it really works.

Each latent cell is the colour of its eight by eight pixels, in the latents that the published
preview colours of a family describe; the decoder smooths between cells. So a sound SD1, SDXL, SD3
or FLUX.1 can be had without its weights, and told from each other as far as those colours tell.
Coarser than any trained one, and blind to damage that only detail shows.

How: the colours run along the trunk as +s and -s beside constants that outweigh them, so that each
normalisation divides by nearly the same number everywhere; and silu(s) - silu(-s) is s exactly. All
other channels, and the residual branches, are small noise.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from vaehub.smoke.factors import factors_of
from vaehub.weights import kl

if TYPE_CHECKING:
    from torch import Tensor

    from tests.smoke_cases.containers import Weights

_LOUD = 20.0
"""The constants, where colours are within one."""
_FAINT = 1e-4
_SMOOTH = torch.tensor([[1.0, 2.0, 1.0], [2.0, 4.0, 2.0], [1.0, 2.0, 1.0]]) / 16
_COLOURS, _GROUPS = 3, 32
_TIMES = 2
"""How often the decoder carries each colour: no weight of a trained one stands alone."""


def built(sizes: kl.Sizes, family: str, *, seed: int = 3) -> Weights:
    """Make the weights, in fp32, under LDM's names.

    Args:
        sizes: of an AutoencoderKL with the same channels inside the latent and out.
        family: whose published colours it speaks.
        seed: of the noise.
    """
    random = torch.Generator().manual_seed(seed)
    weights = {
        name: _noise(name, shape, random)
        for name, shape in kl.manifest(sizes, layout="ldm").items()
    }
    _encoder(weights, sizes, family)
    _decoder(weights, sizes, family)
    if sizes.quant:
        for name, width in (("quant_conv", 2), ("post_quant_conv", 1)):
            weights[f"{name}.weight"][:, :, 0, 0] = torch.eye(width * sizes.z_channels)
            weights[f"{name}.weight"] += _FAINT
    return weights


def _noise(name: str, shape: tuple[int, ...], random: torch.Generator) -> Tensor:
    values = torch.randn(shape, generator=random)
    if ".norm" in name and name.endswith("weight"):
        return 1 + 0.02 * values
    if len(shape) == 1:
        return _FAINT * values
    quiet = 0.02 if ".conv2." in name or ".proj_out." in name else 1.0
    return values * quiet / math.sqrt(math.prod(shape[1:]))


def _lanes(last: int) -> list[tuple[int, int]]:
    """Say what each channel at the trunk's start carries: a colour and its sign; -1 for constants.

    Args:
        last: channels of a group of the last normalisation, which must hold both signs and as
            much of either constant.
    """
    if last == 4:
        once = [lane for c in range(_COLOURS) for lane in ((c, 1), (c, -1), (-1, 1), (-1, -1))]
        return once * _TIMES
    signs = [(c, sign) for sign in (1, -1) for c in range(_COLOURS)]
    return signs + [(-1, 1 - 2 * (at % 2)) for at in range(last - len(signs))]


def _carry(weights: Weights, name: str, lanes: int, kernel: Tensor | None = None) -> None:
    """Let a convolution pass the lanes on, each to itself."""
    weight, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
    weight[:lanes] = _FAINT * weight[:lanes]
    bias[:lanes] = 0
    for lane in range(lanes):
        if kernel is None:
            weight[lane, lane, weight.shape[2] // 2, weight.shape[3] // 2] += 1
        else:
            weight[lane, lane] += kernel


def _begin(weights: Weights, name: str, lanes: list[tuple[int, int]]) -> Tensor:
    """Empty the lanes of a trunk's first convolution but for the constants; gives its weight."""
    weight, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
    weight[: len(lanes)] *= _FAINT
    for at, (colour, sign) in enumerate(lanes):
        bias[at] = _LOUD * sign if colour < 0 else 0.0
    return weight


def _keep_off(weights: Weights, half: str, lanes: int) -> None:
    """Keep residual branches from the lanes, and let shortcuts pass them."""
    for name, tensor in weights.items():
        if name.startswith(half) and (".conv2." in name or ".proj_out." in name):
            tensor[:lanes] *= _FAINT
        if name.startswith(half) and name.endswith("nin_shortcut.weight"):
            _carry(weights, name.removesuffix(".weight"), lanes)


def _level(lanes: list[tuple[int, int]], group: int) -> float:
    """Say what the last normalisation divides by, nearly."""
    constants = sum(colour < 0 for colour, _ in lanes) * group // len(lanes)
    if group == len(lanes):
        constants = sum(colour < 0 for colour, _ in lanes)
    return _LOUD * math.sqrt(constants / group)


def _encoder(weights: Weights, sizes: kl.Sizes, family: str) -> None:
    group = sizes.encoder_widths[-1] // _GROUPS
    lanes = _lanes(group)
    first = _begin(weights, "encoder.conv_in", lanes)
    for at, (colour, sign) in enumerate(lanes):
        if colour >= 0:
            first[at, colour, 1, 1] += sign
    _keep_off(weights, "encoder", len(lanes))
    mean = torch.zeros(3, 3)
    mean[:2, :2] = 0.25
    for level in range(len(sizes.encoder_widths) - 1):
        _carry(weights, f"encoder.down.{level}.downsample.conv", len(lanes), mean)
    weights["encoder.norm_out.weight"][: len(lanes)] = _level(lanes, group)
    weights["encoder.norm_out.bias"][: len(lanes)] = 0
    matrix, bias = _colours(family)
    back = torch.linalg.pinv(matrix)
    factors = factors_of(family)
    assert factors is not None
    scale, shift = factors.scaling_factor or 1.0, factors.shift_factor or 0.0
    z = sizes.z_channels
    out, offset = weights["encoder.conv_out.weight"], weights["encoder.conv_out.bias"]
    out *= _FAINT
    for at, (colour, sign) in enumerate(lanes):
        if colour >= 0:
            out[:z, at, 1, 1] += sign * back[colour] / scale
    offset[:z] = -(bias @ back) / scale + shift
    offset[z:] = -10.0


def _decoder(weights: Weights, sizes: kl.Sizes, family: str) -> None:
    group = sizes.decoder_widths[0] // _GROUPS
    lanes = _lanes(group)
    matrix, bias = _colours(family)
    factors = factors_of(family)
    assert factors is not None
    scale, shift = factors.scaling_factor or 1.0, factors.shift_factor or 0.0
    first = _begin(weights, "decoder.conv_in", lanes)
    offset = weights["decoder.conv_in.bias"]
    for at, (colour, sign) in enumerate(lanes):
        if colour >= 0:
            first[at, :, 1, 1] += sign * matrix[:, colour] * scale
            offset[at] = sign * (bias[colour] - shift * scale * matrix[:, colour].sum())
    _keep_off(weights, "decoder", len(lanes))
    for level in range(1, len(sizes.decoder_widths)):
        name = f"decoder.up.{level}.upsample.conv"
        _carry(weights, name, len(lanes))
        for at, (colour, _) in enumerate(lanes):
            if colour >= 0:
                weights[f"{name}.weight"][at, at] += _SMOOTH
                weights[f"{name}.weight"][at, at, 1, 1] -= 1
    weights["decoder.norm_out.weight"][: len(lanes)] = _level(lanes, group)
    weights["decoder.norm_out.bias"][: len(lanes)] = 0
    out = weights["decoder.conv_out.weight"]
    out *= _FAINT
    for at, (colour, sign) in enumerate(lanes):
        if colour >= 0:
            out[colour, at, 1, 1] += sign / _TIMES


def _colours(family: str) -> tuple[Tensor, Tensor]:
    factors = factors_of(family)
    assert factors is not None, family
    return torch.tensor(factors.rgb), torch.tensor(factors.rgb_bias or (0.0, 0.0, 0.0))
