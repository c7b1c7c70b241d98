"""Whose latents a checkpoint speaks, as far as the names and shapes in its header tell.

Reads the header of a safetensors file alone, which takes milliseconds however large the file is.
Refuses to guess: what no row of the table fits is unknown, and so is every other container.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vaehub.errors import NotAModel
from vaehub.weights.heads import SAFETENSORS_SUFFIXES
from vaehub.weights.safetensors_header import read_header

if TYPE_CHECKING:
    from pathlib import Path

    from vaehub.weights.compare import Shapes

_MODEL = "model.diffusion_model."
_ATTENTION = f"{_MODEL}input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight"


class Row(NamedTuple):
    """A tensor that only such checkpoints have, and whose VAEs suit them."""

    tensor: str
    last: tuple[int, ...]
    """Its last dimension is one of these; empty: whatever it is."""
    families: tuple[str, ...]
    model: str
    """What people call such checkpoints."""


TABLE = (
    # How wide the text is that the UNet attends to: CLIP's 768, OpenCLIP's 1024, both or bigG.
    Row(_ATTENTION, (768,), ("sd1",), "SD 1"),
    Row(_ATTENTION, (1024,), ("sd1",), "SD 2"),
    Row(_ATTENTION, (1280,), ("sdxl", "sdxl-eq"), "SDXL's refiner"),
    Row(_ATTENTION, (2048,), ("sdxl", "sdxl-eq"), "SDXL"),
    Row(f"{_MODEL}joint_blocks.0.x_block.attn.qkv.weight", (), ("sd3",), "SD3"),
    # Its img_in is as wide as that of FLUX.1 (diffusers, transformer_qwenimage.py).
    Row(f"{_MODEL}txt_norm.weight", (), ("qwen-image",), "Qwen-Image"),
    # Latent channels times the four cells of a patch.
    Row(f"{_MODEL}img_in.weight", (64,), ("flux1", "flux1-eq"), "FLUX.1"),
    Row(f"{_MODEL}img_in.weight", (128,), ("flux2",), "FLUX.2"),
)
_BEFORE = (_MODEL, "diffusion_model.", "")
"""What stands before these names in checkpoints, and in files of the diffusion model alone."""


def row_of(shapes: Shapes) -> Row | None:
    """Find the row that fits names and shapes of a checkpoint, or of its diffusion model alone."""
    for row in TABLE:
        for before in _BEFORE:
            shape = shapes.get(before + row.tensor.removeprefix(_MODEL))
            if shape is not None and (not row.last or shape[-1:] in [(n,) for n in row.last]):
                return row
    return None


def families_of(path: Path) -> tuple[str, ...]:
    """Give the families whose VAEs suit a checkpoint; none where that is unknown."""
    if path.suffix not in SAFETENSORS_SUFFIXES:
        return ()
    try:
        tensors = read_header(path).tensors
    except (NotAModel, OSError):
        return ()
    row = row_of({name: tensor.shape for name, tensor in tensors.items()})
    return row.families if row is not None else ()
