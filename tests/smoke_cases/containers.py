"""Write tensors into each container that VAEs come in, and bytes that are no VAE.

Knows bytes; what the tensors are is not known here.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

Weights = dict[str, "Tensor"]
_WORDS = {
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.float8_e4m3fn: "F8_E4M3",
}


def write_safetensors(
    path: Path, weights: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None
) -> None:
    """Write a safetensors file one tensor after the other, in the order given."""
    header: dict[str, object] = {"__metadata__": dict(metadata)} if metadata else {}
    at = 0
    for name, tensor in weights.items():
        size = tensor.numel() * tensor.element_size()
        header[name] = {
            "dtype": _WORDS[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [at, at + size],
        }
        at += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for tensor in weights.values():
            flat = tensor.detach().contiguous().reshape(-1)
            file.write(flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b"")


def write_checkpoint(
    path: Path,
    weights: Mapping[str, Tensor],
    metadata: Mapping[str, str] | None = None,
    *,
    wrapped: bool = False,
    legacy: bool = False,
) -> None:
    """Write a pickle as torch does, or as it did before 1.6."""
    inside = dict(weights)
    whole = (
        {"state_dict": inside, **(metadata or {})} if wrapped else {**inside, **(metadata or {})}
    )
    torch.save(whole, path, _use_new_zipfile_serialization=not legacy)


def cast(weights: Mapping[str, Tensor], dtype: torch.dtype) -> Weights:
    """Convert what is floating-point."""
    return {
        name: tensor.to(dtype) if tensor.is_floating_point() else tensor
        for name, tensor in weights.items()
    }


def prefixed(weights: Mapping[str, Tensor], prefix: str) -> Weights:
    """Put a prefix before each name."""
    return {prefix + name: tensor for name, tensor in weights.items()}


def with_loss(weights: Mapping[str, Tensor]) -> Weights:
    """Add what a training leaves beside the weights."""
    return {
        **weights,
        "loss.logvar": torch.zeros(()),
        "loss.discriminator.main.0.weight": torch.ones(8, 3, 4, 4),
        "model_ema.decay": torch.tensor(0.9999),
    }
