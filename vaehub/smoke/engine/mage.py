"""Decode and encode with Mage-VAE, a codec that denoises once, from nothing, at time zero.

So nothing here is random, and the time's embedding is a constant. Decoding: a small decoder makes
features of the latent; a denoiser of depthwise blocks refines them per patch of 16 pixels; a tiny
network paints each pixel of a patch from the patch's features and the pixel's place in it. Layers
as in microsoft/Mage (MIT), which ComfyUI runs (comfy/ldm/mage_flow/vae.py); names as in its file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name for it)

from vaehub.smoke.engine.layers import attend, conv, group_norm, layer_norm, same

if TYPE_CHECKING:
    from torch import Tensor

    from vaehub.smoke.engine.layers import Watch, Weights

_ENCODER, _DECODER = "student.dconv_encoder", "pipeline"
_EPS, _GROUPS, _PATCH, _WINDOW, _WAVES, _TIME = 1e-6, 32, 16, 32, 8, 256


def decode(weights: Weights, latents: Tensor, *, watch: Watch) -> Tensor:
    """Decode latents [B, 128, h, w] to images [B, 3, 16h, 16w]."""
    features = _features(weights, latents, watch)
    batch, width, height, across = features.shape
    time = _time(weights, _DECODER, latents)
    # The picture to denoise is empty, so of its embedding only the zeros are left.
    name = f"{_DECODER}.s_embedder"
    empty = features.new_zeros(batch, weights[f"{name}.proj1.weight"].shape[0], height, across)
    x = same(weights, f"{name}.proj2", torch.cat([empty, features], dim=1))
    for number in range(_count(weights, f"{_DECODER}.blocks")):
        x = _timed_block(weights, f"{_DECODER}.blocks.{number}", x, time)
        watch(f"{_DECODER}.blocks.{number}", x)
    patches = x.permute(0, 2, 3, 1).reshape(-1, width)
    pixels = _pixels(weights, patches, _places(weights, features), watch)
    pixels = pixels.reshape(batch, height, across, _PATCH, _PATCH, 3)
    return pixels.permute(0, 5, 1, 3, 2, 4).reshape(batch, 3, height * _PATCH, across * _PATCH)


def encode(weights: Weights, images: Tensor, *, watch: Watch) -> Tensor:
    """Encode images [B, 3, H, W] to the mean of the posterior, [B, 128, H/16, W/16]."""
    x = conv(weights, f"{_ENCODER}.patch_cond_embed", images, stride=_PATCH)
    for number in range(_count(weights, f"{_ENCODER}.head_blocks")):
        name = f"{_ENCODER}.head_blocks.{number}"
        x = x + _mix(weights, name, _scaled_norm(weights, f"{name}.norm1", x))
        x = x + _widen(weights, name, _scaled_norm(weights, f"{name}.norm2", x))
        watch(name, x)
    x = same(weights, f"{_ENCODER}.proj_down", x)
    empty = x.new_zeros(x.shape[0], weights[f"{_ENCODER}.z_proj.weight"].shape[1], *x.shape[2:])
    x = torch.cat([x, same(weights, f"{_ENCODER}.z_proj", empty)], dim=1)
    x = same(weights, f"{_ENCODER}.fuse_proj", x)
    time = _time(weights, _ENCODER, images)
    for number in range(_count(weights, f"{_ENCODER}.blocks")):
        x = _timed_block(weights, f"{_ENCODER}.blocks.{number}", x, time)
        watch(f"{_ENCODER}.blocks.{number}", x)
    x = same(weights, f"{_ENCODER}.proj_out", _scaled_norm(weights, f"{_ENCODER}.norm_out", x))
    return x.chunk(2, dim=1)[0]


def _count(weights: Weights, place: str) -> int:
    start = len(place) + 1
    return len({n[start:].split(".")[0] for n in weights if n.startswith(f"{place}.")})


def _time(weights: Weights, half: str, like: Tensor) -> Tensor:
    """Embed time zero: all cosines one, all sines zero; [1, C]."""
    waves = torch.cat([like.new_ones(1, _TIME // 2), like.new_zeros(1, _TIME // 2)], dim=1)
    hidden = F.silu(_linear(weights, f"{half}.t_embedder.mlp.0", waves))
    return _linear(weights, f"{half}.t_embedder.mlp.2", hidden)


def _linear(weights: Weights, name: str, x: Tensor) -> Tensor:
    return F.linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"])


def _scaled_norm(weights: Weights, name: str, x: Tensor) -> Tensor:
    scale, bias = (weights[f"{name}.{part}"].reshape(1, -1, 1, 1) for part in ("weight", "bias"))
    return layer_norm(x, eps=_EPS) * scale + bias


def _mix(weights: Weights, name: str, x: Tensor) -> Tensor:
    """Mix neighbours per channel, and weigh the channels by what all of the picture shows."""
    x = same(weights, f"{name}.conv1", x)
    kernel, bias = weights[f"{name}.conv2.weight"], weights[f"{name}.conv2.bias"]
    x = F.gelu(F.conv2d(x, kernel, bias, padding=1, groups=x.shape[1]))
    gate = torch.sigmoid(same(weights, f"{name}.ca.1", x.mean(dim=(2, 3), keepdim=True)))
    return same(weights, f"{name}.conv3", x * gate)


def _widen(weights: Weights, name: str, x: Tensor) -> Tensor:
    return same(weights, f"{name}.conv5", F.gelu(same(weights, f"{name}.conv4", x)))


def _timed_block(weights: Weights, name: str, x: Tensor, time: Tensor) -> Tensor:
    numbers = _linear(weights, f"{name}.adaLN_modulation.1", F.silu(time))
    shift, scale, gate, shift2, scale2, gate2 = numbers.reshape(1, -1, 1, 1).chunk(6, dim=1)
    x = x + gate * _mix(weights, name, layer_norm(x, eps=_EPS) * (1 + scale) + shift)
    return x + gate2 * _widen(weights, name, layer_norm(x, eps=_EPS) * (1 + scale2) + shift2)


def _features(weights: Weights, latents: Tensor, watch: Watch) -> Tensor:
    """Make features [B, C, h, w] of the latent, with attention inside windows."""
    place = f"{_DECODER}.y_embedder.decoder"
    x = same(weights, f"{place}.conv_in", latents)
    for number in range(_count(weights, f"{place}.block")):
        name = f"{place}.block.{number}"
        if f"{name}.conv1.weight" in weights:
            y = x
            for part in (1, 2):
                y = group_norm(weights, f"{name}.norm{part}", y, groups=_GROUPS, eps=_EPS)
                y = same(weights, f"{name}.conv{part}", F.silu(y))
            x = x + y
        else:
            x = x + _windowed(weights, name, x)
        watch(name, x)
    x = F.silu(group_norm(weights, f"{place}.norm_out", x, groups=_GROUPS, eps=_EPS))
    return same(weights, f"{place}.conv_out", x)


def _windowed(weights: Weights, name: str, x: Tensor) -> Tensor:
    y = group_norm(weights, f"{name}.norm", x, groups=_GROUPS, eps=_EPS)
    batch, width, height, across = y.shape
    right, below = -across % _WINDOW, -height % _WINDOW
    rows, columns = (height + below) // _WINDOW, (across + right) // _WINDOW

    def windows(part: str) -> Tensor:
        # The edge is repeated behind the convolution, which is the same as before it: it is 1x1.
        t = F.pad(same(weights, f"{name}.{part}", y), (0, right, 0, below), mode="replicate")
        t = t.reshape(batch, width, rows, _WINDOW, columns, _WINDOW).permute(0, 2, 4, 1, 3, 5)
        return t.reshape(-1, width, _WINDOW, _WINDOW)

    y = attend(windows("q"), windows("k"), windows("v"))
    y = y.reshape(batch, rows, columns, width, _WINDOW, _WINDOW).permute(0, 3, 1, 4, 2, 5)
    y = y.reshape(batch, width, rows * _WINDOW, columns * _WINDOW)[:, :, :height, :across]
    return same(weights, f"{name}.proj_out", y)


def _places(weights: Weights, features: Tensor) -> Tensor:
    """Give what the painting starts from, [patches, pixels of a patch, channels]."""
    batch, _, height, across = features.shape
    x = same(weights, f"{_DECODER}.y_embedder_x", features)
    # The picture's own three channels are empty.
    x = torch.cat([x.new_zeros(batch, 3 * _PATCH**2, height, across), x], dim=1)
    x = x.reshape(batch, -1, _PATCH**2, height * across).permute(0, 3, 2, 1).flatten(0, 1)
    at = torch.linspace(0, 1, _PATCH, dtype=x.dtype, device=x.device)
    waves = torch.linspace(0, _WAVES, _WAVES, dtype=x.dtype, device=x.device)
    cosines = torch.cos(at[:, None] * waves * torch.pi)
    damped = 1 / (1 + waves[:, None] * waves)
    place = torch.einsum("xf,yg,fg->yxfg", cosines, cosines, damped).reshape(1, _PATCH**2, -1)
    x = torch.cat([x, place.expand(x.shape[0], -1, -1)], dim=-1)
    return _linear(weights, f"{_DECODER}.x_embedder.embedder.0", x)


def _pixels(weights: Weights, patches: Tensor, x: Tensor, watch: Watch) -> Tensor:
    """Paint the pixels of every patch, [patches, pixels of a patch, 3]."""
    place = f"{_DECODER}.dec_net"
    x = _linear(weights, f"{place}.input_proj", x)
    told = _linear(weights, f"{place}.cond_embed", patches).reshape(*x.shape[:2], -1)
    for number in range(_count(weights, f"{place}.res_blocks")):
        name = f"{place}.res_blocks.{number}"
        numbers = _linear(weights, f"{name}.adaLN_modulation.1", F.silu(told))
        shift, scale, gate = numbers.chunk(3, dim=-1)
        own = weights[f"{name}.in_ln.weight"], weights[f"{name}.in_ln.bias"]
        y = F.layer_norm(x, x.shape[-1:], *own, eps=_EPS) * (1 + scale) + shift
        y = _linear(weights, f"{name}.mlp.2", F.silu(_linear(weights, f"{name}.mlp.0", y)))
        x = x + gate * y
        watch(name, x)
    x = F.rms_norm(x, x.shape[-1:], weights[f"{_DECODER}.final_layer.norm.weight"], eps=_EPS)
    return _linear(weights, f"{_DECODER}.final_layer.linear", x)
