from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaehub.transfer.patience import Patience, retry_after

PATIENCE = Patience(attempts=6, first_wait=1, longest_wait=10)


def test_waits_double_up_to_the_cap_and_then_end() -> None:
    assert [PATIENCE.wait(n) for n in range(1, 7)] == [1, 2, 4, 8, 10, None]


def test_a_host_may_ask_for_a_wait_within_the_cap() -> None:
    assert PATIENCE.wait(1, retry_after=7) == 7
    assert PATIENCE.wait(1, retry_after=0) == 0
    assert PATIENCE.wait(1, retry_after=11) is None
    assert PATIENCE.wait(6, retry_after=1) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120),
        (" 0 ", 0),
        ("Thu, 01 Jan 1970 00:01:40 GMT", 50),
        ("Thu, 01 Jan 1970 00:00:10 GMT", 0),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
    ],
)
def test_retry_after(text: str, seconds: float | None) -> None:
    assert retry_after({"Retry-After": text}, now=50) == seconds


def test_no_retry_after() -> None:
    assert retry_after({}) is None


@given(st.text(max_size=40))
def test_any_retry_after_is_read_or_ignored(text: str) -> None:
    seconds = retry_after({"Retry-After": text})
    assert seconds is None or seconds >= 0
