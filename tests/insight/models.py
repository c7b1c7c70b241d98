"""Checkpoints with a VAE in them, small ones with numbers and large ones with holes in place."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING

from tests.weights import autoencoders as ae
from tests.weights.checkpoints import archive, sequence, tensor

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

UNET = "model.diffusion_model."
ATTENTION = f"{UNET}input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight"
WIDTHS = {"sd1": 768, "sd2": 1024, "sdxl": 2048}
_STORAGES = {"F32": ("torch.FloatStorage", 4), "F16": ("torch.HalfStorage", 2)}


def beside(model: str = "sd1") -> ae.Named:
    """Give a few tensors of what lies beside the VAE."""
    shapes = {
        "cond_stage_model.transformer.text_model.final_layer_norm.weight": (8,),
        f"{UNET}input_blocks.0.0.weight": (8, 4, 3, 3),
        ATTENTION: (4, WIDTHS[model]),
        f"{UNET}out.2.bias": (4,),
    }
    return {name: ("F16", shape, b"\x11\x22" * ae.count(shape)) for name, shape in shapes.items()}


def baked(
    vae: ae.Named | None, *, model: str = "sd1", prefix: str = "first_stage_model."
) -> ae.Named:
    """Put a VAE into a checkpoint."""
    inside = {prefix + name: one for name, one in (vae or {}).items()}
    unet = beside(model)
    last = f"{UNET}out.2.bias"
    return {**{n: t for n, t in unet.items() if n != last}, **inside, last: unet[last]}


def pickled(path: Path, named: ae.Named, *, old: bool = False) -> Path:
    """Write a checkpoint as torch does, in its ``state_dict``."""
    built, storages = {}, {}
    for at, (name, (dtype, shape, data)) in enumerate(named.items()):
        kind, item = _STORAGES[dtype]
        strides, step = [], 1
        for length in reversed(shape):
            strides.append(step)
            step *= length
        count = len(data) // item
        built[name] = tensor(str(at), shape, strides[::-1], kind=kind, count=count)
        storages[str(at)] = (count, data)
    whole = {"state_dict": built, "global_step": 7}
    if old:
        path.write_bytes(sequence(whole, storages))
    else:
        path.write_bytes(archive(whole, {key: data for key, (_, data) in storages.items()}))
    return path


def put(named: ae.Named, name: str, value: float, *, first: int = 0, last: int = 1) -> ae.Named:
    """Write a number over some of a tensor's."""
    dtype, shape, data = named[name]
    changed = bytearray(data)
    changed[4 * first : 4 * last] = struct.pack("<f", value) * (last - first)
    return {**named, name: (dtype, shape, bytes(changed))}


def sparse(path: Path, shapes: Mapping[str, tuple[int, ...]], *, dtype: str = "F16") -> Path:
    """Write a safetensors file that is all hole behind its header."""
    header, at = {}, 0
    for name, shape in shapes.items():
        size = ae.count(shape) * {"F16": 2, "F32": 4}[dtype]
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + size]}
        at += size
    raw = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(len(raw).to_bytes(8, "little") + raw)
        file.truncate(8 + len(raw) + at)
    return path
