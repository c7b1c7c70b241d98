from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from vaehub.catalog.read import read_text
from vaehub.catalog.scalars import folded, scalar


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("stabilityai/sdxl-vae", "stabilityai/sdxl-vae"),
        ("https://example.org/a?b", "https://example.org/a?b"),
        ("735e4c3a", "735e4c3a"),
        ("v2.3", "v2.3"),
        ("通用", "通用"),
        ("Euler's, or not", "Euler's, or not"),
        ("no", '"no"'),
        ("NULL", '"NULL"'),
        ("1.5", '"1.5"'),
        ("1e5", '"1e5"'),
        ("1.2.3", '"1.2.3"'),
        ("12:30", '"12:30"'),
        ("2026-08-01", '"2026-08-01"'),
        ("", '""'),
        ("a: b", '"a: b"'),
        ("a #b", '"a #b"'),
        (" a", '" a"'),
        ("a\nb", '"a\\nb"'),
        ('say "x"', 'say "x"'),
        ("-x", '"-x"'),
        (5, "5"),
        (0.18215, "0.18215"),
        (True, "true"),
        (None, "null"),
    ],
)
def test_quotes_only_where_needed(value: object, text: str) -> None:
    assert scalar(value) == text


@pytest.mark.parametrize("value", ["a, b", "a]", "a?b", "it's", "a:b"])
def test_is_stricter_inside_a_flow_collection(value: str) -> None:
    assert scalar(value, flow=True) == f'"{value}"'
    assert scalar("https://a.b/c", flow=True) == "https://a.b/c"


_AWKWARD = st.text(
    alphabet="ayn1:-#,[]{}'\"?!&*|>%@`~=< \n\t\\./_+eEoxXTZ\u00a0\u2028\x00中", max_size=9
)


@given(st.text() | _AWKWARD)
def test_reads_back_for_us_and_for_an_ordinary_reader(text: str) -> None:
    for line in (f"k: {scalar(text)}", f"k: [{scalar(text, flow=True)}, x]"):
        value = read_text(line).data["k"]
        assert (value[0] if isinstance(value, list) else value) == text
        value = yaml.safe_load(line)["k"]
        assert (value[0] if isinstance(value, list) else value) == text


@given(st.text() | st.lists(st.text("ab#:-中", min_size=1), max_size=30).map(" ".join))
def test_folds_only_what_reads_back(text: str) -> None:
    lines = folded(text, indent=2, width=20)
    if lines is not None:
        assert read_text("\n".join(["k: >-", *lines])).data == {"k": text}
        assert all(len(line) <= 20 or " " not in line.strip() for line in lines)


def test_does_not_fold_what_folding_would_change() -> None:
    for text in ("a  b", " a", "a\nb", "a\tb", ""):
        assert folded(text, indent=2, width=20) is None
