"""Decode in overlapping tiles, for pictures that do not fit into memory at once.

Blends the overlaps with a ramp. The normalisation of a tile sees that tile only, so the result
differs a little from a decode in one piece, as it does in every UI; it is not for golden outputs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor


def decode_tiles(
    decode: Callable[[Tensor], Tensor],
    latents: Tensor,
    *,
    downscale: int,
    tile: int = 32,
    overlap: int = 8,
) -> Tensor:
    """Decode latents tile by tile.

    Args:
        decode: decodes one tile of latents; mostly a partial of the engine's ``decode``.
        latents: [B, C, h, w].
        downscale: pixels per latent cell.
        tile: latent cells along each side of a tile; at least 1.
        overlap: latent cells that neighbouring tiles share; less than ``tile``.

    Returns:
        [B, 3, H, W] as ``decode`` gives it.

    Raises:
        ValueError: the overlap is not less than the tile.
    """
    if not 0 <= overlap < tile:
        raise ValueError(f"tiles of {tile} cells cannot overlap by {overlap}")
    height, width = latents.shape[-2:]
    total = weight = None
    for top in _starts(height, tile, overlap):
        for left in _starts(width, tile, overlap):
            picture = decode(latents[..., top : top + tile, left : left + tile])
            if total is None or weight is None:
                shape = (*picture.shape[:2], height * downscale, width * downscale)
                total = torch.zeros(shape, dtype=torch.float32, device=picture.device)
                weight = torch.zeros_like(total[:1, :1])
            ramps = [
                _ramp(size, overlap * downscale).to(picture.device) for size in picture.shape[-2:]
            ]
            mask = ramps[0][:, None] * ramps[1][None, :]
            y, x = top * downscale, left * downscale
            place = (..., slice(y, y + mask.shape[0]), slice(x, x + mask.shape[1]))
            total[place] += picture.float() * mask
            weight[place] += mask
    assert total is not None
    assert weight is not None
    return (total / weight).to(latents.dtype)


def _starts(length: int, tile: int, overlap: int) -> Iterator[int]:
    start = 0
    while True:
        yield max(0, min(start, length - tile))
        if start + tile >= length:
            return
        start += tile - overlap


def _ramp(size: int, edge: int) -> Tensor:
    """Give weights that rise from the edges inwards and are never zero."""
    distance = torch.arange(1, size + 1, dtype=torch.float32)
    return torch.minimum(distance, distance.flip(0)).clamp(max=max(edge, 1)) / max(edge, 1)
