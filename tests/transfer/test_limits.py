"""The budget of a run: bytes a second and connections, by a clock of the test's own."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vaehub.transfer.limits import Limits

TOLERANCE = 0.05 + 1e-6
"""Seconds that may be left unpaid, since nobody sleeps that exactly."""


@dataclass
class Clock:
    """Goes on only while somebody sleeps."""

    now: float = 1000.0
    naps: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.now += seconds


spends = st.lists(
    st.tuples(st.integers(0, 2_000_000), st.floats(0, 3, allow_nan=False)), max_size=30
)


@settings(deadline=None)
@given(spends, st.integers(1_000, 50_000_000))
def test_no_bytes_are_faster_than_the_rate(spends: list[tuple[int, float]], rate: int) -> None:
    clock = Clock()
    limits = Limits(rate=rate, clock=clock)
    begun, idle = clock.now, 0.0
    for count, pause in spends:
        limits.spend(count, sleep=clock.sleep)
        clock.now += pause
        idle += pause
        due = sum(each for each, _ in spends[: spends.index((count, pause)) + 1]) / rate
        assert clock.now - begun >= due - TOLERANCE - idle
    total = sum(count for count, _ in spends) / rate
    assert sum(clock.naps) >= total - TOLERANCE - idle
    assert sum(clock.naps) <= total + 1e-6, "it slept longer than the bytes take"
    assert max(clock.naps, default=0) <= 0.5, "nobody could have stopped it"


@settings(deadline=None)
@given(st.lists(st.integers(0, 2_000_000), max_size=30), st.integers(1_000, 50_000_000))
def test_without_pauses_the_total_is_exact(counts: list[int], rate: int) -> None:
    clock = Clock()
    limits = Limits(rate=rate, clock=clock)
    for count in counts:
        limits.spend(count, sleep=clock.sleep)
    assert abs(sum(clock.naps) - sum(counts) / rate) <= TOLERANCE


def test_a_pause_earns_no_burst() -> None:
    clock = Clock()
    limits = Limits(rate=1000, clock=clock)
    clock.now += 3600
    limits.spend(2000, sleep=clock.sleep)
    assert sum(clock.naps) == pytest.approx(2)


def test_what_is_owed_is_what_still_has_to_be_waited_for() -> None:
    clock = Clock()
    limits = Limits(rate=1000, clock=clock)
    assert limits.owed == 0
    limits.spend(3000, sleep=lambda seconds: None)
    assert limits.owed == pytest.approx(3)
    clock.now += 2
    assert limits.owed == pytest.approx(1)
    clock.now += 2
    assert limits.owed == 0
    assert Limits(clock=clock).owed == 0


def test_what_several_spend_at_once_adds_up() -> None:
    clock = Clock()
    limits = Limits(rate=1000, clock=clock)
    naps: list[list[float]] = [[], [], []]
    for mine in naps:  # at the same moment: the clock stands still
        limits.spend(1000, sleep=mine.append)
    assert [sum(mine) for mine in naps] == pytest.approx([1, 2, 3])


def test_without_a_rate_nobody_waits() -> None:
    clock = Clock()
    Limits(clock=clock).spend(10**12, sleep=clock.sleep)
    assert clock.naps == []


@pytest.mark.parametrize(
    ("connections", "transfers", "share"),
    [(None, 0, 8), (None, 1, 8), (None, 2, 4), (None, 3, 2), (None, 20, 1), (3, 1, 3), (3, 2, 1)],
)
def test_transfers_from_one_host_share_its_connections(
    connections: int | None, transfers: int, share: int
) -> None:
    limits = Limits(connections=connections)
    running = [limits.transfer("civitai") for _ in range(transfers)]
    for each in running:
        each.__enter__()
    assert limits.share("civitai", 8) == share
    assert limits.share("huggingface", 8) == min(8, connections or 8)
    for each in running:
        each.__exit__(None, None, None)
    assert limits.share("civitai", 8) == min(8, connections or 8)


def test_a_transfer_that_fails_is_counted_no_more() -> None:
    limits = Limits()
    with contextlib.suppress(KeyError), limits.transfer("x"), limits.transfer("x"):
        assert limits.share("x", 8) == 4
        raise KeyError
    assert limits.share("x", 8) == 8


def test_without_a_limit_every_connection_is_free() -> None:
    limits = Limits()
    with (
        limits.connection(unless=lambda: True) as first,
        limits.connection(unless=lambda: True) as second,
    ):
        assert (first, second) == (True, True)


def test_a_wait_for_a_connection_may_be_given_up() -> None:
    limits = Limits(connections=1)
    with limits.connection(unless=lambda: False) as held:
        assert held
        with limits.connection(unless=lambda: True) as second:
            assert not second
        with limits.connection(unless=lambda: True) as second:
            assert not second, "who gave up has returned a connection that it did not have"
    with limits.connection(unless=lambda: False) as again:
        assert again


def test_a_connection_that_fails_is_free_again() -> None:
    limits = Limits(connections=1)
    with contextlib.suppress(KeyError), limits.connection(unless=lambda: True):
        raise KeyError
    with limits.connection(unless=lambda: True) as held:
        assert held


def test_who_waits_gets_the_connection_that_becomes_free() -> None:
    limits = Limits(connections=2)
    waiting, got = threading.Event(), []

    def unless() -> bool:
        waiting.set()
        return False

    def wait() -> None:
        with limits.connection(unless=unless) as held:
            got.append(held)

    third = threading.Thread(target=wait)
    with limits.connection(unless=lambda: False):
        with limits.connection(unless=lambda: False):
            third.start()
            assert waiting.wait(5)
            assert got == []
        third.join(5)
        assert got == [True]
