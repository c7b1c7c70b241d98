"""Which configurations a file could be one of, by architecture.

Knows the published configurations, and reads those of an AutoencoderKL or a Wan 2.1 of other widths
off the shapes. Does not choose: :mod:`vaehub.weights.architectures` takes the most alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaehub.weights import kl, kl_naming, paella, published, sequential, wan
from vaehub.weights.found import Found

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vaehub.weights.compare import Shapes

_PLAIN = ("sd1", "sd2", "sdxl", "pixart", "hunyuandit", "kolors", "sdxl-eq")
_WIDTHS = (128, 256, 512, 512)
_KNOWN_KL: tuple[tuple[kl.Sizes, tuple[str, ...]], ...] = (
    (kl.Sizes(_WIDTHS, _WIDTHS, 2, 4, 4, 3, quant=True), _PLAIN),
    (kl.Sizes(_WIDTHS, _WIDTHS, 2, 16, 16, 3, quant=False), ("sd3", "flux1", "flux1-eq")),
    (kl.Sizes(_WIDTHS[:3], _WIDTHS[:3], 2, 4, 4, 3, quant=True), ("sd-x4-upscaler",)),
)
_FLUX2 = kl.Sizes(_WIDTHS, _WIDTHS, 2, 32, 32, 3, quant=True, statistics=True)
_KNOWN_FLUX2: tuple[tuple[kl.Sizes, tuple[str, ...]], ...] = (
    (_FLUX2, ("flux2",)),
    # The small decoder of FLUX.2: three quarters of the widths (its size tells: 62.4 M numbers).
    (_FLUX2._replace(decoder_widths=(96, 192, 384, 384)), ("flux2",)),
)


def kl_ones(shapes: Shapes, id: str) -> Iterator[Found]:
    """Give the AutoencoderKLs it could be: the published ones, and what it says of itself."""
    layout, half = kl.layout_of(shapes), kl.half_of(shapes)
    if half is None:
        return
    is_flux2 = id == "autoencoder-kl-flux2"
    levels = kl.levels_of(shapes)
    own = kl.sizes_of({kl_naming.to_ldm(name, levels=levels): s for name, s in shapes.items()})
    nested = own is not None and own.nested_quant
    known = [
        (sizes._replace(nested_quant=nested and sizes.quant), families)
        for sizes, families in (_KNOWN_FLUX2 if is_flux2 else _KNOWN_KL)
    ]
    if own is not None and own.statistics == is_flux2 and own not in dict(known):
        known.append((own, ()))
    for sizes, families in known:
        yield Found(
            architecture=id,
            layout=layout,
            latent_channels=sizes.latent_channels,
            downscale=sizes.downscale,
            temporal_downscale=1,
            image_channels=sizes.image_channels,
            half=half,
            families=families,
            sizes=sizes,
            variant="",
            manifest=kl.manifest(sizes, layout=layout, half=half),
        )


def wan_ones(shapes: Shapes, id: str) -> Iterator[Found]:
    """Give the Wan 2.1s it could be: the published ones, and what it says of itself."""
    layout, half = wan.layout_of(shapes), kl.half_of(shapes)
    if half is None:
        return
    own, plain = wan.sizes_of(shapes), wan.Sizes()
    families = {
        "autoencoder-kl-wan": ("wan21", "wan-alpha", "qwen-image"),
        "autoencoder-kl-qwen-image": ("qwen-image", "wan21", "wan-alpha"),
    }[id]
    known: dict[wan.Sizes, tuple[str, ...]] = {
        plain: families,
        plain._replace(image_channels=4): ("qwen-image-layered",),
    }
    known.setdefault(own, ())
    for sizes, suits in known.items():
        yield Found(
            architecture=id,
            layout=layout,
            latent_channels=sizes.latent_channels,
            downscale=1 << (len(sizes.levels) - 1),
            temporal_downscale=4,
            image_channels=sizes.image_channels,
            half=half,
            families=suits,
            sizes=sizes,
            variant="",
            manifest=wan.manifest(sizes, layout=layout, half=half),
        )


def wan_all(shapes: Shapes, id: str) -> Iterator[Found]:
    """Give Wan 2.1 and Wan 2.2."""
    yield from wan_ones(shapes, id)
    yield from published_ones(shapes, id)


def tiny_ones(shapes: Shapes, id: str) -> Iterator[Found]:
    """Give the TAESDs or TAEHVs it could be."""
    half = sequential.half_by_layers(shapes)
    if half is None:
        return
    before = sequential.before_numbers(shapes)
    is_video = id == "taehv"
    layout = "taehv" if is_video else sequential.layout_of(shapes)
    known = dict(sequential.known_video_sizes() if is_video else sequential.known_image_sizes())
    own = None if is_video else sequential.image_sizes_of(shapes, half=half)
    if own is not None:
        known.setdefault(own, ())
    for sizes, families in known.items():
        manifest = (
            sequential.video_manifest(sizes, half=half, before=before)
            if is_video
            else sequential.image_manifest(sizes, half=half, layout=layout, before=before)
        )
        frames = 1
        for time in sizes.encoder_time:
            frames *= time
        yield Found(
            architecture=id,
            layout=layout,
            latent_channels=sizes.latent_channels,
            downscale=sizes.downscale,
            temporal_downscale=frames,
            image_channels=3,
            half=half,
            families=families,
            sizes=sizes,
            variant="",
            manifest=manifest,
        )


def paella_ones(shapes: Shapes, id: str) -> Iterator[Found]:
    """Give the one published configuration."""
    layout = paella.layout_of(shapes)
    yield Found(
        architecture=id,
        layout=layout,
        latent_channels=4,
        downscale=4,
        temporal_downscale=1,
        image_channels=3,
        half="both",
        families=("cascade",),
        sizes=None,
        variant="",
        manifest=paella.manifest(layout=layout),
    )


def published_ones(shapes: Shapes, id: str) -> Iterator[Found]:
    """Give the configurations of the data files, in each layout."""
    half = published.half_of(shapes)
    if half is None:
        return
    for variant in published.variants(id):
        for layout in published.layouts(id):
            yield Found(
                architecture=id,
                layout=layout,
                latent_channels=variant.latent_channels,
                downscale=variant.downscale,
                temporal_downscale=variant.temporal_downscale,
                image_channels=variant.image_channels,
                half=half,
                families=variant.families,
                sizes=None,
                variant=variant.name,
                manifest=published.manifest(id, variant.name, layout, half),
            )


def seedvr2_ones(shapes: Shapes, id: str) -> Iterator[Found]:
    """Give the one published configuration, which our own engine runs as an AutoencoderKL."""
    for found in published_ones(shapes, id):
        yield found._replace(layout="native", sizes=_KNOWN_KL[1][0], variant="")


def mage_ones(shapes: Shapes, id: str) -> Iterator[Found]:
    """Give the one published configuration, which our own engine runs."""
    for found in published_ones(shapes, id):
        yield found._replace(layout="native", variant="")


def itself(shapes: Shapes, id: str) -> Iterator[Found]:
    """Recognise by the row's pattern alone: there is no manifest to hold the file against."""
    yield Found(
        architecture=id,
        layout="native",
        latent_channels=128,
        downscale=32,
        temporal_downscale=8,
        image_channels=3,
        half="both",
        families=("ltx25",),
        sizes=None,
        variant="",
        manifest=shapes,
    )


def nothing(shapes: Shapes, id: str) -> Iterator[Found]:
    """Recognise nothing: no description of this architecture's tensors is on record."""
    yield from ()
