"""The pictures and latents that the smoke test decodes and encodes, by formula.

Computed in float64 on the CPU from closed formulas, then cast to float32, so they are the same on
every device and in every version of torch up to rounding. Knows no file, no random generator and no
model; what a latent should decode to is not known here, but for :func:`golden`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import torch

from vaehub.smoke.measures import thumbnail

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

    from vaehub.smoke.factors import Factors

Kind = Literal["flat", "gradient", "natural", "extremes"]
KINDS: tuple[Kind, ...] = ("flat", "gradient", "natural", "extremes")
_GOLDEN_ANGLE = math.pi * (3 - math.sqrt(5))
# Multiples of it never line up, which stands in for chance.


def picture(size: int) -> Tensor:
    """Draw the landscape that the smoke test looks at.

    A sky with a sun and clouds, hills, a meadow, a lake, a ball with its shadow, a house with a
    window and a fence of thin posts; nothing is finer than the pixels allow.

    Args:
        size: height and width in pixels; at 64 and more all of it can be made out.

    Returns:
        [1, 3, size, size], float32 from -1 to 1.
    """
    x, y = _grid(size)
    pixel = 1 / size
    rough = _waves(x, y, ((1.32**octave * 4, 1.2**-octave, octave) for octave in range(9)))
    clouds = _waves(x, 2.2 * y, ((1.45**octave * 1.5, 1.4**-octave, octave) for octave in range(9)))

    scene = _colour(0.20, 0.43, 0.85).lerp(_colour(0.99, 0.80, 0.58), (y / 0.55).clamp(0, 1))
    scene = _over(scene, (1.0, 0.97, 0.93), 0.8 * (0.9 * clouds - 0.1).clamp(0, 1) * (1 - 1.4 * y))
    sun = torch.hypot(x - 0.74, y - 0.20)
    scene = _over(scene, (1.0, 0.85, 0.45), 0.6 * (1 - sun / 0.30).clamp(0, 1) ** 2)
    scene = _over(scene, (1.0, 0.96, 0.72), _inside(sun - 0.075, pixel))

    far = 0.47 + 0.05 * torch.sin(7 * x + 0.6) + 0.03 * torch.sin(17 * x)
    scene = _over(scene, (0.42, 0.36, 0.58), _inside(far - y + 0.008 * rough, 2 * pixel))
    near = 0.57 + 0.05 * torch.sin(5 * x + 3.6)
    meadow = _colour(0.24, 0.47, 0.16).lerp(_colour(0.62, 0.66, 0.22), (2.2 * y - 1.2).clamp(0, 1))
    scene = scene.lerp(meadow * (1 + 0.09 * rough), _inside(near - y, pixel))
    lake = torch.hypot((x - 0.80) / 2.6, y - 0.74) - 0.075
    water = _colour(0.10, 0.36, 0.52) + 0.10 * torch.sin(90 * y + 4 * x).clamp(min=0)
    scene = scene.lerp(water, _inside(lake + 0.004 * rough, 2 * pixel))

    scene = _over(scene, (0.86, 0.76, 0.62), _box(x, y, (0.10, 0.30), (0.50, 0.68), pixel))
    roof = torch.maximum((x - 0.20).abs() * 0.9 + 0.37 - y, y - 0.50)
    scene = _over(scene, (0.66, 0.15, 0.13), _inside(roof, pixel))
    scene = _over(scene, (0.20, 0.24, 0.34), _box(x, y, (0.14, 0.19), (0.55, 0.61), pixel))
    scene = _over(scene, (0.42, 0.24, 0.14), _box(x, y, (0.22, 0.27), (0.56, 0.68), pixel))

    shade = torch.hypot((x - 0.53) / 2.4, y - 0.885) - 0.045
    scene = scene * (1 - 0.55 * _inside(shade, 0.06))
    ball = torch.hypot(x - 0.45, y - 0.80)
    light = (1.25 - 3.4 * torch.hypot(x - 0.415, y - 0.755)).clamp(0.35, 1.15)
    scene = scene.lerp(_colour(0.85, 0.16, 0.42) * light, _inside(ball - 0.105, pixel))
    scene = _over(scene, (1.0, 0.95, 0.95), _inside(torch.hypot(x - 0.41, y - 0.75) - 0.015, 0.02))

    # A post is a pixel and a half wide at least, so that no size turns the fence to nothing.
    width = max(0.007, 0.75 * pixel)
    posts = ((x * 14 + 0.5) % 1 - 0.5).abs() / 14 - width
    posts = torch.maximum(posts, (y - 0.94).abs() - 0.045)
    fence = torch.minimum(posts, (y - 0.935).abs() - 0.6 * width)
    scene = _over(scene, (0.95, 0.93, 0.86), _inside(fence, pixel))
    return (scene.clamp(0, 1) * 2 - 1)[None].float()


def latents(kind: Kind, *, channels: int, size: int) -> Tensor:
    """Make latents of a diffusion model, whose deviation is about one.

    Args:
        kind: ``flat`` is zero; ``gradient`` rises from -1.5 to 1.5 in another direction in each
            channel; ``natural`` has all frequencies, the amplitude falling as they rise, with mean
            zero and deviation one in each channel; ``extremes`` is blocks of 4, 0 and -4.
        channels: of the latent.
        size: height and width in cells.

    Returns:
        [1, channels, size, size], float32, not yet denormalised for the decoder.
    """
    x, y = _grid(size)
    planes = [_plane(kind, channel, x, y) for channel in range(channels)]
    return torch.stack(planes)[None].float()


def golden(factors: Factors, size: int) -> Tensor | None:
    """Make the latent that should decode to the picture, from published preview colours alone.

    The colours say ``thumbnail = latent @ rgb + bias``; the latent is the smallest that solves it:
    ``(thumbnail - bias) @ pinv(rgb)``. What it decodes to is coarse, since the colours tell three
    numbers of a cell, but it needs no weights that are known to be good. With TAEF2 at 12 cells the
    decoded picture's thumbnail correlates by .82 with the original's; over forty random decoders by
    .23 at most, over twenty random latents by .26. One damaged block of many does not show.

    Args:
        factors: the family's.
        size: height and width in cells.

    Returns:
        [1, channels, size, size], float32, not yet denormalised; None where the family has no
        preview colours on record.
    """
    if not factors.rgb:
        return None
    matrix = torch.tensor(factors.rgb, dtype=torch.float64)
    bias = torch.tensor(factors.rgb_bias or (0.0, 0.0, 0.0), dtype=torch.float64)
    colours = thumbnail(picture(8 * size), size).double().movedim(1, -1)
    inverse: Tensor = torch.linalg.pinv(matrix)
    return ((colours - bias) @ inverse).movedim(-1, 1).float()


def _plane(kind: Kind, channel: int, x: Tensor, y: Tensor) -> Tensor:
    if kind == "flat":
        return torch.zeros_like(x)
    turn = channel * _GOLDEN_ANGLE
    if kind == "gradient":
        along = (x - 0.5) * math.cos(turn) + (y - 0.5) * math.sin(turn)
        return 3 * along / (abs(math.cos(turn)) + abs(math.sin(turn)))
    if kind == "natural":
        finest = max(1.0, len(x) / 3)
        octaves = [0.7 * 1.35**octave for octave in range(16)]
        rising = [frequency for frequency in octaves if frequency <= finest]
        waves = ((f, 1 / f, number + 5.3 * channel) for number, f in enumerate(rising))
        plane = _waves(x, y, waves)
        return (plane - plane.mean()) / plane.std(correction=0)
    blocks = (
        (4 * x).floor() * (1 + channel % 2) + (4 * y).floor() * (1 + channel // 2 % 2) + channel
    )
    return 4 * (blocks % 3 - 1)


def _grid(size: int) -> tuple[Tensor, Tensor]:
    """Give the centres of the cells, from 0 to 1, x to the right and y downwards."""
    centres = (torch.arange(size, dtype=torch.float64) + 0.5) / size
    y, x = torch.meshgrid(centres, centres, indexing="ij")
    return x, y


def _waves(x: Tensor, y: Tensor, waves: Iterable[tuple[float, float, float]]) -> Tensor:
    """Add plane waves: cycles per picture, amplitude, and a number that turns and shifts them."""
    return sum((_two(x, y, *wave) for wave in waves), torch.zeros_like(x))


def _two(x: Tensor, y: Tensor, frequency: float, amplitude: float, number: float) -> Tensor:
    # Their product has crests of limited length: a single plane wave would look like corduroy.
    turn = number * _GOLDEN_ANGLE + 0.4
    cycles = 2 * math.pi * frequency
    along = torch.sin(cycles * (x * math.cos(turn) + y * math.sin(turn)) + 2.6 * number)
    across = torch.sin(0.7 * cycles * (y * math.cos(turn) - x * math.sin(turn)) + 1.7 * number)
    return amplitude * (along + across)


def _inside(distance: Tensor, soft: float) -> Tensor:
    """Turn a signed distance, negative inside, into a coverage from 0 to 1."""
    return (0.5 - distance / soft).clamp(0, 1)


def _box(
    x: Tensor, y: Tensor, across: tuple[float, float], down: tuple[float, float], pixel: float
) -> Tensor:
    sides = torch.maximum(across[0] - x, x - across[1])
    return _inside(torch.maximum(sides, torch.maximum(down[0] - y, y - down[1])), pixel)


def _colour(red: float, green: float, blue: float) -> Tensor:
    return torch.tensor([red, green, blue], dtype=torch.float64)[:, None, None]


def _over(scene: Tensor, colour: tuple[float, float, float], mask: Tensor) -> Tensor:
    return scene.lerp(_colour(*colour).expand_as(scene), mask.clamp(0, 1).expand_as(scene))
