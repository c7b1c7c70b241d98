"""How a transfer is shown."""

from __future__ import annotations

import pytest

from vaehub.cli.progress import Collected, Lines, choose


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


def test_a_stream_that_is_no_terminal_gets_lines() -> None:
    with choose(silent=False) as listener:
        assert isinstance(listener, Lines)
