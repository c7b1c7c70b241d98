"""Reduce SeedVR2's video autoencoder to the AutoencoderKL that it is on one frame.

Before the first frame it sees that frame again, so every convolution over time weighs the same
picture with the sum of its taps. It enlarges by a learnt 1x1 convolution to four cells each, of
which the first frame takes the first half where time is doubled too. The layers follow
ByteDance-Seed/SeedVR, models/video_vae_v3, as ComfyUI runs them (comfy/ldm/seedvr/vae.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaehub.weights import kl, kl_naming

if TYPE_CHECKING:
    from torch import Tensor

    from vaehub.smoke.engine.layers import Weights


def canonical(weights: Weights, sizes: kl.Sizes, *, half: kl.Half) -> dict[str, Tensor]:
    """Give the weights LDM names and the shapes of an AutoencoderKL.

    Raises:
        KeyError: a tensor is missing, by its name in the file.
    """
    levels = len(sizes.decoder_widths)
    named = {}
    for name, shape in kl.manifest(sizes, layout="ldm", half=half).items():
        tensor = weights[kl_naming.from_ldm(name, layout="diffusers", levels=levels)]
        named[name] = (tensor.sum(2) if tensor.dim() == 5 else tensor).reshape(shape)
        place, is_upsample, part = name.partition(".upsample.conv.")
        if is_upsample:
            level = int(place.rpartition(".")[2])
            old = f"decoder.up_blocks.{levels - 1 - level}.upsamplers.0.upscale_conv.{part}"
            new = f"{place}.upsample.upscale_conv.{part}"
            named[new] = _first_frame(weights[old], width=shape[0])
    return named


def _first_frame(tensor: Tensor, *, width: int) -> Tensor:
    """Order [2, 2, frames, width, …] rows as a pixel shuffle takes them; the first frame's."""
    into = tensor.shape[1:2]
    rows = tensor.reshape(2, 2, -1, width, *into)[:, :, 0].movedim(2, 0)
    return rows.reshape(4 * width, *into, *([1, 1] if into else []))
