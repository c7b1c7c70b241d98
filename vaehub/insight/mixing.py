"""Tell a merge of two VAEs that were trained apart: a point on the line between them.

Works on sketches, some thousand numbers of each. A fine-tune leaves its VAE in a direction of its
own; what lies in the direction of another one, that one was mixed in. Pure.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from vaehub.weights import sketch

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from vaehub.insight.kin import Glance

_NEAREST = 3
"""VAEs that may be the larger part; in a merge of two, the nearest is within 0.82."""
_LEAST = 0.03
"""Share from which it is told."""
_OFF = 0.25
"""Of the way to the nearer of the two, squared, how much may lie off the line. Of a fine-tune
nearly all does: one direction among thousands."""


class Mix(NamedTuple):
    """What a VAE is put together from."""

    base: str
    other: str
    share: float
    """Of the other."""


def find(mine: Mapping[str, Glance], others: Mapping[str, Mapping[str, Glance]]) -> Mix | None:
    """Find the two VAEs that one lies between; None where it does not.

    Args:
        mine: by half, the outline and the sketch.
        others: the same of all that are known, by name.
    """
    known = {name: one for name, one in others.items() if any(_joined(mine, one))}
    away = {name: _distance(mine, one) for name, one in known.items()}
    near = sorted((far, name) for name, far in away.items() if far is not None and far < sketch.FAR)
    for _, base in near[:_NEAREST]:
        for other in known:
            apart = _distance(known[base], known[other])
            if other == base or apart is None or apart < sketch.FAR:
                continue  # VAEs of one line are merged without harm
            share = _share([*_joined(mine, known[base], known[other])])
            if share is not None:
                return Mix(base, other, share)
    return None


def _joined(*all_: Mapping[str, Glance]) -> Iterator[tuple[bytes, ...]]:
    """Give the sketches of the halves that all have in the same shapes."""
    for half, one in all_[0].items():
        there = [each.get(half) for each in all_]
        if all(each is not None and each.sketch and each.outline == one.outline for each in there):
            yield tuple(each.sketch for each in there if each is not None and each.sketch)


def _distance(one: Mapping[str, Glance], other: Mapping[str, Glance]) -> float | None:
    return sketch.distance((pair[0], pair[1]) for pair in _joined(one, other))


def _share(halves: Sequence[tuple[bytes, ...]]) -> float | None:
    """Give the share of the third in the first, where the rest of it is the second."""
    along = length = from_base = from_other = 0.0
    for mine, base, other in halves:
        for at in range(0, min(map(len, (mine, base, other))), sketch.BYTES):
            m, a, b = (
                struct.unpack_from(f"<{sketch.SAMPLES}f", each, at) for each in (mine, base, other)
            )
            power = sum(x * x for x in a) + sum(y * y for y in b)
            if not power:
                continue
            # Each tensor counts alike, whatever its scale.
            along += sum((z - x) * (y - x) for z, x, y in zip(m, a, b, strict=True)) / power
            length += sum((y - x) ** 2 for x, y in zip(a, b, strict=True)) / power
            from_base += sum((z - x) ** 2 for z, x in zip(m, a, strict=True)) / power
            from_other += sum((z - y) ** 2 for z, y in zip(m, b, strict=True)) / power
    if not length:
        return None
    share = along / length
    off = from_base - share * along
    if _LEAST <= share <= 1 - _LEAST and off <= _OFF * min(from_base, from_other):
        return share
    return None
