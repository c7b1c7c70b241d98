"""Decode and encode with TAESD and TAEHV, tiny autoencoders for images and for video.

The layers follow madebyollin/taesd, taesd.py, and madebyollin/taehv, taehv.py. Both speak images
from 0 to 1; here, as everywhere in the engine, they are from -1 to 1. Video runs on one latent
frame: the decoder makes several pictures of it and the last is the answer; the encoder sees the
picture as often as a latent frame stands for. What is learnt about motion is not tested by that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name for it)

from vaehub.smoke.engine.layers import conv, double, same
from vaehub.weights import sequential

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from vaehub.smoke.engine.layers import Watch, Weights
    from vaehub.weights.kl import Half


def canonical(weights: Weights, *, half: Half) -> dict[str, Tensor]:
    """Give the weights the names ``encoder.N.…`` and ``decoder.N.…``, N as first published."""
    named = {}
    for name, tensor in weights.items():
        found = sequential.bare_name(name, half=half)
        if found is not None:
            side, number, rest = found
            named[f"{side}.{number}.{rest}"] = tensor
    return named


def decode_image(weights: Weights, latents: Tensor, *, watch: Watch) -> Tensor:
    """Decode latents [B, C, h, w] to images [B, 3, H, W] from -1 to 1."""
    x = torch.tanh(latents / 3) * 3
    before = -1
    for number in _numbers(weights, "decoder"):
        name = f"decoder.{number}"
        if f"{name}.conv.0.weight" in weights:
            x = _block(weights, name, x, watch)
        else:
            # A convolution without bias comes after an upsampling; the first one ends in a ReLU.
            x = same(weights, name, double(x) if f"{name}.bias" not in weights else x)
            x = F.relu(x) if before < 0 else x
        watch(name, x)
        before = number
    return x * 2 - 1


def encode_image(weights: Weights, images: Tensor, *, watch: Watch) -> Tensor:
    """Encode images [B, 3, H, W] from -1 to 1 to latents [B, C, h, w]."""
    x = (images + 1) / 2
    numbers = list(_numbers(weights, "encoder"))
    for number, after in zip(numbers, [*numbers[1:], numbers[-1] + 1], strict=True):
        name = f"encoder.{number}"
        if f"{name}.conv.0.weight" in weights:
            x = _block(weights, name, x, watch)
        elif after > number + 1:
            # The 32x encoder begins with convolutions of stride 2, each with a ReLU behind it.
            x = F.relu(conv(weights, name, x, stride=2, padding=1))
        else:
            x = conv(weights, name, x, stride=1 if f"{name}.bias" in weights else 2, padding=1)
        watch(name, x)
    return x


def _numbers(weights: Weights, half: str) -> Iterator[int]:
    found = {int(name.split(".")[1]) for name in weights if name.startswith(f"{half}.")}
    yield from sorted(found)


def _block(weights: Weights, name: str, x: Tensor, watch: Watch) -> Tensor:
    if f"{name}.pool.0.weight" in weights:
        y = same(weights, f"{name}.pool.0", x)
        scale, bias = (weights[f"{name}.pool.1.{part}"] for part in ("weight", "bias"))
        x = x + same(weights, f"{name}.pool.3", F.relu(F.group_norm(y, 4, scale, bias)))
    skip = same(weights, f"{name}.skip", x) if f"{name}.skip.weight" in weights else x
    return F.relu(_three(weights, name, x, watch) + skip)


def _three(weights: Weights, name: str, x: Tensor, watch: Watch) -> Tensor:
    for number in (0, 2, 4):
        x = same(weights, f"{name}.conv.{number}", F.relu(x) if number else x)
        watch(f"{name}.conv.{number}", x)  # fp16 overflows within a branch too
    return x


def decode_video(
    weights: Weights, latents: Tensor, sizes: sequential.Sizes, *, watch: Watch
) -> Tensor:
    """Decode one latent frame [B, C, h, w] to its last picture, [B, 3, H, W] from -1 to 1."""
    return torch.cat([_decode_frame(weights, one, sizes, watch) for one in torch.split(latents, 1)])


def encode_video(
    weights: Weights, images: Tensor, sizes: sequential.Sizes, *, watch: Watch
) -> Tensor:
    """Encode pictures [B, 3, H, W] from -1 to 1, each held still, to latents [B, C, h, w]."""
    return torch.cat([_encode_frame(weights, one, sizes, watch) for one in torch.split(images, 1)])


def _decode_frame(weights: Weights, x: Tensor, sizes: sequential.Sizes, watch: Watch) -> Tensor:
    first = 0
    if not sizes.wide:
        x = F.relu(same(weights, "decoder.1", torch.tanh(x / 3) * 3))
        first = 1
    numbers = [number for number in _numbers(weights, "decoder") if number > first or sizes.wide]
    times = iter(sizes.decoder_time)
    for number in numbers:
        name = f"decoder.{number}"
        if f"{name}.conv.1.weight" in weights:
            x = x + _depthwise(weights, name, _with_past(x))
        elif f"{name}.conv.0.weight" in weights:
            x = F.relu(_three(weights, name, _with_past(x), watch) + x)
        elif f"{name}.conv.weight" in weights:
            x = _grow(weights, name, x if sizes.wide else double(x), next(times))
        elif number == numbers[-1]:
            x = same(weights, name, x if sizes.wide else F.relu(x))
        elif sizes.wide and number:
            x = F.pixel_shuffle(F.relu(same(weights, name, x)), 2)
        else:
            x = same(weights, name, x)
        watch(name, x)
    x = F.pixel_shuffle(x, sizes.patch) if sizes.patch > 1 else x
    return x[-1:] * 2 - 1


def _encode_frame(weights: Weights, x: Tensor, sizes: sequential.Sizes, watch: Watch) -> Tensor:
    x = (x + 1) / 2
    count = 1
    for time in sizes.encoder_time:
        count *= time
    if sizes.latent_channels == 24:
        # MiniMax-H3 begins every clip with three empty pictures (_encode_h3_video in taehv.py).
        x = torch.cat([torch.zeros_like(x)] * (count - 1) + [x])
    else:
        x = x.expand(count, -1, -1, -1)
    x = F.pixel_unshuffle(x, sizes.patch) if sizes.patch > 1 else x
    x = F.relu(same(weights, "encoder.0", x))
    times = iter(sizes.encoder_time)
    for number in _numbers(weights, "encoder"):
        name = f"encoder.{number}"
        if f"{name}.conv.0.weight" in weights:
            x = F.relu(_three(weights, name, _with_past(x), watch) + x)
        elif f"{name}.conv.weight" in weights:
            x = same(weights, f"{name}.conv", _join(x, next(times)))
        elif number:
            x = conv(weights, name, x, stride=1 if f"{name}.bias" in weights else 2, padding=1)
        watch(name, x)
    return x


def _with_past(x: Tensor) -> Tensor:
    """Put beside each frame the one before it; before the first there is nothing."""
    return torch.cat([x, torch.cat([torch.zeros_like(x[:1]), x[:-1]])], dim=1)


def _grow(weights: Weights, name: str, x: Tensor, time: int) -> Tensor:
    frames, channels, height, width = x.shape
    made = F.conv2d(x, weights[f"{name}.conv.weight"][-channels * time :])
    return made.reshape(frames * time, channels, height, width)


def _join(x: Tensor, time: int) -> Tensor:
    frames, channels, height, width = x.shape
    return x.reshape(frames // time, channels * time, height, width)


def _depthwise(weights: Weights, name: str, x: Tensor) -> Tensor:
    x = F.conv2d(x, weights[f"{name}.conv.0.weight"], padding=3, groups=x.shape[1])
    return same(weights, f"{name}.conv.3", F.relu(same(weights, f"{name}.conv.1", x)))
