from __future__ import annotations

import pytest

from tests.transfer.bench import DATA, OTHER, SIZE, Bench, always, good, sha256, starts
from tests.transfer.scripted import Request, Scripted, ranged, reply, serving
from tests.weights.files import naming, torch_zip
from vaehub.errors import (
    HashMismatch,
    NoSourceDelivered,
    NotAModel,
    SizeMismatch,
    UnsafePickle,
)
from vaehub.model import Artifact

PAGE = reply(200, b"<!doctype html><title>Sign in</title>", Content_Type="text/html")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (PAGE, "login page"),
        (reply(200, b'{"error": "no"}'), "“no”"),
        (reply(200, b"version https://git-lfs.github.com/spec/v1\n"), "LFS pointer"),
        (reply(200, b""), "empty"),
        (reply(200, b"\xff" * SIZE), "no safetensors file"),
        (reply(200, (SIZE + 1).to_bytes(8, "little") + b"{" * (SIZE - 8)), "cut off"),
    ],
)
@pytest.mark.parametrize("here", [0, 200_000])
def test_what_is_no_model_is_refused_before_it_is_kept(
    bench: Bench, answer: bytes, words: str, here: int
) -> None:
    bench.left_behind(DATA[:here])
    with serving(always(answer), good) as (first, second):
        got = bench.run(first, second)
    ((_, error),) = got.attempts
    assert isinstance(error, NotAModel)
    assert words in error.message
    assert starts(second) == [here]
    assert bench.path.read_bytes() == DATA


@pytest.mark.parametrize("data", [DATA + b"x", DATA[:-1]])
def test_another_size_is_refused_before_it_is_fetched(bench: Bench, data: bytes) -> None:
    with serving(lambda request: ranged(data, request)) as (server,):
        (error,) = bench.fail(server)
    assert isinstance(error, SizeMismatch)
    assert len(server.requests) == 1
    assert bench.path.stat().st_size == 0


def test_another_size_is_refused_on_resume(bench: Bench) -> None:
    bench.left_behind(DATA[:200_000])
    longer = DATA + b"x"
    with serving(lambda request: ranged(longer, request), good) as (first, second):
        got = bench.run(first, second)
    assert isinstance(got.attempts[0][1], SizeMismatch)
    assert starts(second) == [200_000]


def test_it_stops_at_the_expected_size(bench: Bench) -> None:
    endless = reply(200, OTHER + bytes(3_000_000), close=True)
    with serving(always(endless), good) as (first, second):
        got = bench.run(first, second)
    assert isinstance(got.attempts[0][1], SizeMismatch)
    assert max(bench.told.steps) <= SIZE
    assert starts(second) == [0]  # what the first one sent is not trusted
    assert bench.path.read_bytes() == DATA


def test_wrong_bytes_are_reported_and_the_next_source_serves(bench: Bench) -> None:
    with serving(lambda request: ranged(OTHER, request), good) as (first, second):
        got = bench.run(first, second)
    ((label, error),) = got.attempts
    assert isinstance(error, HashMismatch)
    for part in (sha256(DATA), sha256(OTHER), label):
        assert part in error.message
    assert len(first.requests) == 1
    assert starts(second) == [0]
    assert bench.path.read_bytes() == DATA


def test_only_wrong_bytes_end_in_6_and_leave_none(bench: Bench) -> None:
    flipped = bytearray(DATA)
    flipped[200_000] ^= 1
    answer = always(reply(200, bytes(flipped)))
    with serving(answer, answer) as servers, pytest.raises(NoSourceDelivered) as caught:
        bench.run(*servers)
    assert caught.value.exit_code == 6
    assert bench.path.stat().st_size == 0


def test_wrong_bytes_of_an_earlier_run_cost_one_more_try(bench: Bench) -> None:
    bench.left_behind(OTHER[:200_000])
    with serving(good) as (server,):
        got = bench.run(server)
    assert ranges(server) == ["bytes=200000-", "bytes=0-199999"]
    assert (got.attempts, got.resumed_from) == ((), 0)
    assert "mirror of yesterday" in bench.told.notes[0]
    assert bench.path.read_bytes() == DATA


def test_wrong_bytes_of_another_source_cost_one_more_try(bench: Bench) -> None:
    def wrong(request: Request) -> bytes:
        return ranged(OTHER, request, upto=100_000) if not request.first_byte else b""

    with serving(wrong, good) as (first, second):
        got = bench.run(first, second)
    assert ranges(second) == ["bytes=100000-", "bytes=0-99999"]
    assert got.source.startswith(f"mirror {second.url}")
    assert bench.path.read_bytes() == DATA


def ranges(server: Scripted) -> list[str | None]:
    return [request.headers.get("range") for request in server.requests]


def test_a_source_is_not_renewed_twice(bench: Bench) -> None:
    bench.left_behind(DATA[:200_000])
    with serving(lambda request: ranged(OTHER, request)) as (server,):
        (error,) = bench.fail(server)
    assert isinstance(error, HashMismatch)
    assert starts(server) == [200_000, 0]


def test_a_file_that_a_killed_run_had_whole_is_not_asked_for(bench: Bench) -> None:
    bench.left_behind(DATA)
    with serving(good) as (server,):
        got = bench.run(server)
    assert server.requests == []
    assert (got.source, got.resumed_from) == ("mirror of yesterday", SIZE)


def test_wrong_bytes_of_the_right_size_are_fetched_anew(bench: Bench) -> None:
    bench.left_behind(OTHER)
    with serving(good) as (server,):
        bench.run(server)
    assert starts(server) == [0]
    assert bench.path.read_bytes() == DATA


def test_an_unsafe_pickle_stops_everything(bench: Bench) -> None:
    """Every source has the same bytes, so none of the others is asked."""
    evil = torch_zip(naming("os.system"))
    bench.artifact = Artifact("vae.pt", (), size=len(evil), sha256=sha256(evil))
    answer = always(reply(200, evil))
    with serving(answer, answer) as servers, pytest.raises(UnsafePickle, match=r"os\.system"):
        bench.run(*servers)
    assert [len(server.requests) for server in servers] == [1, 0]
    assert bench.path.stat().st_size == 0
