"""The one table of autoencoders: how to recognise each, its tensors, and who decodes it.

Takes names and shapes, never values, and needs no torch. Knows the published configurations; an
AutoencoderKL or a Wan 2.1 of other widths is accepted too where it is complete in itself. What
shapes cannot tell it does not guess: SD1, SD2 and SDXL are alike, as are SD3 and FLUX.1.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Literal, NamedTuple

from vaehub.weights import kl, paella, published, sequential, wan
from vaehub.weights.bare import Bare, bare
from vaehub.weights.compare import Difference, compare
from vaehub.weights.foreign import kind_of

if TYPE_CHECKING:
    from vaehub.weights.compare import Shapes
    from vaehub.weights.kl import Half

Engine = Literal["kl", "wan", "taesd", "taehv", "paella", "diffusers"]
Sizes = kl.Sizes | wan.Sizes | sequential.Sizes | None

LEAST_ALIKE = 0.35
"""Share of tensors equal in name and shape from which a file counts as a damaged one of a kind."""


class Found(NamedTuple):
    """What the names and shapes say a file is."""

    architecture: str
    layout: str
    """Whose names the tensors have, in the words of the catalog: ldm, diffusers, native, …"""
    latent_channels: int
    downscale: int
    """Pixels per latent cell, along each axis."""
    temporal_downscale: int
    """Frames per latent frame; 1 for images."""
    half: Half
    families: tuple[str, ...]
    """The families whose VAEs have exactly these shapes; empty for unpublished sizes."""
    sizes: Sizes
    """Hyperparameters, where the engine is our own."""
    variant: str
    """Name of the published configuration, where diffusers is the engine."""
    manifest: Shapes
    """Every tensor that must be there, under the file's own naming."""

    def difference(self, shapes: Shapes) -> Difference:
        """Compare with the tensors of the file, those that no decoder reads left aside."""
        return compare(
            self.manifest,
            {n: s for n, s in shapes.items() if not published.is_extra(self.architecture, n)},
        )


class Unknown(NamedTuple):
    """Why a file was not recognised."""

    kind: str | None
    """What it is instead, with its article: ``a LoRA``; None where that is unknown too."""
    nearest: str | None
    """The architecture it shares most names with, if any."""
    missing: tuple[str, ...]
    """Of that architecture's tensors those that are missing, in groups."""

    @property
    def message(self) -> str:
        """Tell it in one sentence."""
        if self.kind:
            return f"this is {self.kind}, not a VAE"
        if self.nearest is None:
            return "no tensor here has a name that a VAE would have"
        shown = ", ".join(self.missing[:4]) + (", …" if len(self.missing) > 4 else "")
        return f"no known VAE; nearest is {self.nearest}, of which these are missing: {shown}"


class Architecture(NamedTuple):
    """One row of the table."""

    id: str
    pattern: str
    """Condition on names: one at least must match, or the row is not considered."""
    candidates: Callable[[Shapes, str], Iterator[Found]]
    """Gives every configuration the file could be one of; the most alike is taken."""
    engine: Engine | None
    reason: str = ""
    """Why vaehub cannot decode it, where it cannot."""


def find(shapes: Shapes, *, likely: str | None = None) -> Found | Unknown:
    """Recognise an autoencoder by the names and shapes of its tensors.

    A damaged file is recognised too; :meth:`Found.difference` then names what is amiss.

    Args:
        shapes: name and shape of every tensor, as :func:`vaehub.weights.bare.bare` gives them.
        likely: the architecture it should be, which decides between such as have equal tensors.
    """
    considered = [
        (_alikeness(found, shapes), found)
        for row in sorted(TABLE.values(), key=lambda row: row.id != likely)
        if any(re.match(row.pattern, name) for name in shapes)
        for found in row.candidates(shapes, row.id)
    ]
    if not considered:
        return Unknown(kind_of(shapes) if shapes else None, None, ())
    published_ones = [pair for pair in considered if pair[1].families]
    alike, best = max(published_ones, default=considered[0], key=lambda pair: pair[0])
    own = [found for _, found in considered if not found.families]
    for found in own:
        # What is complete in itself is what it says, unless it is a cut-down published one.
        if found.difference(shapes).complete and not _is_part(shapes, best.manifest):
            return found
    if alike >= LEAST_ALIKE:
        return best
    alike, best = max(considered, key=lambda pair: pair[0])
    if alike >= LEAST_ALIKE:
        return best
    return Unknown(kind_of(shapes), best.architecture, best.difference(shapes).missing_groups)


def examine(shapes: Shapes, *, likely: str | None = None) -> tuple[Bare, Found | Unknown]:
    """Strip what wraps an autoencoder in a file, and recognise what is inside."""
    inside = bare(shapes)
    return inside, find(inside.shapes, likely=likely)


def alike(architecture: str) -> frozenset[str]:
    """Give the architectures whose files have the same tensors, this one among them."""
    return next((group for group in _ALIKE if architecture in group), frozenset({architecture}))


_ALIKE = (
    frozenset({"autoencoder-kl-wan", "autoencoder-kl-qwen-image"}),
    frozenset({"autoencoder-kl-hunyuan-video15", "autoencoder-kl-hunyuan-image-refiner"}),
)


def _alikeness(found: Found, shapes: Shapes) -> float:
    """Measure which share of all tensors of both is equal in name and shape."""
    manifest = found.manifest
    equal = sum(manifest.get(name) == tuple(shape) for name, shape in shapes.items())
    return equal / (len(manifest) + len(shapes) - equal)


def _is_part(shapes: Shapes, manifest: Shapes) -> bool:
    return all(manifest.get(name) == tuple(shape) for name, shape in shapes.items())


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


def _kl(shapes: Shapes, id: str) -> Iterator[Found]:
    layout, half = kl.layout_of(shapes), kl.half_of(shapes)
    if half is None:
        return
    is_flux2 = id == "autoencoder-kl-flux2"
    levels = kl.levels_of(shapes)
    own = kl.sizes_of({kl.to_ldm(name, levels=levels): s for name, s in shapes.items()})
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
            half=half,
            families=families,
            sizes=sizes,
            variant="",
            manifest=kl.manifest(sizes, layout=layout, half=half),
        )


def _wan(shapes: Shapes, id: str) -> Iterator[Found]:
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
            half=half,
            families=suits,
            sizes=sizes,
            variant="",
            manifest=wan.manifest(sizes, layout=layout, half=half),
        )


def _wan_all(shapes: Shapes, id: str) -> Iterator[Found]:
    yield from _wan(shapes, id)
    yield from _published(shapes, id)


def _tiny(shapes: Shapes, id: str) -> Iterator[Found]:
    half = sequential.half_by_layers(shapes)
    if half is None:
        return
    prefixed = kl.half_of(shapes) is not None
    is_video = id == "taehv"
    layout = "taehv" if is_video else sequential.layout_of(shapes)
    known = sequential.known_video_sizes() if is_video else sequential.known_image_sizes()
    for sizes, families in known:
        manifest = (
            sequential.video_manifest(sizes, half=half, prefixed=prefixed)
            if is_video
            else sequential.image_manifest(sizes, half=half, layout=layout, prefixed=prefixed)
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
            half=half,
            families=families,
            sizes=sizes,
            variant="",
            manifest=manifest,
        )


def _paella(shapes: Shapes, id: str) -> Iterator[Found]:
    layout = paella.layout_of(shapes)
    yield Found(
        architecture=id,
        layout=layout,
        latent_channels=4,
        downscale=4,
        temporal_downscale=1,
        half="both",
        families=("cascade",),
        sizes=None,
        variant="",
        manifest=paella.manifest(layout=layout),
    )


def _published(shapes: Shapes, id: str) -> Iterator[Found]:
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
                half=half,
                families=variant.families,
                sizes=None,
                variant=variant.name,
                manifest=published.manifest(id, variant.name, layout, half),
            )


def _none(shapes: Shapes, id: str) -> Iterator[Found]:
    """Recognise nothing: no description of this architecture's tensors is on record."""
    yield from ()


_TINY = r"((encoder|decoder)\.)?(layers\.)?\d+\.(weight|conv\.\d|conv\.weight)"
_NEVER = r"(?!)"
_HALVES = r"(encoder|decoder)\."
_UNSEEN = "vaehub cannot decode {} yet: no public description of its layers is on record"


def _row(
    id: str,
    candidates: Callable[[Shapes, str], Iterator[Found]] = _none,
    *,
    pattern: str = _NEVER,
    engine: Engine | None = None,
    reason: str = "",
) -> Architecture:
    return Architecture(id, pattern, candidates, engine, reason)


_ROWS = (
    _row(
        "autoencoder-kl",
        _kl,
        pattern=_HALVES + r"(conv_in|mid|down|up|norm_out|conv_out|conv_norm_out)[._]",
        engine="kl",
    ),
    _row(
        "autoencoder-kl-flux2",
        _kl,
        pattern=r"(bn\.running_|(encoder|decoder)\.(mid|down|up)[._])",
        engine="kl",
    ),
    _row(
        "autoencoder-kl-wan",
        _wan_all,
        pattern=_HALVES + r".*(gamma|residual\.|upsamples|downsamples|time_conv)",
        engine="wan",
    ),
    _row(
        "autoencoder-kl-qwen-image",
        _wan,
        pattern=_HALVES + r".*(gamma|residual\.|upsamples|downsamples|time_conv)",
        engine="wan",
    ),
    _row("taesd", _tiny, pattern=_TINY, engine="taesd"),
    _row("taehv", _tiny, pattern=_TINY, engine="taehv"),
    _row("paella-vq", _paella, pattern=r"(vquantizer|in_block|out_block)\.", engine="paella"),
    *(
        _row(id, _published, pattern=_HALVES, engine="diffusers")
        for id in (
            "autoencoder-dc",
            "autoencoder-kl-cogvideox",
            "autoencoder-kl-cosmos",
            "autoencoder-kl-hunyuan-image",
            "autoencoder-kl-hunyuan-video",
            "autoencoder-kl-hunyuan-video15",
            "autoencoder-kl-hunyuan-image-refiner",
            "autoencoder-kl-ltx-video",
            "autoencoder-kl-ltx2-video",
            "autoencoder-kl-minimax-h3",
            "autoencoder-kl-mochi",
            "autoencoder-kl-qwen-image21",
        )
    ),
    _row(
        "consistency-decoder",
        _published,
        pattern=r"(encoder|decoder_unet)\.",
        engine="diffusers",
    ),
    _row("mage-vae", reason=_UNSEEN.format("mage-vae")),
    _row("seedvr2-video-vae", reason=_UNSEEN.format("seedvr2-video-vae")),
    _row("tae-2d", reason=_UNSEEN.format("tae-2d")),
)
TABLE = {row.id: row for row in _ROWS}
"""Every architecture that the catalog names, by its id there."""
