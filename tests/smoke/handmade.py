"""An autoencoder whose every weight is set by hand, so that it is known to work; and broken ones.

An AutoencoderKL of two levels: half of its channels are the colours and their negatives, twice, and
half are constants. What a colour and its negative lose in the activation they give each
other back: ``silu(x) - silu(-x)`` is ``x``. The constants are so large that the normalisation
always divides by the same number. So the latents are the picture at half the size, and the decoder
gives it back.
"""

from __future__ import annotations

import json
import math
import os
import random
import struct
from functools import cache
from typing import TYPE_CHECKING

from vaehub.weights import kl

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from vaehub.weights.compare import Shapes

CHANNELS = 24
"""So many, because a few large weights in a tensor would count as damage."""
SIZES = kl.Sizes((CHANNELS, CHANNELS), (CHANNELS, CHANNELS), 1, 4, 4, 3, quant=False)
Weights = dict[str, list[float]]
_METADATA = {"norm_num_groups": "1"}


def shapes(*, layout: str = "ldm", half: kl.Half = "both") -> dict[str, tuple[int, ...]]:
    """Give name and shape of each tensor."""
    return kl.manifest(SIZES, layout=layout, half=half)


def weights(*, constant: float = 20.0, gain: float = 1.0, overflowing: bool = False) -> Weights:
    """Set every weight, in the LDM naming.

    Args:
        constant: What the constant channels hold.
        gain: What the decoder makes of a picture's contrast.
        overflowing: Let the constants grow beyond what float16 has room for, inside the decoder,
            where no weight shows it; as in SDXL's first VAE.
    """
    constant = 4e4 if overflowing else constant
    made = {name: [one * 1e-3 / constant for one in noise] for name, noise in _noise().items()}
    for name in made:
        if "norm" in name and name.endswith(".weight"):
            made[name] = [1 + 1e-3 * one for one in _noise()[name]]
    constants = [constant if at % 2 else -constant for at in range(12)]
    for half, into in (("encoder", 3), ("decoder", 4)):
        grown = 2.0 if overflowing and half == "decoder" else 1.0
        if grown > 1:
            made[f"{half}.mid.block_1.conv2.bias"][12:] = constants
        made[f"{half}.conv_in.bias"][12:] = constants
        # The constants make the deviation what it is, whatever the picture.
        deviation = grown * constant / math.sqrt(2)
        made[f"{half}.norm_out.weight"] = [deviation] * CHANNELS
        first, last = made[f"{half}.conv_in.weight"], made[f"{half}.conv_out.weight"]
        by = gain if half == "decoder" else 1.0
        for channel in range(12):
            colour, sign = channel % 3, 1 if channel % 6 < 3 else -1
            first[_at(channel, colour, 1, 1, into)] = sign
            last[_at(colour, channel, 1, 1, CHANNELS)] = sign * by / 2
    smaller = made["encoder.down.0.downsample.conv.weight"]
    larger = made["decoder.up.1.upsample.conv.weight"]
    for channel in range(CHANNELS):
        for y, x in ((0, 0), (0, 1), (1, 0), (1, 1)):
            smaller[_at(channel, channel, y, x, CHANNELS)] = 0.25
        larger[_at(channel, channel, 1, 1, CHANNELS)] = 1.0
    return made


def write(
    path: Path,
    made: Weights | None = None,
    *,
    layout: str = "ldm",
    half: kl.Half = "both",
    change: Callable[[Weights], None] | None = None,
) -> Path:
    """Write it as a safetensors file in float32; by default the one that works."""
    made = made if made is not None else weights()
    if change is not None:
        change(made)
    pairs = zip(shapes(layout=layout, half=half).items(), shapes(half=half), strict=True)
    tensors = {name: (shape, made[ldm]) for (name, shape), ldm in pairs}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(packed(tensors, metadata=_METADATA))
    return path


def packed(
    tensors: Mapping[str, tuple[Sequence[int], Sequence[float]]],
    *,
    metadata: Mapping[str, str] | None = None,
) -> bytes:
    """Pack numbers as a safetensors file."""
    header: dict[str, object] = {"__metadata__": dict(metadata)} if metadata else {}
    data = b""
    for name, (shape, values) in tensors.items():
        raw = struct.pack(f"<{len(values)}f", *values)
        header[name] = _described("F32", shape, len(data), len(raw))
        data += raw
    return _file(header, data)


def hollow(path: Path, shapes: Shapes, *, dtype: str = "F16", width: int = 2) -> Path:
    """Write tensors of zeros, for what names, shapes and types alone can tell; takes no room."""
    header: dict[str, object] = {}
    start = 0
    for name, shape in shapes.items():
        header[name] = _described(dtype, shape, start, math.prod(shape) * width)
        start += math.prod(shape) * width
    path.write_bytes(_file(header, b""))
    os.truncate(path, path.stat().st_size + start)
    return path


def random_like(made: Weights, *, seed: int) -> Weights:
    """Give weights as they are before any training."""
    chance = random.Random(seed)
    return {name: [chance.gauss(0, 0.1) for _ in values] for name, values in made.items()}


def _described(dtype: str, shape: Sequence[int], start: int, size: int) -> dict[str, object]:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [start, start + size]}


def _file(header: Mapping[str, object], data: bytes) -> bytes:
    raw = json.dumps(header).encode()
    raw += b" " * (-len(raw) % 8)
    return struct.pack("<Q", len(raw)) + raw + data


@cache
def _noise() -> Weights:
    """Give next to nothing, but not zero: a tensor of zeros counts as damage."""
    chance = random.Random(0)
    return {
        name: [chance.gauss(0, 1) for _ in range(math.prod(shape))]
        for name, shape in shapes().items()
    }


def _at(out: int, into: int, y: int, x: int, width: int) -> int:
    return ((out * width + into) * 3 + y) * 3 + x
