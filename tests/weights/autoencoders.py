"""Small autoencoders with numbers in them, written as files in every way that people keep them."""

from __future__ import annotations

import json
import random
import struct
from functools import cache
from typing import TYPE_CHECKING

from vaehub.weights import kl

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

SIZES = kl.Sizes((32, 64), (32, 64), 1, 4, 4, 3, quant=True)
Named = dict[str, tuple[str, tuple[int, ...], bytes]]
"""Type, shape and bytes by name."""


def numbers(seed: int = 0, *, sizes: kl.Sizes = SIZES, layout: str = "ldm") -> Named:
    """Give an AutoencoderKL of random numbers, the same ones in each layout."""
    return dict(_numbers(seed, sizes, layout))


@cache
def _numbers(seed: int, sizes: kl.Sizes, layout: str) -> Named:
    chance = random.Random(seed)
    ldm = kl.manifest(sizes, layout="ldm")
    wanted = kl.manifest(sizes, layout=layout)
    made: Named = {}
    # Both manifests list the same tensors in the same order.
    for (_, shape), (name, other) in zip(ldm.items(), wanted.items(), strict=True):
        values = [chance.gauss(0, 0.05) for _ in range(count(shape))]
        made[name] = ("F32", other, struct.pack(f"<{len(values)}f", *values))
    return made


def count(shape: Iterable[int]) -> int:
    total = 1
    for length in shape:
        total *= length
    return total


def write(path: Path, named: Named, *, metadata: Mapping[str, str] | None = None) -> Path:
    """Write a safetensors file that holds tensors in their given order."""
    at = 0
    header: dict[str, object] = {"__metadata__": dict(metadata)} if metadata else {}
    for name, (dtype, shape, data) in named.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + len(data)]}
        at += len(data)
    raw = json.dumps(header).encode()
    raw += b" " * (-len(raw) % 8)
    body = b"".join(data for _, _, data in named.values())
    path.write_bytes(len(raw).to_bytes(8, "little") + raw + body)
    return path


def changed(named: Named, *, only: str = "", seed: int = 9, by: float = 0.05) -> Named:
    """Add noise to the tensors whose names begin so."""
    chance = random.Random(seed)
    made = dict(named)
    for name, (dtype, shape, data) in named.items():
        if name.startswith(only):
            values = struct.unpack(f"<{len(data) // 4}f", data)
            noisy = [value + chance.gauss(0, by) for value in values]
            made[name] = (dtype, shape, struct.pack(f"<{len(noisy)}f", *noisy))
    return made


def cast(named: Named, dtype: str) -> Named:
    """Change the precision of all tensors."""
    from vaehub.converting import casting

    return {
        name: (dtype, shape, casting.cast(memoryview(data), source=kind, target=dtype).data)
        for name, (kind, shape, data) in named.items()
    }
