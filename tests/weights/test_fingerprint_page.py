"""docs/fingerprint.md: its vectors hold, for us and for whoever follows the page to the letter."""

from __future__ import annotations

import hashlib
import json
import re
import struct
from pathlib import Path
from typing import Any

import pytest

from tests.weights import vectors
from vaehub.weights import sketch

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "fingerprint.md").read_text(encoding="utf-8")
VECTORS: dict[str, Any] = {}
for block in re.findall(r"```json\n(.*?)\n```", PAGE, re.DOTALL):
    VECTORS.update(json.loads(block))


def test_the_page_has_them() -> None:
    assert set(VECTORS) == {"tiny", "real", "places"}


def test_tiny_files() -> None:
    assert vectors.tiny() == VECTORS["tiny"]


def test_the_shipped_autoencoder() -> None:
    name = "autoencoder.safetensors"
    assert vectors.real(None)[name] == VECTORS["real"][name]


def test_taef2(shared_weights: Path) -> None:
    assert vectors.real(shared_weights) == VECTORS["real"]


def test_places() -> None:
    for name, told in VECTORS["places"].items():
        assert list(sketch.places(name, told["numbers"])) == told["places"]


@pytest.mark.parametrize("title", VECTORS["tiny"])
def test_whoever_follows_the_page_gets_them_too(title: str) -> None:
    """Work them out anew, by the page's words and nothing of ours."""
    tensors, told = VECTORS["tiny"][title]["tensors"], VECTORS["tiny"][title]["fingerprint"]
    for kind in ("weights", "fp16", "bf16"):
        assert _whole(tensors, kind) == told[kind]
        for half in ("encoder", "decoder"):
            part = {name: one for name, one in tensors.items() if name.startswith(half)}
            if part:
                assert _whole(part, kind) == told[half][kind]


def _whole(tensors: dict[str, Any], kind: str) -> str:
    digests = []
    for name, one in tensors.items():
        dtype, data = one["dtype"], bytes.fromhex(one["bytes"])
        if kind != "weights" and dtype in {"F32", "F16"}:
            letter = "f" if dtype == "F32" else "e"
            numbers = struct.unpack(f"<{len(data) // struct.calcsize(letter)}{letter}", data)
            dtype = {"fp16": "F16", "bf16": "BF16"}[kind]
            data = b"".join(_rounded(number, kind) for number in numbers)
        shape = ",".join(map(str, one["shape"]))
        line = f'["{name}","{dtype}",[{shape}]]\n'.encode()
        digests.append(hashlib.sha256(line + data).digest())
    return hashlib.sha256(b"vaehub fingerprint 1\n" + b"".join(sorted(digests))).hexdigest()


def _rounded(number: float, kind: str) -> bytes:
    if number != number:
        return {"fp16": b"\x00\x7e", "bf16": b"\xc0\x7f"}[kind]
    if kind == "fp16":
        try:
            return struct.pack("<e", number)
        except OverflowError:
            return b"\x00\x7c" if number > 0 else b"\x00\xfc"
    (bits,) = struct.unpack("<I", struct.pack("<f", number))
    upper, lower = bits >> 16, bits & 0xFFFF
    up = lower > 0x8000 or (lower == 0x8000 and upper % 2 == 1)
    return struct.pack("<H", upper + up)
