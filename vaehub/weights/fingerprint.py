"""Make the fingerprint of an autoencoder: digests of its tensors, whatever file holds them.

docs/fingerprint.md is the definition. The bytes are read once, in the order of the file, in pieces
of 1 MiB; at the same time the whole file is hashed. A tensor that is not contiguous, that shares
its bytes with another, or that a file keeps together with others is read as a whole. Refuses to
know which fingerprints there are; :mod:`vaehub.weights.relation` compares two.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from typing import TYPE_CHECKING, NamedTuple

from vaehub.errors import NotAModel
from vaehub.weights.canonical import canonical
from vaehub.weights.digesting import FLOATS, Work, head, updating
from vaehub.weights.found import Found
from vaehub.weights.lanes import Lane
from vaehub.weights.prints import Fingerprint, Side, outline, whole_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from vaehub.weights.canonical import Canonical, Part
    from vaehub.weights.digesting import Watch
    from vaehub.weights.tensors import Opened, Tensors

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
    file = hashlib.sha256()
    with Lane("hashing") as hashing:
        fingerprint = _read(
            tensors, named, passing=lambda piece: hashing.give(updating(file, piece))
        )
    return Read(fingerprint, file.hexdigest())


def read_part(
    tensors: Tensors, named: Canonical | None = None, *, watch: Watch | None = None
) -> Fingerprint:
    """Read the autoencoder of a file, and none of its other bytes, for its fingerprint.

    Args:
        tensors: what the file holds: a whole checkpoint, say.
        named: the same under canonical names, where the caller has it.
        watch: is given each tensor's bytes too, in pieces and in C order, in a thread of its own.

    Raises:
        NotAModel: there is no autoencoder in it, or it changes or ends while it is read.
        OSError: the file cannot be read.
    """
    if watch is None:
        return _read(tensors, named)
    with Lane("watching") as watching:

        def pass_on(part: Part, piece: memoryview) -> None:
            watching.give(lambda: watch(part, piece))

        return _read(tensors, named, watch=pass_on)


def _read(
    tensors: Tensors,
    named: Canonical | None,
    *,
    passing: Callable[[memoryview], object] | None = None,
    watch: Watch | None = None,
) -> Fingerprint:
    """Make the fingerprint; where all bytes of the file are wanted, pass by each of them."""
    named = named or canonical({key: stored.shape for key, stored in tensors.stored.items()})
    _refuse(tensors, named)
    stretches, apart = _plan(tensors, named.parts)
    work = Work(watch)
    with contextlib.ExitStack() as stack:
        opened = stack.enter_context(tensors.open())
        before = _marks(os.fstat(opened.fileno()))
        stack.enter_context(work)
        for stretch in stretches:
            if stretch.part is None and passing is None:
                continue
            if stretch.part is not None:
                work.begin(stretch.part, tensors.stored[stretch.part.original].dtype)
            for piece in _pieces(opened, stretch, name=tensors.name):
                if passing is not None:
                    passing(piece)
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
    return Fingerprint(
        architecture=named.architecture,
        dtypes=tuple(sorted({one.dtype for one in prints})),
        whole=whole_of(prints)._replace(outline="", sketch=b""),  # its sides have them
        sides={
            half: whole_of([one for one in prints if one.half == half])
            for half in ("encoder", "decoder", "both")
            if any(one.half == half for one in prints)
        },
    )


def outlines(named: Canonical) -> dict[str, str]:
    """Give the outline of each half from names and shapes alone; equal ones can be compared."""
    return {
        half: outline([(p.name, p.shape) for p in named.parts if p.half == half])
        for half in ("encoder", "decoder", "both")
        if any(part.half == half for part in named.parts)
    }


def _refuse(tensors: Tensors, named: Canonical) -> None:
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


def _marks(stat: os.stat_result) -> tuple[int, int, int]:
    return (stat.st_size, stat.st_mtime_ns, stat.st_ino)


def _changed(name: str) -> NotAModel:
    return NotAModel(
        f"{name}: changed while it was read",
        hint="something else is writing to it; wait, then try again",
    )


__all__ = [
    "FLOATS",
    "Fingerprint",
    "Read",
    "Side",
    "head",
    "outlines",
    "read_fingerprint",
    "read_part",
]
