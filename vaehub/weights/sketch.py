"""Keep a few numbers of each tensor, so that two autoencoders can be told near without their files.

A sketch is 32 numbers of every tensor that has two dimensions or more, at places that depend on its
name and size alone. Norms and biases take no part: those of any two networks are alike. The
distance between two sketches is the root of the mean, over the tensors, of

    2 * sum (a - b)**2 / (sum a**2 + sum b**2)

It is 0 for the same numbers, about 1.41 for independent ones, whatever their scale, and for a
relative change r of all numbers about r. Knows numbers, and nothing of files.
"""

from __future__ import annotations

import hashlib
import math
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

SAMPLES = 32
"""Numbers of each tensor; of some sixty tensors they tell a distance to about a tenth of itself."""
BYTES = 4 * SAMPLES
CLOSE = 0.5
"""A fine-tune: noise of half the deviation of every tensor makes 0.51 (docs/fingerprint.md)."""
FAR = 1.0
"""Unrelated. Networks that were trained apart have 1.3 and more."""


def as_bytes(name: str) -> bytes:
    """Give a tensor's name in UTF-8, also one that holds half a character, as files may."""
    return name.encode("utf-8", "surrogatepass")


def takes_part(shape: tuple[int, ...]) -> bool:
    """Say whether a tensor of this shape is sketched: it has two dimensions longer than one."""
    return sum(length > 1 for length in shape) >= 2


def places(name: str, count: int) -> tuple[int, ...]:
    """Give which numbers of a tensor are kept, in ascending order; of a small one some twice.

    One place in each of 32 equal stretches, by 32 words of SHAKE128 over the name: evenly spaced
    ones would hit the same corner of each kernel.

    Args:
        name: its canonical name.
        count: how many numbers it has, one at least.
    """
    words = struct.unpack(f"<{SAMPLES}I", hashlib.shake_128(as_bytes(name)).digest(4 * SAMPLES))
    return tuple((count * ((j << 32) + word)) // (SAMPLES << 32) for j, word in enumerate(words))


def distance(pairs: Iterable[tuple[bytes, bytes]]) -> float | None:
    """Measure how far two autoencoders are apart.

    Args:
        pairs: sketches of the same tensors, each sketch as many times :data:`BYTES`.

    Returns:
        None where there is nothing to compare, or a number is NaN or infinite.
    """
    shares: list[float] = []
    for one, other in pairs:
        if len(one) != len(other):
            return None
        shares += _shares(one, other)
    mean = sum(shares) / len(shares) if shares else math.nan
    return math.sqrt(mean) if math.isfinite(mean) else None


def _shares(one: bytes, other: bytes) -> list[float]:
    """Give for each tensor what it adds to the mean."""
    try:
        import numpy as np
    except ImportError:
        return _shares_plainly(one, other)
    a, b = (np.frombuffer(each, "<f4").astype("<f8").reshape(-1, SAMPLES) for each in (one, other))
    with np.errstate(all="ignore"):
        power = (a * a).sum(1) + (b * b).sum(1)
        apart = 2 * ((a - b) ** 2).sum(1)
        found: list[float] = np.where(power == 0, 0.0, apart / power).tolist()
    return found


def _shares_plainly(one: bytes, other: bytes) -> list[float]:
    found = []
    for at in range(0, len(one), BYTES):
        a = struct.unpack_from(f"<{SAMPLES}f", one, at)
        b = struct.unpack_from(f"<{SAMPLES}f", other, at)
        power = sum(x * x for x in a) + sum(y * y for y in b)
        apart = 2 * sum((x - y) ** 2 for x, y in zip(a, b, strict=True))
        found.append(apart / power if power else 0.0)
    return found


def number(data: bytes | memoryview, at: int, dtype: str) -> float:
    """Read one number, rounded to single precision."""
    if dtype == "BF16":
        value: float = struct.unpack("<f", b"\0\0" + bytes(data[2 * at : 2 * at + 2]))[0]
        return value
    letter, item = {"F64": ("d", 8), "F32": ("f", 4), "F16": ("e", 2)}[dtype]
    return float(struct.unpack_from("<" + letter, data, item * at)[0])


def pack(numbers: list[float]) -> bytes:
    """Keep numbers in single precision; what is beyond it becomes infinite."""
    try:
        return struct.pack(f"<{len(numbers)}f", *numbers)
    except OverflowError:
        most = struct.unpack("<f", b"\xff\xff\x7f\x7f")[0]
        fit = [n if abs(n) <= most or n != n else math.copysign(math.inf, n) for n in numbers]
        return struct.pack(f"<{len(fit)}f", *fit)
