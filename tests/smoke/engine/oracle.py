"""diffusers' own models at random weights, for the engine to be held against."""

from __future__ import annotations

import math
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

torch = pytest.importorskip("torch", reason="the engine needs torch")
diffusers = pytest.importorskip("diffusers", reason="diffusers is the oracle of the engine")

from vaehub.weights.architectures import Found, find  # noqa: E402 (torch decides first)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import Tensor

    from vaehub.weights.compare import Shapes

CLOSE = 1e-4
"""Largest difference allowed in fp32, on images from -1 to 1."""
SIDE = 64
"""Pixels along each side: large enough for every downscale."""
SD = {
    "block_out_channels": [128, 256, 512, 512],
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
    "layers_per_block": 2,
}


def made(model: Any) -> Any:
    """Finish a model for comparison."""
    return model.eval().requires_grad_(False)


def recognised(weights: Mapping[str, Tensor]) -> Found:
    """Recognise a file that must be a complete VAE."""
    shapes = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    found = find(shapes)
    assert isinstance(found, Found), found.message
    assert list(found.difference(shapes).lines()) == []
    return found


def noise(*shape: int) -> Tensor:
    """Give the same noise every time."""
    made: Tensor = torch.randn(*shape, generator=torch.Generator().manual_seed(7))
    return made


def pictures(channels: int = 3) -> Tensor:
    """Give two smooth pictures from -1 to 1."""
    x = torch.linspace(-3, 3, SIDE)
    planes = [torch.sin(x[:, None] * (1 + i / 2)) * torch.cos(x[None, :] - i) for i in range(8)]
    made: Tensor = torch.stack([torch.stack(planes[n : n + channels]) for n in (0, 2)])
    return made


def apart(one: Tensor, other: Tensor) -> float:
    """Give the largest difference; the shapes must agree."""
    assert one.shape == other.shape
    return float((one - other).abs().max())


@contextmanager
def seeded() -> Iterator[None]:
    """Fix the random weights that models are made with inside."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        yield


def formula(shapes: Shapes) -> dict[str, Tensor]:
    """Give weights that need no random numbers, so that any torch makes the same ones."""
    weights = {}
    for order, (name, shape) in enumerate(sorted(shapes.items())):
        count = math.prod(shape)
        wave = torch.sin(torch.arange(count, dtype=torch.float64) * 1.7 + order)
        fan = math.prod(shape[1:]) or 1
        scale = 1.6 / math.sqrt(fan) if len(shape) > 1 else 0.1
        weights[name] = (wave * scale).reshape(shape).float()
    return weights


def digest(image: Tensor) -> tuple[float, ...]:
    """Boil a picture down to its mean, its deviation and three of its numbers."""
    flat = image.double().flatten()
    picked = [float(flat[len(flat) * part // 7]) for part in (2, 3, 5)]
    return (float(flat.mean()), float(flat.std()), *picked)


def wave(channels: int, side: int) -> Tensor:
    count = channels * side * side
    made: Tensor = torch.sin(torch.arange(count) * 0.37)
    return made.reshape(1, channels, side, side)
