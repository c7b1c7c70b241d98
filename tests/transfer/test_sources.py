"""Several sources of one file at the same time: who joins, who is left, and what it costs."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.transfer.bench import DATA, SIZE, Bench, always, sha256
from tests.transfer.helping import QUICK, Told
from tests.transfer.origins import (
    FOREVER,
    KIB,
    ON_ITS_WAY,
    SAMPLE,
    Origin,
    dripping,
    honest,
    origins,
    pieces_of,
    quiet,
    silent,
    slow,
    waiting,
)
from tests.transfer.scripted import Request, ranged, reply
from tests.transfer.test_limits import Clock
from vaehub.errors import HashMismatch, SizeMismatch, SourceError, SourceUnreachable
from vaehub.transfer.asking import Asked
from vaehub.transfer.declared import Expected
from vaehub.transfer.journal import read
from vaehub.transfer.limits import Limits
from vaehub.transfer.partial import Partial, peek
from vaehub.transfer.stream import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tests.transfer.origins import Answering
    from vaehub.errors import VaehubError
    from vaehub.model import Download
    from vaehub.transfer.fetch import Fetched

pytestmark = pytest.mark.usefixtures("small")

LIE = bytes(byte ^ 1 for byte in DATA)
"""Differs in every byte, but looks like a model: the header's length is the same."""
LIE = DATA[:4096] + LIE[4096:]


@dataclass
class Ticking(Told):
    """Counts how often the crew has looked around."""

    ticks: int = 0
    patch: pytest.MonkeyPatch | None = None
    """Lets another source join on silence, once there is something to hold it against."""
    haste: float = 0.02

    def advanced(self, artifact_name: str, done: int) -> None:
        super().advanced(artifact_name, done)
        self.ticks += 1
        if self.patch is not None and done >= 2 * SAMPLE:
            self.patch.setattr("vaehub.transfer.joining.HASTE", self.haste)
            self.patch = None


def overlap(*servers: Origin) -> int:
    """Bytes that may be sent twice: a piece that is split leaves some on their way."""
    return ON_ITS_WAY * len(servers)


def blamed(got: Fetched) -> dict[str, type[VaehubError]]:
    """Say which servers failed, and how."""
    return {
        label.removeprefix("mirror ").removesuffix("/vae"): type(error)
        for label, error in got.attempts
    }


def test_a_source_that_never_answers_is_helped(bench: Bench, small: pytest.MonkeyPatch) -> None:
    small.setattr("vaehub.transfer.joining.HASTE", 0.05)
    small.setattr("vaehub.transfer.crew.STALLED", 0.05)
    with origins(silent, honest(DATA)) as (blocked, second):
        got = bench.run(blocked, second)
        assert bench.path.read_bytes() == DATA
        assert blocked.sent == 0
        assert SIZE <= second.sent <= SIZE + overlap(second)
    assert got.source.startswith(f"mirror {second.url}")
    assert got.attempts == (), "nobody waited for it to fail"


def test_a_source_that_falls_silent_is_helped(bench: Bench, small: pytest.MonkeyPatch) -> None:
    small.setattr("vaehub.transfer.joining.HASTE", 0.05)
    small.setattr("vaehub.transfer.crew.STALLED", 0.05)
    with origins(quiet(DATA, after=16 * KIB), honest(DATA)) as (first, second):
        bench.run(first, second)
        assert bench.path.read_bytes() == DATA
        assert first.sent >= 16 * KIB
        assert first.sent + second.sent <= SIZE + SAMPLE + overlap(first, second)


def test_a_slow_source_is_helped(bench: Bench, small: pytest.MonkeyPatch) -> None:
    small.setattr("vaehub.transfer.joining.LONG_BEFORE_A_MIRROR", 0.0)
    servers: list[Origin] = []
    late = quiet(DATA, after=16 * KIB, until=lambda: bool(servers[1].given))
    with origins(late, honest(DATA), into=servers):
        first, second = servers
        bench.run(first, second)
        assert bench.path.read_bytes() == DATA
        assert second.sent > 0
        assert first.sent + second.sent <= SIZE + SAMPLE + overlap(first, second)


def test_a_fast_source_is_not_helped(bench: Bench) -> None:
    with origins(slow(DATA), honest(DATA)) as (first, second):
        bench.run(first, second)
        assert bench.path.read_bytes() == DATA
        assert second.given == []


@pytest.mark.parametrize(("host", "helps"), [("mirror", True), ("http", False)])
def test_public_hosts_are_spared_while_a_mirror_delivers(
    bench: Bench, small: pytest.MonkeyPatch, host: str, helps: bool
) -> None:
    small.setattr("vaehub.transfer.joining.LONG", 0.0)
    small.setattr("vaehub.transfer.joining.LONG_BEFORE_A_MIRROR", 0.0)
    bench.told = told = Ticking()
    servers: list[Origin] = []

    def until() -> bool:
        return bool(servers[1].given) or (told.ticks > 100 and not helps)

    with origins(dripping(DATA, after=16 * KIB, until=until), honest(DATA), into=servers):
        bench.run(*servers, hosts=["mirror", host])
        assert bench.path.read_bytes() == DATA
        assert bool(servers[1].given) == helps


def test_a_public_host_helps_a_mirror_that_is_too_slow(
    bench: Bench, small: pytest.MonkeyPatch
) -> None:
    small.setattr("vaehub.transfer.joining.LONG_FOR_A_MIRROR", 0.0)
    servers: list[Origin] = []
    late = quiet(DATA, after=16 * KIB, until=lambda: bool(servers[1].given))
    with origins(late, honest(DATA), into=servers):
        bench.run(*servers, hosts=["mirror", "http"])
        assert bench.path.read_bytes() == DATA


def test_no_more_than_three_are_at_work(bench: Bench, small: pytest.MonkeyPatch) -> None:
    small.setattr("vaehub.transfer.joining.HASTE", 0.02)
    bench.told = told = Ticking()
    servers: list[Origin] = []

    def until() -> bool:
        return told.ticks > 60 and all(server.given for server in servers[:3])

    blocked = quiet(DATA, after=0, until=until)
    with origins(blocked, blocked, blocked, honest(DATA), into=servers):
        bench.run(*servers)
        assert bench.path.read_bytes() == DATA
        assert all(server.given for server in servers[:3])
        assert servers[3].given == []


def test_one_that_failed_makes_room_for_the_next(bench: Bench) -> None:
    with origins(always(reply(404)), always(reply(404)), honest(DATA)) as servers:
        got = bench.run(*servers)
        assert bench.path.read_bytes() == DATA
        assert [len(server.given) for server in servers[:2]] == [1, 1]
    assert len(got.attempts) == 2


# Wrong bytes.


def joined(server: Callable[[], Origin]) -> Callable[[], bool]:
    """Tell whether a source was asked and has answered to the end of its sample."""
    return lambda: any(given.body >= SAMPLE for given in server().given)


def test_a_lie_within_the_sample_costs_the_sample(bench: Bench, small: pytest.MonkeyPatch) -> None:
    bench.told = told = Ticking(patch=small)
    servers: list[Origin] = []

    def until() -> bool:
        return told.ticks > 60 and joined(lambda: servers[2])()

    with origins(quiet(DATA, after=16 * KIB, until=until), honest(LIE), honest(DATA), into=servers):
        first, liar, third = servers
        got = bench.run(*servers)
        assert bench.path.read_bytes() == DATA
        assert liar.sent == SAMPLE, "it was asked for more than its sample"
        assert first.sent + third.sent <= SIZE + SAMPLE + overlap(first, third)
    assert blamed(got) == {liar.url: HashMismatch}


def test_once_two_agree_no_further_arbiter_is_called(
    bench: Bench, small: pytest.MonkeyPatch
) -> None:
    bench.told = told = Ticking(patch=small, haste=0.3)
    servers: list[Origin] = []
    ticks: list[int] = []

    def lie(request: Request) -> bytes:
        small.setattr("vaehub.transfer.joining.HASTE", FOREVER)  # only an arbiter may join now
        return ranged(LIE, request)

    def until() -> bool:
        if joined(lambda: servers[2])() and not ticks:
            ticks.append(told.ticks)
        return bool(ticks) and told.ticks > ticks[0] + 60

    late = quiet(DATA, after=SAMPLE, until=until)
    with origins(late, lie, late, honest(DATA), into=servers):
        bench.run(*servers)
        assert bench.path.read_bytes() == DATA
        assert servers[2].given
        assert servers[3].given == []


def test_where_two_agree_already_no_arbiter_is_called(
    bench: Bench, small: pytest.MonkeyPatch
) -> None:
    bench.told = told = Ticking(patch=small, haste=0.3)
    servers: list[Origin] = []
    ticks: list[int] = []

    def lie(request: Request) -> bytes:
        small.setattr("vaehub.transfer.joining.HASTE", FOREVER)  # only an arbiter may join now
        ticks.append(told.ticks)
        return ranged(LIE, request)

    def until() -> bool:
        return bool(ticks) and told.ticks > ticks[0] + 60

    late = quiet(DATA, after=SAMPLE, until=until)
    with origins(late, late, lie, honest(DATA), into=servers):
        got = bench.run(*servers)
        assert bench.path.read_bytes() == DATA
        assert servers[2].sent == SAMPLE
        assert servers[3].given == []
    assert blamed(got) == {servers[2].url: HashMismatch}


def test_two_that_are_of_one_wrong_mind_do_not_shut_out_the_third(
    bench: Bench, small: pytest.MonkeyPatch
) -> None:
    bench.told = Ticking(patch=small)
    servers: list[Origin] = []
    first = quiet(DATA, after=16 * KIB, until=joined(lambda: servers[2]))
    with origins(first, honest(LIE), honest(LIE), into=servers):
        got = bench.run(*servers)
        assert bench.path.read_bytes() == DATA
        assert servers[0].url not in blamed(got)


def test_nobody_vouches_for_himself(bench: Bench, small: pytest.MonkeyPatch) -> None:
    """The liar's bytes of an earlier run agree with the liar's of this one, of course."""
    bench.told = Ticking(patch=small)
    servers: list[Origin] = []
    first = quiet(DATA, after=2 * KIB, until=lambda: bool(servers[2].given))
    with origins(first, honest(DATA), honest(LIE), into=servers):
        left_in_between(bench, LIE, source=f"mirror {servers[2].url}/vae")
        got = bench.run(*servers)
        assert bench.path.read_bytes() == DATA
    assert set(blamed(got)) <= {servers[2].url}


@pytest.mark.parametrize("liar_first", [True, False])
def test_two_of_different_minds_get_an_arbiter(
    bench: Bench, small: pytest.MonkeyPatch, liar_first: bool
) -> None:
    bench.told = Ticking(patch=small)
    servers: list[Origin] = []
    data = [LIE, DATA] if liar_first else [DATA, LIE]
    with origins(
        quiet(data[0], after=16 * KIB, until=joined(lambda: servers[2])),
        honest(data[1]),
        honest(DATA),
        into=servers,
    ):
        liar = servers[0 if liar_first else 1]
        others = [server for server in servers if server is not liar]
        got = bench.run(*servers)
        assert bench.path.read_bytes() == DATA
        sent = sum(server.sent for server in others)
        # All that the honest ones sent is in the file, but for two samples.
        assert sent <= SIZE + 2 * SAMPLE + overlap(*others)
    assert blamed(got) == {liar.url: HashMismatch}
    if not liar_first:
        assert liar.sent == SAMPLE


def test_bytes_of_an_earlier_run_that_two_sources_contradict_are_given_up(
    bench: Bench, small: pytest.MonkeyPatch
) -> None:
    small.setattr("vaehub.transfer.joining.HASTE", 0.02)
    left_in_between(bench, LIE)
    servers: list[Origin] = []

    def late(request: Request) -> Iterable[bytes | None]:
        # Little in all, so that what was left is most of what a newcomer can be held against.
        after = 0 if len(servers[0].given) > 1 else 4 * KIB
        return quiet(DATA, after=after, until=lambda: servers[2].sent > SAMPLE)(request)

    with origins(late, honest(DATA), honest(DATA), into=servers):
        got = bench.run(*servers)
        assert bench.path.read_bytes() == DATA
        sent = sum(server.sent for server in servers)
        assert sent <= SIZE + 2 * SAMPLE + overlap(*servers)
    assert got.attempts == ()
    assert got.resumed_from == 0
    assert bench.told.notes == [], "the digest of the whole was not needed to find it out"


def left_in_between(bench: Bench, data: bytes, source: str = "mirror of yesterday") -> None:
    """Leave 100 KB behind, somewhere in the file."""
    with Partial(bench.path) as partial:
        partial.expect(Expected(sha256(DATA), SIZE))
        partial.spread()
        partial.put(source, 100_000, data[100_000:200_000])
        partial.record()


def test_a_lie_outside_the_sample_costs_the_liars_bytes(
    bench: Bench, small: pytest.MonkeyPatch
) -> None:
    """The first one stops early, so that its bytes at the front are what the sample is of."""
    bench.told = Ticking(patch=small)
    half = SIZE // 2
    servers: list[Origin] = []

    def some(request: Request) -> Iterator[bytes | None]:
        """Give the sample, one piece, and nothing more until the other one has the rest."""
        if len(servers[1].given) > 2:
            yield from waiting(lambda: servers[0].sent > SIZE - 80 * KIB)
        yield from pieces_of(ranged(DATA[:half] + LIE[half:], request))

    def first(request: Request) -> Iterator[bytes | None]:
        def until() -> bool:
            return sum(given.body > SAMPLE for given in servers[1].given) > 0

        yield from quiet(DATA, after=16 * KIB, until=until)(request)

    small.setattr("vaehub.transfer.lane.CEILING", 2)
    with origins(first, some, into=servers):
        got = bench.run(*servers)
        assert bench.path.read_bytes() == DATA
        right, liar = servers
        lied = liar.sent - SAMPLE
        assert 0 < lied < half, "the test is about a liar with the smaller share"
        assert right.sent <= SIZE + overlap(right)
        assert right.sent >= SIZE - lied
    assert blamed(got) == {liar.url: HashMismatch}


def test_a_file_that_is_replaced_half_way_costs_what_was_sent_since(
    bench: Bench, small: pytest.MonkeyPatch
) -> None:
    """The mirror has other bytes from its third answer on; the other source has had all along."""
    bench.told = Ticking(patch=small)
    servers: list[Origin] = []

    def replaced(request: Request) -> Iterator[bytes | None]:
        count = len(servers[1].given)
        if count > 4:  # the sample, and three pieces
            yield from waiting(lambda: servers[0].sent > SIZE - 90 * KIB)
        yield from pieces_of(ranged(DATA if count <= 2 else LIE, request))

    def until() -> bool:
        return len(servers[1].given) > 4

    with origins(quiet(DATA, after=8 * KIB, until=until), replaced, into=servers):
        steady, changed = servers
        got = bench.run(*servers)
        assert bench.path.read_bytes() == DATA
        assert steady.sent <= SIZE + overlap(steady)
    assert blamed(got) == {changed.url: HashMismatch}


# Trouble of one of two.


def storm(request: Request) -> bytes:
    return reply(429, b"slow down", Retry_After="1")


@pytest.mark.parametrize("first", [True, False])
def test_a_storm_of_429_at_one_of_two(bench: Bench, small: pytest.MonkeyPatch, first: bool) -> None:
    small.setattr("vaehub.transfer.joining.HASTE", 0.02)
    servers: list[Origin] = []
    calm = quiet(DATA, after=16 * KIB, until=lambda: len(busy.given) >= QUICK.attempts)
    answers: list[Answering] = [storm, calm] if first else [calm, storm]
    with origins(*answers, into=servers):
        busy, other = servers if first else servers[::-1]
        got = bench.run(*servers)
        assert bench.path.read_bytes() == DATA
        assert len(busy.given) <= QUICK.attempts
        assert SIZE <= other.sent <= SIZE + overlap(other)
    assert 1.0 in bench.sleeper.waits
    assert set(blamed(got)) <= {busy.url}


def test_a_storm_of_429_in_the_middle_costs_no_byte(bench: Bench) -> None:
    """All connections but one are refused for a while, and then all of them."""
    servers: list[Origin] = []

    def answer(request: Request) -> bytes | Iterable[bytes | None]:
        count = len(servers[0].given)
        if 3 <= count <= 7:
            return storm(request)
        return slow(DATA)(request)

    with origins(answer, into=servers):
        bench.run(*servers)
        assert bench.path.read_bytes() == DATA
        assert servers[0].sent <= SIZE + overlap(*servers)
        refused = [given for given in servers[0].given if given.status == 429]
        assert len(refused) == 5


def test_a_source_that_dies_half_way_is_replaced(bench: Bench, small: pytest.MonkeyPatch) -> None:
    servers: list[Origin] = []

    def dying(request: Request) -> Iterable[bytes | None]:
        if servers[0].sent >= SIZE // 2:
            return
        for piece in pieces_of(ranged(DATA, request)):
            if servers[0].sent >= SIZE // 2:
                return
            yield piece
            yield None

    with origins(dying, honest(DATA), into=servers):
        first, second = servers
        got = bench.run(*servers)
        assert bench.path.read_bytes() == DATA
        assert first.sent >= SIZE // 2
        assert first.sent + second.sent <= SIZE + SAMPLE + overlap(first, second)
    assert blamed(got) == {first.url: SourceUnreachable}


@pytest.mark.parametrize("first", [True, False])
def test_one_of_two_knows_no_ranges(bench: Bench, small: pytest.MonkeyPatch, first: bool) -> None:
    small.setattr("vaehub.transfer.joining.HASTE", 0.02)
    servers: list[Origin] = []
    whole = always(reply(200, DATA))
    other = quiet(DATA, after=16 * KIB, until=lambda: bool(servers[0 if first else 1].given))
    answers: list[Answering] = [whole, other] if first else [other, whole]
    with origins(*answers, into=servers):
        got = bench.run(*servers)
        assert bench.path.read_bytes() == DATA
        ranged_one = servers[1 if first else 0]
        assert SIZE <= ranged_one.sent <= SIZE + overlap(ranged_one)
    assert got.attempts == ()


@pytest.mark.parametrize("first", [True, False])
def test_one_of_two_has_a_file_of_another_size(
    bench: Bench, small: pytest.MonkeyPatch, first: bool
) -> None:
    small.setattr("vaehub.transfer.joining.HASTE", 0.02)
    servers: list[Origin] = []
    longer = honest(DATA + b"x")
    other = quiet(DATA, after=16 * KIB, until=lambda: bool(servers[0 if first else 1].given))
    answers: list[Answering] = [longer, other] if first else [other, longer]
    with origins(*answers, into=servers):
        wrong, right = servers if first else servers[::-1]
        got = bench.run(*servers)
        assert bench.path.read_bytes() == DATA
        assert len(wrong.given) == 1
        assert SIZE <= right.sent <= SIZE + overlap(right)
    assert blamed(got) == {wrong.url: SizeMismatch}


def test_an_address_that_runs_out_is_asked_for_once_and_not_by_every_worker(
    bench: Bench, small: pytest.MonkeyPatch
) -> None:
    """The signed address expires in the middle, while another source goes on."""
    small.setattr("vaehub.transfer.joining.HASTE", 0.02)
    servers: list[Origin] = []
    expired: list[int] = []

    def storage(request: Request) -> bytes | Iterable[bytes | None]:
        signature = int(request.target.rpartition("=")[2])
        if servers[1].sent > 100_000 and not expired:
            expired.append(signature)
        if signature in expired:
            return reply(403, b"<Error><Code>AccessDenied</Code></Error>")
        return slow(DATA)(request)

    def door(request: Request) -> bytes:
        count = len(servers[0].given)
        return reply(302, Location=f"{servers[1].url}/vae?signature={count}")

    with origins(door, storage, slow(DATA, blinks=3), into=servers):
        asked, signed, other = servers
        got = bench.run(asked, other, VAEHUB_MIRRORS=" ".join(each.url for each in servers))
        assert bench.path.read_bytes() == DATA
        assert expired == [1]
        refused = [given for given in signed.given if given.status == 403]
        assert refused
        assert signed.sent > 100_000
        assert len(asked.given) == 2, "every worker went to the door"
        assert signed.sent + other.sent <= SIZE + 2 * SAMPLE + overlap(signed, other)
    assert got.attempts == ()


@pytest.mark.parametrize("pondering", [0.0, 0.3])
def test_a_storm_at_a_new_address_is_not_met_by_every_worker(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, pondering: float
) -> None:
    """The signature expires while several connections are up, and the next one is busy at first.

    However long it takes to see what the storm means, the others keep off meanwhile.
    """
    judge = Asked.judge

    def slowly(
        asked: Asked, error: SourceUnreachable | Refused, where: Download, *, progressed: bool
    ) -> float:
        if isinstance(error, Refused) and error.refusal.status == 429:
            time.sleep(pondering)
        return judge(asked, error, where, progressed=progressed)

    monkeypatch.setattr(Asked, "judge", slowly)
    servers: list[Origin] = []
    storms: list[int] = []

    def storage(request: Request) -> bytes | Iterable[bytes | None]:
        signature = int(request.target.rpartition("=")[2])
        if signature == 1 and servers[1].sent > 100_000:
            return reply(403, b"<Error><Code>AccessDenied</Code></Error>")
        if signature > 1 and len(storms) < QUICK.attempts - 1:
            storms.append(signature)
            return storm(request)
        return slow(DATA)(request)

    def door(request: Request) -> bytes:
        return reply(302, Location=f"{servers[1].url}/vae?signature={len(servers[0].given)}")

    with origins(door, storage, into=servers):
        urls = " ".join(server.url for server in servers)
        got = bench.run(servers[0], VAEHUB_MIRRORS=urls)
        assert bench.path.read_bytes() == DATA
    assert len(storms) == QUICK.attempts - 1
    assert bench.sleeper.waits.count(1.0) == len(storms), "somebody did not wait when told to"
    assert got.attempts == ()


def test_one_that_others_had_to_help_is_told_of(bench: Bench) -> None:
    """It is busy for as long as the other one needs: nobody gives it up, and it is named."""
    bench.patience = QUICK._replace(attempts=10**6, first_wait=0.001)
    servers: list[Origin] = []

    def busy(request: Request) -> bytes | Iterable[bytes | None]:
        if len(servers[0].given) == 1:
            return pieces_of(ranged(DATA, request, upto=16 * KIB))
        return reply(503)

    with origins(busy, honest(DATA), into=servers):
        first, _ = servers
        got = bench.run(*servers)
        assert bench.path.read_bytes() == DATA
    assert [label for label, _ in got.attempts] == [f"mirror {first.url}/vae"]
    assert all(isinstance(error, SourceError) for _, error in got.attempts)


# Ends before the end.


def test_an_interrupt_loses_nothing_that_came(bench: Bench) -> None:
    class Impatient(Told):
        def advanced(self, artifact_name: str, done: int) -> None:
            if done >= SIZE // 2:
                raise KeyboardInterrupt

    bench.told = Impatient()
    with origins(slow(DATA)) as servers:
        with pytest.raises(KeyboardInterrupt):
            bench.run(*servers)
        came = peek(bench.path)
        assert came is not None
        assert came >= SIZE // 2
    bench.told = Told()
    with origins(honest(DATA)) as (server,):
        got = bench.run(server)
        assert bench.path.read_bytes() == DATA
        assert server.sent <= SIZE - came + overlap(server)
        assert {given.request.first_byte for given in server.given}.isdisjoint({0})
    # Both runs have a server of their own, so what the first brought is somebody else's.
    assert got.resumed_from == came


def test_the_journal_follows_the_bytes_and_not_the_clock_alone(
    bench: Bench, small: pytest.MonkeyPatch
) -> None:
    """What came fast is on the disk soon, so that little is left to be flushed in the end."""
    small.setattr("vaehub.transfer.crew.JOURNAL_EVERY", FOREVER)
    small.setattr("vaehub.transfer.crew.JOURNAL_BYTES", 16 * KIB)
    recorded: list[int] = []

    class Reading(Told):
        def advanced(self, artifact_name: str, done: int) -> None:
            notes = read(bench.sidecar, file_length=SIZE)
            recorded.append(notes.present if notes is not None else 0)

    def until() -> bool:
        return bool(recorded) and recorded[-1] >= 16 * KIB

    bench.told = Reading()
    small.setattr("vaehub.transfer.lane.CEILING", 1)
    with origins(quiet(DATA, after=32 * KIB, until=until)) as servers:
        bench.run(*servers)
        assert bench.path.read_bytes() == DATA
    assert bench.sleeper.waits == [], "the source was silent until the connection was given up"


# What a run may use.


@pytest.mark.parametrize("connections", [1, 2, 3])
def test_no_more_connections_than_the_user_allows(
    bench: Bench, small: pytest.MonkeyPatch, connections: int
) -> None:
    small.setattr("vaehub.transfer.joining.LONG", 0.0)
    with origins(slow(DATA), slow(DATA), slow(DATA)) as servers:
        bench.run(*servers, limits=Limits(connections=connections))
        assert bench.path.read_bytes() == DATA
        assert servers[0].gauge.most <= connections


def test_a_sample_is_a_connection_too(bench: Bench, small: pytest.MonkeyPatch) -> None:
    bench.told = told = Ticking(patch=small)
    first = quiet(DATA, after=2 * SAMPLE, until=lambda: told.ticks > 60)
    with origins(first, honest(DATA)) as servers:
        bench.run(*servers, limits=Limits(connections=1))
        assert bench.path.read_bytes() == DATA
        assert servers[0].gauge.most == 1


def test_as_many_connections_as_the_host_is_good_for(bench: Bench) -> None:
    with origins(slow(DATA, blinks=3)) as (server,):
        bench.run(server)
        assert 2 <= server.gauge.most <= 8


@pytest.mark.parametrize("count", [1, 2])
def test_no_faster_than_the_user_allows(
    bench: Bench, small: pytest.MonkeyPatch, count: int
) -> None:
    small.setattr("vaehub.transfer.joining.LONG", 0.0)
    small.setattr("vaehub.transfer.crew.CHUNK", KIB)
    clock, rate = Clock(), 10_000
    begun = clock.now
    bench.sleeper = clock.sleep  # type: ignore[assignment]
    with origins(*[honest(DATA)] * count) as servers:
        bench.run(*servers, limits=Limits(rate=rate, clock=clock))
        requests = sum(len(server.given) for server in servers)
    assert bench.path.read_bytes() == DATA
    # Of each answer the last KiB may be free: nothing is asked for after it.
    assert clock.now - begun >= (SIZE - requests * KIB) / rate - 0.05


def test_waiting_for_the_rate_is_no_silence_of_the_source(
    bench: Bench, small: pytest.MonkeyPatch
) -> None:
    """All connections wait until the crew has looked around often; it calls nobody to help."""
    clock, resumed = Clock(), threading.Event()
    servers: list[Origin] = []
    asked: list[int] = []

    class Watching(Ticking):
        def advanced(self, artifact_name: str, done: int) -> None:
            super().advanced(artifact_name, done)
            if self.ticks == 60:
                asked.append(len(servers[1].given))
                small.setattr("vaehub.transfer.joining.HASTE", FOREVER)
                resumed.set()

    def sleep(seconds: float) -> None:
        assert resumed.wait(20)
        clock.sleep(seconds)

    bench.told = Watching(patch=small)
    bench.sleeper = sleep  # type: ignore[assignment]
    with origins(honest(DATA), honest(DATA), into=servers):
        bench.run(*servers, limits=Limits(rate=10_000, clock=clock))
        assert bench.path.read_bytes() == DATA
        assert asked == [0]
