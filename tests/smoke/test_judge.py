"""From figures to verdicts: each branch, and that no figure is an error."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("torch", reason="torch is not installed (vaehub[smoke])")

from vaehub.model import SmokeFacts
from vaehub.smoke.decoding import Measured
from vaehub.smoke.judge import judge
from vaehub.smoke.report import WORDS, Decoded

SOUND = {
    "finite": 1.0,
    "encoded_finite": 1.0,
    "contrast": 0.4,
    "flat_blocks": 0.0,
    "moves": 0.97,
    "beyond_range": 0.01,
    "latent_deviation": 0.9,
    "round_trip": 25.0,
    "round_trip_likeness": 0.98,
    "contrast_kept": 0.97,
    "colour_kept": 0.95,
    "brightness_shift": 0.0,
    "second_trip": 40.0,
    "largest_activation": 300.0,
}
HALF = {key: SOUND[key] for key in ("finite", "contrast", "flat_blocks", "moves")}
"""Of a decoder whose encoder is not here."""


def seen(figures: dict[str, float] = SOUND, *, dtype: str = "fp32", **changes: float) -> Measured:
    return Measured("cpu", dtype, 8, figures={**figures, **changes})


def entry(**facts: Any) -> Any:
    return SimpleNamespace(id="house", family="sdxl", smoke=SmokeFacts(**facts))


def said(one: Decoded) -> list[tuple[str, str | None]]:
    return [(reason.code, reason.verdict) for reason in one.reasons]


def judged(measured: Measured, **options: Any) -> Decoded:
    return judge(measured, **{"families": (), "entry": None, **options})


def test_a_sound_one_works() -> None:
    one = judged(seen())
    assert (one.verdict, one.reasons) == ("works", ())
    assert one.figures == SOUND
    assert judged(seen(HALF)).verdict == "works"
    assert judged(seen({})).verdict == "works"


@pytest.mark.parametrize(
    ("changes", "code", "verdict"),
    [
        ({"finite": 0.99}, "not-finite", "damaged"),
        ({"encoded_finite": 0.0}, "not-finite", "damaged"),
        ({"round_trip_likeness": 0.6}, "no-picture", "damaged"),
        ({"round_trip_likeness": math.nan}, "no-picture", "damaged"),
        ({"round_trip": 9.0}, "no-picture", "damaged"),
        ({"flat_blocks": 0.9}, "flat", "damaged"),
        ({"moves": 0.1}, "does-not-move", "damaged"),
        ({"contrast_kept": 0.3}, "washed-out", "washed-out"),
        ({"colour_kept": 0.2}, "washed-out", "washed-out"),
    ],
)
def test_each_fault_is_named(changes: dict[str, float], code: str, verdict: str) -> None:
    one = judged(seen({**SOUND, **changes}))
    assert said(one) == [(code, verdict)]
    assert one.verdict == verdict


def test_the_first_layer_that_breaks_is_named() -> None:
    broken = seen(finite=0.0)
    broken.not_finite = "decoder.mid.block_1"
    [reason] = judged(broken).reasons
    assert "from decoder.mid.block_1 on" in reason.message


@pytest.mark.parametrize(("dtype", "verdict"), [("fp16", "not-in-fp16"), ("bf16", "damaged")])
def test_a_precision_that_fp32_shows_to_be_at_fault(dtype: str, verdict: str) -> None:
    one = judged(seen(dtype=dtype, finite=0.0), reference=seen())
    assert said(one) == [("not-finite", verdict)]
    assert f"{dtype} gives NaN" in one.reasons[0].message
    assert "fp32 does not" in one.reasons[0].message


@pytest.mark.parametrize("dtype", ["fp16", "bf16"])
def test_what_fp32_cannot_either_is_not_the_precisions_fault(dtype: str) -> None:
    one = judged(seen(dtype=dtype, finite=0.0), reference=seen(finite=0.0))
    assert said(one) == [("not-finite", "damaged")]
    assert "fp32" not in one.reasons[0].message


@pytest.mark.parametrize(
    ("dtype", "decibels", "expected"),
    [
        ("bf16", 50.0, []),
        ("bf16", 20.0, [("precision", "damaged")]),
        ("fp16", 70.0, []),
        ("fp16", 40.0, [("precision", "not-in-fp16")]),
    ],
)
def test_agreement_with_fp32(dtype: str, decibels: float, expected: list[Any]) -> None:
    agreement = {"natural": decibels, "flat": 90.0, "extremes": 1.0}
    one = judged(seen(dtype=dtype), reference=seen(), agreement=agreement)
    assert said(one) == expected
    assert one.figures["agrees"] == 1.0


def test_what_fp32_has_shown_is_not_said_again() -> None:
    one = judged(seen(dtype="bf16", round_trip=3.0), reference=seen(round_trip=3.0))
    assert one.reasons == ()


def test_activations_beyond_fp16_are_told_with_the_layer() -> None:
    large = seen(largest_activation=81_000.0)
    large.overflows = "decoder.up.1.block.0"
    one = judged(large)
    assert said(one) == [("overflows-fp16", "not-in-fp16")]
    assert one.verdict == "not-in-fp16"
    assert "8.1e+04 (first beyond fp16's 65,504 in decoder.up.1.block.0)" in one.reasons[0].message


def test_the_catalogs_word_on_fp16_is_passed_on() -> None:
    assert said(judged(seen(), entry=entry(fp16="nan"))) == [("known-to-overflow", "not-in-fp16")]
    assert said(judged(seen(), entry=entry(fp16="ok"))) == []


def test_golden_latents_stand_in_for_a_round_trip() -> None:
    for likeness, expected in ((0.85, []), (0.3, []), (0.1, [("no-picture", "damaged")])):
        half = seen(HALF)
        half.golden = {"sdxl": likeness, "sd1": likeness - 0.01}
        one = judged(half, families=("sdxl", "sd1"))
        assert said(one) == expected
        assert one.figures["speaks_sdxl"] == likeness


def test_one_that_speaks_another_familys_latents() -> None:
    foreign = seen()
    foreign.golden = {"sdxl": 0.1, "sd1": 0.8}
    families = ("sdxl", "sd1")
    assert said(judged(foreign, families=families, entry=entry())) == [
        ("speaks-another", "wrong-family")
    ]
    assert said(judged(foreign, families=families)) == []  # nobody said what it should be
    foreign.golden = {"sdxl": 0.5, "sd1": 0.8}
    assert said(judged(foreign, families=families, entry=entry())) == []


@pytest.mark.parametrize(
    ("deviation", "factor", "expected"),
    [
        (0.9, 0.13, []),
        (7.0, 0.13, [("factors", "washed-out")]),
        (0.1, 0.13, [("factors", "washed-out")]),
        (7.0, None, []),
    ],
)
def test_factors_that_do_not_fit(
    deviation: float, factor: float | None, expected: list[Any]
) -> None:
    one = judged(seen(latent_deviation=deviation), entry=entry(scaling_factor=factor))
    assert said(one) == expected


def test_the_gravest_of_several_counts() -> None:
    one = judged(seen(contrast_kept=0.1, flat_blocks=1.0))
    assert said(one) == [("flat", "damaged"), ("washed-out", "washed-out")]
    assert one.verdict == "damaged"


ANY = st.floats(allow_nan=True, allow_infinity=True)
FIGURES = st.fixed_dictionaries({}, optional=dict.fromkeys(SOUND, ANY))


@given(
    FIGURES,
    st.sampled_from(["fp32", "bf16", "fp16"]),
    st.dictionaries(st.sampled_from(["sd1", "sdxl", "flux1"]), ANY),
    st.none() | FIGURES,
    st.none() | st.dictionaries(st.sampled_from(["natural", "flat", "extremes"]), ANY),
    st.sampled_from([None, "decoder.mid"]),
    st.booleans(),
)
def test_no_figure_is_an_error(
    figures: dict[str, float],
    dtype: str,
    golden: dict[str, float],
    reference: dict[str, float] | None,
    agreement: dict[str, float] | None,
    overflows: str | None,
    named: bool,
) -> None:
    measured = seen(figures, dtype=dtype)
    measured.golden, measured.overflows = golden, overflows
    one = judge(
        measured,
        families=("sdxl", "sd1"),
        entry=entry(scaling_factor=0.13, fp16="nan") if named else None,
        reference=seen(reference) if reference is not None and dtype != "fp32" else None,
        agreement=agreement,
    )
    assert one.verdict in WORDS
    assert all(reason.message for reason in one.reasons)
    if one.verdict != "works":
        assert one.reasons
