"""Several things at the same time."""

from __future__ import annotations

import _thread
import threading
import time
from typing import TYPE_CHECKING

import pytest

from vaehub import together
from vaehub.together import run_together

if TYPE_CHECKING:
    from collections.abc import Callable


def test_each_ends_by_itself_and_the_order_is_kept() -> None:
    first_may_end = threading.Event()

    def slow(_: Callable[[], bool]) -> str:
        assert first_may_end.wait(20)
        return "slow"

    def fails(_: Callable[[], bool]) -> str:
        raise ValueError("no")

    def quick(_: Callable[[], bool]) -> str:
        first_may_end.set()
        return "quick"

    slow_, failed, quick_ = run_together([slow, fails, quick], at_once=2)
    assert (slow_, quick_) == ("slow", "quick")
    assert isinstance(failed, ValueError)


def test_never_more_at_once_than_allowed() -> None:
    lock = threading.Lock()
    running = most = 0

    def job(_: Callable[[], bool]) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.01)
        with lock:
            running -= 1

    assert run_together([job] * 12, at_once=3) == [None] * 12
    assert most <= 3


def test_one_job_runs_in_the_callers_thread() -> None:
    assert run_together([lambda _: threading.current_thread()], at_once=3) == [
        threading.current_thread()
    ]


def test_nothing_to_do() -> None:
    assert run_together([], at_once=3) == []


def test_ctrl_c_stops_all_and_begins_no_more() -> None:
    begun: list[int] = []
    stopped: list[int] = []
    both = threading.Barrier(2)

    def job(number: int) -> Callable[[Callable[[], bool]], None]:
        def run(stopping: Callable[[], bool]) -> None:
            begun.append(number)
            if both.wait(20) == 0:
                _thread.interrupt_main()  # what Ctrl-C does
            while not stopping():
                time.sleep(0.01)
            stopped.append(number)

        return run

    with pytest.raises(KeyboardInterrupt):
        run_together([job(number) for number in range(5)], at_once=2)
    assert sorted(begun) == sorted(stopped) == [0, 1]


def test_who_does_not_stop_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(together, "GRACE", 0.01)
    over = threading.Event()

    def deaf(_: Callable[[], bool]) -> None:
        _thread.interrupt_main()
        over.wait(20)

    with pytest.raises(KeyboardInterrupt):
        run_together([deaf, lambda _: None], at_once=2)
    over.set()


def test_an_interrupt_within_a_job_is_the_callers_too() -> None:
    def interrupted(_: Callable[[], bool]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_together([interrupted], at_once=1)
    with pytest.raises(KeyboardInterrupt):
        run_together([interrupted, lambda _: None], at_once=2)
