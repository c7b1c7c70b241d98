"""Speeds as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaehub.rates import parse_rate


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("5MB", 5_000_000),
        ("5 MB/s", 5_000_000),
        ("5m", 5_000_000),
        ("500k", 500_000),
        ("500 kB/s", 500_000),
        ("1.5M", 1_500_000),
        (".5M", 500_000),
        ("2 MiB/s", 2 * 1024 * 1024),
        ("64Ki", 64 * 1024),
        ("1G", 1_000_000_000),
        ("20Mbit", 2_500_000),
        ("20 Mbit/s", 2_500_000),
        ("100 Mbps", 12_500_000),
        ("100 MBps", 12_500_000),
        ("8000", 8000),
        ("8000 bytes", 8000),
        ("  1M  ", 1_000_000),
        ("0", None),
        ("0MB", None),
    ],
)
def test_what_people_write(text: str, rate: int | None) -> None:
    assert parse_rate(text) == rate


@pytest.mark.parametrize(
    "text", ["", "fast", "-5M", "5X", "5 M B", "M", "1e9", "5MB/h", "0.1", "٣", "9" * 400]
)
def test_what_is_no_speed(text: str) -> None:
    with pytest.raises(ValueError, match=r"no speed|less than one byte"):
        parse_rate(text)


@given(st.text(max_size=20))
def test_any_text_is_a_speed_or_refused(text: str) -> None:
    try:
        rate = parse_rate(text)
    except ValueError:
        return
    assert rate is None or rate >= 1
