from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hosts.mutations import JUNK
from vaehub.hosts import reading

DIGEST = "735e4c3a447a3255760d7f86845f09f937809baa529c17370d83e4c3758f3c75"


@pytest.mark.parametrize("value", [DIGEST, DIGEST.upper(), f" {DIGEST}\n", f"sha256:{DIGEST}"])
def test_a_digest_is_read_in_either_case_and_with_its_kind(value: str) -> None:
    assert reading.digest(value) == DIGEST


@pytest.mark.parametrize("value", ["", None, 12, DIGEST[:-1], DIGEST + "0", "g" * 64, [DIGEST]])
def test_what_is_no_digest_is_none(value: object) -> None:
    assert reading.digest(value) is None


@pytest.mark.parametrize(
    ("value", "size"),
    [
        *[(0, 0), (334641190, 334641190), ("334641190", 334641190), (-1, None), (True, None)],
        *[(1.5, None), ("", None), ("²", None), ("9" * 30, None), (10**30, None), (None, None)],
    ],
)
def test_a_size_is_a_number_or_digits(value: object, size: int | None) -> None:
    assert reading.size(value) == size


@pytest.mark.parametrize(
    "body",
    [
        {"message": "no"},
        {"error": "no"},
        {"msg": "no"},
        {"Message": "no"},
        {"error": {"message": "no"}},
        {"error": "Unauthorized", "message": "no"},
    ],
)
def test_each_host_s_way_to_say_no_is_read(body: dict[str, Any]) -> None:
    assert reading.said(body) == "no"
    assert reading.said(json.dumps(body).encode()) == "no"


def test_what_a_host_says_cannot_move_the_cursor_or_fill_the_screen() -> None:
    said = reading.said({"error": "\x1b[2J\x07gone\r\n" + "!" * 1000})
    assert said is not None
    assert said.isprintable()
    assert said.startswith("[2J gone !!!")
    assert len(said) <= 240


def test_headers_are_found_in_any_case() -> None:
    assert reading.header({"x-error-code": " GatedRepo "}, "X-Error-Code") == "GatedRepo"
    assert reading.header({"X-Other": "1"}, "X-Error-Code") is None


@given(JUNK | st.binary(max_size=30))
def test_nothing_ever_raises(value: Any) -> None:
    for read in (reading.mapping, reading.mappings, reading.text, reading.digest, reading.size):
        read(value)
    reading.said(value)
    reading.same(value, 1)
    reading.decoded(value if isinstance(value, bytes) else repr(value).encode(errors="replace"))
