"""Make the test vectors of docs/fingerprint.md; ``python -m tests.weights.vectors`` prints them."""

from __future__ import annotations

import json
import struct
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.weights import autoencoders as ae
from vaehub.smoke import shipped
from vaehub.weights import prints, sketch
from vaehub.weights.fingerprint import read_fingerprint
from vaehub.weights.tensors import read_tensors

_WORDS = (0x3F800000, 0x3F801000, 0x3F803000, 0x477FF000, 0x33000001, 0xFFC12345, 0x80000000)
TINY: dict[str, ae.Named] = {
    "single precision": {
        "encoder.conv_in.bias": ("F32", (7,), struct.pack("<7I", *_WORDS)),
        "decoder.conv_in.weight": ("F32", (2, 2), struct.pack("<4f", 0.1, -0.2, 0.3, -0.4)),
    },
    "the same in half precision": {
        "encoder.conv_in.bias": (
            "F16",
            (7,),
            bytes.fromhex("003c003c023c007c0100007e0080"),
        ),
        "decoder.conv_in.weight": ("F16", (2, 2), struct.pack("<4e", 0.1, -0.2, 0.3, -0.4)),
    },
    "whole numbers": {"decoder.conv_in.weight": ("I64", (2,), struct.pack("<2q", 1, -1))},
}


def tiny() -> dict[str, Any]:
    """Give small files, tensor by tensor, and their fingerprints."""
    made = {}
    with tempfile.TemporaryDirectory() as folder:
        for title, named in TINY.items():
            path = ae.write(Path(folder) / "some.safetensors", named)
            made[title] = {
                "tensors": {
                    name: {"dtype": dtype, "shape": list(shape), "bytes": data.hex()}
                    for name, (dtype, shape, data) in named.items()
                },
                "fingerprint": _fingerprint(path),
            }
    return made


def real(weights: Path | None) -> dict[str, Any]:
    """Give the fingerprints of real files by their sha256: the shipped one, and TAEF2's halves."""
    made = {}
    with shipped.autoencoder() as path:
        paths = [path]
        if weights is not None:
            paths += [weights / "taef2_encoder.pth", weights / "taef2_decoder.pth"]
        for each in paths:
            read = read_fingerprint(read_tensors(each))
            made[each.name] = {"sha256": read.sha256, "fingerprint": _fingerprint(each)}
    return made


def places() -> dict[str, Any]:
    """Give which numbers of some tensors are kept."""
    return {
        name: {"numbers": count, "places": list(sketch.places(name, count))}
        for name, count in (("decoder.conv_in.weight", 18432), ("x", 5))
    }


def _fingerprint(path: Path) -> dict[str, Any]:
    made = prints.to_json(read_fingerprint(read_tensors(path)).fingerprint, sketches=False)
    return {key: value for key, value in made.items() if key not in {"architecture", "dtypes"}}


def main() -> None:
    """Print all vectors as they stand in the page."""
    from tests.conftest import SHARED_WEIGHTS

    there = SHARED_WEIGHTS if SHARED_WEIGHTS.is_dir() else None
    for title, value in (("tiny", tiny()), ("real", real(there)), ("places", places())):
        sys.stdout.write(f"```json\n{json.dumps({title: value}, indent=1)}\n```\n\n")


if __name__ == "__main__":
    main()
