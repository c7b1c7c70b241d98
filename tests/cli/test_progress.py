"""How a transfer is shown."""

from __future__ import annotations

import io
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from vaehub.cli.progress import Collected, Lines, choose

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vaehub.transfer.listener import Listener


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_line_at_the_start_every_tenth_and_at_the_end(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = Lines(clock=clock)
    lines.started("x.safetensors", 100_000_000, 0)
    for percent in range(1, 101):
        clock.now += 0.05
        lines.advanced("x.safetensors", percent * 1_000_000)
    lines.finished("x.safetensors")
    out, err = capsys.readouterr()
    assert out == ""
    said = err.splitlines()
    assert said[0] == "vaehub: x.safetensors: 100 MB"
    assert said[1] == ("vaehub: x.safetensors: 10 %, 10.0 MB of 100 MB, 20.0 MB/s, 4 s left")
    assert said[-1] == "vaehub: x.safetensors: done, 100 MB in 5 s"
    assert len(said) == 11


def test_a_slow_transfer_speaks_every_ten_seconds(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = Lines(clock=clock)
    lines.started("x", 1_000_000_000, 0)
    for second in range(1, 31):
        clock.now = second
        lines.advanced("x", second * 10_000)
    assert len(capsys.readouterr().err.splitlines()) == 1 + 3


def test_what_is_here_already_does_not_count_as_speed(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = Lines(clock=clock)
    lines.started("x", 100_000_000, 50_000_000)
    clock.now = 1
    lines.advanced("x", 60_000_000)
    assert capsys.readouterr().err.splitlines() == [
        "vaehub: x: 100 MB, 50.0 MB already here",
        "vaehub: x: 60 %, 60.0 MB of 100 MB, 10.0 MB/s, 4 s left",
    ]


def test_a_start_that_says_nothing_new_is_not_repeated(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = Lines()
    lines.started("x", None, 0)
    lines.started("x", 5_000, 0)
    lines.started("x", 5_000, 0)
    assert capsys.readouterr().err.splitlines() == [
        "vaehub: x: of unknown size",
        "vaehub: x: 5.00 kB",
    ]


def test_a_host_that_starts_over_is_followed(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = Lines(clock=clock)
    lines.started("x", 1_000, 0)
    lines.advanced("x", 900)
    clock.now = 1
    lines.advanced("x", 0)
    lines.advanced("x", 100)
    lines.finished("x")
    assert "10 %" in capsys.readouterr().err


def test_an_unknown_total_is_told_by_time_alone(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = Lines(clock=clock)
    lines.started("x", None, 0)
    lines.advanced("x", 1_000_000)
    clock.now = 10
    lines.advanced("x", 20_000_000)
    assert capsys.readouterr().err.splitlines()[1:] == ["vaehub: x: 20.0 MB, 2.00 MB/s"]


def test_what_was_never_started_is_not_told(capsys: pytest.CaptureFixture[str]) -> None:
    lines = Lines()
    lines.advanced("x", 5)
    lines.finished("x")
    assert capsys.readouterr().err == ""


def test_notes_are_shown_without_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    Lines().note("https://cdn.example/x?sig=abc failed; trying the next")
    assert capsys.readouterr().err == ("vaehub: https://cdn.example/x?… failed; trying the next\n")


def test_silence_keeps_the_notes(capsys: pytest.CaptureFixture[str]) -> None:
    with choose(silent=True) as listener:
        listener.started("x", 1, 0)
        listener.advanced("x", 1)
        listener.finished("x")
        listener.note("source a failed")
    assert isinstance(listener, Collected)
    assert [problem.as_json() for problem in listener.notes] == [
        {
            "code": "note",
            "message": "source a failed",
            "where": None,
            "blocking": False,
            "hint": None,
        }
    ]
    assert capsys.readouterr() == ("", "")


def test_of_several_files_the_lines_in_between_are_about_all(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = Lines(clock=clock)
    lines.planned("a", 100_000_000)
    lines.planned("b", 100_000_000)
    lines.planned("c", 100_000_000)
    lines.started("a", 100_000_000, 0)
    lines.started("b", 100_000_000, 0)
    clock.now = 2
    lines.advanced("a", 20_000_000)
    lines.advanced("b", 20_000_000)
    clock.now = 3
    lines.advanced("a", 100_000_000)
    lines.finished("a")
    lines.abandoned("b")
    lines.abandoned("c")
    assert capsys.readouterr().err.splitlines() == [
        "vaehub: a: 100 MB",
        "vaehub: b: 100 MB",
        "vaehub: 0 of 3 files: 13 %, 40.0 MB of 300 MB, 20.0 MB/s, 13 s left",
        "vaehub: 0 of 3 files: 40 %, 120 MB of 300 MB, 40.0 MB/s, 4 s left",
        "vaehub: a: done, 100 MB in 3 s",
        "vaehub: b: given up",
    ]


def test_a_stall_is_said(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    lines = Lines(clock=clock)
    lines.started("x", 100_000_000, 0)
    lines.advanced("x", 5_000_000)
    clock.now = 11
    lines.advanced("x", 5_000_000)
    assert capsys.readouterr().err.splitlines()[1:] == [
        "vaehub: x: 5 %, 5.00 MB of 100 MB, nothing for 11 s"
    ]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@contextmanager
def watched() -> Iterator[tuple[Terminal, Listener]]:
    """Give a terminal and the listener that draws on it."""
    with pytest.MonkeyPatch.context() as patch:
        stream = Terminal()
        patch.setattr("sys.stderr", stream)
        for name, value in {"TERM": "xterm", "COLUMNS": "80", "NO_COLOR": "1"}.items():
            patch.setenv(name, value)
        with choose(silent=False) as listener:
            yield stream, listener


def last_lines(stream: Terminal, count: int) -> list[str]:
    """Give the lines that stand there in the end, without what moves the cursor."""
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.getvalue()).replace("\r", "\n")
    return [line.rstrip() for line in text.splitlines() if line.strip()][-count:]


def test_one_file_has_one_bar() -> None:
    with watched() as (terminal, listener):
        listener.started("x.safetensors", 100_000_000, 0)
        listener.advanced("x.safetensors", 100_000_000)
        listener.finished("x.safetensors")
    (line,) = last_lines(terminal, 1)
    assert line.startswith("x.safetensors")
    assert line.endswith("100 MB of 100 MB")
    assert len(line) <= 78  # the rest is for ^C
    assert "file" not in terminal.getvalue().replace(".safetensors", "")


def test_several_files_have_a_bar_each_and_one_for_all() -> None:
    with watched() as (terminal, listener):
        for name in ("a.safetensors", "b.safetensors", "c.safetensors"):
            listener.planned(name, 100_000_000)
        listener.started("a.safetensors", 100_000_000, 0)
        listener.started("b.safetensors", 100_000_000, 50_000_000)
        listener.advanced("a.safetensors", 100_000_000)
        listener.finished("a.safetensors")
        listener.note("mirror x did not deliver")
        listener.started("c.safetensors", 100_000_000, 0)
        listener.abandoned("c.safetensors")
    printed = terminal.getvalue()
    assert "a.safetensors: done, 100 MB in 0 s" in printed
    assert "c.safetensors: given up" in printed
    assert "vaehub: mirror x did not deliver" in printed
    total, last = last_lines(terminal, 2)
    assert total.startswith("1 of 2 files")
    assert "150 MB of 200 MB" in total
    assert last.startswith("b.safetensors")


def test_the_last_of_several_leaves_the_total_alone() -> None:
    with watched() as (terminal, listener):
        for name in ("a", "b"):
            listener.planned(name, 1_000)
            listener.started(name, 1_000, 0)
            listener.advanced(name, 1_000)
            listener.finished(name)
    (total,) = last_lines(terminal, 1)
    assert total.startswith("2 of 2 files")
    assert total.endswith("2.00 kB of 2.00 kB")


def test_a_stream_that_is_no_terminal_gets_lines() -> None:
    with choose(silent=False) as listener:
        assert isinstance(listener, Lines)
