"""Write a .ckpt as torch would: a KL autoencoder of random bytes, and what its training left.

Run as a script: ``random_checkpoint.py FILE WIDTHS``, the widths with commas between them. Spelled
out in opcodes, so that it needs no torch. A fifth of the file is a loss that no loader wants.
"""

from __future__ import annotations

import math
import os
import struct
import sys
import zipfile
from typing import TYPE_CHECKING

from vaehub.weights import kl

if TYPE_CHECKING:
    from collections.abc import Mapping

HEAD = 64 << 10
"""Random bytes, over and over again; all of them finite numbers of single precision."""


def main() -> None:
    path, widths = sys.argv[1], tuple(map(int, sys.argv[2].split(",")))
    sizes = kl.Sizes(widths, widths, 2, 4, 4, 3, quant=True)
    shapes = dict(kl.manifest(sizes, layout="ldm"))
    shapes["loss.discriminator.weight"] = (sum(map(math.prod, shapes.values())) // 5,)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", _pickled(shapes))
        archive.writestr("archive/version", "3\n")
        some = bytearray(os.urandom(HEAD))
        some[3::4] = bytes(b & 0x80 | 0x3C | b & 1 for b in some[3::4])
        for key, shape in enumerate(shapes.values()):
            left = 4 * math.prod(shape)
            with archive.open(f"archive/data/{key}", "w") as member:
                while left:
                    left -= member.write(some[: min(left, HEAD)])


def _pickled(shapes: Mapping[str, tuple[int, ...]]) -> bytes:
    """Spell ``{"state_dict": {...}, "epoch": 3}`` out in protocol 2."""
    items = []
    for key, (name, shape) in enumerate(shapes.items()):
        strides = [math.prod(shape[i + 1 :]) for i in range(len(shape))]
        storage = _text("storage") + b"ctorch\nFloatStorage\n" + _text(str(key)) + _text("cpu")
        stored = b"(" + storage + _number(math.prod(shape)) + b"tQ"
        numbers = b"".join(b"(" + b"".join(map(_number, one)) + b"t" for one in (shape, strides))
        arguments = b"(" + stored + _number(0) + numbers + b"\x89ccollections\nOrderedDict\n)Rt"
        items.append(_text(name) + b"ctorch._utils\n_rebuild_tensor_v2\n" + arguments + b"R")
    weights = b"}(" + b"".join(items) + b"u"
    return b"\x80\x02}(" + _text("state_dict") + weights + _text("epoch") + _number(3) + b"u."


def _text(text: str) -> bytes:
    return b"X" + struct.pack("<I", len(text.encode())) + text.encode()


def _number(number: int) -> bytes:
    return b"J" + struct.pack("<i", number)


if __name__ == "__main__":
    main()
