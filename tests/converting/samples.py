"""Small checkpoints of an AutoencoderKL, spelled out so that no test needs torch."""

from __future__ import annotations

import json
import math
import random
import struct
from typing import TYPE_CHECKING, Any

from tests.weights.checkpoints import archive, sequence, tensor
from vaehub.weights import kl
from vaehub.weights.tensors import read_tensors

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from vaehub.weights.compare import Shapes

TINY = kl.Sizes((8, 8), (8, 8), 1, 4, 4, 3, quant=True)


def manifest(layout: str = "ldm", sizes: kl.Sizes = TINY) -> Shapes:
    return kl.manifest(sizes, layout=layout)


def values(shapes: Shapes, *, seed: int = 0) -> dict[str, bytes]:
    """Give each tensor some numbers in single precision."""
    chance = random.Random(seed)
    made = {}
    for name, shape in shapes.items():
        count = math.prod(shape)
        some = struct.pack("<97f", *(chance.gauss(0, 1) for _ in range(97)))
        made[name] = (some * (count // 97 + 1))[: 4 * count]
    return made


def weights(shapes: Shapes) -> dict[str, Any]:
    """Give the pickled map of tensors, each with a storage of its own."""
    made = {}
    for at, (name, shape) in enumerate(shapes.items()):
        strides = tuple(math.prod(shape[i + 1 :]) for i in range(len(shape)))
        made[name] = tensor(str(at), shape, strides, count=math.prod(shape))
    return made


def checkpoint(
    shapes: Shapes | None = None, *, legacy: bool = False, wrapped: bool = True, seed: int = 0
) -> bytes:
    """Give a checkpoint; with ``wrapped``, in a state_dict and beside an epoch."""
    shapes = manifest() if shapes is None else shapes
    data = list(values(shapes, seed=seed).values())
    value: Any = weights(shapes)
    if wrapped:
        value = {"state_dict": value, "epoch": 3}
    if legacy:
        return sequence(value, {str(at): (len(one) // 4, one) for at, one in enumerate(data)})
    return archive(value, {str(at): one for at, one in enumerate(data)})


def safetensors(shapes: Shapes | None = None, *, seed: int = 0) -> bytes:
    """Give a safetensors file of the same weights."""
    shapes = manifest() if shapes is None else shapes
    data = values(shapes, seed=seed)
    header, at = {}, 0
    for name, shape in shapes.items():
        offsets = [at, at := at + len(data[name])]
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": offsets}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + b"".join(data.values())


def read(path: Path) -> dict[str, bytes]:
    """Give the bytes of each tensor of a file."""
    found = read_tensors(path)
    with found.open() as opened:
        return {name: bytes(opened.read(name)) for name in found.stored}


def put(folder: Path, data: bytes, name: str = "house.vae.pt") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def prefixed(mapping: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {prefix + name: value for name, value in mapping.items()}
