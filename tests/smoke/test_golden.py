"""What sound runs decoded to: kept, damaged, held against a later run."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="torch is not installed (vaehub[smoke])")

from vaehub.smoke import fields  # noqa: E402  torch comes first
from vaehub.smoke.decoding import Measured  # noqa: E402
from vaehub.smoke.factors import Factors  # noqa: E402
from vaehub.smoke.golden import (  # noqa: E402
    Golden,
    difference,
    from_json,
    golden_of,
    held_against,
    place,
)
from vaehub.smoke.report import Decoded  # noqa: E402

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=20,
)


def seen(*, cells: int = 8, error: float = 0.0) -> Measured:
    measured = Measured("cpu", "fp32", cells)
    measured.pictures = {
        "flat": torch.zeros(1, 3, 64, 64),
        "natural": fields.picture(64) + error,
        "extremes": torch.full((1, 3, 64, 64), 5.0),
    }
    return measured


def stored(**changes: Any) -> dict[str, Any]:
    return {**json.loads(json.dumps(golden_of(seen()).as_json())), **changes}


def test_it_comes_back_from_json() -> None:
    golden = golden_of(seen())
    assert set(golden.thumbnails) == {"flat", "natural"}
    assert len(golden.thumbnails["natural"]) == 8 * 8 * 3
    back = from_json(json.loads(json.dumps(golden.as_json())))
    assert back == golden
    assert difference(golden, golden) in {("flat", math.inf), ("natural", math.inf)}


@pytest.mark.parametrize(
    "record",
    [
        None,
        [],
        "golden",
        {},
        stored(version=2),
        stored(cells="many"),
        stored(cells=math.inf),
        stored(thumbnails=[1, 2]),
        stored(thumbnails={"flat": None}),
        stored(thumbnails={"flat": ["x"]}),
        stored(thumbnails={"flat": [1e300]}),
        stored(thumbnails={"flat": [math.nan]}),
        stored(thumbnails={"flat": [10**400]}),
        stored(moments={"flat": [1]}),
        stored(moments=None),
        {key: value for key, value in stored().items() if key != "moments"},
    ],
)
def test_a_damaged_record_counts_as_none(record: object) -> None:
    assert from_json(record) is None


@given(JSON, JSON, JSON)
def test_no_record_is_an_error(cells: Any, thumbnails: Any, moments: Any) -> None:
    record = {"version": 1, "cells": cells, "thumbnails": thumbnails, "moments": moments}
    golden = from_json(record)
    if golden is not None:
        difference(golden, golden_of(seen()))
        difference(golden_of(seen()), golden)


NUMBERS = st.floats(-1e8, 1e8)


@settings(max_examples=20)
@given(st.lists(NUMBERS, min_size=192, max_size=192), st.tuples(NUMBERS, NUMBERS))
def test_whatever_can_be_read_can_be_compared(thumbnail: list[float], moments: Any) -> None:
    record = stored(thumbnails={"natural": thumbnail}, moments={"natural": moments})
    golden = from_json(record)
    assert golden is not None
    answer = difference(golden, golden_of(seen()))
    assert answer is not None
    assert not math.isnan(answer[1])


def test_a_picture_that_changed_is_found_and_named() -> None:
    answer = difference(golden_of(seen(error=0.02)), golden_of(seen()))
    assert answer is not None
    kind, decibels = answer
    assert kind == "natural"
    assert decibels == pytest.approx(40, abs=1)


def test_a_change_that_thumbnails_do_not_show_is_seen_in_the_moments() -> None:
    noisy = seen()
    checkers = (torch.arange(64)[:, None] + torch.arange(64)) % 2 * 2.0 - 1
    noisy.pictures["flat"] = noisy.pictures["flat"] + 0.5 * checkers
    answer = difference(golden_of(noisy), golden_of(seen()))
    assert answer is not None
    assert answer[0] == "flat"
    assert answer[1] < 20


def test_other_sizes_are_not_compared() -> None:
    assert difference(golden_of(seen(cells=8)), golden_of(seen(cells=16))) is None
    nothing = Golden(8, {}, {})
    assert difference(nothing, golden_of(seen())) is None


@pytest.mark.parametrize(
    ("error", "expected"), [(0.0, "works"), (1e-4, "works"), (0.02, "damaged")]
)
def test_a_machine_that_computes_differently_is_told(error: float, expected: str) -> None:
    one = Decoded("cuda:0", "fp32", "works")
    held = held_against(one, golden_of(seen(error=error)), golden_of(seen()))
    assert held.verdict == expected
    assert ("golden" in held.figures) is True
    assert [reason.code for reason in held.reasons] == ["golden"] * (expected == "damaged")


def test_where_nothing_is_known_nothing_is_said() -> None:
    one = Decoded("cuda:0", "fp32", "works")
    assert held_against(one, golden_of(seen()), None) is one
    assert held_against(one, golden_of(seen()), golden_of(seen(cells=16))) is one


def test_what_the_decode_depends_on_is_kept_apart() -> None:
    told = Factors(scaling_factor=0.13025)
    places = [
        place(seen()),
        place(seen(cells=16)),
        place(seen(), families=("sd1", "sdxl")),
        place(seen(), families=("sdxl", "sd1")),
        place(seen(), families=("sdxl", "sd1"), told=told),
        place(seen(), beside=("0" * 64,)),
    ]
    assert len(set(places)) == len(places)
    assert place(seen()) == "8"
