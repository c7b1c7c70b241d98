"""Whether another source joins: what the sources at work show, and what the user allows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.transfer.test_lane import new_lane
from tests.transfer.test_limits import Clock
from vaehub.model import Source
from vaehub.transfer.joining import (
    APART,
    HASTE,
    LONG,
    LONG_BEFORE_A_MIRROR,
    LONG_FOR_A_MIRROR,
    NEARLY,
    SOURCES,
    Seen,
    pays,
)
from vaehub.transfer.limits import Limits

if TYPE_CHECKING:
    from vaehub.transfer.lane import Lane

RATE = 1_000_000
PUBLIC, MIRROR = Source("huggingface", {}), Source("mirror", {"url": "https://mirror.example"})
LATER = 1000.0


def working(host: str = "huggingface", *, rate: float = RATE, settled: bool = True) -> Lane:
    lane = new_lane(host)
    lane.pace.rate, lane.pace.settled = rate, settled
    lane.agrees = True
    lane.alive = 4
    lane.received = int(rate)
    return lane


def seen(*lanes: Lane, **facts: Any) -> Seen:
    """A source delivers well, and has done so for long."""
    usual = {
        "rest": 0,
        "now": LATER,
        "last_byte": LATER,
        "last_joined": LATER - HASTE / 2,
        "wants_arbiter": False,
    }
    return Seen(working=lanes or [working()], **{**usual, **facts})


@pytest.mark.parametrize(
    ("candidate", "host", "longest"),
    [
        (PUBLIC, "huggingface", LONG),
        (PUBLIC, "mirror", LONG_FOR_A_MIRROR),
        (MIRROR, "huggingface", LONG_BEFORE_A_MIRROR),
        (MIRROR, "mirror", LONG_BEFORE_A_MIRROR),
    ],
)
def test_where_the_rest_takes_long(candidate: Source, host: str, longest: float) -> None:
    rest = int(longest * RATE)
    assert not pays(candidate, seen(working(host), rest=rest), Limits())
    assert pays(candidate, seen(working(host), rest=rest + 1), Limits())


def test_not_before_the_last_one_has_shown_what_it_is_good_for() -> None:
    late = seen(rest=10**12, last_joined=LATER - APART / 2)
    assert not pays(PUBLIC, late, Limits())
    rising = seen(working(settled=False), rest=10**12)
    assert not pays(PUBLIC, rising, Limits())
    assert pays(MIRROR, rising, Limits()), "the user has offered it"
    unknown = seen(working(rate=0.0, settled=False), rest=10**12)
    assert not pays(MIRROR, unknown, Limits())


def test_one_that_is_silent_for_long_is_not_waited_for() -> None:
    silent = working(rate=0.0, settled=False)
    joined_long_ago = {"rest": 10**12, "last_joined": LATER - HASTE}
    assert pays(PUBLIC, seen(working(), silent, **joined_long_ago), Limits())
    assert not pays(PUBLIC, seen(working(), silent, rest=10**12), Limits())


def test_where_nothing_comes() -> None:
    before = {"last_byte": LATER - HASTE, "last_joined": LATER - 2 * HASTE}
    assert pays(PUBLIC, seen(**before), Limits())
    assert pays(PUBLIC, seen(last_byte=0.0, last_joined=LATER - HASTE), Limits())
    assert not pays(PUBLIC, seen(last_byte=0.0, last_joined=LATER - 0.9 * HASTE), Limits())


def test_the_silence_is_our_own_where_the_rate_is_used_up() -> None:
    limits = Limits(rate=1000, clock=Clock())
    limits.spend(10_000, sleep=lambda seconds: None)
    before = {"last_byte": LATER - HASTE, "last_joined": LATER - 2 * HASTE}
    assert not pays(PUBLIC, seen(**before), limits)


def test_none_that_the_users_rate_leaves_no_room_for() -> None:
    assert not pays(PUBLIC, seen(rest=10**12), Limits(rate=int(RATE / NEARLY)))
    assert pays(PUBLIC, seen(rest=10**12), Limits(rate=int(RATE / NEARLY) + 10))


def test_none_without_a_connection_for_it() -> None:
    assert not pays(PUBLIC, seen(rest=10**12), Limits(connections=4))
    assert pays(PUBLIC, seen(rest=10**12), Limits(connections=5))


def test_at_once_where_all_are_in_trouble() -> None:
    troubled = working()
    troubled.is_troubled = True
    just_now = {"last_joined": LATER}
    assert pays(PUBLIC, seen(troubled, **just_now), Limits())
    assert not pays(PUBLIC, seen(troubled, working(), **just_now), Limits())


def test_an_arbiter_at_once_unless_one_is_on_its_way() -> None:
    just_now = {"last_joined": LATER, "wants_arbiter": True}
    assert pays(PUBLIC, seen(**just_now), Limits())
    newcomer = working()
    newcomer.agrees = False
    assert not pays(PUBLIC, seen(working(), newcomer, **just_now), Limits())


def test_never_more_than_so_many() -> None:
    troubled = [working() for _ in range(SOURCES)]
    for lane in troubled:
        lane.is_troubled = True
    assert not pays(PUBLIC, seen(*troubled, wants_arbiter=True, rest=10**12), Limits())
