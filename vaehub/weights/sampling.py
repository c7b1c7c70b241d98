"""Read the sketch of an autoencoder alone: some thousand numbers of a file, and not the file.

It tells whether a fingerprint, for which all bytes are read, is worth making.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from vaehub.errors import NotAModel
from vaehub.weights import sketch
from vaehub.weights.fingerprint import FLOATS

if TYPE_CHECKING:
    from vaehub.weights.canonical import Canonical, Part
    from vaehub.weights.tensors import Opened, Tensors


def read_sketches(tensors: Tensors, named: Canonical) -> dict[str, bytes] | None:
    """Read the sketch of each half, the same that its fingerprint has.

    Returns:
        None where a number cannot be read without the tensor that it is in: a file that keeps
        several tensors together, or one that is not contiguous.

    Raises:
        NotAModel: the file ends or changes while it is read.
        OSError: it cannot be read.
    """
    halves: dict[str, list[tuple[bytes, bytes]]] = {}
    with tensors.open() as opened:
        for part in named.parts:
            stored = tensors.stored[part.original]
            there = halves.setdefault(part.half, [])
            if stored.dtype not in FLOATS or not sketch.takes_part(part.shape):
                continue
            if not math.prod(part.shape):
                continue
            if part.rows is not None or not stored.is_contiguous or tensors.byteorder != "little":
                return None
            there.append((sketch.as_bytes(part.name), _numbers(opened, tensors, part)))
    return {half: b"".join(one for _, one in sorted(found)) for half, found in halves.items()}


def _numbers(opened: Opened, tensors: Tensors, part: Part) -> bytes:
    stored = tensors.stored[part.original]
    item = FLOATS[stored.dtype]
    numbers = []
    buffer = memoryview(bytearray(item))
    for place in sketch.places(part.name, math.prod(part.shape)):
        if opened.read_into(buffer, stored.offset + place * item) != item:
            raise NotAModel(f"{tensors.name}: ends in the middle of {part.original[:80]!r}")
        numbers.append(sketch.number(buffer, 0, stored.dtype))
    return sketch.pack(numbers)
