"""Signs that are weak alone condemn together; and whose latents a decoder speaks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("torch", reason="torch is not installed (vaehub[smoke])")

from tests.smoke_cases.case import entry
from vaehub.smoke.decoding import Measured
from vaehub.smoke.judge import judge

if TYPE_CHECKING:
    from vaehub.smoke.report import Decoded

SOUND = {
    "finite": 1.0,
    "encoded_finite": 1.0,
    "round_trip": 22.0,
    "round_trip_likeness": 0.98,
    "contrast_kept": 1.0,
    "colour_kept": 0.9,
    "brightness_shift": 0.0,
    "second_trip": 27.0,
    "latent_deviation": 0.9,
}


def judged(golden: Any = None, **figures: float) -> Decoded:
    seen = Measured("cpu", "fp32", 8, {**SOUND, **figures}, golden=golden or {})
    return judge(seen, families=("sd1", "sdxl"), entry=entry("one", "sd1", factor=0.18215))


def codes(decoded: Decoded) -> dict[str, str | None]:
    return {reason.code: reason.verdict for reason in decoded.reasons}


def test_nothing_is_said_of_a_sound_one() -> None:
    assert codes(judged()) == {}


@pytest.mark.parametrize(
    "sign",
    [
        {"second_trip": 20.0},
        {"brightness_shift": -0.05},
        {"colour_kept": 0.7},
        {"contrast_kept": 1.4},
        {"round_trip": 15.0},
        {"round_trip_likeness": 0.9},
    ],
)
def test_one_weak_sign_is_none(sign: dict[str, float]) -> None:
    assert codes(judged(**sign)) == {}


def test_two_weak_signs_are_worth_a_word() -> None:
    decoded = judged(second_trip=20.0, brightness_shift=0.05)
    assert codes(decoded) == {"odd-picture": None}
    assert decoded.verdict == "works"


def test_three_weak_signs_condemn() -> None:
    decoded = judged(second_trip=20.0, brightness_shift=0.05, round_trip=15.0)
    assert codes(decoded) == {"odd-picture": "damaged"}
    assert decoded.verdict == "damaged"


def test_contrast_and_colour_are_one_sign() -> None:
    assert codes(judged(contrast_kept=1.3, colour_kept=1.3)) == {}


def test_what_is_washed_out_is_not_called_damaged() -> None:
    decoded = judged(contrast_kept=0.4, colour_kept=0.3, second_trip=15.0, round_trip=14.0)
    assert codes(decoded) == {"washed-out": "washed-out"}


@pytest.mark.parametrize(("own", "other", "said"), [(0.4, 0.96, True), (0.6, 0.9, False)])
def test_the_latents_of_another_family_are_told(own: float, other: float, said: bool) -> None:
    decoded = judged({"sd1": own, "sdxl": other})
    assert ("speaks-another" in codes(decoded)) == said


def test_a_factor_that_is_missing_from_flux_is_told() -> None:
    assert codes(judged(latent_deviation=0.88 / 0.3611)) == {"factors": "washed-out"}
    assert codes(judged(latent_deviation=0.88 * 1.4)) == {}
