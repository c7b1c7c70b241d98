"""The short way to read a command line: it says what click says, or nothing."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import click
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vaehub.cli import clicked, plain
from vaehub.cli.declared import Argument, Command, Group, Option
from vaehub.cli.table import COMMANDS, load

if TYPE_CHECKING:
    from vaehub.cli.declared import Reading


def leaves() -> dict[str, Command]:
    found: dict[str, Command] = {}
    for name in COMMANDS:
        command = load(name)
        leaves = command.commands.values() if isinstance(command, Group) else [command]
        found.update((leaf.name, leaf) for leaf in leaves)
    return found


LEAVES = leaves()
SPELLINGS = sorted(
    {
        word
        for leaf in LEAVES.values()
        for parameter in leaf.parameters
        if isinstance(parameter, Option)
        for word in parameter.spellings
    }
)
ODD = [
    "",
    "-",
    "--",
    "-h",
    "--help",
    "--version",
    "--to=x",
    "-qv",
    "-vx",
    "--js",
    "-x",
    "--no-json",
]
WORD = st.sampled_from(
    [*SPELLINGS, *ODD, "house", "mine/house@v1", "store", "gc", "list"]
) | st.text("ab-=@/.暖 \udc80\x1b", max_size=5)
STARTS = [name.split() for name in LEAVES] + [[], ["store"], ["catalog"], ["nothing"]]


def by_click(arguments: list[str]) -> Reading | int | None:
    try:
        return clicked.read(arguments)
    except click.UsageError:
        return None


@settings(max_examples=600, deadline=None)
@given(start=st.sampled_from(STARTS), rest=st.lists(WORD, max_size=5))
def test_it_says_what_click_says_or_nothing(start: list[str], rest: list[str]) -> None:
    arguments = [*start, *rest]
    said = plain.read(arguments)
    if said is not None:
        assert said == by_click(arguments)


@st.composite
def plain_lines(draw: st.DrawFn) -> list[str]:
    """Make a command line of declared words only, in any order."""
    leaf = draw(st.sampled_from(list(LEAVES.values())))
    words = st.text("ab@/.暖 ", min_size=1, max_size=5)
    pieces: list[list[str]] = []
    for parameter in leaf.parameters:
        if isinstance(parameter, Option) and parameter.by_click is None:
            for _ in range(draw(st.integers(0, 2))):
                value = [] if parameter.metavar is None else [draw(words)]
                pieces.append([draw(st.sampled_from(parameter.spellings)), *value])
        elif isinstance(parameter, Argument):
            least = 1 if parameter.required else 0
            number = draw(st.integers(least, 3)) if parameter.many else 1
            pieces += [[draw(words)] for _ in range(number)]
    return [
        *leaf.name.split(),
        *(word for piece in draw(st.permutations(pieces)) for word in piece),
    ]


@settings(max_examples=300, deadline=None)
@given(plain_lines())
def test_what_is_declared_needs_no_click(arguments: list[str]) -> None:
    said = plain.read(arguments)
    assert said is not None
    assert said == by_click(arguments)


@pytest.mark.parametrize("name", LEAVES)
def test_the_examples_need_no_click(name: str) -> None:
    lines = [line for line, _ in LEAVES[name].examples if line.startswith("vaehub ")]
    assert lines
    for line in lines:
        words = shlex.split(re.split("[|>]", line)[0])[1:]
        said = plain.read(words)
        if "--source" in words or "--limit-rate" in words:
            assert said is None
            continue
        assert said is not None, line
        assert said.command is LEAVES[name]
        assert said == by_click(words)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "lists",
        "store",
        "store list",
        "list house",
        "list --to",
        "list --to --json",
        "list --to=x",
        "list -qv",
        "list -- house",
        "list --help",
        "install house --source huggingface",
        "install house --limit-rate 5MB",
        "info",
        "info house flat",
        "search",
        "--json list",
    ],
)
def test_what_is_not_plain_is_left_to_click(line: str) -> None:
    assert plain.read(line.split()) is None
