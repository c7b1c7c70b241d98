from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaehub.catalog.files import MAX_BYTES
from vaehub.catalog.read import MAX_DEPTH, decode, read_file, read_text, spell
from vaehub.errors import CatalogError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.usefixtures("any_loader")
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("false", False),
        ("null", None),
        ("", None),
        ("0", 0),
        ("-12", -12),
        ("334641190", 334641190),
        ("0.18215", 0.18215),
        ("1e-05", 1e-05),
        ("-2.5E+3", -2500.0),
        ("no", "no"),
        ("NO", "NO"),
        ("True", "True"),
        ("2026-08-01", "2026-08-01"),
        ("0123", "0123"),
        ("0x1F", "0x1F"),
        ("334_641_190", "334_641_190"),
        ("1:30", "1:30"),
        (".inf", ".inf"),
        ("~", "~"),
        ("'5'", "5"),
        ('"\\u00e9"', "é"),
        ("{a: [1, b]}", {"a": [1, "b"]}),
    ],
)
def test_has_the_types_of_json_and_no_others(text: str, value: Any) -> None:
    data = read_text(f"key: {text}").data
    assert data == {"key": value}
    assert type(data["key"]) is type(value)


@pytest.mark.usefixtures("any_loader")
@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "a: stands twice, first on line 1"),
        ("a:\n  b: {c: 1, c: 2}\n", 2, "a.b.c: stands twice"),
        ("a: &x 1\n", 1, "anchor"),
        ("a: 1\nb: *x\n", 2, "alias"),
        ("a: !!str 1\n", 1, "tag"),
        ("a: !thing {}\n", 1, "tag"),
        ("b: 1\n<<: {a: 1}\n", 2, "merge key"),
        ("a: 1\n---\nb: 2\n", 2, "second one starts"),
        ("a: 1\n1: 2\n", 2, "key must be text"),
        ("true: 2\n", 1, "key must be text"),
        ("? [a]\n: 1\n", 1, "key must be text"),
        ("a: [1\n", 2, "not valid YAML"),
        ("a: b: c\n", 1, "not valid YAML"),
        ("a: 1\n\tb: 2\n", 2, "not valid YAML"),
        ("a: 1\nb: \x07\n", 2, "U+0007"),
        ("a: 1\nb: x\u2028y\n", 2, "U+2028"),
        (f"a: {'1' * 64}\n", 1, "quote it"),
        (f"a: 1e{'1' * 38}\n", 1, "quote it"),
        ("a: 1e999\n", 1, "quote it"),
        ('a: "\\U99999999"\n', 1, "not valid YAML"),
    ],
)
def test_refuses_with_file_and_line(text: str, line: int, words: str) -> None:
    with pytest.raises(CatalogError) as caught:
        read_text(text, origin="mine.yaml")
    assert words in caught.value.message
    assert caught.value.problems[0].where == f"mine.yaml:{line}"
    assert caught.value.message.startswith(f"mine.yaml:{line}: ")


@pytest.mark.usefixtures("any_loader")
def test_refuses_half_a_surrogate_pair() -> None:
    with pytest.raises(CatalogError):
        read_text('a: "\\ud800"')


def test_reports_every_repeated_key() -> None:
    with pytest.raises(CatalogError) as caught:
        read_text("a: 1\na: 2\nb: 3\nb: 4\n")
    assert [problem.where for problem in caught.value.problems] == ["<text>:2", "<text>:4"]


@pytest.mark.usefixtures("any_loader")
def test_knows_line_and_column_of_every_value() -> None:
    document = read_text("# head\nentries:\n  one:\n    sizes: [10,\n      20]\n", origin="c.yaml")
    assert document.positions[("entries",)] == (2, 1)
    assert document.positions[("entries", "one", "sizes")] == (4, 5)
    assert document.positions[("entries", "one", "sizes", 1)] == (5, 7)
    assert document.where(("entries", "one", "missing")) == "c.yaml:3"
    assert document.where(("nowhere",)) == "c.yaml:2"


@pytest.mark.usefixtures("any_loader")
@pytest.mark.parametrize("text", ["[" * 5000, "{a: " * 5000, "- " * 5000, "? " * 3000])
def test_refuses_endless_nesting_without_recursion(text: str) -> None:
    with pytest.raises(CatalogError):
        read_text(text)


def test_allows_the_depth_that_it_names() -> None:
    assert read_text("[" * MAX_DEPTH + "]" * MAX_DEPTH).data
    with pytest.raises(CatalogError, match="levels deep"):
        read_text("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1))


def test_takes_windows_line_ends_and_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n")
    document = read_file(path)
    assert document.data == {"a": 1, "b": 2}
    assert document.line(("b",)) == 2


def test_refuses_what_is_not_utf8() -> None:
    with pytest.raises(CatalogError, match="UTF-8") as caught:
        decode(b"a: 1\nb: \xff\n", origin="c.yaml")
    assert caught.value.problems[0].where == "c.yaml:2"


def test_refuses_a_file_that_is_too_large(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    path.write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(CatalogError, match="bytes"):
        read_file(path)


def test_says_what_to_check_when_there_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(CatalogError) as caught:
        read_file(tmp_path / "none.yaml")
    assert "VAEHUB_CATALOG" in (caught.value.hint or "")
    with pytest.raises(CatalogError, match="cannot read"):
        read_file(tmp_path)


def test_spells_paths() -> None:
    path = ("entries", "v4.0", "artifacts", 0, "size")
    assert spell(path) == "entries.v4.0.artifacts[0].size"


_YAMLISH = st.text(alphabet=st.sampled_from("ab:1-.,#&*!|>%@`?<~ \n\t\"'[]{}\\u0é中\x00\u2028"))


@given(st.one_of(st.text(), _YAMLISH))
def test_any_text_is_read_or_is_a_catalog_error(text: str) -> None:
    where = "<text>:1"
    try:
        where = read_text(text).where(())
    except CatalogError as error:
        where = str(error.problems[0].where)
    assert where.startswith("<text>:")


@given(st.binary())
def test_any_bytes_are_read_or_are_a_catalog_error(content: bytes) -> None:
    message = "c.yaml:"
    try:
        read_text(decode(content, origin="c.yaml"), origin="c.yaml")
    except CatalogError as error:
        message = error.message
    assert message.startswith("c.yaml:")
