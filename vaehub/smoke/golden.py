"""What a VAE decoded to when it was found sound, to be held against later runs.

A digest that leaves room for the difference between devices: small thumbnails and moments of what
fixed latents decode to, not a hash. It is kept for each file by its sha256; so where a later run
differs, the file is the same, and a driver, a torch build or a GPU computes wrongly.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from vaehub.smoke.measures import decibels, thumbnail
from vaehub.smoke.report import Decoded, Reason, gravest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vaehub.smoke.decoding import Measured
    from vaehub.smoke.factors import Factors

VERSION = 1
"""Of the fixed latents and pictures: a golden output of another version says nothing."""
SIZE = 8
"""Edge of the thumbnails."""
SAME: Mapping[str, float] = {"fp32": 55.0, "bf16": 35.0, "fp16": 45.0}
"""dB below which a thumbnail is another one. A sound decode in fp32 has 100 and more on the same
device; between devices the sums are taken in another order. Averaging makes the limit sharper than
that of whole pictures."""
_BEYOND = 1e9
_KINDS = ("flat", "gradient", "golden", "natural", "round trip")


class Golden(NamedTuple):
    """What fixed latents decode to."""

    cells: int
    thumbnails: Mapping[str, tuple[float, ...]]
    """By what was decoded: ``SIZE`` x ``SIZE`` x 3 values from -1 to 1, channels first."""
    moments: Mapping[str, tuple[float, float]]
    """Mean and deviation of the whole picture."""

    def as_json(self) -> dict[str, Any]:
        """Give it as it is stored."""
        return {
            "version": VERSION,
            "cells": self.cells,
            "thumbnails": {kind: list(values) for kind, values in self.thumbnails.items()},
            "moments": {kind: list(values) for kind, values in self.moments.items()},
        }


def golden_of(seen: Measured) -> Golden:
    """Take the golden output from what was decoded."""
    thumbnails, moments = {}, {}
    for kind in _KINDS:
        picture = seen.pictures.get(kind)
        if picture is None:
            continue
        values = thumbnail(picture, SIZE).flatten().tolist()
        thumbnails[kind] = tuple(round(value, 6) for value in values)
        moments[kind] = (
            round(float(picture.mean()), 6),
            round(float(picture.std(correction=0)), 6),
        )
    return Golden(seen.cells, thumbnails, moments)


def place(
    seen: Measured,
    *,
    families: Sequence[str] = (),
    told: Factors | None = None,
    beside: Sequence[str] = (),
) -> str:
    """Name what the decode depends on beside the file; under that name its golden output is kept.

    Args:
        seen: What was decoded.
        families: Whose latents it may speak: those of the first were tried.
        told: The factors that the catalog names.
        beside: The sha256 of the encoder, where that is a file of its own.
    """
    factors = (told.scaling_factor, told.shift_factor) if told is not None else ()
    return " ".join(
        [str(seen.cells), *families[:1], *(f"{one or 0:g}" for one in factors), *beside]
    )


def held_against(one: Decoded, now: Golden, known: Golden | None) -> Decoded:
    """Say so where the very same file once decoded to something else."""
    differs = difference(now, known) if known is not None else None
    if differs is None:
        return one
    kind, decibels = differs
    one = one._replace(figures={**one.figures, "golden": decibels})
    if decibels >= SAME[one.dtype]:
        return one
    reason = Reason(
        "golden",
        f"the same file decoded to something else when it was found sound ({kind}, "
        f"{decibels:.0f} dB; the same would be over {SAME[one.dtype]:.0f}): the driver, this build "
        "of torch or the GPU computes wrongly",
        "damaged",
    )
    return one._replace(reasons=(*one.reasons, reason), verdict=gravest([one.verdict, "damaged"]))


def from_json(record: object) -> Golden | None:
    """Read a stored golden output; None where it is of another version, or damaged."""
    if not isinstance(record, dict) or record.get("version") != VERSION:
        return None
    try:
        return Golden(
            int(record["cells"]),
            {str(k): tuple(map(_number, v)) for k, v in record["thumbnails"].items()},
            {str(k): (_number(v[0]), _number(v[1])) for k, v in record["moments"].items()},
        )
    except (ArithmeticError, KeyError, TypeError, ValueError, AttributeError, IndexError):
        return None


def _number(value: Any) -> float:
    number = float(value)
    if not abs(number) < _BEYOND:
        raise ValueError("no picture has such a value")
    return number


def difference(one: Golden, other: Golden) -> tuple[str, float] | None:
    """Say where two golden outputs differ most, and by how many dB.

    Returns:
        None where they cannot be compared: other sizes, nothing in common.
    """
    if one.cells != other.cells:
        return None
    figures = {
        kind: min(
            _psnr(one.thumbnails[kind], other.thumbnails[kind]),
            _psnr(one.moments.get(kind, ()), other.moments.get(kind, ())),
        )
        for kind in one.thumbnails.keys() & other.thumbnails.keys()
        if len(one.thumbnails[kind]) == len(other.thumbnails[kind])
    }
    if not figures:
        return None
    worst = min(figures, key=lambda kind: figures[kind])
    return worst, figures[worst]


def _psnr(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    if not one or len(one) != len(other):
        return math.inf
    found = decibels(sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) / len(one))
    return -math.inf if math.isnan(found) else found
