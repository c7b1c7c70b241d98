"""How far downloads are: speed and time left that do not lie."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from vaehub.cli.tally import STALLED, WINDOW, Gauge, Tally

MB = 1_000_000


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def at_speed(gauge: Gauge, *, since: float, seconds: float, rate: float) -> float:
    """Let bytes come evenly; gives the time at the end."""
    start, done = since, gauge.done
    for tenth in range(1, int(seconds * 10) + 1):
        since = start + tenth / 10
        gauge.advance(since, int(done + rate * tenth / 10))
    return since


def test_the_speed_is_that_of_the_last_seconds() -> None:
    gauge = Gauge(0, total=1000 * MB, done=0)
    now = at_speed(gauge, since=0, seconds=60, rate=10 * MB)
    now = at_speed(gauge, since=now, seconds=WINDOW + 1, rate=1 * MB)
    assert round(gauge.speed(now) / MB, 1) == 1.0
    left = gauge.left(now)
    assert left is not None
    assert round(left) == round((1000 * MB - gauge.done) / MB)


def test_what_was_here_before_is_no_speed() -> None:
    gauge = Gauge(0, total=100 * MB, done=50 * MB)
    now = at_speed(gauge, since=0, seconds=2, rate=5 * MB)
    assert gauge.describe(now) == "60.0 MB of 100 MB, 5.00 MB/s, 8 s left"


def test_a_stall_has_no_speed_and_no_end() -> None:
    gauge = Gauge(0, total=100 * MB, done=0)
    now = at_speed(gauge, since=0, seconds=3, rate=10 * MB)
    now += STALLED + 2
    gauge.advance(now, gauge.done)
    assert gauge.left(now) is None
    assert gauge.describe(now) == "30.0 MB of 100 MB, nothing for 7 s"


def test_a_host_that_starts_over_gives_no_negative_speed() -> None:
    gauge = Gauge(0, total=100 * MB, done=0)
    now = at_speed(gauge, since=0, seconds=5, rate=10 * MB)
    gauge.advance(now, 0)
    assert gauge.speed(now) >= 0
    assert gauge.percent == 0


def test_nobody_knows_the_total() -> None:
    gauge = Gauge(0, total=None, done=0)
    gauge.advance(2, 10 * MB)
    assert (gauge.percent, gauge.left(2)) == (None, None)
    assert gauge.describe(2) == "10.0 MB, 5.00 MB/s"


def test_all_together() -> None:
    clock = Clock()
    tally = Tally(clock=clock)
    for name, size in (("a", 100 * MB), ("b", 200 * MB), ("c", 300 * MB)):
        tally.plan(name, size)
    tally.start("a", 100 * MB, 40 * MB)
    tally.start("b", 200 * MB, 0)
    assert tally.all is not None
    assert (tally.all.done, tally.all.total, tally.counts) == (40 * MB, 600 * MB, "0 of 3 files")
    clock.now += 2
    tally.advance("a", 50 * MB)
    tally.advance("b", 10 * MB)
    assert tally.all.speed(clock.now) == 10 * MB
    tally.finish("a")
    tally.abandon("c")
    tally.abandon("b")
    assert (tally.all.done, tally.all.total, tally.counts) == (50 * MB, 100 * MB, "1 of 1 file")


def test_a_file_of_unknown_size_leaves_the_sum_unknown() -> None:
    tally = Tally(clock=Clock())
    tally.plan("a", 5)
    tally.plan("b", None)
    assert tally.all is not None
    assert tally.all.total is None
    tally.start("b", 7, 0)
    assert tally.all.total == 12


def test_what_somebody_else_brought_is_done() -> None:
    tally = Tally(clock=Clock())
    tally.plan("a", 5)
    tally.plan("b", 5)
    assert tally.finish("b") is None
    assert tally.all is not None
    assert (tally.all.done, tally.counts) == (5, "1 of 2 files")


def test_what_nobody_began_is_nothing() -> None:
    tally = Tally(clock=Clock())
    assert tally.advance("x", 5) is None
    assert tally.finish("x") is None
    assert tally.abandon("x") is None
    assert tally.all is None


_names = st.sampled_from("abc")
_sizes = st.integers(0, 1000)
_events = st.one_of(
    st.tuples(st.just("plan"), _names, st.none() | _sizes),
    st.tuples(st.just("start"), _names, st.none() | _sizes, _sizes),
    st.tuples(st.just("advance"), _names, _sizes),
    st.tuples(st.just("finish"), _names),
    st.tuples(st.just("abandon"), _names),
)


@given(st.lists(st.tuples(st.floats(0, 20), _events)))
def test_whatever_is_told_in_whatever_order(events: list[tuple[float, Any]]) -> None:
    clock = Clock()
    tally = Tally(clock=clock)
    tally.plan("a", 100)
    for passed, (kind, *arguments) in events:
        clock.now += passed
        getattr(tally, kind)(*arguments)
        assert tally.all is not None
        for gauge in (tally.all, *tally.running.values()):
            assert gauge.done >= 0
            assert gauge.speed(clock.now) >= 0
            left = gauge.left(clock.now)
            assert left is None or left >= 0
            assert gauge.describe(clock.now)
        assert tally.all.done >= sum(gauge.done for gauge in tally.running.values())
