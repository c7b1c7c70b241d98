"""Numbers of a picture that tell what a decoder did to it. Judges nothing. Needs numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vaehub.insight.pixels.sampling import Sample

    Array = NDArray[np.float32]

_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
_EDGE = 0.5 / 255
_BLOCK = 8


def figures(sample: Sample) -> dict[str, float]:
    """Measure a sample; everything is from 0 to 1 where not said otherwise.

    ``brightness``, ``contrast``: mean and deviation of the luminance. ``black``, ``white``: what 1
    and 99 of 100 pixels lie below; ``range``: between the two. ``saturation``: mean distance of the
    strongest channel from the weakest; ``strong``: what 95 of 100 pixels lie below in it.
    ``clipped``: share of pixels with a channel at its end; ``both_ends``: at the rarer end of the
    two. ``colours``: distinct colours, to 256.
    ``rough``: how much of the contrast lies between neighbours. ``grid``: how much larger steps are
    at one place of each 8 pixels than at the others, 1 where they are not. ``flat``: share of
    blocks of 8 x 8 of one colour.
    """
    whole, piece = (part.astype(np.float32) / 255 for part in sample)
    light: Array = (whole @ _LUMA).astype(np.float32)
    spread = whole.max(2) - whole.min(2)
    low, high = whole.min(2) <= _EDGE, whole.max(2) >= 1 - _EDGE
    close: Array = (piece @ _LUMA).astype(np.float32)
    black, white = (float(np.quantile(light, share)) for share in (0.01, 0.99))
    return {
        "brightness": _round(light.mean()),
        "contrast": _round(light.std()),
        "black": _round(black),
        "white": _round(white),
        "range": _round(white - black),
        "saturation": _round(spread.mean()),
        "strong": _round(np.quantile(spread, 0.95)),
        "clipped": _round((low | high).mean()),
        "both_ends": _round(min(low.mean(), high.mean())),
        "colours": _colours(sample.piece),
        "rough": _round(_rough(close)),
        "grid": _round(_grid(close)),
        "flat": _round(_flat(close)),
    }


def _round(value: Any) -> float:
    return round(float(value), 4)


def _colours(pixels: NDArray[np.uint8]) -> float:
    packed = pixels.reshape(-1, 3).astype(np.uint32) @ np.array([65536, 256, 1], dtype=np.uint32)
    return float(min(256, len(np.unique(packed))))


def _rough(light: Array) -> float:
    """Give the deviation between neighbours, as a share of the deviation of all."""
    whole = float(light.std())
    if whole < _EDGE:
        return 0.0
    steps = np.concatenate([np.diff(light, axis=0).ravel(), np.diff(light, axis=1).ravel()])
    return float(np.sqrt(np.mean(steps**2)) / whole)


def _grid(light: Array) -> float:
    """Compare the largest steps at one place of each block with those at the others."""
    ratios = []
    for axis in (0, 1):
        steps = np.abs(np.diff(light, axis=axis)).mean(axis=1 - axis)
        whole = len(steps) // _BLOCK * _BLOCK
        if whole < 2 * _BLOCK:
            return 1.0
        places = steps[:whole].reshape(-1, _BLOCK).mean(0) + 1e-4
        ratios.append(places.max() / np.median(places))
    return float(min(ratios))


def _flat(light: Array) -> float:
    """Give the share of blocks whose pixels differ by no more than a step of eight bits."""
    height, width = (edge // _BLOCK * _BLOCK for edge in light.shape)
    if not height or not width:
        return 0.0
    tiles = light[:height, :width].reshape(height // _BLOCK, _BLOCK, width // _BLOCK, _BLOCK)
    return float((np.ptp(tiles, axis=(1, 3)) <= 1.5 / 255).mean())
