"""Round numbers to half precision and bfloat16 as fingerprints do, alike with and without numpy.

To nearest, ties to even; what is too large becomes infinite, what is too small subnormal or a zero
of its sign; every NaN becomes one and the same. Numbers in double precision go through single
precision. Knows runs of bytes, little end first; refuses to know tensors.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

Precision = Literal["fp16", "bf16"]
NAN = {"fp16": 0x7E00, "bf16": 0x7FC0}
"""The one NaN of each precision."""
_INFINITE = {"fp16": 0x7C00, "bf16": 0x7F80}
_TARGETS = {"fp16": "F16", "bf16": "BF16"}
_STEP = 1 << 16
"""Numbers at a time: what numpy makes on the way stays in the processor's cache."""


class Rounded(NamedTuple):
    """Numbers in a lower precision."""

    data: bytes | memoryview
    exact: bool
    """Whether each number kept its value; NaN counts as kept."""


Rounder = "Callable[[memoryview, str, Precision], Rounded]"


def rounder() -> Callable[[memoryview, str, Precision], Rounded]:
    """Give the quickest way that this machine has; all ways give the same bytes."""
    try:
        import numpy
    except ImportError:
        return round_plainly
    return _Numpy(numpy)


def round_plainly(data: memoryview, source: str, precision: Precision) -> Rounded:
    """Round without numpy.

    Args:
        data: whole numbers, little end first.
        source: their type: F64, F32, F16 or BF16.
        precision: what to round to.
    """
    # Imported here: it is a part of converting, which reads tensors, as this package does.
    from vaehub.converting.casting import cast

    single = cast(data, source=source, target="F32").data
    made = _one_nan(cast(memoryview(single), source="F32", target=_TARGETS[precision]).data, precision)
    back = cast(memoryview(made), source=_TARGETS[precision], target="F32").data
    exact = back == single or _same_numbers(single, back)
    if source == "F64" and exact:
        wide = struct.unpack(f"<{len(data) // 8}d", data)
        exact = all(
            a == b or a != a for a, b in zip(wide, struct.unpack(f"<{len(wide)}f", back), strict=True)
        )
    return Rounded(made, exact)


def _one_nan(data: bytes, precision: Precision) -> bytes:
    infinite = _INFINITE[precision]
    words = memoryview(data).cast("H")
    if all(word & 0x7FFF <= infinite for word in words):
        return data
    nan = NAN[precision]
    fixed = [word if word & 0x7FFF <= infinite else nan for word in words]
    return struct.pack(f"<{len(fixed)}H", *fixed)


def _same_numbers(one: bytes, other: bytes) -> bool:
    a, b = (struct.unpack(f"<{len(each) // 4}f", each) for each in (one, other))
    return all(x == y or (x != x and y != y) for x, y in zip(a, b, strict=True))


class _Numpy:
    """Rounds with numpy; bits alone are computed with, so that no flag of the processor matters."""

    def __init__(self, numpy: Any) -> None:
        self._np = numpy

    def __call__(self, data: memoryview, source: str, precision: Precision) -> Rounded:
        np = self._np
        made = np.empty(len(data) // {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}[source], "<u2")
        exact = True
        with np.errstate(all="ignore"):
            for at in range(0, len(made), _STEP):
                run = self._run(data, source, at, min(_STEP, len(made) - at))
                into = made[at : at + len(run)]
                kept = self._half(run, into) if precision == "fp16" else self._brain(run, into)
                exact = exact and kept
                if source == "F64" and exact:
                    wide = np.frombuffer(data, "<f8", len(run), at * 8)
                    exact = bool(((wide == run) | (wide != wide)).all())
        return Rounded(memoryview(made).cast("B"), exact)

    def _run(self, data: memoryview, source: str, at: int, count: int) -> Any:
        np = self._np
        if source == "F32":
            return np.frombuffer(data, "<f4", count, 4 * at)
        if source == "BF16":
            return (np.frombuffer(data, "<u2", count, 2 * at).astype("<u4") << 16).view("<f4")
        width = {"F64": 8, "F16": 2}[source]
        return np.frombuffer(data, f"<f{width}", count, width * at).astype("<f4")

    def _half(self, run: Any, into: Any) -> bool:
        halves = run.astype("<f2")
        into[:] = halves.view("<u2")
        # The widest magnitude tells, in one look, whether any is NaN.
        top = int(self._np.bitwise_and(into, 0x7FFF).max(initial=0))
        if top > _INFINITE["fp16"]:
            into[(into & 0x7FFF) > _INFINITE["fp16"]] = NAN["fp16"]
        if len(run) and halves[0] != run[0] and run[0] == run[0]:
            return False
        return bool(((halves == run) | (run != run)).all())

    def _brain(self, run: Any, into: Any) -> bool:
        np = self._np
        bits = run.view("<u4")
        odd = bits >> 16
        odd &= 1
        odd += 0x7FFF
        odd += bits
        odd >>= 16
        into[:] = odd
        magnitudes = bits & 0x7FFFFFFF
        if int(magnitudes.max(initial=0)) > 0x7F800000:
            into[magnitudes > 0x7F800000] = NAN["bf16"]
        nans = magnitudes > 0x7F800000
        return bool((((bits & 0xFFFF) == 0) | nans).all()) if len(run) else True
