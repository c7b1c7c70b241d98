"""Decide what goes into a conversion: which tensors, under which names, in which shape and type.

Pure: takes the list of a file's tensors and gives a :class:`Contents`, or the error that says why
there is none. Knows what the UIs strip and drop (:mod:`vaehub.weights.bare`), and the two layouts
of an AutoencoderKL. Refuses to guess: what is no VAE, or not a whole one, keeps its names.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, NamedTuple

from vaehub.converting.casting import DTYPES, FLOATS
from vaehub.converting.writing import Entry
from vaehub.errors import NotAModel, UsageError
from vaehub.model import Problem
from vaehub.weights import kl, kl_naming
from vaehub.weights.architectures import examine
from vaehub.weights.compare import group
from vaehub.weights.found import Found
from vaehub.weights.safetensors_header import BITS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vaehub.weights.bare import Bare
    from vaehub.weights.found import Unknown
    from vaehub.weights.tensors import Tensors

Layout = Literal["ldm", "diffusers"]
LAYOUTS: tuple[Layout, ...] = ("ldm", "diffusers")
_WITH_LAYOUTS = ("autoencoder-kl", "autoencoder-kl-flux2")
_SHOWN = 4
_MOST_TIMES = 4
_SPARE = 16 << 20


class Part(NamedTuple):
    """A tensor of the file, and what becomes of it."""

    original: str
    """Its name in the file."""
    entry: Entry


class Contents(NamedTuple):
    """What goes into a conversion."""

    parts: tuple[Part, ...]
    architecture: str | None
    """None where it was not recognised."""
    layout: str | None
    """Whose names the tensors have in the result; None where it was not recognised."""
    done: tuple[str, ...]
    """What is changed, in words that depend on the file and the wishes alone."""
    dropped: tuple[str, ...]
    """What of the file is left out, a whole part on one line."""
    problems: tuple[Problem, ...]
    """What the user should know, and what hinders nothing."""


def decide(tensors: Tensors, *, layout: Layout | None, dtype: str | None) -> Contents:
    """Decide what goes into a conversion.

    Args:
        tensors: what the file holds.
        layout: whose names the tensors are to have; as they are by default.
        dtype: ``fp16``, ``bf16`` or ``fp32``; as they are by default.

    Raises:
        NotAModel: the file is no VAE, not whole where a layout is asked for, or would unfold to a
            multiple of its size.
        UsageError: the layout is not one that this architecture has, or the file cannot be cast.
    """
    name = tensors.name
    shapes = {key: stored.shape for key, stored in tensors.stored.items()}
    inside, found = examine(shapes)
    _refuse_others(inside, found, name=name)
    original = {key: inside.original(key) for key in inside.shapes}
    done = [f"{'.'.join(tensors.wrapper)} entered"] if tensors.wrapper else []
    if inside.prefix:
        done.append(f"prefix {inside.prefix} stripped")
    renamed = {key: (key, shape) for key, shape in inside.shapes.items()}
    now = found.layout if isinstance(found, Found) else None
    if layout is not None and layout != now:
        renamed = _in_layout(inside.shapes, found, layout, name=name)
        done.append(f"layout {now} to {layout}")
        now = layout
    parts = []
    casts: dict[str, None] = {}
    for key, (new, shape) in renamed.items():
        before = tensors.stored[original[key]].dtype
        after = _cast_to(before, dtype, tensor=key, name=name)
        parts.append(Part(original[key], Entry(new, after, shape)))
        if after != before:
            casts[f"{before} to {after}"] = None
    done += sorted(casts)
    if len({part.entry.name for part in parts}) != len(parts):
        raise NotAModel(f"{name}: two of its tensors would have the same name in {layout} layout")
    _refuse_bomb(parts, tensors)
    return Contents(
        parts=tuple(parts),
        architecture=found.architecture if isinstance(found, Found) else None,
        layout=now,
        done=tuple(done),
        dropped=tuple(_dropped(tensors, kept=frozenset(original.values()))),
        problems=tuple(_doubts(inside, found, name=name)),
    )


def _refuse_others(inside: Bare, found: Found | Unknown, *, name: str) -> None:
    if not inside.shapes:
        raise NotAModel(f"{name}: holds what a training leaves behind, and no weights of a VAE")
    if not isinstance(found, Found) and found.kind is not None:
        raise NotAModel(f"{name}: {found.message}", hint="vaehub converts VAEs only")


def _in_layout(
    shapes: Mapping[str, tuple[int, ...]], found: Found | Unknown, layout: Layout, *, name: str
) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Give each tensor its name and shape in another layout."""
    if not isinstance(found, Found):
        raise NotAModel(f"{name}: {found.message}", hint="leave --layout away to keep its names")
    if found.architecture not in _WITH_LAYOUTS or not isinstance(found.sizes, kl.Sizes):
        raise UsageError(
            f"{name}: an {found.architecture}; only an AutoencoderKL has the layouts ldm and "
            "diffusers",
            hint="leave --layout away to keep its names",
        )
    difference = found.difference(shapes)
    if not difference.complete:
        lines = list(difference.lines())
        raise NotAModel(f"{name}: not a whole {found.architecture}: {_few(lines)}")
    # FLUX.2's own code has the quant convolutions inside encoder and decoder; diffusers has not.
    nested = found.sizes.nested_quant and layout == "ldm"
    sizes = found.sizes._replace(nested_quant=nested)
    wanted = kl.manifest(sizes, layout=layout, half=found.half)
    levels = kl.levels_of(shapes)
    made = {}
    for key, shape in shapes.items():
        plain = kl_naming.to_ldm(key, levels=levels)
        if not nested and "quant_conv." in plain:
            plain = plain.removeprefix("encoder.").removeprefix("decoder.")
        new = kl_naming.from_ldm(plain, layout=layout, levels=levels)
        # The attention is a 1x1 convolution in ldm and a linear layer in diffusers: same bytes.
        if new not in wanted or math.prod(wanted[new]) != math.prod(shape):
            raise NotAModel(f"{name}: the tensor {key[:80]!r} has no place in {layout} layout")
        made[key] = (new, wanted[new])
    return made


def _cast_to(before: str, dtype: str | None, *, tensor: str, name: str) -> str:
    if before not in BITS:
        raise NotAModel(
            f"{name}: the tensor {tensor[:80]!r} is of the type {before}, which safetensors lacks"
        )
    if dtype is None:
        return before
    if before.startswith("F") and before not in FLOATS:
        raise UsageError(
            f"{name}: the tensor {tensor[:80]!r} is of the type {before}: a quantised file, which "
            f"cannot be turned into {dtype}",
            hint="leave --dtype away, or take a file in half or single precision",
        )
    return DTYPES[dtype] if before in FLOATS else before


def _refuse_bomb(parts: list[Part], tensors: Tensors) -> None:
    """Stop before tensors that share their bytes fill the disk, each written out once."""
    as_read = sum(tensors.stored[part.original].nbytes for part in parts)
    if as_read > _MOST_TIMES * tensors.size + _SPARE:
        raise NotAModel(
            f"{tensors.name}: its tensors share their bytes so often that {tensors.size:,} bytes "
            f"would become {as_read:,}: no weights, but a bomb"
        )


def _dropped(tensors: Tensors, *, kept: frozenset[str]) -> Iterator[str]:
    names = [key for key in tensors.stored if key not in kept]
    yield from group(names, among=list(tensors.stored))
    for key, kind in tensors.left_out.items():
        yield f"{key} ({kind})"
    beside = "metadata: " if tensors.kind == "safetensors" else ""
    yield from (beside + key for key in tensors.metadata if (beside + key) != "metadata: format")


def _doubts(inside: Bare, found: Found | Unknown, *, name: str) -> Iterator[Problem]:
    if not isinstance(found, Found):
        yield Problem("not-recognised", f"{name}: {found.message}", blocking=False)
        return
    difference = found.difference(inside.shapes)
    if not difference.complete:
        yield Problem(
            "not-whole",
            f"{name}: not a whole {found.architecture}: {_few(list(difference.lines()))}",
            blocking=False,
            hint="the conversion is as incomplete as the file",
        )


def _few(lines: list[str]) -> str:
    more = f", and {len(lines) - _SHOWN} more" if len(lines) > _SHOWN else ""
    return "; ".join(lines[:_SHOWN]) + more
