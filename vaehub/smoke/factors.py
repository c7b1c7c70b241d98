"""The published numbers around each family's latents: scale, shift, statistics, preview colours.

``factors.json`` holds facts only, each as published: scale, shift, preview colours and most
statistics in ComfyUI (comfy/latent_formats.py, commit 783545f689a0af730065994b46b382ae24844c99);
the statistics of Mochi and Qwen-Image 2.1 in diffusers 0.42.1 (the defaults of their autoencoders);
Sana's scale in diffusers' scripts/convert_dcae_to_diffusers.py; SeedVR2's in SD.Next
(modules/seedvr/config_3b.yaml). A family that is not listed has no number on record. No torch.
"""

from __future__ import annotations

import json
from functools import lru_cache
from importlib.resources import files
from typing import NamedTuple

Matrix = tuple[tuple[float, ...], ...]


class Factors(NamedTuple):
    """What turns a decoder's latents into a diffusion model's and back; empty where unknown.

    ``(latent - shift_factor) * scaling_factor``, or with statistics
    ``(latent - mean) / std * scaling_factor`` per channel.
    """

    scaling_factor: float | None = None
    shift_factor: float | None = None
    mean: tuple[float, ...] = ()
    """Of each channel of the decoder's latents."""
    std: tuple[float, ...] = ()
    rgb: Matrix = ()
    """For each latent channel its share in red, green and blue (from -1 to 1); it applies to the
    diffusion model's latents, not to the decoder's."""
    rgb_bias: tuple[float, ...] = ()


_SAME = {
    "sd2": "sd1",
    "kolors": "sdxl",
    "qwen-image": "wan21",
    "qwen-image-layered": "wan21",
}
"""Families that took over another's autoencoder with its numbers."""


@lru_cache(maxsize=1)
def _all() -> dict[str, Factors]:
    text = (files("vaehub.smoke") / "factors.json").read_text(encoding="utf-8")
    return {
        family: Factors(
            scaling_factor=body.get("scaling_factor"),
            shift_factor=body.get("shift_factor"),
            mean=tuple(body.get("mean", ())),
            std=tuple(body.get("std", ())),
            rgb=tuple(tuple(row) for row in body.get("rgb", ())),
            rgb_bias=tuple(body.get("rgb_bias", ())),
        )
        for family, body in json.loads(text).items()
    }


def factors_of(family: str) -> Factors | None:
    """Give the numbers on record for a family, as the catalog names it; None where there are none.

    CogVideoX has two sets for one autoencoder, so it is asked for as ``cogvideox-2b`` or
    ``cogvideox-5b``. FLUX.2's statistics lie in the file itself.
    """
    return _all().get(_SAME.get(family, family))
