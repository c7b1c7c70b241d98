"""The manifests of published autoencoders that are not generated here, from short data files.

``manifests/*.json`` is written by benchmarks/make_manifests.py: per variant diffusers' class, its
configuration, and the shape of every tensor in diffusers' naming. The original naming is derived.
"""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

from vaehub.weights.native import EXTRAS, LAYOUT_NAMES, RULES, place, shape_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vaehub.weights.compare import Shapes
    from vaehub.weights.kl import Half


class Variant(NamedTuple):
    """One published configuration of an architecture."""

    architecture: str
    name: str
    diffusers_class: str | None
    """None where diffusers has none."""
    config: Mapping[str, Any]
    families: tuple[str, ...]
    latent_channels: int
    downscale: int
    temporal_downscale: int
    image_channels: int
    tensors: Mapping[str, tuple[int, ...]]
    """Name and shape of every tensor, in diffusers' naming."""


@cache
def variants(architecture: str) -> tuple[Variant, ...]:
    """Read the variants of one architecture; none where it has no data file."""
    file = files("vaehub.weights") / "manifests" / f"{architecture}.json"
    if not file.is_file():
        return ()
    return tuple(
        Variant(
            architecture=architecture,
            name=name,
            diffusers_class=body["class"],
            config=body["config"],
            families=tuple(body["families"]),
            latent_channels=body["latent_channels"],
            downscale=body["downscale"],
            temporal_downscale=body["temporal_downscale"],
            image_channels=body.get("image_channels", 3),
            tensors=dict(_unfold(body["tensors"], "")),
        )
        for name, body in json.loads(file.read_text(encoding="utf-8")).items()
    )


def _unfold(folded: Any, place: str) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Undo the nesting and the joining of numbered neighbours."""
    if isinstance(folded, list):
        yield place, tuple(folded)
        return
    for head, inside in folded.items():
        first, _, last = head.partition("-")
        numbers = range(int(first), int(last) + 1) if first.isdigit() and last else [head]
        for part in numbers:
            yield from _unfold(inside, f"{place}.{part}" if place else str(part))


def layouts(architecture: str) -> tuple[str, ...]:
    """Name the layouts in which files of this architecture come."""
    if architecture in RULES:
        return ("diffusers", LAYOUT_NAMES.get(architecture, "native"))
    return ("diffusers",)


@cache
def manifest(architecture: str, name: str, layout: str, half: Half) -> Shapes:
    """Give name and shape of every tensor of a variant, in the layout's own naming."""
    variant = next(one for one in variants(architecture) if one.name == name)
    shapes = {}
    for tensor, shape in variant.tensors.items():
        if half_of_tensor(tensor) in {"both", half} or half == "both":
            if layout == "diffusers":
                shapes[tensor] = shape
            else:
                new = place(architecture, name, tensor)
                shapes[new.name] = shape_of(shape, new.how)
    return shapes


def half_of(shapes: Shapes) -> Half | None:
    """Tell which halves are there at all, however the decoder is called; None for neither."""
    sides = {half_of_tensor(name) for name in shapes} - {"both"}
    if len(sides) == 2:
        return "both"
    return sides.pop() if sides else None


def half_of_tensor(name: str) -> Half:
    """Tell in which half a tensor belongs; statistics of the latent belong in both."""
    if name.startswith(("encoder.", "quant_conv.", "student.")):
        return "encoder"
    return "decoder" if name.startswith(("decoder", "post_quant_conv.", "pipeline.")) else "both"


def is_extra(architecture: str, name: str) -> bool:
    """Tell whether an original file of this architecture may have this tensor besides."""
    pattern = EXTRAS.get(architecture)
    return pattern is not None and re.fullmatch(pattern, name) is not None
