"""List the tensors of any file of weights, and read them one at a time.

One reader for the smoke test, for conversion and for fingerprints: safetensors, torch's zip
archives and the older sequences of pickles, without torch, numpy or an unpickler. Knows where each
tensor's bytes lie, in which type, shape and strides; refuses to know what they compute.

Memory: for listing, the header or the pickle (:mod:`vaehub.weights.pickle_values` says how much at
most); for reading, one tensor, and the run of bytes it is gathered from where it is not contiguous.
"""

from __future__ import annotations

import math
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Literal, NamedTuple

from vaehub.errors import NotAModel
from vaehub.model import PICKLE_SUFFIXES
from vaehub.weights.heads import (
    HEAD_BYTES,
    SAFETENSORS_SUFFIXES,
    begins_like_safetensors,
    refuse_head,
)
from vaehub.weights.pickled import read_archive, read_sequence
from vaehub.weights.safetensors_header import read_header
from vaehub.weights.strides import gather, is_contiguous, span
from vaehub.weights.torch_records import BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from io import FileIO
    from pathlib import Path

    from vaehub.weights.pickled import Checkpoint, Extent
    from vaehub.weights.torch_records import Built

Kind = Literal["safetensors", "zip pickle", "legacy pickle"]

MOST_REPEATED = 1 << 20
"""Elements of a tensor that says the same bytes over and over; beyond it, it is a bomb."""


class Stored(NamedTuple):
    """One tensor as it lies in the file."""

    dtype: str
    """As safetensors names it: ``F32``, ``F16``, ``BF16`` ..."""
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    """In elements."""
    offset: int
    """Byte of the file where its first element begins."""
    nbytes: int
    """Bytes of the tensor once contiguous."""
    storage: str
    """Tensors of one storage share its bytes; in a safetensors file each has its own."""

    @property
    def is_contiguous(self) -> bool:
        """Whether its elements lie in the file one behind the other, in C order."""
        return is_contiguous(self.shape, self.strides)

    @property
    def elements(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def span(self) -> int:
        """Bytes of the file from the beginning of its first element to the end of its last."""
        if self.is_contiguous:
            return self.nbytes
        return span(self.shape, self.strides) * BYTES[self.dtype]


class Checksum(NamedTuple):
    """What an archive says of a run of its bytes."""

    offset: int
    nbytes: int
    crc32: int


@dataclass(frozen=True)
class Tensors:
    """The tensors of a file."""

    path: Path
    name: str
    """What messages call the file."""
    size: int
    """Bytes of the whole file."""
    kind: Kind
    byteorder: str
    """``little``; ``big`` in a zip archive that such a machine wrote. Reading gives little."""
    stored: Mapping[str, Stored]
    """By the tensor's name, in the file's own order."""
    metadata: Mapping[str, str]
    """What stands beside the weights in a few words: of a pickle, its numbers and short texts."""
    wrapper: tuple[str, ...]
    """The maps of a pickle that were entered: ``("state_dict",)``."""
    left_out: Mapping[str, str]
    """What else a pickle holds, with its kind: ``{"optimizer_states": "list"}``."""
    checksums: Mapping[str, Checksum]
    """By storage, where the container has any."""

    @contextmanager
    def open(self) -> Iterator[Opened]:
        """Open the file to read tensors from it.

        Raises:
            NotAModel: the file is not as long as it was.
            OSError: the file cannot be read.
        """
        with self.path.open("rb", buffering=0) as file:
            if (size := file.seek(0, 2)) != self.size:
                raise NotAModel(
                    f"{self.name}: had {self.size:,} bytes and has {size:,} now",
                    hint="something else is writing to it; wait, then try again",
                )
            yield Opened(self, file)


class Opened:
    """Reads the tensors of an open file."""

    def __init__(self, tensors: Tensors, file: FileIO) -> None:
        self._tensors = tensors
        self._file = file

    def fileno(self) -> int:
        """Give the descriptor of the open file, for who maps it."""
        return self._file.fileno()

    def read(self, name: str) -> memoryview:
        """Read one tensor: its bytes in C order, each element's little end first.

        The memory is the caller's own, and may be written to.

        Raises:
            KeyError: there is no such tensor.
            NotAModel: the file ends before the tensor does.
            OSError: the file cannot be read.
        """
        stored = self._tensors.stored[name]
        data = self._read(stored.offset, stored.span, what=name)
        if not stored.is_contiguous:
            item = BYTES[stored.dtype]
            data = gather(data, shape=stored.shape, strides=stored.strides, item=item)
        if self._tensors.byteorder == "big":
            _swap(data, unit=_swapped_unit(stored.dtype))
        return memoryview(data)

    def read_into(self, buffer: memoryview, offset: int) -> int:
        """Read bytes of the file from an offset on; gives how many, none at its end."""
        self._file.seek(offset)
        return self._file.readinto(buffer)

    def _read(self, offset: int, nbytes: int, *, what: str) -> bytearray:
        data = bytearray(nbytes)
        view = memoryview(data)
        at = 0
        while at < nbytes:
            count = self.read_into(view[at:], offset + at)
            if not count:
                raise NotAModel(
                    f"{self._tensors.name}: ends in the middle of {what[:80]!r} "
                    f"(byte {offset + at:,})"
                )
            at += count
        return data


def kind_of(head: bytes, *, name: str) -> Kind | None:
    """Say which container a file is, or is meant to be; None where it is nothing of the kind.

    Args:
        head: the first bytes.
        name: its suffix decides where the bytes do not.
    """
    suffix = PurePath(name).suffix.lower()
    if suffix in SAFETENSORS_SUFFIXES or begins_like_safetensors(head):
        return "safetensors"
    if head[:4] == b"PK\x03\x04":
        return "zip pickle"
    return "legacy pickle" if head[:1] == b"\x80" or suffix in PICKLE_SUFFIXES else None


def read_tensors(path: Path, *, name: str | None = None) -> Tensors:
    """List the tensors of a file of weights.

    Args:
        path: the file.
        name: what to call it in messages, and whose suffix says what it should be; its own name by
            default.

    Raises:
        NotAModel: the file is no model, a damaged one, or describes tensors that it does not hold.
        UnsafePickle: it is a pickle that names what is neither plain nor known to be harmless.
        OSError: the file cannot be read.
    """
    name = name or path.name
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        size = file.seek(0, 2)
    refuse_head(head, name=name, size=size)
    kind = kind_of(head, name=name)
    if kind == "safetensors":
        found = _from_safetensors(path, name=name, size=size)
    elif kind == "zip pickle":
        found = _from_checkpoint(read_archive(path, name=name), path, name, size, kind)
    elif kind == "legacy pickle":
        found = _from_checkpoint(read_sequence(path, name=name), path, name, size, kind)
    else:
        raise NotAModel(f"{name}: neither a safetensors file nor a checkpoint of torch's")
    if not found.stored:
        raise NotAModel(f"{name}: a {found.kind} file without a tensor in it")
    return found


def _from_safetensors(path: Path, *, name: str, size: int) -> Tensors:
    header = read_header(path, name=name)
    stored = {
        key: Stored(
            tensor.dtype,
            tensor.shape,
            _strides(tensor.shape),
            header.data_start + tensor.start,
            tensor.end - tensor.start,
            key,
        )
        for key, tensor in header.tensors.items()
    }
    return Tensors(
        path=path,
        name=name,
        size=size,
        kind="safetensors",
        byteorder="little",
        stored=stored,
        metadata=header.metadata,
        wrapper=(),
        left_out={},
        checksums={},
    )


def _from_checkpoint(
    checkpoint: Checkpoint, path: Path, name: str, size: int, kind: Kind
) -> Tensors:
    return Tensors(
        path=path,
        name=name,
        size=size,
        kind=kind,
        byteorder=checkpoint.byteorder,
        stored={
            key: _placed(key, built, checkpoint.extents[built.storage.key], name=name)
            for key, built in checkpoint.built.items()
        },
        metadata=checkpoint.metadata,
        wrapper=checkpoint.wrapper,
        left_out=checkpoint.left_out,
        checksums={
            key: Checksum(extent.offset, extent.nbytes, extent.crc32)
            for key, extent in checkpoint.extents.items()
            if extent.crc32 is not None
        },
    )


def _placed(key: str, built: Built, extent: Extent, *, name: str) -> Stored:
    """Hold a tensor's numbers against its storage, and tell where it lies."""
    item = BYTES[built.dtype]
    # The view of a storage counts in the storage's own elements, a tensor in its own.
    start = built.storage.start + built.start * item
    end = start + span(built.shape, built.strides) * item
    if end > extent.nbytes:
        raise NotAModel(
            f"{name}: the tensor {key[:80]!r} reaches to byte {end:,} of its storage "
            f"{built.storage.key[:40]!r}, which has {extent.nbytes:,}"
        )
    count = math.prod(built.shape)
    if count * item > max(extent.nbytes, MOST_REPEATED * item):
        raise NotAModel(
            f"{name}: the tensor {key[:80]!r} makes {count * item:,} bytes "
            f"of a storage of {extent.nbytes:,}: no weights, but a bomb"
        )
    return Stored(
        built.dtype,
        built.shape,
        built.strides,
        extent.offset + start,
        count * item,
        built.storage.key,
    )


def _strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    made = []
    step = 1
    for length in reversed(shape):
        made.append(step)
        step *= max(length, 1)
    return tuple(reversed(made))


def _swapped_unit(dtype: str) -> int:
    """Give the bytes that change places together; a complex number is two of them."""
    return BYTES[dtype] // 2 if dtype in {"C64", "C128"} else BYTES[dtype]


def _swap(data: bytearray, *, unit: int) -> None:
    for low in range(unit // 2):
        high = unit - 1 - low
        data[low::unit], data[high::unit] = data[high::unit], data[low::unit]
