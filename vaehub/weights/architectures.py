"""The one table of autoencoders: how to recognise each, its tensors, and who decodes it.

Takes names and shapes, never values, and needs no torch. A published autoencoder is recognised even
where it is damaged; one of unpublished widths where it is complete in itself. What shapes cannot
tell is not guessed: SD1, SD2 and SDXL are alike, as are SD3 and FLUX.1.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, NamedTuple

from vaehub.weights import candidates
from vaehub.weights.bare import Bare, bare
from vaehub.weights.foreign import kind_of
from vaehub.weights.found import Found, Unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from vaehub.weights.compare import Shapes

__all__ = ["TABLE", "Architecture", "Engine", "Found", "Unknown", "alike", "examine", "find"]

Engine = Literal["kl", "wan", "taesd", "taehv", "paella", "mage", "diffusers"]
LEAST_ALIKE = 0.35
"""Share of tensors equal in name and shape from which a file counts as a damaged one of a kind."""


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


_TINY = r"((taesd_)?(encoder|decoder)\.)?(layers\.)?\d+\.(weight|conv\.\d|conv\.weight)"
_NEVER = r"(?!)"
_HALVES = r"(encoder|decoder)\."


def _row(
    id: str,
    candidates: Callable[[Shapes, str], Iterator[Found]] = candidates.nothing,
    *,
    pattern: str = _NEVER,
    engine: Engine | None = None,
    reason: str = "",
) -> Architecture:
    return Architecture(id, pattern, candidates, engine, reason)


_ROWS = (
    _row(
        "autoencoder-kl",
        candidates.kl_ones,
        pattern=_HALVES + r"(conv_in|mid|down|up|norm_out|conv_out|conv_norm_out)[._]",
        engine="kl",
    ),
    _row(
        "autoencoder-kl-flux2",
        candidates.kl_ones,
        pattern=r"(bn\.running_|(encoder|decoder)\.(mid|down|up)[._])",
        engine="kl",
    ),
    _row(
        "autoencoder-kl-wan",
        candidates.wan_all,
        pattern=_HALVES + r".*(gamma|residual\.|upsamples|downsamples|time_conv)",
        engine="wan",
    ),
    _row(
        "autoencoder-kl-qwen-image",
        candidates.wan_ones,
        pattern=_HALVES + r".*(gamma|residual\.|upsamples|downsamples|time_conv)",
        engine="wan",
    ),
    _row("taesd", candidates.tiny_ones, pattern=_TINY, engine="taesd"),
    _row("taehv", candidates.tiny_ones, pattern=_TINY, engine="taehv"),
    _row(
        "paella-vq",
        candidates.paella_ones,
        pattern=r"(vquantizer|in_block|out_block)\.",
        engine="paella",
    ),
    *(
        _row(id, candidates.published_ones, pattern=_HALVES, engine="diffusers")
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
        candidates.published_ones,
        pattern=r"(encoder|decoder_unet)\.",
        engine="diffusers",
    ),
    _row(
        "mage-vae",
        candidates.mage_ones,
        pattern=r"(student\.dconv_encoder|pipeline)\.",
        engine="mage",
    ),
    _row(
        "seedvr2-video-vae",
        candidates.seedvr2_ones,
        pattern=r"(decoder\.up_blocks\.\d\.upsamplers\.0\.upscale_conv|encoder\.conv_in)\.",
        engine="kl",
    ),
    _row(
        "ltx2-diffusion-decoder",
        candidates.itself,
        pattern=r"decoder\.conv_in_x_t\.",
        reason="the decoder in this file is a diffusion model of its own, which vaehub does not "
        "run; the file of LTX-2.5 with -conv- in its name has one that it does",
    ),
    _row(
        "tae-2d",
        reason="vaehub cannot decode tae-2d: no public description of its layers is on record",
    ),
)
TABLE = {row.id: row for row in _ROWS}
"""Every architecture that the catalog names, by its id there, and what comes in its place."""
