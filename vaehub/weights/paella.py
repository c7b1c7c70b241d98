"""Stable Cascade's stage A, a quantised autoencoder: names and shapes of its one configuration.

The layers follow dome272/Paella, modules.py (two levels of 192 and 384 channels, twelve blocks
between). diffusers calls the codebook an embedding. Torch-free.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vaehub.weights.compare import Shapes

_NARROW, _WIDE, _LATENT, _CODES, _BLOCKS = 192, 384, 4, 8192, 12


def layout_of(shapes: Shapes) -> str:
    """Tell the naming: ``native`` or ``diffusers``."""
    return "diffusers" if "vquantizer.embedding.weight" in shapes else "native"


def manifest(*, layout: str) -> dict[str, tuple[int, ...]]:
    """Give name and shape of every tensor, in the naming asked for."""
    codebook = "embedding" if layout == "diffusers" else "codebook"
    shapes: dict[str, tuple[int, ...]] = {
        "in_block.1.weight": (_NARROW, 12, 1, 1),
        "in_block.1.bias": (_NARROW,),
        **_block("down_blocks.0", _NARROW),
        "down_blocks.1.weight": (_WIDE, _NARROW, 4, 4),
        "down_blocks.1.bias": (_WIDE,),
        **_block("down_blocks.2", _WIDE),
        "down_blocks.3.0.weight": (_LATENT, _WIDE, 1, 1),
        f"vquantizer.{codebook}.weight": (_CODES, _LATENT),
        "up_blocks.0.0.weight": (_WIDE, _LATENT, 1, 1),
        "up_blocks.0.0.bias": (_WIDE,),
        "out_block.0.weight": (12, _NARROW, 1, 1),
        "out_block.0.bias": (12,),
    }
    for part in ("weight", "bias", "running_mean", "running_var"):
        shapes[f"down_blocks.3.1.{part}"] = (_LATENT,)
    shapes["down_blocks.3.1.num_batches_tracked"] = ()
    for number in range(1, 1 + _BLOCKS):
        shapes |= _block(f"up_blocks.{number}", _WIDE)
    shapes[f"up_blocks.{1 + _BLOCKS}.weight"] = (_WIDE, _NARROW, 4, 4)
    shapes[f"up_blocks.{1 + _BLOCKS}.bias"] = (_NARROW,)
    return shapes | _block(f"up_blocks.{2 + _BLOCKS}", _NARROW)


def _block(name: str, width: int) -> dict[str, tuple[int, ...]]:
    return {
        f"{name}.gammas": (6,),
        f"{name}.depthwise.1.weight": (width, 1, 3, 3),
        f"{name}.depthwise.1.bias": (width,),
        f"{name}.channelwise.0.weight": (4 * width, width),
        f"{name}.channelwise.0.bias": (4 * width,),
        f"{name}.channelwise.2.weight": (width, 4 * width),
        f"{name}.channelwise.2.bias": (width,),
    }
