"""How many connections a source gets, and which of its addresses holds."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transfer.helping import settings_for
from vaehub.model import Artifact, Download, Source
from vaehub.transfer import lane as lane_module
from vaehub.transfer.asking import Asked
from vaehub.transfer.lane import (
    CEILING,
    COLD,
    FIRST,
    FIRST_WINDOW,
    GAIN,
    SOON,
    STEP,
    WINDOW,
    Lane,
    Pace,
    ceiling_of,
)
from vaehub.transfer.listener import SILENT
from vaehub.transfer.session import Session

MB = 1_000_000
MUCH = 10**12


def new_lane(host: str = "mirror") -> Lane:
    settings = settings_for()
    source = Source(host, {"url": "https://mirror.example/vae"})
    return Lane(
        Asked(
            source,
            Artifact("vae.safetensors", ()),
            session=Session(settings),
            settings=settings,
            listener=SILENT,
        )
    )


def download(url: str = "https://mirror.example/vae") -> Download:
    return Download(url=url, label="mirror", headers={"Authorization": "secret"})


def proven(host: str = "mirror") -> Lane:
    """Give a lane whose first connection has served a range."""
    lane = new_lane(host)
    lane.located(download())
    assert lane.address is not None
    lane.served(lane.address, lane.address.url)
    lane.alive = 1
    return lane


@dataclass
class Clock:
    """Stands for the module ``time``, and goes on only where a test says so."""

    now: float = 50.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(lane_module, "time", clock)
    return clock


def test_hosts_that_mind_get_fewer() -> None:
    assert ceiling_of("civitai") < ceiling_of("mirror") == CEILING
    assert new_lane("civitai").ceiling == ceiling_of("civitai")


@pytest.mark.parametrize("room", [0, 1, 8])
def test_a_source_without_a_worker_gets_one(room: int) -> None:
    assert new_lane().more(room=room, rest=MUCH) == 1


def test_none_is_added_until_ranges_have_been_served() -> None:
    lane = new_lane()
    lane.located(download())
    lane.alive = 1
    assert lane.more(room=8, rest=MUCH) == 0
    assert lane.address is not None
    lane.served(lane.address, lane.address.url)
    assert lane.more(room=8, rest=MUCH) == FIRST - 1


@pytest.mark.parametrize(("room", "more"), [(0, 0), (1, 0), (2, 1), (3, 2), (8, FIRST - 1)])
def test_there_are_never_more_than_there_is_room_for(room: int, more: int) -> None:
    assert proven().more(room=room, rest=MUCH) == more


def test_workers_that_an_old_address_ended_are_replaced(clock: Clock) -> None:
    lane = proven()
    lane.more(room=8, rest=MUCH)
    lane.alive, lane.lost = 1, 3
    assert lane.more(room=8, rest=MUCH) == 3
    lane.alive = 4
    assert lane.more(room=8, rest=MUCH) == 0, "they were replaced twice"


def test_with_none_left_one_goes_ahead_and_the_others_follow(clock: Clock) -> None:
    lane = proven()
    lane.more(room=8, rest=MUCH)
    lane.alive, lane.lost = 0, 4
    lane.located(download("https://elsewhere.example/vae"))
    assert lane.more(room=8, rest=MUCH) == 1
    lane.alive = 1
    assert lane.more(room=8, rest=MUCH) == 0
    assert lane.address is not None
    lane.served(lane.address, lane.address.url)
    assert lane.more(room=8, rest=MUCH) == 3


def test_no_more_are_replaced_than_the_host_may_have(clock: Clock) -> None:
    lane = proven()
    lane.more(room=8, rest=MUCH)
    lane.alive, lane.lost, lane.ceiling = 2, 6, 3
    assert lane.more(room=8, rest=MUCH) == 1
    lane.alive, lane.lost, lane.ceiling = 3, 2, 1
    assert lane.more(room=8, rest=MUCH) == 0


def test_the_others_go_straight_to_where_the_first_was_led() -> None:
    lane = new_lane()
    lane.located(download())
    first = lane.address
    assert first is not None
    lane.served(first, "https://cdn.example/signed")
    assert lane.address is not None
    assert lane.address.url == "https://cdn.example/signed"
    assert lane.address.credentials == {}, "they would go to another origin"
    assert lane.address.download is first.download
    lane.served(lane.address, "https://third.example/")
    assert lane.address.url == "https://cdn.example/signed", "it was proven already"


def test_credentials_stay_within_their_origin() -> None:
    lane = new_lane()
    lane.located(download())
    assert lane.address is not None
    lane.served(lane.address, "https://mirror.example/elsewhere")
    assert lane.address.credentials == {"Authorization": "secret"}


def test_an_old_address_proves_nothing_of_the_new_one() -> None:
    lane = new_lane()
    lane.located(download())
    old = lane.address
    assert old is not None
    lane.located(download())
    lane.served(old, "https://cdn.example/expired")
    assert lane.address is not None
    assert lane.address.url == download().url
    assert lane.more(room=8, rest=MUCH) == 1, "nobody has tried it"


def test_an_address_is_stale_once_it_was_asked_for_anew() -> None:
    lane = new_lane()
    lane.located(download())
    first = lane.address
    assert first is not None
    lane.served(first, "https://cdn.example/signed")
    assert not lane.is_stale(first), "the same download, only nearer"
    lane.located(download())
    assert lane.is_stale(first)
    second = lane.address
    assert second is not None
    assert not lane.is_stale(second)
    lane.address = None
    assert lane.is_stale(second)


def test_one_goes_ahead_at_a_new_address() -> None:
    lane = new_lane()
    lane.located(download())
    address = lane.address
    assert address is not None
    assert lane.may_try(address)
    lane.tried = address
    assert not lane.may_try(address)
    lane.served(address, address.url)
    assert lane.may_try(address)
    lane.located(download())
    assert lane.address is not None
    assert lane.may_try(lane.address), "somebody is still at the old one"


def test_connections_are_added_while_each_addition_pays(clock: Clock) -> None:
    pace = Pace()
    assert pace.more(0, alive=1, allowed=7, rest=MUCH) == FIRST - 1
    clock.now += FIRST_WINDOW / 2
    assert pace.more(2 * MB, alive=4, allowed=4, rest=MUCH) == 0, "it was not measured yet"
    clock.now += FIRST_WINDOW / 2
    assert pace.more(4 * MB, alive=4, allowed=4, rest=MUCH) == STEP
    assert pace.rate == pytest.approx(4 * MB / FIRST_WINDOW)
    gained = 4 * MB * GAIN * WINDOW / FIRST_WINDOW
    clock.now += WINDOW / 2
    assert pace.more(4 * MB, alive=8, allowed=8, rest=MUCH) == 0, "it was not measured yet"
    clock.now += WINDOW / 2
    assert pace.more(4 * MB + int(gained) - 1, alive=8, allowed=8, rest=MUCH) == 0
    assert pace.settled
    clock.now += WINDOW
    assert pace.more(100 * MB, alive=8, allowed=8, rest=MUCH) == 0, "it is settled for good"


def test_what_a_connection_is_good_for_shows_once_it_delivers(clock: Clock) -> None:
    pace = Pace()
    pace.more(0, alive=1, allowed=7, rest=MUCH)
    for _ in range(3):
        clock.now += WINDOW
        more = pace.more(MB, alive=4, allowed=4, rest=MUCH, all_deliver=False)
        assert more == 0, "one of them is still on its way to the host"
    clock.now += FIRST_WINDOW
    assert pace.more(2 * MB, alive=4, allowed=4, rest=MUCH) == STEP


def test_one_that_never_delivers_is_not_waited_for(clock: Clock) -> None:
    pace = Pace()
    pace.more(0, alive=1, allowed=7, rest=MUCH)
    clock.now += COLD
    assert pace.more(MB, alive=4, allowed=4, rest=MUCH, all_deliver=False) == STEP


@pytest.mark.parametrize(("seconds", "more"), [(SOON - 0.01, 0), (SOON + 0.01, STEP)])
def test_none_is_added_where_all_is_here_soon(clock: Clock, seconds: float, more: int) -> None:
    pace = Pace()
    pace.more(0, alive=1, allowed=7, rest=MUCH)
    clock.now += FIRST_WINDOW
    rest = int(seconds * 4 * MB / FIRST_WINDOW)
    assert pace.more(4 * MB, alive=4, allowed=4, rest=rest) == more
    assert pace.settled == (not more)


def test_a_lane_waits_for_its_workers_first_bytes(clock: Clock) -> None:
    lane = proven()
    lane.alive += lane.more(room=8, rest=MUCH)
    lane.warm = {1}
    clock.now += FIRST_WINDOW
    assert lane.more(room=8, rest=MUCH) == 0
    lane.warm = {1, 2, 3, 4}
    clock.now += FIRST_WINDOW
    assert lane.more(room=8, rest=MUCH) == STEP


def test_at_the_ceiling_the_pace_is_settled(clock: Clock) -> None:
    pace = Pace()
    pace.more(0, alive=1, allowed=3, rest=MUCH)
    clock.now += WINDOW
    assert pace.more(MB, alive=4, allowed=0, rest=MUCH) == 0
    assert pace.settled


def test_the_speed_is_measured_even_when_settled(clock: Clock) -> None:
    pace = Pace()
    pace.more(0, alive=1, allowed=0, rest=MUCH)
    clock.now += WINDOW
    pace.more(MB, alive=1, allowed=0, rest=MUCH)
    clock.now += WINDOW
    pace.more(MB + 10, alive=1, allowed=0, rest=MUCH)
    assert pace.rate == pytest.approx(10 / WINDOW)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.floats(0.01, 1),
            st.integers(0, 10 * MB),
            st.integers(0, 12),
            st.integers(0, 4),
            st.integers(0, 4),
        ),
        max_size=40,
    )
)
def test_no_course_of_things_gives_too_many(
    steps: list[tuple[float, int, int, int, int]],
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        clock = Clock()
        patch.setattr(lane_module, "time", clock)
        lane = proven()
        for seconds, count, room, died, lost in steps:
            clock.now += seconds
            lane.received += count
            lane.alive -= min(died, lane.alive)
            lane.lost += lost
            before = lane.alive
            more = lane.more(room=room, rest=MUCH)
            assert more >= 0
            assert before + more <= max(before, 1, min(lane.ceiling, room))
            lane.alive += more
            assert lane.alive >= 1
