from __future__ import annotations

import pytest

from tests.transfer.bench import DATA, SIZE, Bench, always, cut_at, good, in_turn, starts
from tests.transfer.scripted import Request, ranged, reply, serving
from vaehub.errors import (
    RateLimited,
    SizeMismatch,
    SourceGone,
    SourceRefused,
    SourceUnusable,
)


def whole(request: Request) -> bytes:
    return reply(200, DATA)


def test_a_host_that_ignores_ranges(bench: Bench) -> None:
    with serving(in_turn(cut_at(100_000), whole)) as (server,):
        bench.run(server)
    assert bench.path.read_bytes() == DATA


def test_a_host_that_ignores_ranges_and_breaks_off_takes_nothing_away(bench: Bench) -> None:
    bench.left_behind(DATA[:200_000])
    short = reply(200, DATA[:50_000], length=SIZE)
    with serving(always(short)) as (server,):
        bench.fail(server)
    assert bench.path.read_bytes() == DATA[:200_000]


def test_a_host_that_ignores_ranges_repairs_a_wrong_beginning(bench: Bench) -> None:
    bench.left_behind(DATA[:1000] + b"wrong" + DATA[1005:200_000])
    with serving(whole) as (server,):
        got = bench.run(server)
    assert len(server.requests) == 1
    assert got.resumed_from == 0
    assert bench.path.read_bytes() == DATA


def test_a_range_with_status_200(bench: Bench) -> None:
    def modelscope(request: Request) -> bytes:
        return ranged(DATA, request).replace(b"HTTP/1.1 206", b"HTTP/1.1 200")

    bench.left_behind(DATA[:200_000])
    with serving(modelscope) as (server,):
        bench.run(server)
    assert starts(server) == [200_000]
    assert bench.path.read_bytes() == DATA


def test_another_range_than_asked_is_refused(bench: Bench) -> None:
    wrong = reply(206, DATA[5:], Content_Range=f"bytes 5-{SIZE - 1}/{SIZE}")
    bench.left_behind(DATA[:200_000])
    with serving(always(wrong)) as (server,):
        (error,) = bench.fail(server)
    assert isinstance(error, SourceUnusable)
    assert bench.path.read_bytes() == DATA[:200_000]


def test_a_smaller_range_than_asked_is_gone_on_from(bench: Bench) -> None:
    def sparing(request: Request) -> bytes:
        start = request.first_byte
        end = min(start + 150_000, SIZE)
        return reply(206, DATA[start:end], Content_Range=f"bytes {start}-{end - 1}/{SIZE}")

    with serving(sparing) as (server,):
        bench.run(server)
    assert starts(server) == [0, 150_000, 300_000]


def test_416_with_another_size(bench: Bench) -> None:
    bench.left_behind(DATA[:200_000])
    answer = reply(416, Content_Range="bytes */150000")
    with serving(always(answer), good) as (first, second):
        got = bench.run(first, second)
    assert isinstance(got.attempts[0][1], SizeMismatch)
    assert starts(second) == [200_000]


@pytest.mark.parametrize("total", [f"bytes */{SIZE}", "nonsense"])
def test_416_without_reason_is_asked_for_the_whole(bench: Bench, total: str) -> None:
    def no_ranges(request: Request) -> bytes:
        return reply(416, Content_Range=total) if "range" in request.headers else whole(request)

    bench.left_behind(DATA[:200_000])
    with serving(no_ranges) as (server,):
        bench.run(server)
    assert starts(server) == [200_000, 0]
    assert bench.path.read_bytes() == DATA


def test_416_for_ever_is_an_answer(bench: Bench) -> None:
    bench.left_behind(DATA[:200_000])
    with serving(always(reply(416))) as (server,):
        (error,) = bench.fail(server)
    assert isinstance(error, SourceRefused)
    assert len(server.requests) == 2


@pytest.mark.parametrize("status", [401, 403, 404, 410, 451])
def test_a_clear_no_is_not_asked_twice(bench: Bench, status: int) -> None:
    with serving(always(reply(status)), good) as (first, second):
        got = bench.run(first, second)
    assert len(first.requests) == 1
    assert isinstance(got.attempts[0][1], (SourceGone, SourceRefused))
    assert bench.sleeper.waits == []


@pytest.mark.parametrize("status", [429, 500, 503])
def test_passing_trouble_is_waited_out(bench: Bench, status: int) -> None:
    busy = always(reply(status, Retry_After="42"))
    with serving(in_turn(busy, good)) as (server,):
        got = bench.run(server)
    assert bench.sleeper.waits == [42]
    assert got.attempts == ()
    assert "in 42 s" in bench.told.notes[0]


def test_too_long_a_wait_leads_to_the_next_source(bench: Bench) -> None:
    with serving(always(reply(429, Retry_After="86400")), good) as (first, second):
        got = bench.run(first, second)
    assert isinstance(got.attempts[0][1], RateLimited)
    assert bench.sleeper.waits == []


@pytest.mark.parametrize("status", [400, 401, 403])
def test_an_expired_signature_is_renewed_once(bench: Bench, status: int) -> None:
    with serving(in_turn(always(reply(status)), good)) as (storage,):
        to = always(reply(302, Location=f"{storage.url}/signed?sig=1"))
        with serving(to) as (door,):
            bench.run(door)
    assert len(door.requests) == 2
    assert bench.sleeper.waits == []


def test_a_signature_that_never_works_is_given_up(bench: Bench) -> None:
    with serving(always(reply(403))) as (storage,):
        to = always(reply(302, Location=f"{storage.url}/signed?sig=hush"))
        with serving(to) as (door,):
            (error,) = bench.fail(door)
    assert len(door.requests) == 2
    assert "hush" not in error.message
