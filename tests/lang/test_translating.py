"""Finished texts find their templates, and what is nobody's stays as it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaehub.lang import translating
from vaehub.lang.translating import KEY, Translator

TABLE = {
    "no VAE is called {0}": "没有叫 {0} 的 VAE",
    "no VAE is called {0}; did you mean {1}?": "没有叫 {0} 的 VAE；您是不是要找 {1}？",
    "{0} sent {1} bytes, expected {2}; thrown away": "{0} 发来 {1} 字节，应为 {2}；已丢弃",
    "cut after {0} of {1} bytes": "在 {1} 字节中的 {0} 处断开",
    "{0} of {1}": "{0} / {1}",
    "{0} is {1}": "{0} 是{1}",
    "a folder": "文件夹",
    "works": "正常",
    "cannot read {0}: {1}": "无法读取 {0}：{1}",
    "the file is gone": "文件不见了",
    "in {0}": "在 {0} 里",
    "a key with {{braces}} and {0}": "带 {{花括号}} 的键和 {0}",
    ": {0} files": "：{0} 个文件",
    "round trip {0} dB": "往返 {0} dB",
    "unused": "",
}
ODD = st.text("0123456789.*+?()[]{}\\^$|\n\t“”中文~@#", max_size=30).filter(str.strip)
"""Values with everything that means something to somebody, and no word of a template."""


@pytest.fixture(scope="module")
def chinese() -> Translator:
    return Translator(TABLE)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no VAE is called 'x'", "没有叫 'x' 的 VAE"),
        ("no VAE is called 'x'; did you mean y?", "没有叫 'x' 的 VAE；您是不是要找 y？"),
        ("  the file is gone\n", "  文件不见了\n"),
        ("The file is gone", "文件不见了"),
        ("/a/b is a folder", "/a/b 是文件夹"),
        ("cannot read /a: the file is gone", "无法读取 /a：文件不见了"),
        ("a key with {braces} and x", "带 {花括号} 的键和 x"),
        ("mine.yaml:3: the file is gone", "mine.yaml:3: 文件不见了"),
        ("the file is gone; no VAE is called 'x'", "文件不见了；没有叫 'x' 的 VAE"),
        ("works; round trip 38 dB, 0.3 s", "正常；往返 38 dB，0.3 s"),
        ("the file is gone (works)", "文件不见了（正常）"),
        (": 3 files", "：3 个文件"),
        (": the file is gone", "：文件不见了"),
        ("12 MB of 40 MB", "12 MB / 40 MB"),
        ("works", "正常"),
    ],
)
def test_a_text_is_said_in_chinese(text: str, said: str, chinese: Translator) -> None:
    assert chinese.translate(text) == said


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n",
        "/mnt/a folder/x",
        "no VAE",
        "the queen of england is dead",
        "this is works",
        "somebody else's sentence, the file is gone",
        "unused",
        "works/in/progress",
    ],
)
def test_what_is_nobody_s_stays(text: str, chinese: Translator) -> None:
    assert chinese.translate(text) == text


def test_a_name_that_is_a_word_of_ours_stays(chinese: Translator) -> None:
    assert chinese.translate("no VAE is called works") == "没有叫 works 的 VAE"


@given(st.text())
def test_any_text_is_said_somehow(text: str) -> None:
    translating.translate(text)


@given(st.lists(st.sampled_from(["; ", ": ", ", ", " (", ")", "\n", "{0}", " of ", "a folder"])))
def test_any_glue_is_said_somehow(pieces: list[str]) -> None:
    Translator(TABLE).translate("".join(pieces))


@given(st.sampled_from(sorted(TABLE)), st.lists(ODD, min_size=3, max_size=3))
def test_a_filled_template_becomes_the_filled_translation(text: str, values: list[str]) -> None:
    chinese = Translator(TABLE)
    if not TABLE[text] or ("of {1}" in text and not values[0][:1].isdigit()):
        return  # not translated, or too vague for anything but figures
    if text in {"{0} is {1}", "in {0}"} or text.startswith(":"):
        return
    values = [value.strip() for value in values]
    filled = text.format(*values).strip()
    assert chinese.translate(filled) == TABLE[text].format(*values).strip()


@given(st.lists(st.text("ab ;:,", max_size=8), min_size=3, max_size=3))
def test_vague_templates_want_more_than_their_own_words(values: list[str]) -> None:
    chinese = Translator({"{0} of {1}": "{0} / {1}"})
    text = f"x{values[0]} of {values[1]}"
    assert chinese.translate(text) == text


def test_templates_are_found_by_their_longest_piece_and_not_one_by_one() -> None:
    many = {f"template {'x' * 9}{n:05} with {{0}}": f"模板 {n} {{0}}" for n in range(5000)}
    chinese = Translator({**many, "here is {0}": "这里是 {0}"})
    found = chinese.candidates("here is something")
    assert [template.literals[0] for template in found] == ["here is "]


def test_a_hostile_text_is_not_tried_in_all_ways(chinese: Translator) -> None:
    # Regular expressions with three gaps would try each of some 10**12 ways.
    text = "a sent b bytes, expected " * 20_000
    assert chinese.translate(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "a: b, c; of is the in " * 180,
        ": a is b" * 400,
        " (a" * 1000 + ")",
        "a, " * 1300,
        "a\n" * 999,
    ],
)
def test_a_text_of_many_pieces_is_not_taken_apart_for_ever(
    text: str, chinese: Translator, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up = []
    find = Translator.candidates

    def counted(self: Translator, text: str) -> set[translating._Template]:
        looked_up.append(text)
        return find(self, text)

    monkeypatch.setattr(Translator, "candidates", counted)
    assert chinese.translate(text) == text
    assert len(looked_up) <= 2 * translating._TRIES


def test_our_own_templates_all_have_a_key() -> None:
    from vaehub.lang import filling, update

    for message in update.read():
        text = str(message.id)
        if filling.holes(text):
            assert max(map(len, filling.literals(text))) >= KEY, text


def test_the_shipped_catalog_is_there() -> None:
    assert translating.translate("no VAE is called 'x'") == "没有叫 'x' 的 VAE"
    assert translating.exactly("installed") == "已安装"
    assert translating.exactly("no VAE is called 'x'") == "no VAE is called 'x'"
