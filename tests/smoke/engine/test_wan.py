from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.smoke.engine.oracle import (
    CLOSE,
    SIDE,
    apart,
    diffusers,
    made,
    noise,
    pictures,
    recognised,
    seeded,
    torch,
)
from vaehub.smoke import engine
from vaehub.weights import wan

if TYPE_CHECKING:
    from torch import Tensor


class Reference(NamedTuple):
    weights: dict[str, Tensor]
    latents: Tensor
    images: Tensor
    decoded: Tensor
    encoded: Tensor


@pytest.fixture(scope="module", params=["AutoencoderKLWan", "AutoencoderKLQwenImage", "RGBA"])
def reference(request: pytest.FixtureRequest) -> Reference:
    is_layered = request.param == "RGBA"
    name = "AutoencoderKLQwenImage" if is_layered else request.param
    channels = 4 if is_layered else 3
    with seeded(), torch.inference_mode():
        # Qwen-Image-Layered paints transparency.
        model = made(getattr(diffusers, name)(**({"input_channels": 4} if is_layered else {})))
        latents, images = noise(1, 16, SIDE // 8, SIDE // 8), pictures(channels)[:1]
        return Reference(
            weights=dict(model.state_dict()),
            latents=latents,
            images=images,
            decoded=model.decode(latents.unsqueeze(2)).sample[:, :, 0],
            encoded=model.encode(images.unsqueeze(2)).latent_dist.mode()[:, :, 0],
        )


@pytest.mark.parametrize("layout", ["native", "diffusers"])
def test_agrees_with_diffusers_on_one_frame(reference: Reference, layout: str) -> None:
    weights = reference.weights
    if layout == "native":
        sizes = wan.sizes_of({name: tuple(tensor.shape) for name, tensor in weights.items()})
        names = wan.manifest(sizes, layout="native")
        weights = {name: weights[wan.to_diffusers(name)] for name in names}
    found = recognised(weights)
    assert found.layout == layout
    assert found.image_channels == reference.images.shape[1]
    decoded = engine.decode(weights, reference.latents, found=found).clamp(-1, 1)
    assert apart(decoded, reference.decoded) < CLOSE
    assert apart(engine.encode(weights, reference.images, found=found), reference.encoded) < CLOSE


def test_the_renaming_is_that_of_diffusers() -> None:
    from diffusers.loaders import single_file_utils

    shapes = wan.manifest(wan.Sizes(), layout="native")
    theirs = single_file_utils.convert_wan_vae_to_diffusers(dict(shapes))  # type: ignore[no-untyped-call, unused-ignore]
    assert theirs == wan.manifest(wan.Sizes(), layout="diffusers")


def test_does_not_need_what_one_frame_never_reaches(reference: Reference) -> None:
    weights = {n: t for n, t in reference.weights.items() if ".time_conv." not in n}
    found = recognised(reference.weights)
    decoded = engine.decode(weights, reference.latents, found=found).clamp(-1, 1)
    assert apart(decoded, reference.decoded) < CLOSE
