"""Figures and foreign text in words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaehub.cli import words


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.00 kB"),
        (9_994, "9.99 kB"),
        (9_996, "10.0 kB"),
        (334_641_190, "335 MB"),
        (5_410_000, "5.41 MB"),
        (999_499_999, "999 MB"),
        (999_600_000, "1.00 GB"),
        (2_500_000_000_000_000, "2500 TB"),
        (None, "?"),
    ],
)
def test_sizes_have_three_digits_and_decimal_units(number: int | None, text: str) -> None:
    assert words.size(number) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "0 s"), (59.4, "59 s"), (65, "1 min 05 s"), (3_780, "1 h 03 min"), (-1, "0 s")],
)
def test_durations(seconds: float, text: str) -> None:
    assert words.duration(seconds) == text


def test_counts() -> None:
    assert words.count(1, "file") == "1 file"
    assert words.count(0, "file") == "0 files"
    assert words.count(2, "entry", "entries") == "2 entries"


def test_chinese_is_wrapped_between_characters_and_no_line_begins_with_a_comma() -> None:
    text = "明亮浓郁的动漫色彩，Waifu Diffusion 的 VAE（改名附带）"
    assert words.wrap(text, 18) == [
        "明亮浓郁的动漫色",
        "彩，Waifu",
        "Diffusion 的 VAE",
        "（改名附带）",
    ]
    assert words.wrap("动漫色彩，暖", 8) == ["动漫色", "彩，暖"]
    assert words.wrap("暖\u0301ab", 2) == ["暖\u0301", "ab"]
    assert words.wrap("ab动“漫色彩”", 5) == ["ab动", "“漫色", "彩”"]


def test_long_words_stay_whole_and_leading_blanks_stay() -> None:
    assert words.wrap("in /some/very/long/path it is", 8) == ["in", "/some/very/long/path", "it is"]
    assert words.wrap("在 /some/very/long/path 里", 8) == ["在", "/some/very/long/path", "里"]
    assert words.wrap("   ab 暖", 8) == ["   ab 暖"]
    assert words.wrap("", 8) == words.wrap(" ", 8) == words.wrap("\u3000", 8) == []


@given(st.text("ab 暖，。（“”\u0301\n", max_size=40), st.integers(min_value=10, max_value=30))
def test_wrapping_loses_nothing_and_keeps_to_the_width(text: str, cells: int) -> None:
    lines = words.wrap(text, cells)
    assert "".join("".join(lines).split()) == "".join(text.split())
    for line in lines:
        whole = " " not in line.strip() and words.width(line) > cells
        assert words.width(line) <= cells or whole


@given(st.text())
def test_clean_text_cannot_steer_a_terminal(text: str) -> None:
    cleaned = words.clean(text)
    assert not any(
        (ord(character) < 32 and character not in "\n\t") or 0x7F <= ord(character) < 0xA0
        for character in cleaned
    )
    assert words.clean(cleaned) == cleaned


def test_clean_text_keeps_what_people_write() -> None:
    text = "暖色 – “naïve”\u00a0VAE\nsecond\tline"
    assert words.clean(text) == text
    assert words.clean("\x1b[31mred\x1b[0m") == "\ufffd[31mred\ufffd[0m"
    assert "\u202e" not in words.clean("safe\u202efdp.exe")


def test_a_chinese_character_takes_two_cells() -> None:
    assert words.width("暖色 VAE") == 8
    assert words.width("e\u0301") == 1


@given(st.text(alphabet="ab 暖色,", max_size=30), st.integers(min_value=1, max_value=20))
def test_shortened_text_fits(text: str, cells: int) -> None:
    shortened = words.shorten(text, cells)
    assert words.width(shortened) <= cells
    assert shortened == text or shortened.endswith("…")


@given(
    st.lists(st.text("ab -暖", min_size=1, max_size=8), min_size=1, max_size=5),
    st.integers(min_value=1, max_value=40),
)
def test_a_shortened_list_fits_and_keeps_whole_items(items: list[str], cells: int) -> None:
    text = ", ".join(items)
    shortened = words.shorten_list(text, cells)
    assert words.width(shortened) <= cells
    if words.width(f"{items[0]}, …") <= cells:
        *kept, last = shortened.split(", ")
        assert kept == items[: len(kept)]
        assert last in {"…", items[-1]}


def test_a_list_is_cut_between_its_items() -> None:
    text = "SDXL, Pony v6, Illustrious"
    assert words.shorten_list(text, 26) == text
    assert words.shorten_list(text, 25) == "SDXL, Pony v6, …"
    assert words.shorten_list(text, 15) == "SDXL, …"
    assert words.shorten_list(text, 6) == "SDXL…"
    assert words.shorten_list("Illustrious", 6) == "Illus…"


@given(st.text("ab 中，（文）"), st.integers(4, 20))
def test_wrapping_loses_nothing(text: str, cells: int) -> None:
    assert "".join(words.wrap(text, cells)).replace(" ", "") == text.replace(" ", "")
