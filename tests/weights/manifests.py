"""Name and shape of every tensor of every published autoencoder, under each of its namings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaehub.weights import kl, paella, published, sequential, wan
from vaehub.weights.architectures import TABLE
from vaehub.weights.kl_naming import LAYOUTS

if TYPE_CHECKING:
    from vaehub.weights.compare import Shapes

WIDTHS = (128, 256, 512, 512)
SD1 = kl.Sizes(WIDTHS, WIDTHS, 2, 4, 4, 3, quant=True)
FLUX1 = kl.Sizes(WIDTHS, WIDTHS, 2, 16, 16, 3, quant=False)
FLUX2 = kl.Sizes(WIDTHS, WIDTHS, 2, 32, 32, 3, quant=True, statistics=True)
SMALL = kl.Sizes((32, 64, 64, 64), (32, 64, 64, 64), 1, 4, 4, 3, quant=True)
"""Like those that people train for tests: of no published sizes."""


def samples() -> dict[str, Shapes]:
    """Give every naming of every published autoencoder, and small ones of no published sizes."""
    shapes: dict[str, Shapes] = {}
    for layout in LAYOUTS:
        for name, sizes in (("sd1", SD1), ("flux1", FLUX1), ("flux2", FLUX2), ("small", SMALL)):
            shapes[f"{name} {layout}"] = kl.manifest(sizes, layout=layout)
    nested = FLUX2._replace(nested_quant=True)
    shapes["flux2 as first published"] = kl.manifest(nested, layout="ldm")
    shapes["flux2 small decoder"] = kl.manifest(
        FLUX2._replace(decoder_widths=(96, 192, 384, 384)), layout="diffusers"
    )
    for layout in ("native", "diffusers"):
        shapes[f"wan {layout}"] = wan.manifest(wan.Sizes(), layout=layout)
        shapes[f"layered {layout}"] = wan.manifest(wan.Sizes(image_channels=4), layout=layout)
        shapes[f"paella {layout}"] = paella.manifest(layout=layout)
    for tiny, _ in sequential.known_image_sizes():
        name = f"taesd {tiny.latent_channels} {tiny.downscale}"
        for layout in ("taesd", "diffusers"):
            for before in ("{}.", "taesd_{}."):
                if layout == "taesd" or before == "{}.":
                    shapes[f"{name} {layout} {before}"] = sequential.image_manifest(
                        tiny, half="both", layout=layout, before=before
                    )
    for tiny, _ in sequential.known_video_sizes():
        name = f"taehv {tiny.latent_channels} {tiny.wide} {tiny.spare}"
        shapes[name] = sequential.video_manifest(tiny, half="both", before="{}.")
    for architecture in TABLE:
        for variant in published.variants(architecture):
            for layout in published.layouts(architecture):
                shapes[f"{architecture} {variant.name} {layout}"] = published.manifest(
                    architecture, variant.name, layout, "both"
                )
    return shapes
