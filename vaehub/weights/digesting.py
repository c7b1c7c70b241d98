"""Digest the tensors of an autoencoder while their bytes come in, each in three precisions.

docs/fingerprint.md is the definition. Knows parts and pieces of bytes; what reads them is
:mod:`vaehub.weights.fingerprint`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from vaehub.weights import sketch
from vaehub.weights.lanes import Lane
from vaehub.weights.prints import Print
from vaehub.weights.rounding import TARGETS, rounder

if TYPE_CHECKING:
    from vaehub.weights.canonical import Part
    from vaehub.weights.rounding import Precision, Rounder

FLOATS = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}
"""What is rounded and sketched; all else counts as it is."""
PRECISIONS: tuple[Precision, ...] = ("fp16", "bf16")

Watch = Callable[["Part", memoryview], object]
"""Is given a part of the autoencoder, and a piece of its bytes."""


def updating(digest: hashlib._Hash, piece: memoryview) -> Callable[[], object]:
    """Give the work of adding a piece to a digest."""
    return lambda: digest.update(piece)


class _Tensor:
    """The digests of one tensor while its bytes come in."""

    def __init__(self, part: Part, dtype: str) -> None:
        self.part = part
        self.dtype = dtype
        self.exact = dict.fromkeys(PRECISIONS, True)
        self.digests = {"": hashlib.sha256(head(part.name, dtype, part.shape))}
        if dtype in FLOATS:
            for precision in PRECISIONS:
                rounded = head(part.name, TARGETS[precision], part.shape)
                self.digests[precision] = hashlib.sha256(rounded)
        count = math.prod(part.shape)
        wanted = dtype in FLOATS and count and sketch.takes_part(part.shape)
        self.places = sketch.places(part.name, count) if wanted else ()
        self.samples: list[float] = []
        self.seen = 0
        """Bytes."""

    def sample(self, piece: memoryview) -> None:
        """Take what the sketch wants of a piece."""
        if len(self.samples) == len(self.places):
            return
        item = FLOATS[self.dtype]
        first, last = self.seen // item, (self.seen + len(piece)) // item
        while len(self.samples) < len(self.places) and self.places[len(self.samples)] < last:
            at = self.places[len(self.samples)] - first
            self.samples.append(sketch.number(piece, at, self.dtype))

    def round(self, piece: memoryview, precision: Precision, by: Rounder) -> None:
        """Add a piece to a digest of rounded numbers."""
        made = by(piece, self.dtype, precision, compare=self.exact[precision])
        self.digests[precision].update(made.data)
        self.exact[precision] = made.exact

    def print(self) -> Print:
        """Give what came out."""
        plain = self.digests[""].digest()
        return Print(
            name=self.part.name,
            half=self.part.half,
            shape=self.part.shape,
            dtype=self.dtype,
            weights=plain,
            fp16=self.digests["fp16"].digest() if "fp16" in self.digests else plain,
            bf16=self.digests["bf16"].digest() if "bf16" in self.digests else plain,
            exact=tuple(precision for precision in PRECISIONS if self.exact[precision]),
            sketch=sketch.pack(self.samples),
        )


class Work:
    """Three digests of each tensor, each made in a thread of its own."""

    def __init__(self, watch: Watch | None) -> None:
        """Make ready; ``watch`` is given every piece too."""
        self._watch = watch
        self._lanes = {kind: Lane(f"digests {kind}") for kind in ("", *PRECISIONS)}
        self._stack = contextlib.ExitStack()
        self._round = rounder()
        self._done: list[_Tensor] = []
        self._now: _Tensor | None = None

    def __enter__(self) -> Work:
        for lane in self._lanes.values():
            self._stack.enter_context(lane)
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.__exit__(*error)  # type: ignore[arg-type]

    def begin(self, part: Part, dtype: str) -> None:
        """Begin a tensor."""
        self._now = _Tensor(part, dtype)

    def feed(self, piece: memoryview) -> None:
        """Take the next piece of it."""
        now = self._now
        assert now is not None
        now.sample(piece)
        now.seen += len(piece)
        self._lanes[""].give(updating(now.digests[""], piece))
        if self._watch is not None:
            self._watch(now.part, piece)
        if now.dtype in FLOATS:
            for precision in PRECISIONS:
                self._lanes[precision].give(_rounding(now, piece, precision, self._round))

    def end(self) -> None:
        """End it."""
        assert self._now is not None
        self._done.append(self._now)

    def prints(self) -> list[Print]:
        """Give all tensors, once the context was left."""
        return [tensor.print() for tensor in self._done]


def _rounding(
    tensor: _Tensor, piece: memoryview, precision: Precision, by: Rounder
) -> Callable[[], object]:
    return lambda: tensor.round(piece, precision, by)


def head(name: str, dtype: str, shape: tuple[int, ...]) -> bytes:
    """Give what is hashed before a tensor's bytes."""
    return json.dumps([name, dtype, list(shape)], separators=(",", ":")).encode() + b"\n"
