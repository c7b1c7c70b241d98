"""The words of a report, and what they come to."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import get_args

import pytest

from vaehub.smoke.report import (
    CONDEMNED,
    WORDS,
    Advice,
    Decoded,
    Reason,
    SmokeReport,
    Verdict,
    gravest,
    overall,
)

VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
WORKS = SmokeReport("a", (Path("a.safetensors"),), ("0" * 64,), None, "works")


def test_every_verdict_has_words_and_a_rank() -> None:
    assert set(WORDS) == set(VERDICTS)
    for verdict in VERDICTS:
        assert gravest([verdict, "works"]) == verdict
    assert set(VERDICTS) - CONDEMNED == {"works", "not-in-fp16", "untested"}


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([], "works"),
        (["works", "not-in-fp16"], "not-in-fp16"),
        (["washed-out", "damaged", "wrong-family"], "damaged"),
        (["damaged", "not-a-vae"], "not-a-vae"),
    ],
)
def test_the_worst_counts(verdicts: list[Verdict], expected: Verdict) -> None:
    assert gravest(verdicts) == expected


def test_a_precision_that_was_not_tried_says_nothing_beside_one_that_was() -> None:
    works, refused = Decoded("cpu", "fp32", "works"), Decoded("cpu", "fp16", "untested")
    assert overall((), [works, refused]) == "works"
    assert overall((), [refused]) == "untested"
    assert overall([Reason("a", "b")], ()) == "works"
    assert overall([Reason("a", "b", "damaged")], [works]) == "damaged"
    assert overall([Reason("no-torch", "b", "untested")], ()) == "untested"


@pytest.mark.parametrize("verdict", VERDICTS)
def test_the_condemned_fail_whatever_was_asked(verdict: Verdict) -> None:
    report = WORKS._replace(verdict=verdict)
    assert report.condemned == report.has_failed() == (verdict in CONDEMNED)


def test_what_cannot_do_in_fp16_fails_only_where_that_was_asked() -> None:
    decoded = (Decoded("cuda:0", "fp32", "not-in-fp16"), Decoded("cuda:0", "fp16", "not-in-fp16"))
    report = WORKS._replace(verdict="not-in-fp16", decoded=decoded)
    assert [one.failed for one in decoded] == [False, True]
    assert [report.has_failed(asked) for asked in ((), ("fp32",), ("fp32", "fp16"))] == [
        False,
        False,
        True,
    ]


def test_json_holds_all_of_it_and_no_word_that_json_has_not() -> None:
    report = WORKS._replace(
        reasons=(Reason("prefix", "every name begins with vae."),),
        advice=(Advice("ComfyUI", "start with --fp32-vae"),),
        decoded=(
            Decoded(
                *("cpu", "fp32", "works"),
                figures={"a": math.nan, "b": math.inf, "c": -math.inf, "d": 1 / 3},
                seconds=0.12345,
            ),
        ),
    )
    said = report.as_json()
    json.dumps(said, allow_nan=False)
    assert said["ok"] is True
    assert said["reasons"] == [
        {"code": "prefix", "message": "every name begins with vae.", "verdict": None}
    ]
    assert said["advice"] == [{"ui": "ComfyUI", "what": "start with --fp32-vae"}]
    [one] = said["decoded"]
    assert one["figures"] == {"a": None, "b": None, "c": None, "d": 0.333333}
    assert one["seconds"] == 0.123
    assert set(said) >= set(SmokeReport._fields) - {"seconds"}
