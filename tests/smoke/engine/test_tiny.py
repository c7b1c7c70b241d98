from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.smoke.engine.oracle import (
    CLOSE,
    SIDE,
    apart,
    diffusers,
    digest,
    formula,
    made,
    noise,
    pictures,
    recognised,
    seeded,
    torch,
    wave,
)
from vaehub.smoke import engine
from vaehub.smoke.factors import factors_of
from vaehub.weights import sequential

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from vaehub.weights.kl import Half


@pytest.mark.parametrize("channels", [4, 16, 24])
def test_agrees_with_diffusers_in_every_naming(channels: int) -> None:
    with seeded(), torch.inference_mode():
        model = made(diffusers.AutoencoderTiny(latent_channels=channels))
        weights = dict(model.state_dict())
        latents, images = noise(1, channels, SIDE // 8, SIDE // 8), pictures()[:1]
        decoded, encoded = model.decode(latents).sample, model.encode(images).latents
    for before, layers in (("{}.", True), ("{}.", False), ("taesd_{}.", False), ("", True)):
        halves: tuple[Half, ...] = ("both",) if before else ("encoder", "decoder")
        for half in halves:
            named = {
                before.format(name.split(".")[0]) + numbered(name, layers=layers): tensor
                for name, tensor in weights.items()
                if before or name.startswith(half)
            }
            found = recognised(named)
            assert (found.half, found.layout) == (half, "diffusers" if layers else "taesd")
            if half != "encoder":
                assert apart(engine.decode(named, latents, found=found), decoded) < CLOSE
            if half != "decoder":
                assert apart(engine.encode(named, images, found=found), encoded) < CLOSE


def numbered(name: str, *, layers: bool) -> str:
    """Rename ``decoder.layers.0.weight`` to what comes after the half."""
    half, _, number, rest = name.split(".", 3)
    return f"layers.{number}.{rest}" if layers else f"{int(number) + (half == 'decoder')}.{rest}"


SIZES = {
    "taesana": sequential.Sizes(32, 32),
    "taehv": sequential.Sizes(16, 8, encoder_time=(2, 2, 1), decoder_time=(1, 2, 2)),
    "taew2_2": sequential.Sizes(48, 16, patch=2, encoder_time=(2, 2, 1), decoder_time=(1, 2, 2)),
    "taeh3": sequential.Sizes(24, 16, patch=2, encoder_time=(2, 2, 1), decoder_time=(1, 2, 2)),
    "taeltx_2": sequential.Sizes(128, 32, patch=4, encoder_time=(2, 2, 2), decoder_time=(2, 2, 2)),
    "taew2_2_super": sequential.Sizes(
        48, 16, patch=2, encoder_time=(2, 2, 1), decoder_time=(1, 2, 2), wide=True
    ),
}
PUBLISHED: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "taesana": (
        (-1.050184, 0.209369, -0.512334, -0.971154, -0.876687),
        (0.002493, 0.113449, 0.012397, 0.158008, -0.050246),
    ),
    "taehv": (
        (-1.000552, 0.159765, -1.196546, -1.001017, -0.805198),
        (0.004735, 0.165887, -0.110684, -0.027173, -0.252694),
    ),
    "taew2_2": (
        (-1.015454, 0.145443, -1.195627, -1.184303, -1.189944),
        (0.002950, 0.164712, 0.232018, 0.011769, 0.050910),
    ),
    "taeh3": (
        (-1.015454, 0.145443, -1.195619, -1.184301, -1.189943),
        (0.001689, 0.166522, -0.027065, 0.312208, -0.068166),
    ),
    "taeltx_2": (
        (-0.999920, 0.141361, -1.140297, -0.822892, -1.067088),
        (-0.000841, 0.206254, 0.266887, -0.047342, -0.031781),
    ),
    "taew2_2_super": (
        (-1.005644, 0.147986, -1.188638, -0.980970, -1.085028),
        (-0.005492, 0.172966, -0.318328, -0.123816, -0.182384),
    ),
}
"""Digests of decode and encode by the published code, madebyollin/taesd at 5cccb12 and
madebyollin/taehv at 1f14a56, with the weights of ``formula``."""


@pytest.mark.parametrize("name", SIZES)
def test_agrees_with_the_published_code(name: str) -> None:
    sizes = SIZES[name]
    if name == "taesana":
        shapes = sequential.image_manifest(sizes, half="both", layout="taesd", before="{}.")
    else:
        shapes = sequential.video_manifest(sizes, half="both", before="{}.")
    weights = formula(shapes)
    found = recognised(weights)
    decoded = engine.decode(weights, wave(sizes.latent_channels, 4), found=found)
    encoded = engine.encode(weights, wave(3, 4 * sizes.downscale), found=found)
    for got, want in zip((digest(decoded), digest(encoded)), PUBLISHED[name], strict=True):
        assert got == pytest.approx(want, abs=CLOSE)


def test_an_older_file_stores_frames_that_are_not_made() -> None:
    sizes = SIZES["taehv"]
    weights = formula(sequential.video_manifest(sizes, half="both", before="{}."))
    latents = wave(16, 4)
    want = engine.decode(weights, latents, found=recognised(weights))
    kernel = weights["decoder.7.conv.weight"]
    older = weights | {"decoder.7.conv.weight": torch.cat([kernel * 3, kernel])}
    assert apart(engine.decode(older, latents, found=recognised(older)), want) < 1e-6


def picture() -> Tensor:
    """Give a picture with edges, gradients and texture, from -1 to 1, 256 pixels a side."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, 256), torch.linspace(-1, 1, 256), indexing="ij")
    disc = ((x - 0.2) ** 2 + (y + 0.1) ** 2 < 0.3).float()
    stripes = torch.sin(12 * (x + y)) * 0.3 * (x > 0)
    red = 0.8 * y + disc * 0.4
    green = x * 0.5 - disc * 0.5 + stripes
    blue = -0.3 + 0.4 * torch.cos(3 * x * y) + stripes
    made: Tensor = torch.stack([red, green, blue]).clamp(-1, 1)
    return made.unsqueeze(0)


@pytest.fixture
def taef2(shared_weights: Path) -> dict[str, Tensor]:
    weights = {}
    for half in ("encoder", "decoder"):
        path = shared_weights / f"taef2_{half}.pth"
        for name, tensor in torch.load(path, weights_only=True).items():
            weights[f"{half}.{name}"] = tensor.float()
    return weights


def psnr(one: Tensor, other: Tensor) -> float:
    return float(10 * torch.log10(4 / (one - other).square().mean()))


def test_real_weights_reconstruct_a_picture(taef2: dict[str, Tensor]) -> None:
    found = recognised(taef2)
    assert (found.families, found.latent_channels) == (("flux2",), 32)
    image = picture()
    back = engine.decode(taef2, engine.encode(taef2, image, found=found), found=found)
    assert psnr(back, image) >= 24


def test_preview_colours_lead_to_a_latent_that_real_weights_decode(
    taef2: dict[str, Tensor],
) -> None:
    factors = factors_of("flux2")
    assert factors is not None
    image = picture()
    small = torch.nn.functional.avg_pool2d(image, 8)
    rgb, bias = torch.tensor(factors.rgb), torch.tensor(factors.rgb_bias).reshape(3, 1, 1)
    latents = torch.einsum("cr,brhw->bchw", torch.linalg.pinv(rgb).T, small - bias)
    back = engine.decode(taef2, latents, found=recognised(taef2)).clamp(-1, 1)
    thumbs = [torch.nn.functional.avg_pool2d(x, 8).flatten() for x in (back, image)]
    # Measured on four pictures: 0.80 to 0.87; a random decoder gives 0.3.
    assert float(torch.corrcoef(torch.stack(thumbs))[0, 1]) > 0.6


def test_real_halves_are_recognised_alone(shared_weights: Path) -> None:
    for half in ("encoder", "decoder"):
        weights = torch.load(shared_weights / f"taef2_{half}.pth", weights_only=True)
        assert recognised(weights).half == half
