"""Workers that are handed pieces: in order, and no error is lost."""

from __future__ import annotations

import threading

import pytest

from vaehub.weights.lanes import Lane


def test_work_is_done_in_order_and_in_another_thread() -> None:
    done: list[int] = []
    threads = set()

    def work(number: int) -> None:
        threads.add(threading.current_thread())
        done.append(number)

    with Lane("test") as lane:
        for number in range(50):
            lane.give(lambda number=number: work(number))  # type: ignore[misc]
    assert done == list(range(50))
    assert threading.current_thread() not in threads
    assert len(threads) == 1


def test_an_error_is_raised_where_the_work_was_given() -> None:
    done: list[int] = []

    def fail() -> None:
        raise OSError("a disk")

    def give() -> None:
        with Lane("test") as lane:
            lane.give(fail)
            for number in range(20):  # more than wait: nobody must be stuck
                lane.give(lambda number=number: done.append(number))  # type: ignore[misc]

    with pytest.raises(OSError, match="a disk"):
        give()
    assert done == []


def test_an_error_of_the_giver_ends_the_worker() -> None:
    lane = Lane("test")

    def give() -> None:
        with lane:
            raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        give()
    assert not lane._thread.is_alive()
