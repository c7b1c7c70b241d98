"""Read the header of a safetensors file, and hold it against the format.

The layout, as https://github.com/huggingface/safetensors#format says: eight bytes of length, little
end first; that many bytes of JSON; then the tensors' bytes, which the offsets in the header cover
without holes and overlaps to the last byte of the file. Reads the header only, never a tensor.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, NamedTuple

from vaehub.errors import NotAModel

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LONGEST_HEADER = 100_000_000
"""The format's own ceiling."""

_MOST_DIMENSIONS = 64
"""torch's tensors may have more, and none has; multiplying a million lengths takes minutes."""

BITS: Mapping[str, int] = {
    "BOOL": 8,
    "U8": 8,
    "I8": 8,
    "F4": 4,
    "F6_E2M3": 6,
    "F6_E3M2": 6,
    "F8_E4M3": 8,
    "F8_E5M2": 8,
    "F8_E8M0": 8,
    "F8_E4M3FNUZ": 8,
    "F8_E5M2FNUZ": 8,
    "I16": 16,
    "U16": 16,
    "F16": 16,
    "BF16": 16,
    "I32": 32,
    "U32": 32,
    "F32": 32,
    "I64": 64,
    "U64": 64,
    "F64": 64,
    "C64": 64,
}
"""Bits of one element, by the format's name of its type."""


class Tensor(NamedTuple):
    """One tensor as the header describes it."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    """First byte, counted from the end of the header."""
    end: int


class Header(NamedTuple):
    """What a safetensors file says about itself."""

    tensors: Mapping[str, Tensor]
    metadata: Mapping[str, str]
    data_start: int
    """Where the tensors' bytes begin in the file."""


def check_length(head: bytes, *, size: int | None, name: str) -> int:
    """Read the header's length from the first bytes of a file.

    Raises:
        NotAModel: there is none, it is beyond the ceiling, or beyond the end of the file.
    """
    if len(head) < 8:
        raise NotAModel(f"{name}: {len(head)} bytes are too few for a safetensors file")
    length = int.from_bytes(head[:8], "little")
    if not 2 <= length <= LONGEST_HEADER:
        raise NotAModel(f"{name}: no safetensors file: its header would be {length:,} bytes long")
    if size is not None and 8 + length > size:
        raise NotAModel(
            f"{name}: cut off: its header alone takes {8 + length:,} bytes, "
            f"and the whole file is {size:,}"
        )
    return length


def read_header(path: Path, *, name: str | None = None) -> Header:
    """Read the header of a whole file.

    Args:
        path: the file.
        name: what to call it in messages; its own name by default.

    Raises:
        NotAModel: the header breaks the format, or does not cover the file exactly.
        OSError: the file cannot be read.
    """
    name = name or path.name
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(0)
        length = check_length(file.read(8), size=size, name=name)
        raw = file.read(length)
    return parse_header(raw, data_size=size - 8 - length, name=name)


def parse_header(raw: bytes, *, data_size: int, name: str) -> Header:
    """Parse the JSON of a header and hold it against the bytes behind it.

    Raises:
        NotAModel: the header breaks the format, or does not cover ``data_size`` exactly.
    """
    if raw[:1] != b"{":
        raise NotAModel(f"{name}: no safetensors file: the header does not begin with a brace")
    try:
        body = json.loads(raw.decode("utf-8"), object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError) as error:
        raise NotAModel(f"{name}: the safetensors header is not valid JSON ({error})") from error
    metadata = body.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise NotAModel(f"{name}: the safetensors metadata is not a map of texts")
    tensors = {key: _tensor(key, value, name=name) for key, value in body.items()}
    _check_cover(tensors, data_size=data_size, name=name)
    return Header(tensors=tensors, metadata=metadata, data_start=8 + len(raw))


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key[:80]!r} stands there twice")
        found[key] = value
    return found


def _tensor(key: str, value: object, *, name: str) -> Tensor:
    def refuse(what: str) -> NotAModel:
        return NotAModel(f"{name}: the safetensors header's entry {key[:80]!r} {what}")

    if not isinstance(value, dict):
        raise refuse("is not a map")
    dtype, shape, offsets = (value.get(field) for field in ("dtype", "shape", "data_offsets"))
    if not isinstance(dtype, str) or dtype not in BITS:
        raise refuse(f"has the unknown type {str(dtype)[:40]!r}")
    if not isinstance(shape, list) or not all(_is_count(length) for length in shape):
        raise refuse("has no valid shape")
    if len(shape) > _MOST_DIMENSIONS:
        raise refuse(f"has {len(shape):,} dimensions")
    if not isinstance(offsets, list) or len(offsets) != 2 or not all(map(_is_count, offsets)):
        raise refuse("has no valid offsets")
    start, end = offsets
    if math.prod(shape) * BITS[dtype] != (end - start) * 8:
        raise refuse(f"claims {end - start:,} bytes, which its type and shape do not fill")
    return Tensor(dtype=dtype, shape=tuple(shape), start=start, end=end)


def _is_count(value: object) -> bool:
    # 2**63: beyond it no file has room, and multiplying giants would cost time.
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def _check_cover(tensors: Mapping[str, Tensor], *, data_size: int, name: str) -> None:
    at = 0
    for key, tensor in sorted(tensors.items(), key=lambda item: (item[1].start, item[1].end)):
        if tensor.start != at:
            what = "overlaps the one before it" if tensor.start < at else "leaves a hole before it"
            raise NotAModel(f"{name}: the tensor {key[:80]!r} {what} (byte {tensor.start:,})")
        at = tensor.end
    if at > data_size:
        raise NotAModel(
            f"{name}: cut off: its tensors take {at:,} bytes, and only {data_size:,} are there"
        )
    if at < data_size:
        raise NotAModel(f"{name}: {data_size - at:,} bytes at its end belong to no tensor")
