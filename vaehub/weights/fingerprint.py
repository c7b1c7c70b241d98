"""Make the fingerprint of an autoencoder: digests of its tensors, whatever file holds them.

docs/fingerprint.md is the definition. The bytes are read once, in the order of the file, in pieces
of 1 MiB; at the same time the whole file is hashed. A tensor that is not contiguous, that shares
its bytes with another, or that a file keeps together with others is read as a whole. Refuses to
know which fingerprints there are; :mod:`vaehub.weights.relation` compares two.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
from typing import TYPE_CHECKING, NamedTuple

from vaehub.errors import NotAModel
from vaehub.weights import sketch
from vaehub.weights.canonical import canonical
from vaehub.weights.lanes import Lane
from vaehub.weights.prints import Fingerprint, Print, Side, whole_of
from vaehub.weights.rounding import rounder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from vaehub.weights.canonical import Canonical, Part
    from vaehub.weights.rounding import Precision, Rounder
    from vaehub.weights.tensors import Opened, Tensors

FLOATS = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}
"""What is rounded and sketched; all else counts as it is."""
PRECISIONS: tuple[Precision, ...] = ("fp16", "bf16")
_ROUNDED = {"fp16": "F16", "bf16": "BF16"}
_PIECE = 1 << 20
_MOST_TIMES = 4
_SPARE = 16 << 20


class Read(NamedTuple):
    """What reading a file once has given."""

    fingerprint: Fingerprint
    sha256: str
    """Of the whole file."""


class _Stretch(NamedTuple):
    """A run of the file's bytes: those of one tensor, or such as belong to none."""

    offset: int
    nbytes: int
    part: Part | None


def read_fingerprint(tensors: Tensors, named: Canonical | None = None) -> Read:
    """Read a file once, and give its autoencoder's fingerprint and its sha256.

    Args:
        tensors: what the file holds.
        named: the same under canonical names, where the caller has it.

    Raises:
        NotAModel: there is no autoencoder in it, or it changes or ends while it is read.
        OSError: the file cannot be read.
    """
    named = named or canonical({key: stored.shape for key, stored in tensors.stored.items()})
    _refuse(tensors, named)
    stretches, apart = _plan(tensors, named.parts)
    file = hashlib.sha256()
    work = _Work()
    with contextlib.ExitStack() as stack:
        opened = stack.enter_context(tensors.open())
        before = _marks(os.fstat(opened.fileno()))
        hashing = stack.enter_context(Lane("hashing"))
        stack.enter_context(work)
        for stretch in stretches:
            if stretch.part is not None:
                work.begin(stretch.part, tensors.stored[stretch.part.original].dtype)
            for piece in _pieces(opened, stretch, name=tensors.name):
                hashing.give(_updating(file, piece))
                if stretch.part is not None:
                    work.feed(piece)
            if stretch.part is not None:
                work.end()
        for part in apart:
            work.begin(part, tensors.stored[part.original].dtype)
            for run in _taken(opened.read(part.original), part, tensors):
                for at in range(0, len(run), _PIECE):
                    work.feed(run[at : at + _PIECE])
            work.end()
        if _marks(os.fstat(opened.fileno())) != before:
            raise _changed(tensors.name)
    prints = work.prints()
    return Read(
        Fingerprint(
            architecture=named.architecture,
            dtypes=tuple(sorted({one.dtype for one in prints})),
            whole=whole_of(prints)._replace(outline="", sketch=b""),  # its sides have them
            sides={
                half: whole_of([one for one in prints if one.half == half])
                for half in ("encoder", "decoder", "both")
                if any(one.half == half for one in prints)
            },
        ),
        file.hexdigest(),
    )


def outlines(named: Canonical) -> dict[str, str]:
    """Give the outline of each half from names and shapes alone; equal ones can be compared."""
    from vaehub.weights.prints import outline

    return {
        half: outline([(p.name, p.shape) for p in named.parts if p.half == half])
        for half in ("encoder", "decoder", "both")
        if any(part.half == half for part in named.parts)
    }


def _refuse(tensors: Tensors, named: Canonical) -> None:
    from vaehub.weights.found import Found

    found = named.found
    if not isinstance(found, Found) and (found.kind is not None or not named.parts):
        raise NotAModel(f"{tensors.name}: {found.message}")
    as_read = sum(tensors.stored[part.original].nbytes for part in named.parts)
    if as_read > _MOST_TIMES * tensors.size + _SPARE:
        raise NotAModel(
            f"{tensors.name}: its tensors share their bytes so often that {tensors.size:,} bytes "
            f"would become {as_read:,}: no weights, but a bomb"
        )


def _plan(tensors: Tensors, parts: Sequence[Part]) -> tuple[list[_Stretch], list[Part]]:
    """Divide the file into stretches in its own order; what is not simply there is read apart."""
    stretches: list[_Stretch] = []
    apart = []
    at = 0
    for part in sorted(parts, key=lambda part: tensors.stored[part.original].offset):
        stored = tensors.stored[part.original]
        is_plain = (
            part.rows is None
            and stored.is_contiguous
            and tensors.byteorder == "little"
            and stored.offset >= at
        )
        if not is_plain:
            apart.append(part)
            continue
        if stored.offset > at:
            stretches.append(_Stretch(at, stored.offset - at, None))
        stretches.append(_Stretch(stored.offset, stored.nbytes, part))
        at = stored.offset + stored.nbytes
    if at < tensors.size:
        stretches.append(_Stretch(at, tensors.size - at, None))
    return stretches, apart


def _pieces(opened: Opened, stretch: _Stretch, *, name: str) -> Iterator[memoryview]:
    for at in range(0, stretch.nbytes, _PIECE):
        piece = memoryview(bytearray(min(_PIECE, stretch.nbytes - at)))
        done = 0
        while done < len(piece):
            count = opened.read_into(piece[done:], stretch.offset + at + done)
            if not count:
                raise _changed(name)
            done += count
        yield piece


def _taken(data: memoryview, part: Part, tensors: Tensors) -> Iterator[memoryview]:
    """Give the runs of a tensor's bytes that are a part of it, in the part's own order."""
    shape = tensors.stored[part.original].shape
    if part.rows is None:
        yield data
        return
    row = len(data) // shape[0] if shape and shape[0] else 0
    for start, stop in part.rows:
        yield data[start * row : stop * row]


def _updating(digest: hashlib._Hash, piece: memoryview) -> Callable[[], object]:
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
                rounded = head(part.name, _ROUNDED[precision], part.shape)
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


class _Work:
    """Three digests of each tensor, each made in a thread of its own."""

    def __init__(self) -> None:
        self._lanes = {kind: Lane(f"digests {kind}") for kind in ("", *PRECISIONS)}
        self._stack = contextlib.ExitStack()
        self._round = rounder()
        self._done: list[_Tensor] = []
        self._now: _Tensor | None = None

    def __enter__(self) -> _Work:
        for lane in self._lanes.values():
            self._stack.enter_context(lane)
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.__exit__(*error)  # type: ignore[arg-type]

    def begin(self, part: Part, dtype: str) -> None:
        self._now = _Tensor(part, dtype)

    def feed(self, piece: memoryview) -> None:
        now = self._now
        assert now is not None
        now.sample(piece)
        now.seen += len(piece)
        self._lanes[""].give(_updating(now.digests[""], piece))
        if now.dtype in FLOATS:
            for precision in PRECISIONS:
                self._lanes[precision].give(_rounding(now, piece, precision, self._round))

    def end(self) -> None:
        assert self._now is not None
        self._done.append(self._now)

    def prints(self) -> list[Print]:
        return [tensor.print() for tensor in self._done]


def _rounding(
    tensor: _Tensor, piece: memoryview, precision: Precision, by: Rounder
) -> Callable[[], object]:
    return lambda: tensor.round(piece, precision, by)


def head(name: str, dtype: str, shape: tuple[int, ...]) -> bytes:
    """Give what is hashed before a tensor's bytes."""
    return json.dumps([name, dtype, list(shape)], separators=(",", ":")).encode() + b"\n"


def _marks(stat: os.stat_result) -> tuple[int, int, int]:
    return (stat.st_size, stat.st_mtime_ns, stat.st_ino)


def _changed(name: str) -> NotAModel:
    return NotAModel(
        f"{name}: changed while it was read",
        hint="something else is writing to it; wait, then try again",
    )


__all__ = ["Fingerprint", "Read", "Side", "head", "outlines", "read_fingerprint"]
