"""Change the precision of floating-point numbers, rounding as torch does: to nearest, ties to even.

Knows runs of bytes, little end first. Needs neither torch nor numpy: ``struct`` knows half
precision, and bfloat16 is the upper half of a float, rounded in one very long integer whose lanes
are the numbers; that is as fast. Refuses to know tensors, and what to do about an overflow.
"""

from __future__ import annotations

import math
import struct
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

DTYPES: Mapping[str, str] = {"fp16": "F16", "bf16": "BF16", "fp32": "F32"}
"""What a person may ask for, and safetensors' name of it."""
FLOATS: Mapping[str, int] = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}
"""What can be cast, and the bytes of one number."""
_RUN = 1 << 14
"""Numbers at a time; four times and a quarter as many are no faster, and this takes 1 MB."""


class Cast(NamedTuple):
    """Numbers in their new precision."""

    data: bytes
    overflowed: int
    """How many finite numbers are beyond the new range, and became infinite."""


def cast(data: memoryview, *, source: str, target: str) -> Cast:
    """Cast a run of numbers.

    NaN stays NaN and the infinite stays infinite. Double precision goes through single precision on
    its way to half and bfloat16, as in torch.

    Args:
        data: the numbers, whole ones, little end first.
        source: their type, one of :data:`FLOATS`.
        target: ``F16``, ``BF16`` or ``F32``.
    """
    if source == target:
        return Cast(bytes(data), 0)
    made = []
    overflowed = 0
    step = _RUN * FLOATS[source]
    for at in range(0, len(data), step):
        run, beyond = _to_single(data[at : at + step], source)
        overflowed += beyond
        if target != "F32":
            run, beyond = _repack(run, "f", "e") if target == "F16" else _to_bfloat(run)
            overflowed += beyond
        made.append(run)
    return Cast(b"".join(made), overflowed)


def _to_single(data: memoryview, source: str) -> tuple[bytes, int]:
    if source == "BF16":
        wide = bytearray(2 * len(data))
        memoryview(wide).cast("H")[1::2] = data.cast("H")
        return bytes(wide), 0
    if source == "F32":
        return bytes(data), 0
    return _repack(data, {"F64": "d", "F16": "e"}[source], "f")


def _repack(data: memoryview | bytes, source: str, target: str) -> tuple[bytes, int]:
    """Let ``struct`` read numbers of one format and write them in another."""
    count = len(data) // struct.calcsize(source)
    numbers = _format(source, count).unpack(data)
    try:
        return _format(target, count).pack(*numbers), 0
    except OverflowError:
        return _repack_overflowing(numbers, target)


def _repack_overflowing(numbers: tuple[float, ...], target: str) -> tuple[bytes, int]:
    one = struct.Struct("<" + target)
    made = []
    overflowed = 0
    for number in numbers:
        try:
            made.append(one.pack(number))
        except OverflowError:
            made.append(one.pack(math.copysign(math.inf, number)))
            overflowed += 1
    return b"".join(made), overflowed


@cache
def _format(letter: str, count: int) -> struct.Struct:
    return struct.Struct(f"<{count}{letter}")


def _to_bfloat(data: bytes) -> tuple[bytes, int]:
    """Round single precision to its upper halves, all lanes of one long integer at once."""
    count = len(data) // 4
    ones, halves, magnitudes, to_top, tops = _lanes()
    lanes = int.from_bytes(data, "little")
    # The top bit of a lane comes up where its magnitude is NaN, infinite, or rounds to infinite.
    if ((lanes & magnitudes) + to_top) & tops:
        return _to_bfloat_one_by_one(data)
    # No lane can carry into its neighbour now. 0x7fff, and 1 more where the kept part is odd.
    lanes += halves + ((lanes >> 16) & ones)
    rounded = lanes.to_bytes(4 * _RUN + 4, "little")
    return memoryview(rounded)[: 4 * count].cast("H")[1::2].tobytes(), 0


@cache
def _lanes() -> tuple[int, int, int, int, int]:
    ones = int.from_bytes(b"\1\0\0\0" * _RUN, "little")
    to_top = ones * (0x80000000 - _ROUNDS_TO_INFINITE)
    return ones, ones * 0x7FFF, ones * 0x7FFFFFFF, to_top, ones << 31


_INFINITE = 0x7F800000
_ROUNDS_TO_INFINITE = 0x7F7F8000


def _to_bfloat_one_by_one(data: bytes) -> tuple[bytes, int]:
    made = []
    overflowed = 0
    for bits in _format("I", len(data) // 4).unpack(data):
        magnitude = bits & 0x7FFFFFFF
        if magnitude > _INFINITE:
            made.append(bits >> 16 | 0x40)  # a NaN whose lower half alone made it one stays one
        else:
            overflowed += _ROUNDS_TO_INFINITE <= magnitude < _INFINITE
            made.append((bits + 0x7FFF + (bits >> 16 & 1)) >> 16)
    return _format("H", len(made)).pack(*made), overflowed
