"""What the benchmarks report is what happened: statistics, order, memory, failures."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from benchmarks.measure import Command, Failed, Paired, Run, paired, run

if TYPE_CHECKING:
    from pathlib import Path


def test_a_ratio_is_of_medians_with_the_extremes_of_the_pairs() -> None:
    ours = [Run(wall, 1.0, 10) for wall in (1.0, 2.0, 9.0)]
    theirs = [Run(wall, 2.0, 10) for wall in (2.0, 4.0, 3.0)]
    both = Paired(ours, theirs)
    assert both.ratio(lambda one: one.wall) == (2.0 / 3.0, 0.5, 3.0)
    assert both.ratio(lambda one: one.cpu) == (0.5, 0.5, 0.5)


def test_who_goes_first_changes_with_each_pair() -> None:
    order: list[str] = []
    ours = Command("ours", ["true"], before=lambda: order.append("ours"))
    theirs = Command("theirs", ["true"], before=lambda: order.append("theirs"))
    both = paired(ours, theirs, runs=3)
    assert order == ["ours", "theirs", "theirs", "ours", "ours", "theirs"]
    assert (len(both.ours), len(both.theirs)) == (3, 3)


def test_a_run_is_cleared_for_and_looked_at(tmp_path: Path) -> None:
    left, made = tmp_path / "left", tmp_path / "made"
    left.write_text("from the run before")
    seen: list[bool] = []
    command = Command(
        "sh",
        ["sh", "-c", f"test ! -e {left} && touch {made}"],
        clear=[left],
        after=lambda: seen.append(made.exists()),
    )
    one = run(command)
    assert seen == [True]
    assert 0 < one.wall < 60


def test_the_memory_of_whoever_measures_is_not_the_commands() -> None:
    held = bytearray(60 << 20)
    held[::4096] = b"x" * len(held[::4096])
    peak = run(Command("small", ["true"])).peak
    assert peak < 30 << 20
    code = "x = bytearray(60 << 20); x[::4096] = b'x' * len(x[::4096])"
    assert run(Command("large", [sys.executable, "-c", code])).peak > 60 << 20


def test_a_command_may_tell_its_own_seconds(tmp_path: Path) -> None:
    report = tmp_path / "seconds"
    command = Command("slow to start", ["sh", "-c", f"echo 0.25 > {report}"], report=report)
    assert run(command).wall == 0.25


@pytest.mark.parametrize(
    ("argv", "why"),
    [
        (["sh", "-c", "echo its last words >&2; exit 3"], "ended with 3: its last words"),
        (["sh", "-c", "kill -9 $$"], "ended with -9"),
        (["no-such-program-anywhere"], "could not be started"),
    ],
)
def test_a_command_that_fails_gives_no_figures(argv: list[str], why: str) -> None:
    with pytest.raises(Failed, match=why):
        run(Command("it", argv))


def test_a_command_that_did_not_do_its_work_gives_no_figures() -> None:
    def look() -> None:
        raise Failed("it", "nothing is there")

    with pytest.raises(Failed, match="nothing is there"):
        run(Command("it", ["true"], after=look))
