"""diffusers' own models at random weights, for the engine to be held against."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

torch = pytest.importorskip("torch", reason="the engine needs torch")
diffusers = pytest.importorskip("diffusers", reason="diffusers is the oracle of the engine")

from vaehub.weights.architectures import Found, find  # noqa: E402 (torch decides first)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import Tensor

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
