from __future__ import annotations

from typing import TYPE_CHECKING

from tests.smoke.engine.oracle import (
    CLOSE,
    SD,
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
from vaehub.weights import published

if TYPE_CHECKING:
    from torch import Tensor


def over_time(flat: dict[str, Tensor]) -> dict[str, Tensor]:
    """Make of an AutoencoderKL the SeedVR2 that does the same to one frame.

    The taps of each convolution add up to the flat one, and the learnt enlarging repeats each cell.
    """
    shapes = published.manifest("seedvr2-video-vae", "1", "diffusers", "both")
    weights = {}
    for name, shape in shapes.items():
        if ".upscale_conv." in name:
            width = flat[
                name.replace("upscale_conv.weight", "conv.bias").replace(
                    "upscale_conv.bias", "conv.bias"
                )
            ].shape[0]
            frames = shape[0] // (4 * width)
            if name.endswith("bias"):
                weights[name] = torch.zeros(shape)
                continue
            first = torch.eye(width)
            # What a second frame would get must not show.
            both = torch.stack([first, noise(width, width)][:frames])
            weights[name] = both.expand(2, 2, frames, width, width).reshape(shape)
        elif len(shape) == 5 and shape[2] == 3:
            spread = noise(3).softmax(0).reshape(1, 1, 3, 1, 1)
            weights[name] = flat[name].unsqueeze(2) * spread
        else:
            weights[name] = flat[name].reshape(shape)
    return weights


def test_is_an_autoencoder_kl_on_one_frame() -> None:
    config = SD | {"latent_channels": 16, "use_quant_conv": False, "use_post_quant_conv": False}
    with seeded(), torch.inference_mode():
        model = made(diffusers.AutoencoderKL(**config))
        latents, images = noise(1, 16, SIDE // 8, SIDE // 8), pictures()[:1]
        decoded = model.decode(latents).sample
        encoded = model.encode(images).latent_dist.mode()
        weights = over_time(dict(model.state_dict()))
    found = recognised(weights)
    assert found.architecture == "seedvr2-video-vae"
    assert apart(engine.decode(weights, latents, found=found), decoded) < CLOSE
    assert apart(engine.encode(weights, images, found=found), encoded) < CLOSE
