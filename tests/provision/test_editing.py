"""A manifest's text is edited where the list stands, and every other character stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, event, given
from hypothesis import strategies as st

from vaehub.catalog.read import read_text
from vaehub.errors import ManifestError
from vaehub.provision import editing, manifest
from vaehub.provision.editing import Put, Take, edit
from vaehub.provision.marks import Marked

PATH = Path("vaehub.yaml")
HOUSE = "house"


def put(text: str, name: str = "x", *targets: str) -> str:
    return edit(text.encode(), [Put(name, targets)], path=PATH).decode()


def take(text: str, at: int) -> str:
    return edit(text.encode(), [Take(at, "x")], path=PATH).decode()


def vaes(text: str) -> Any:
    return read_text(text).data["vaes"]


# What stands where


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "schema: 1\nvaes:\n  - x\n"),
        ("# mine\n", "# mine\nschema: 1\nvaes:\n  - x\n"),
        ("---\n", "---\nschema: 1\nvaes:\n  - x\n"),
        ("schema: 1\n", "schema: 1\nvaes:\n  - x\n"),
        ("schema: 1\nvaes:", "schema: 1\nvaes:\n  - x"),
        ("schema: 1\nvaes:  # all\n# -\n", "schema: 1\nvaes:  # all\n  - x\n# -\n"),
        ("vaes: null # none\nschema: 1\n", "vaes: # none\n  - x\nschema: 1\n"),
        (
            "schema: 1\npolicy: {}  # so\n\n# end\n",
            "schema: 1\npolicy: {}  # so\nvaes:\n  - x\n\n# end\n",
        ),
    ],
)  # fmt: skip
def test_a_list_begins_where_there_is_none(before: str, after: str) -> None:
    assert put(before) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("vaes:\n  - a\n", "vaes:\n  - a\n  - x\n"),
        ("vaes:\n- a  # one\n\n# two\n", "vaes:\n- a  # one\n- x\n\n# two\n"),
        ("vaes:\n  -   a", "vaes:\n  -   a\n  -   x"),
        ("vaes:\r\n  - a\r\n", "vaes:\r\n  - a\r\n  - x\r\n"),
        ("vaes:\r  - a\r", "vaes:\r  - a\r  - x\r"),
        ("\ufeffvaes:\n  - 'a'\n", "\ufeffvaes:\n  - 'a'\n  - 'x'\n"),
        ('vaes:\n  - "a"\n', 'vaes:\n  - "a"\n  - "x"\n'),
        (
            "vaes:\n  - name: a\n    targets: [t]  # t\n",
            "vaes:\n  - name: a\n    targets: [t]  # t\n  - x\n",
        ),
        ("vaes:\n  - >-\n    a\n\npolicy: {}\n", "vaes:\n  - >-\n    a\n  - x\n\npolicy: {}\n"),
        ("vaes:\n  -  # one\n    a\n", "vaes:\n  -  # one\n    a\n  - x\n"),
        ("vaes: []  # none\n", "vaes:  # none\n  - x\n"),
        ("vaes: [ ]\n", "vaes: [x ]\n"),
        ("vaes: [a]\n", "vaes: [a, x]\n"),
        ("vaes: [ a, 'b', ]\n", "vaes: [ a, 'b', 'x', ]\n"),
        ("vaes: [\n  a,\n  b  # two\n]\n", "vaes: [\n  a,\n  b,  # two\n  x\n]\n"),
        ("vaes: [\n  a,\n  b,  # two\n]\n", "vaes: [\n  a,\n  b,  # two\n  x,\n]\n"),
        ("vaes: [a,\n       b]\n", "vaes: [a,\n       b,\n       x]\n"),
        ('{"vaes": ["a"]}', '{"vaes": ["a", "x"]}'),
        ('{"vaes": []}', '{"vaes": ["x"]}'),
        ('{"vaes": [\n "a"\n]}\n', '{"vaes": [\n "a",\n "x"\n]}\n'),
    ],
)  # fmt: skip
def test_it_goes_to_the_end_and_back_out(before: str, after: str) -> None:
    assert put(before) == after
    assert take(after, len(vaes(after)) - 1) == before


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("vaes:\n  - a\n", "vaes:\n  - a\n  - name: x\n    targets: [b, c]\n"),
        ("vaes:\n-   a\n", "vaes:\n-   a\n-   name: x\n    targets: [b, c]\n"),
        ("vaes: [a]\n", "vaes: [a, {name: x, targets: [b, c]}]\n"),
        ('{"vaes": ["a"]}', '{"vaes": ["a", {"name": "x", "targets": ["b", "c"]}]}'),
    ],
)
def test_with_targets_it_is_a_mapping(before: str, after: str) -> None:
    assert put(before, "x", "b", "c") == after
    assert take(after, 1) == before


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("clearvae@v2.2", "clearvae@v2.2"),
        ("mine/house", "mine/house"),
        ("1.0", '"1.0"'),
        ("9" * 40, f'"{"9" * 40}"'),
        ("true", '"true"'),
        ("a:", '"a:"'),
        ("暖.safetensors", '"暖.safetensors"'),
        ('a"b', '"a\\"b"'),
    ],
)
def test_a_name_is_quoted_where_it_must_be(name: str, written: str) -> None:
    text = put("vaes:\n  - a\n", name)
    assert text == f"vaes:\n  - a\n  - {written}\n"
    assert vaes(text) == ["a", name]


@pytest.mark.parametrize(
    ("before", "at", "after"),
    [
        # Comments above and below belong to nobody; one beside it stays on a line of its own.
        (
            "vaes:\n  # first\n  - a  # the good one\n  # second\n  - b\n",
            0,
            "vaes:\n  # first\n  # the good one\n  # second\n  - b\n",
        ),
        (
            "vaes:\n  - a\n  - name: b  # why\n    # how\n    targets: [t]  # where\n\n# end\n",
            1,
            "vaes:\n  - a\n  # why\n  # how\n  # where\n\n# end\n",
        ),
        ("vaes:\n  - a  # alone", 0, "vaes: []\n  # alone"),
        ("vaes:  # all\n  - a\n", 0, "vaes: []  # all\n"),
        ("vaes: [a, b, c]\n", 0, "vaes: [b, c]\n"),
        ("vaes: [a, b, c]\n", 1, "vaes: [a, c]\n"),
        ("vaes: [a]\n", 0, "vaes: []\n"),
        ("vaes: [a,]\n", 0, "vaes: []\n"),
        ("vaes: [\n  a,  # one\n  b,  # two\n]\n", 0, "vaes: [\n  # one\n  b,  # two\n]\n"),
        ("vaes: [\n  a,  # one\n  b  # two\n]\n", 1, "vaes: [\n  a  # one\n  # two\n]\n"),
        ("vaes: [\n  a  # one\n]\n", 0, "vaes: [\n  # one\n]\n"),
        ("vaes: [\n  {name: a,\n   variant: v},\n  b]\n", 0, "vaes: [\n  b]\n"),
    ],
)  # fmt: skip
def test_what_is_taken_out_leaves_its_comments(before: str, at: int, after: str) -> None:
    assert take(before, at) == after


@pytest.mark.parametrize(
    ("text", "change"),
    [
        ('{"schema": 1}', Put("x")),
        ("{vaes: , schema: 1}", Put("x")),
        ("vaes: [\n  a,\n  b  # two\n  , c]\n", Take(1, "b")),
        ("vaes: [a, {name: b,  # why\n  variant: v}]\n", Take(1, "b")),
        ("? vaes\n: - a\n", Put("x")),
    ],
)
def test_what_cannot_be_edited_alone_is_left_to_the_person(text: str, change: Put | Take) -> None:
    with pytest.raises(ManifestError, match=r"cannot be (put in|taken out) alone") as caught:
        edit(text.encode(), [change], path=PATH)
    assert "with an editor; nothing was written" in str(caught.value.hint)


def test_what_does_not_say_what_was_meant_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = ["vaes:\n  - a\n  - y\n", "vaes:\n  - x\n  - a\n", "vaes: {\n", "vaes:\n  - a\n"]
    for text in wrong:
        monkeypatch.setattr(editing, "_put", lambda *_, text=text: text)
        with pytest.raises(ManifestError, match="cannot be put in alone"):
            put("vaes:\n  - a\n")


def test_several_changes_are_one_edit() -> None:
    text = "vaes:\n  - a\n  - b\n  - c\n"
    changes: list[Put | Take] = [Take(2, "c"), Take(0, "a"), Put("d")]
    assert edit(text.encode(), changes, path=PATH) == b"vaes:\n  - b\n  - d\n"


# Any manifest

SPACES = st.sampled_from(["", " ", "  "])
COMMENT = st.sampled_from(["", "", "  # why", " # - no item, [no] list", '  # it\'s "quoted": yes'])
ALONE = st.sampled_from(["", "", "\n", "# about the next one\n", "\n  # further in\n\n"])
NAMES = st.sampled_from(["a", "'b'", '"c"', "mine/d@v1", "'it''s'", '"\\u6696"', "{name: e}"])
BLOCKS = st.sampled_from(
    [
        "name: f{c}\n{i}targets: [t]",
        "name: g\n\n{i}variant: v1{c}",
        "name: h{c}\n{i}targets:\n{i}- t{c}\n{i}# inside\n{i}- u",
        "name: >-\n{i}  i",
        "|-\n{i}j",
        "{{name: k,\n{i}targets: [t]}}",
        "name:{c}\n{i}  'l'",
    ]
)


@st.composite
def in_block(draw: st.DrawFn) -> str:
    indent = draw(SPACES)
    lines = ["vaes:" + draw(COMMENT) + "\n"]
    gap = " " * draw(st.integers(1, 3))
    for _ in range(draw(st.integers(1, 3))):
        lines.append(draw(ALONE))
        inner = indent + " " + " " * len(gap)
        made = draw(NAMES | BLOCKS)
        if "\n" in made:
            made = made.format(c=draw(COMMENT), i=inner)
        if made.endswith(("  i", "j")):  # a comment after these would be text of theirs
            lines.append(f"{indent}-{gap}{made}\n")
        else:
            lines.append(f"{indent}-{gap}{made}{draw(COMMENT)}\n")
    return "".join(lines)


@st.composite
def in_flow(draw: st.DrawFn) -> str:
    def between() -> str:
        return draw(st.sampled_from(["", " ", "  ", "\n  ", " # here\n  ", "\n\n  # there\n  "]))

    items = [draw(NAMES) for _ in range(draw(st.integers(0, 3)))]
    text = "vaes: [" + between()
    for number, item in enumerate(items):
        last = number == len(items) - 1
        text += item + between() + ("" if last and draw(st.booleans()) else ",") + between()
    return text + "]" + draw(COMMENT) + "\n"


@st.composite
def manifests(draw: st.DrawFn) -> str:
    rest = [
        "schema: 1" + draw(COMMENT) + "\n",
        draw(st.sampled_from(["", "targets:\n  t: {ui: comfyui}\n  # both\n  u: {ui: forge}\n"])),
        draw(in_block() | in_flow()),
        draw(st.sampled_from(["", "policy: {pickles: deny}  # strict\n"])),
    ]
    text = "".join(draw(ALONE) + part for part in draw(st.permutations(rest)))
    text += draw(st.sampled_from(["", "", "# end\n", "\n\n", "...\n"]))
    if draw(st.booleans()):
        text = text.removesuffix("\n")
    return draw(st.sampled_from(["", "", "\ufeff"])) + text.replace(
        "\n", draw(st.sampled_from(["\n", "\n", "\r\n"]))
    )


def comments(text: str) -> list[str]:
    return sorted(each.text.rstrip() for each in Marked(text.removeprefix("\ufeff")).comments)


def readable(text: str) -> None:
    try:
        manifest.parse(text.encode(), path=PATH)
    except ManifestError as error:
        # Names of targets that are not there, and names that stand twice, are none of ours here.
        assume("no target is called" in error.message or "stands twice" in error.message)


@given(text=manifests(), targets=st.sampled_from([(), ("t",), ("t", "u.1")]))
def test_put_in_and_taken_out_again_the_bytes_are_the_same(
    text: str, targets: tuple[str, ...]
) -> None:
    readable(text)
    before = vaes(text)
    try:
        more = put(text, HOUSE, *targets)
    except ManifestError:
        event("left to the person")
        assert "[" in text.partition("vaes:")[2].lstrip()[:1]  # never in block style
        return
    added = {"name": HOUSE, "targets": list(targets)} if targets else HOUSE
    assert vaes(more) == [*before, added]
    assert comments(more) == comments(text)
    if before:  # else `[]` makes room for a list in block style
        left = iter(more)
        assert all(character in left for character in text)  # in their order
    back = take(more, len(before))
    event("the same bytes" if back == text else "the same meaning")
    assert back == text


@given(text=manifests(), data=st.data())
def test_whatever_is_taken_out_the_rest_stays(text: str, data: st.DataObject) -> None:
    readable(text)
    before = vaes(text)
    assume(before)
    at = data.draw(st.integers(0, len(before) - 1))
    try:
        less = take(text, at)
    except ManifestError:
        event("left to the person")
        assert "[" in text.partition("vaes:")[2].lstrip()[:1]  # never in block style
        return
    assert vaes(less) == before[:at] + before[at + 1 :]
    assert comments(less) == comments(text)
    rest, was = read_text(less).data, read_text(text).data
    assert {**rest, "vaes": 0} == {**was, "vaes": 0}
