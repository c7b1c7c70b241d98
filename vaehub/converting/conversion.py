"""Convert a file of weights to safetensors: look, decide, hash the origin, write, rename.

Knows the order of things. The result depends on the file's bytes and the wishes alone;
its metadata names the sha256 of what it was made from. Memory: a few pieces of 256 KiB; where a
tensor is not contiguous in the file, that tensor too.
"""

from __future__ import annotations

import contextlib
import os
from typing import IO, TYPE_CHECKING, Literal, NamedTuple

from vaehub.converting import casting, result, writing
from vaehub.converting.contents import decide
from vaehub.converting.origin import Hashing, check
from vaehub.errors import NotAModel, TargetNotUsable, UsageError
from vaehub.weights.tensors import read_tensors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import stat_result
    from pathlib import Path

    from vaehub.converting.contents import Contents, Layout, Part
    from vaehub.model import Problem
    from vaehub.weights.tensors import Opened, Tensors

ORIGIN = "vaehub.origin_sha256"
DONE = "vaehub.converted"
"""Keys of the result's metadata."""
_PIECE = 256 << 10
"""Bytes; measured: four times as many are slower, and so are a quarter."""


class Converted(NamedTuple):
    """What a conversion did."""

    path: Path
    """The result."""
    status: Literal["converted", "present"]
    """``present``: exactly these bytes were there already."""
    size: int
    sha256: str
    origin: Path
    origin_kind: str
    """``safetensors``, ``zip pickle`` or ``legacy pickle``."""
    origin_size: int
    origin_sha256: str
    contents: Contents
    problems: tuple[Problem, ...]
    """What the user should know; nothing of it hindered the conversion."""
    known_as: str | None = None
    """``id@variant`` of the origin, where the catalog knows its sha256."""


class Conversion(NamedTuple):
    """All that a result is made of, decided and not yet written."""

    tensors: Tensors
    contents: Contents
    origin_sha256: str
    header: bytes
    stat: stat_result
    """Of the origin when it was hashed."""

    @property
    def size(self) -> int:
        """Bytes of the result."""
        return len(self.header) + sum(part.entry.nbytes for part in self.contents.parts)

    def pour(self, file: IO[bytes] | None) -> str:
        """Write the result, or only hash it, and give its sha256.

        Raises:
            NotAModel: the origin changed while it was read.
            UsageError: a number of it is beyond the range of the new precision.
            OSError: the origin cannot be read, or the disk refuses.
        """
        with self.tensors.open() as opened:
            sha256 = writing.pour(self._pieces(opened), file)
            if _marks(os.fstat(opened.fileno())) != _marks(self.stat):
                raise _changed(self.tensors.name)
        return sha256

    def _pieces(self, opened: Opened) -> Iterator[bytes | memoryview]:
        yield self.header
        for part in self.contents.parts:
            before = self.tensors.stored[part.original].dtype
            for piece in _read(opened, self.tensors, part):
                if part.entry.dtype == before:
                    yield piece
                    continue
                made = casting.cast(piece, source=before, target=part.entry.dtype)
                if made.overflowed:
                    raise _beyond(part, self.tensors.name)
                yield made.data


def prepare(
    path: Path,
    *,
    name: str | None = None,
    layout: Layout | None = None,
    dtype: str | None = None,
    sha256: str | None = None,
) -> Conversion:
    """Look at a file, and decide what its conversion holds.

    Args:
        path: a checkpoint of torch's, or a safetensors file; nothing in it is executed.
        name: what to call it in messages; its own name by default.
        layout: ``ldm`` or ``diffusers``, whose names an AutoencoderKL's tensors are to have.
        dtype: ``fp16``, ``bf16`` or ``fp32``.
        sha256: that of the file, where somebody has just held its bytes against it; else it is
            read once more, and an archive's own checksums are looked at.

    Raises:
        NotAModel: the file is no VAE, a damaged one, or changes while it is read.
        UnsafePickle: it names what is neither plain nor known to be harmless.
        UsageError: the layout or the precision is not to be had of this file.
        OSError: the file cannot be read.
    """
    before = path.stat()
    with contextlib.ExitStack() as stack:
        hashing = None if sha256 is not None else stack.enter_context(Hashing(path))
        tensors = read_tensors(path, name=name)
        contents = decide(tensors, layout=layout, dtype=dtype)
        if hashing is not None:
            check(tensors)
            sha256 = hashing.sha256()
    assert sha256 is not None
    after = path.stat()
    if _marks(before) != _marks(after):
        raise _changed(tensors.name)
    parts = {part.entry: part for part in contents.parts}
    entries = writing.in_order(parts)
    metadata = {"format": "pt", ORIGIN: sha256}
    if contents.done or contents.dropped:
        dropped = [f"dropped {line}" for line in contents.dropped]
        metadata[DONE] = "; ".join((*contents.done, *dropped))
    return Conversion(
        tensors,
        contents._replace(parts=tuple(parts[entry] for entry in entries)),
        sha256,
        writing.header(entries, metadata, name=tensors.name),
        after,
    )


def convert(
    path: Path,
    *,
    output: Path | None = None,
    layout: Layout | None = None,
    dtype: str | None = None,
) -> Converted:
    """Convert a file; running it again changes nothing.

    Args:
        path: as for :func:`prepare`, and so are the rest.
        output: the result, or a folder for it; beside the file by default.
        layout: whose names the tensors are to have.
        dtype: in which precision.

    Raises:
        NotAModel, UnsafePickle: as for :func:`prepare`.
        UsageError: there is no such file, or the wish cannot be fulfilled.
        FileInTheWay: something else has the result's name; it was not touched.
        DiskFull, TargetNotUsable: the result cannot be written.
    """
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "is not there"
        raise UsageError(f"{path} {what}", hint="name a .ckpt, .pt, .pth, .bin or .safetensors")
    destination = result.find_place(path, output, changes=layout is not None or dtype is not None)
    try:
        conversion = prepare(path, layout=layout, dtype=dtype)
        if os.path.lexists(destination):
            sha256 = result.hold_against(destination, conversion)
            status: Literal["converted", "present"] = "present"
        else:
            sha256 = result.write(conversion, destination)
            status = "converted"
    except OSError as error:
        raise TargetNotUsable(
            f"{path}: cannot be converted: {error.strerror or error}",
            hint="check the owner and the permissions of that file and of the result's folder",
        ) from error
    return Converted(
        path=destination,
        status=status,
        size=conversion.size,
        sha256=sha256,
        origin=path,
        origin_kind=conversion.tensors.kind,
        origin_size=conversion.tensors.size,
        origin_sha256=conversion.origin_sha256,
        contents=conversion.contents,
        problems=conversion.contents.problems,
    )


def _read(opened: Opened, tensors: Tensors, part: Part) -> Iterator[memoryview]:
    """Read a tensor in pieces of whole numbers, each its own memory."""
    stored = tensors.stored[part.original]
    if not stored.is_contiguous or tensors.byteorder != "little":
        yield opened.read(part.original)
        return
    for at in range(0, stored.nbytes, _PIECE):
        piece = memoryview(bytearray(min(_PIECE, stored.nbytes - at)))
        done = 0
        while done < len(piece):
            count = opened.read_into(piece[done:], stored.offset + at + done)
            if not count:
                raise _changed(tensors.name)
            done += count
        yield piece


def _beyond(part: Part, name: str) -> UsageError:
    return UsageError(
        f"{name}: the tensor {part.original[:80]!r} has numbers beyond the range of "
        f"{part.entry.dtype}, which would become infinite",
        hint="use --dtype bf16, or keep the precision",
    )


def _changed(name: str) -> NotAModel:
    return NotAModel(
        f"{name}: changed while it was read",
        hint="something else is writing to it; wait, then try again",
    )


def _marks(stat: stat_result) -> tuple[int, int, int]:
    return (stat.st_size, stat.st_mtime_ns, stat.st_ino)
