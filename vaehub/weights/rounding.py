"""Round numbers to half precision and bfloat16 as fingerprints do, alike with and without numpy.

To nearest, ties to even; what is too large becomes infinite, what is too small subnormal or a zero
of its sign; every NaN becomes one and the same. Numbers in double precision go through single
precision. Knows runs of bytes, little end first; refuses to know tensors.
"""

from __future__ import annotations

import struct
from typing import Any, Literal, NamedTuple, Protocol

Precision = Literal["fp16", "bf16"]
NAN = {"fp16": 0x7E00, "bf16": 0x7FC0}
"""The one NaN of each precision."""
_INFINITE = {"fp16": 0x7C00, "bf16": 0x7F80}
TARGETS = {"fp16": "F16", "bf16": "BF16"}
"""As safetensors names them."""
_STEP = 1 << 16
"""Numbers at a time: what numpy makes on the way stays in the processor's cache."""


class Rounded(NamedTuple):
    """Numbers in a lower precision."""

    data: bytes | memoryview
    exact: bool
    """Whether each number kept its value; NaN counts as kept."""


class Rounder(Protocol):
    """A way to round."""

    def __call__(
        self, data: memoryview, source: str, precision: Precision, *, compare: bool = True
    ) -> Rounded:
        """Round numbers.

        Args:
            data: whole numbers, little end first.
            source: their type: F64, F32, F16 or BF16.
            precision: what to round to.
            compare: whether it is asked if numbers keep their value; without, the answer is no.
        """


def rounder() -> Rounder:
    """Give the quickest way that this machine has; all ways give the same bytes."""
    try:
        import numpy as np
    except ImportError:
        return round_plainly
    return _Numpy(np)


def round_plainly(
    data: memoryview, source: str, precision: Precision, *, compare: bool = True
) -> Rounded:
    """Round without numpy; see :class:`Rounder`."""
    # Imported here: it is a part of converting, which reads tensors, as this package does.
    from vaehub.converting.casting import cast

    target = TARGETS[precision]
    single = cast(data, source=source, target="F32").data
    made = cast(memoryview(single), source="F32", target=target).data
    total = sum(memoryview(single).cast("f"))
    if total != total:  # a NaN, or infinities of both signs: nothing rules them out sooner
        made = _one_nan(made, precision)
    if not compare:
        return Rounded(made, exact=False)
    back = cast(memoryview(made), source=target, target="F32").data
    exact = back == single or _same_numbers(single, back)
    if source == "F64" and exact:
        wide = struct.unpack(f"<{len(data) // 8}d", data)
        narrow = struct.unpack(f"<{len(wide)}f", back)
        exact = all(a == b or a != a for a, b in zip(wide, narrow, strict=True))
    return Rounded(made, exact)


def _one_nan(data: bytes, precision: Precision) -> bytes:
    infinite = _INFINITE[precision]
    nan = NAN[precision]
    words = memoryview(data).cast("H")
    fixed = [word if word & 0x7FFF <= infinite else nan for word in words]
    return struct.pack(f"<{len(fixed)}H", *fixed)


def _same_numbers(one: bytes, other: bytes) -> bool:
    a, b = (struct.unpack(f"<{len(each) // 4}f", each) for each in (one, other))
    return all(x == y or (x != x and y != y) for x, y in zip(a, b, strict=True))


class _Numpy:
    """Rounds with numpy; bits alone are computed with, so that no flag of the processor matters."""

    def __init__(self, numpy: Any) -> None:
        self._np = numpy

    def __call__(
        self, data: memoryview, source: str, precision: Precision, *, compare: bool = True
    ) -> Rounded:
        np = self._np
        made = np.empty(len(data) // {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}[source], "<u2")
        exact = compare
        with np.errstate(all="ignore"):
            for at in range(0, len(made), _STEP):
                run = self._run(data, source, at, min(_STEP, len(made) - at))
                into = made[at : at + len(run)]
                if precision == "fp16":
                    into[:] = run.astype("<f2").view("<u2")
                else:
                    self._brain(run, into)
                if np.isnan(run.sum()):  # or infinities; nothing rules them out sooner
                    into[np.isnan(run)] = NAN[precision]
                if exact:
                    exact = self._is_exact(run, into, precision)
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

    def _brain(self, run: Any, into: Any) -> None:
        bits = run.view("<u4")
        carried = bits >> 16
        carried &= 1
        carried += 0x7FFF
        carried += bits
        carried >>= 16
        into[:] = carried

    def _is_exact(self, run: Any, into: Any, precision: Precision) -> bool:
        if precision == "fp16":
            back = into.view("<f2")
            # What is not exact mostly shows at once, and widening all of it takes long.
            return self._equal(run[:64], back[:64]) and self._equal(run, back)
        back = (into.astype("<u4") << 16).view("<f4")
        return self._equal(run, back)

    def _equal(self, one: Any, other: Any) -> bool:
        return bool(((one == other) | (one != one)).all())
