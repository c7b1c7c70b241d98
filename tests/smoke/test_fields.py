from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from vaehub.smoke.factors import Factors, factors_of
from vaehub.weights.architectures import Found, examine

torch = pytest.importorskip("torch", reason="torch is not installed")

from vaehub.smoke import engine, fields, measures  # noqa: E402 (they need torch)

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

ROUNDING = 2e-3
SIZES = (8, 16, 64, 128, 256)


@pytest.mark.parametrize("size", SIZES)
def test_the_picture_uses_its_range_and_all_colours(size: int) -> None:
    image = fields.picture(size)
    assert image.shape == (1, 3, size, size)
    assert image.dtype == torch.float32
    assert image.min() >= -1
    assert image.max() <= 1
    assert measures.thumbnail(image, 8).std(dim=(0, 2, 3)).min() > 0.2


def test_the_picture_is_the_same_everywhere() -> None:
    red, green, blue = measures.thumbnail(fields.picture(64), 3)[0]
    expected = {
        "red": (red, [[0.302, 0.084, 0.277], [0.312, 0.030, 0.146], [0.068, 0.195, -0.152]]),
        "green": (green, [[0.391, 0.232, 0.362], [0.113, 0.072, 0.083], [0.246, -0.041, 0.136]]),
        "blue": (blue, [[0.625, 0.553, 0.488], [-0.099, -0.031, 0.088], [-0.440, -0.311, -0.197]]),
    }
    for name, (plane, thumbnail) in expected.items():
        assert _near(plane, thumbnail), name


def test_the_picture_is_one_scene_at_all_sizes() -> None:
    small, large = (measures.thumbnail(fields.picture(size), 8) for size in (64, 256))
    assert (small - large).abs().mean() < 0.02


@pytest.mark.parametrize("kind", fields.KINDS)
@pytest.mark.parametrize(("channels", "size"), [(4, 8), (16, 12), (32, 16)])
def test_latents_have_the_shape_asked_for(kind: fields.Kind, channels: int, size: int) -> None:
    latents = fields.latents(kind, channels=channels, size=size)
    assert latents.shape == (1, channels, size, size)
    assert latents.dtype == torch.float32
    assert latents.isfinite().all()
    if kind != "flat":
        planes = latents[0].flatten(1)
        alike = torch.corrcoef(planes[:4]) - torch.eye(4)
        assert alike.abs().max() < 0.99, "two channels hold the same"


@pytest.mark.parametrize(
    ("kind", "cells"),
    [
        ("flat", ([0, 0, 0, 0], [0, 0, 0, 0])),
        ("gradient", ([-0.469, -0.159, 0.738, -0.681], [0.281, 0.257, -0.753, 0.600])),
        ("natural", ([0.439, 1.347, -0.005, -1.185], [0.619, -1.269, 0.438, 1.258])),
        ("extremes", ([0, -4, -4, 4], [4, 4, 0, 0])),
    ],
)
def test_latents_are_the_same_everywhere(
    kind: fields.Kind, cells: tuple[list[float], list[float]]
) -> None:
    latents = fields.latents(kind, channels=4, size=16)[0]
    assert _near(latents[:, 3, 5], cells[0])
    assert _near(latents[:, 12, 9], cells[1])


def test_latents_have_the_range_they_promise() -> None:
    made = {kind: fields.latents(kind, channels=16, size=16) for kind in fields.KINDS}
    assert not made["flat"].any()
    assert 1.3 < made["gradient"].abs().max() <= 1.5
    assert set(made["extremes"].flatten().tolist()) == {-4.0, 0.0, 4.0}
    assert made["natural"].mean(dim=(2, 3)).abs().max() < 1e-5
    assert torch.allclose(made["natural"].std(dim=(2, 3), correction=0), torch.ones(1, 16))
    assert made["natural"].abs().max() < 5


@pytest.mark.parametrize("family", ["sd1", "sdxl", "sd3", "flux1", "flux2", "wan21", "cascade"])
def test_the_golden_latent_previews_as_the_picture(family: str) -> None:
    factors = factors_of(family)
    assert factors is not None
    latents = fields.golden(factors, 8)
    assert latents is not None
    assert latents.shape == (1, len(factors.rgb), 8, 8)
    preview = torch.einsum("bchw,cr->brhw", latents, torch.tensor(factors.rgb))
    preview = preview + torch.tensor(factors.rgb_bias or (0.0, 0.0, 0.0)).reshape(1, 3, 1, 1)
    assert torch.allclose(preview, measures.thumbnail(fields.picture(64), 8), atol=1e-5)


def test_without_preview_colours_there_is_no_golden_latent() -> None:
    assert fields.golden(Factors(scaling_factor=0.5), 8) is None


def test_a_real_decoder_paints_the_picture_from_the_golden_latent(shared_weights: Path) -> None:
    weights = torch.load(shared_weights / "taef2_decoder.pth", weights_only=True)
    weights = {name: tensor.float() for name, tensor in weights.items()}
    found = examine({name: tuple(tensor.shape) for name, tensor in weights.items()})[1]
    factors = factors_of("flux2")
    assert isinstance(found, Found)
    assert factors is not None
    latents = fields.golden(factors, 12)
    assert latents is not None
    thumbnail = measures.thumbnail(fields.picture(96), 12)

    def likeness(latents: Tensor) -> float:
        image = engine.decode(weights, latents, found=found).clamp(-1, 1)
        both = torch.stack([measures.thumbnail(image, 12).flatten(), thumbnail.flatten()])
        return float(torch.corrcoef(both)[0, 1])

    assert likeness(latents) > 0.75
    assert likeness(latents.flip(1)) < 0.4
    assert likeness(-latents) < 0


def _near(values: Tensor, expected: object) -> bool:
    return bool((values - torch.tensor(expected)).abs().max() < ROUNDING)
