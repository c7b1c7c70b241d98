"""Tell how two autoencoders are related, from their fingerprints alone. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from vaehub.weights import sketch

if TYPE_CHECKING:
    from vaehub.weights.prints import Fingerprint, Side

Sameness = Literal["same", "lossless", "rounded", "rounds-to", "alike"]
"""Of a whole or a half: ``same`` numbers and types; ``lossless``: the same numbers in other types;
``rounded``: the one is the other in a lower precision; ``rounds-to``: the other is the one's;
``alike``: both are more precise than that, and equal once rounded."""
Kind = Literal[
    "same-weights",
    "rounded",
    "rounds-to",
    "alike",
    "same-encoder",
    "same-decoder",
    "close",
    "distant",
    "unrelated",
]
WHOLE: frozenset[Kind] = frozenset({"same-weights", "rounded", "rounds-to", "alike"})
"""Relations of all weights: to say of the one that it *is* the other is no lie then."""


class Same(NamedTuple):
    """In what way two wholes or two halves are the same."""

    how: Sameness
    precision: str = ""
    """``fp16`` or ``bf16``, where rounding comes into it."""


class Relation(NamedTuple):
    """How one autoencoder is related to another."""

    kind: Kind
    precision: str = ""
    """Where the numbers agree in a lower precision only: which."""
    distance: float | None = None
    """By :mod:`vaehub.weights.sketch`, over all that both have; None where it cannot be told."""

    @property
    def rank(self) -> int:
        """Order relations: the nearest is 0."""
        return _ORDER.index(self.kind)


_ORDER: tuple[Kind, ...] = (
    "same-weights",
    "rounded",
    "rounds-to",
    "alike",
    "same-encoder",
    "same-decoder",
    "close",
    "distant",
    "unrelated",
)
_KINDS: dict[Sameness, Kind] = {
    "same": "same-weights",
    "lossless": "same-weights",
    "rounded": "rounded",
    "rounds-to": "rounds-to",
    "alike": "alike",
}


def relate(one: Fingerprint, other: Fingerprint) -> Relation:
    """Say what one autoencoder is to another.

    Args:
        one: which is described: ``rounded`` says that it is the other's in lower precision.
        other: what it is held against.
    """
    away = distance(one, other)
    whole = same(one.whole, other.whole)
    if whole is not None:
        return Relation(_KINDS[whole.how], whole.precision, away)
    shared = {
        half: found
        for half in ("encoder", "decoder")
        if half in one.sides
        and half in other.sides
        and (found := same(one.sides[half], other.sides[half])) is not None
    }
    # A whole autoencoder and a half of it, or two of which one half was trained again.
    if len(shared) == 1:
        ((half, found),) = shared.items()
        kind: Kind = "same-encoder" if half == "encoder" else "same-decoder"
        return Relation(kind, found.precision, away)
    if len(shared) == 2 and not ("both" in one.sides and "both" in other.sides):
        # One of them lacks the statistics of the latent, and nothing else differs.
        ways = set(shared.values())
        way = ways.pop() if len(ways) == 1 else Same("alike", max(w.precision for w in ways))
        return Relation(_KINDS[way.how], way.precision, away)
    if away is None or away >= sketch.FAR:
        return Relation("unrelated", distance=away)
    return Relation("close" if away <= sketch.CLOSE else "distant", distance=away)


def same(one: Side, other: Side) -> Same | None:
    """Say in what way two wholes or halves are the same; None where they are not."""
    if one.weights == other.weights:
        return Same("same")
    for precision, a, b in (("fp16", one.fp16, other.fp16), ("bf16", one.bf16, other.bf16)):
        if a == b and precision in one.exact and precision in other.exact:
            return Same("lossless")
    for precision, a, b in (("fp16", one.fp16, other.fp16), ("bf16", one.bf16, other.bf16)):
        if a != b:
            continue
        if precision in one.exact:
            return Same("rounded", precision)
        return Same("rounds-to" if precision in other.exact else "alike", precision)
    return None


def distance(one: Fingerprint, other: Fingerprint) -> float | None:
    """Measure the distance over the halves that both have in the same shapes."""
    return sketch.distance(
        (one.sides[half].sketch, other.sides[half].sketch)
        for half in one.sides
        if half in other.sides
        and one.sides[half].outline
        and one.sides[half].outline == other.sides[half].outline
    )
