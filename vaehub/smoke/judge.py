"""Make verdicts of what was seen, with reasons that a person understands.

Pure. Every threshold states what it was measured on: TAEF2's published weights and small trained
autoencoders with each damage (docs/smoke.md has the table, `benchmarks/smoke_matrix.py` makes it).
No picture shows a single flipped bit: the hash is what guards against those.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from vaehub.smoke.report import Decoded, Reason, gravest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from vaehub.model import Entry
    from vaehub.smoke.decoding import Measured

LIKENESS = 0.85
"""Correlation of the thumbnails of a picture and its round trip: sound ones have 0.94 and more
(TAEF2 and the shipped one 0.99), one level at random 0.72 and 0.85, a random half 0.2 and less."""
ROUND_TRIP = 12.0
"""dB; sound ones have 17 and more (the smallest trained), broken ones 11 and less."""
CONTRAST_KEPT = 0.6
"""Of the picture's own; sound ones keep 0.9 to 1.06."""
COLOUR_KEPT = 0.5
"""Likewise; sound ones keep 0.9 to 0.99."""
WEAK_SECOND_TRIP = 23.0
"""dB between the first round trip and the second: what an autoencoder has painted, it paints again.
TAEF2 has 27 (at 64 pixels) to 35 (at 256), the shipped one 34 to 43; two blocks swapped 18 and 21,
one level at random 12 and 16."""
WEAK_SHIFT = 0.03
"""Of the brightness, of its whole range: sound ones 0.01 and less, two blocks swapped 0.04 and
0.06."""
WEAK_COLOURS = (0.75, 1.25)
"""Contrast or colour kept: sound ones 0.9 to 1.06, two blocks swapped 0.69 and 1.37."""
WEAK_ROUND_TRIP = 16.0
"""dB; sound ones 17 and more, damaged ones that are still recognised 15 to 17."""
WEAK_LIKENESS = 0.93
"""Sound ones 0.94 and more, damaged ones that are still recognised 0.85 to 0.98."""
WEAK_SIGNS = 3
"""How many of these five condemn. Sound ones of the two trained show none, at 64 to 256 pixels; one
made to paint in stronger colours may show one or two. Most single blocks that are overwritten show
no more than that either, and pass (docs/smoke.md counts some that no limit was chosen for): only a
golden output or the sha256 tells those."""
DEVIATION = (0.45, 2.2)
"""Of normalised latents, which are made to have one of 1 (TAEF2: 0.78 to 0.95 on five pictures, the
shipped one 0.88 to 1.07). A factor that is missing or taken twice is off by 2.8 (FLUX) to 7.7
(SDXL); SD1's and SDXL's, which differ by 1.4 only, and SD3's, which is 1.5, are not told."""
SPEAKS = 0.6
"""Correlation of decoded golden latents with their thumbnail, from which a decoder speaks latents
of a family: TAEF2 has 0.78 to 0.88, a random decoder 0.14 to 0.31, a random latent below 0."""
DUMB = 0.25
"""The same, below which it speaks those of no family on record."""
FOREIGN = 0.45
"""The same, below which it does not speak a family's latents where it speaks another's. Decoders
worked out by hand from the published colours have 0.96 with their own, SD1's 0.09 with SDXL's, and
SDXL's 0.40 with SD1's; SD3's and FLUX.1's are too much alike, 0.69 and 0.88."""
AGREES: Mapping[str, float] = {"bf16": 35.0, "fp16": 45.0}
"""dB against fp32 on the same device: sound ones have 42 to 62 in bf16 and 70 to 82 in fp16."""
MOVES = 0.5
"""Correlation of a moved picture with the picture of moved latents: sound ones have over 0.9."""
FLAT = 0.5
"""Share of blocks of one colour in a decoded natural latent: sound ones have none."""


def judge(
    seen: Measured,
    *,
    families: Sequence[str],
    entry: Entry | None,
    reference: Measured | None = None,
    agreement: Mapping[str, float] | None = None,
) -> Decoded:
    """Judge what was seen on one device in one precision.

    Args:
        seen: What was measured.
        families: Whose latents it may speak; the first is what it is supposed to.
        entry: What it should be, where that is known.
        reference: The same in fp32 on the same device, where this is another precision.
        agreement: How well the two agree, dB by picture.
    """
    reasons = tuple(_reasons(seen, families, entry, reference, agreement or {}))
    figures = dict(seen.figures)
    figures.update({f"speaks_{family}": value for family, value in seen.golden.items()})
    if agreement:
        figures["agrees"] = min(agreement.values())
    return Decoded(
        device=seen.device,
        dtype=seen.dtype,
        verdict=gravest([reason.verdict for reason in reasons if reason.verdict is not None]),
        reasons=reasons,
        figures=figures,
        seconds=seen.seconds,
        peak_bytes=seen.peak_bytes,
    )


def _reasons(
    seen: Measured,
    families: Sequence[str],
    entry: Entry | None,
    reference: Measured | None,
    agreement: Mapping[str, float],
) -> Iterator[Reason]:
    if not _is_finite(seen):
        yield _not_finite(seen, reference)
        return
    if reference is not None:
        yield from _disagrees(seen, agreement)
        return  # what else is wrong, the reference has shown
    no_picture = tuple(_no_picture(seen))
    washed_out = tuple(_washed_out(seen))
    yield from (*no_picture, *washed_out)
    if not no_picture and not washed_out:
        yield from _odd_picture(seen)
    yield from _speaks_another(seen, families, entry)
    yield from _wrong_factors(seen, entry)
    if seen.overflows is not None:
        largest = seen.figures.get("largest_activation", math.inf)
        yield Reason(
            "overflows-fp16",
            f"activations reach {largest:.3g} (first beyond fp16's 65,504 in {seen.overflows}): "
            "in fp16 that is infinite, and the picture black or grey",
            "not-in-fp16",
        )
    elif entry is not None and entry.smoke is not None and entry.smoke.fp16 == "nan":
        yield Reason(
            "known-to-overflow",
            "the catalog says that it overflows in fp16; these pictures did not show it",
            "not-in-fp16",
        )


def _not_finite(seen: Measured, reference: Measured | None) -> Reason:
    where = f", from {seen.not_finite} on" if seen.not_finite else ""
    if reference is not None and _is_finite(reference):
        return Reason(
            "not-finite",
            f"{seen.dtype} gives NaN or infinite values{where}, and fp32 does not: "
            "UIs paint black or grey then",
            "not-in-fp16" if seen.dtype == "fp16" else "damaged",
        )
    return Reason(
        "not-finite",
        f"the decode gives NaN or infinite values{where}: UIs paint black then",
        "damaged",
    )


def _is_finite(seen: Measured) -> bool:
    shares = (seen.figures.get(name, 1.0) for name in ("finite", "encoded_finite"))
    return seen.not_finite is None and min(shares) == 1.0


def _disagrees(seen: Measured, agreement: Mapping[str, float]) -> Iterator[Reason]:
    usual = {kind: value for kind, value in agreement.items() if kind != "extremes"}
    if not usual:
        return
    worst = min(usual, key=lambda kind: usual[kind])
    if usual[worst] < AGREES.get(seen.dtype, 0.0):
        yield Reason(
            "precision",
            f"{seen.dtype} paints another picture than fp32 ({usual[worst]:.0f} dB, usual is over "
            f"{AGREES[seen.dtype]:.0f}): too coarse for this VAE, or this machine computes wrongly",
            "not-in-fp16" if seen.dtype == "fp16" else "damaged",
        )


def _no_picture(seen: Measured) -> Iterator[Reason]:
    likeness = seen.figures.get("round_trip_likeness")
    quality = seen.figures.get("round_trip")
    if likeness is not None and quality is not None:
        if math.isnan(likeness) or likeness < LIKENESS or quality < ROUND_TRIP:
            yield Reason(
                "no-picture",
                "a picture that it encodes and decodes does not come back "
                f"(likeness {likeness:.2f}, {quality:.1f} dB; sound ones have over {LIKENESS} and "
                f"{ROUND_TRIP:.0f} dB): weights are overwritten, swapped or were never trained",
                "damaged",
            )
    elif seen.golden and max(seen.golden.values()) < DUMB:
        best = max(seen.golden, key=lambda family: seen.golden[family])
        yield Reason(
            "no-picture",
            f"latents of a known picture do not decode to it (likeness {seen.golden[best]:.2f} "
            f"with those of {best}; sound ones have over {SPEAKS}): weights are overwritten, "
            "swapped or were never trained, or it speaks latents that nobody has described",
            "damaged",
        )
    if seen.figures.get("flat_blocks", 0.0) > FLAT:
        yield Reason(
            "flat",
            f"{seen.figures['flat_blocks']:.0%} of a decoded picture is blocks of one colour",
            "damaged",
        )
    if seen.figures.get("moves", 1.0) < MOVES:
        yield Reason(
            "does-not-move",
            "moving the latents does not move the picture "
            f"(likeness {seen.figures['moves']:.2f}; sound ones have over 0.9)",
            "damaged",
        )


def _washed_out(seen: Measured) -> Iterator[Reason]:
    if seen.figures.get("round_trip_likeness", 0.0) < LIKENESS:
        return
    contrast = seen.figures.get("contrast_kept", 1.0)
    colour = seen.figures.get("colour_kept", 1.0)
    if contrast < CONTRAST_KEPT or colour < COLOUR_KEPT:
        yield Reason(
            "washed-out",
            f"of a picture's contrast {contrast:.0%} is left after encoding and decoding, and "
            f"{colour:.0%} of its colour",
            "washed-out",
        )


_ROUND = frozenset(
    {"round_trip", "round_trip_likeness", "second_trip", "brightness_shift"}
    | {"contrast_kept", "colour_kept"}
)
"""What is measured of round trips."""


def _odd_picture(seen: Measured) -> Iterator[Reason]:
    """Count signs none of which would do alone."""
    figures = seen.figures
    if not figures.keys() >= _ROUND:
        return
    low, high = WEAK_COLOURS
    kept = (figures["contrast_kept"], figures["colour_kept"])
    again, shift = figures["second_trip"], abs(figures["brightness_shift"])
    quality, likeness = figures["round_trip"], figures["round_trip_likeness"]
    signs = [
        words
        for applies, words in (
            (again < WEAK_SECOND_TRIP, f"a second trip changes it again ({again:.0f} dB)"),
            (shift > WEAK_SHIFT, f"its brightness shifts by {shift:.0%}"),
            (not all(low <= one <= high for one in kept), f"{kept[1]:.0%} of its colour is kept"),
            (quality < WEAK_ROUND_TRIP, f"it comes back with {quality:.1f} dB"),
            (likeness < WEAK_LIKENESS, f"it comes back with a likeness of {likeness:.2f}"),
        )
        if applies
    ]
    if len(signs) < 2:
        return
    said = f"a picture that it encodes and decodes comes back changed: {', '.join(signs)}"
    if len(signs) < WEAK_SIGNS:
        yield Reason("odd-picture", f"{said}; sound ones seldom do that")
        return
    yield Reason("odd-picture", f"{said}: some weights are overwritten or swapped", "damaged")


def _speaks_another(
    seen: Measured, families: Sequence[str], entry: Entry | None
) -> Iterator[Reason]:
    if not seen.golden or not families or entry is None or families[0] not in seen.golden:
        return
    supposed, best = families[0], max(seen.golden, key=lambda family: seen.golden[family])
    if seen.golden[best] >= SPEAKS and seen.golden[supposed] < FOREIGN:
        yield Reason(
            "speaks-another",
            f"{entry.id} speaks {supposed}'s latents; this file decodes {best}'s to a picture "
            f"(likeness {seen.golden[best]:.2f}) and {supposed}'s to none "
            f"({seen.golden[supposed]:.2f})",
            "wrong-family",
        )


def _wrong_factors(seen: Measured, entry: Entry | None) -> Iterator[Reason]:
    deviation = seen.figures.get("latent_deviation")
    if deviation is None or DEVIATION[0] <= deviation <= DEVIATION[1]:
        return
    named = entry.smoke.scaling_factor if entry is not None and entry.smoke is not None else None
    if named is None:
        return  # nobody has said what it should be
    yield Reason(
        "factors",
        f"with the scaling factor {named:g} its latents spread by {deviation:.2g} where models are "
        "trained on about 1: pictures come out grey or burnt with that factor",
        "washed-out",
    )
