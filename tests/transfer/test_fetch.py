from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from tests.transfer.helping import QUICK, Sleeper, Told, settings_for
from tests.transfer.scripted import Request, Scripted, ranged, reply, serving
from tests.weights.files import naming, safetensors, torch_zip
from vaehub.errors import (
    DiskFull,
    HashMismatch,
    NoSourceDelivered,
    NotAModel,
    Offline,
    RateLimited,
    SizeMismatch,
    SourceGone,
    SourceRefused,
    SourceUnreachable,
    SourceUnusable,
    UnsafePickle,
    VaehubError,
)
from vaehub.model import Artifact, Source
from vaehub.transfer.fetch import Fetched, fetch
from vaehub.transfer.partial import Partial
from vaehub.transfer.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DATA = safetensors(random.Random(1).randbytes(300_000))
SIZE = len(DATA)
OTHER = safetensors(random.Random(2).randbytes(300_000))


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@dataclass
class Bench:
    """One artifact, one partial, and what happened."""

    folder: Path
    artifact: Artifact = field(
        default_factory=lambda: Artifact("vae.safetensors", (), size=SIZE, sha256=sha256(DATA))
    )
    told: Told = field(default_factory=Told)
    sleeper: Sleeper = field(default_factory=Sleeper)

    @property
    def path(self) -> Path:
        return self.folder / "x.part"

    @property
    def sidecar(self) -> Path:
        return self.folder / "x.part.json"

    def run(self, *servers: Scripted, **environ: str) -> Fetched:
        settings = settings_for(*(server.url for server in servers), **environ)
        sources = [Source("mirror", {"url": f"{server.url}/vae"}) for server in servers]
        with Session(settings, patience=QUICK, sleep=self.sleeper) as session:
            return fetch(
                self.artifact,
                self.path,
                sources,
                session=session,
                settings=settings,
                listener=self.told,
            )

    def fail(self, *servers: Scripted) -> tuple[VaehubError, ...]:
        with pytest.raises(NoSourceDelivered) as caught:
            self.run(*servers)
        assert len(caught.value.attempts) == len(servers)
        return tuple(error for _, error in caught.value.attempts)

    def left_behind(self, data: bytes, source: str = "mirror of yesterday") -> None:
        from vaehub.transfer.declared import Expected

        with Partial(self.path) as partial:
            partial.expect(Expected(sha256(DATA), SIZE))
            partial.begin(source)
            partial.append(data)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def good(request: Request) -> bytes:
    return ranged(DATA, request)


def always(answer: bytes) -> Callable[[Request], bytes]:
    return lambda request: answer


def in_turn(*answers: Callable[[Request], bytes]) -> Callable[[Request], bytes]:
    """Give each answer once, and the last one for ever."""
    left = list(answers)
    return lambda request: (left.pop(0) if len(left) > 1 else left[0])(request)


def cut_at(position: int) -> Callable[[Request], bytes]:
    return lambda request: ranged(DATA, request, upto=position)


def starts(server: Scripted) -> list[int]:
    return [request.first_byte for request in server.requests]


def test_a_whole_file_in_one_go(bench: Bench) -> None:
    with serving(good) as (server,):
        got = bench.run(server)
    assert bench.path.read_bytes() == DATA
    assert not bench.sidecar.exists()
    assert (got.sha256, got.size, got.attempts, got.resumed_from) == (sha256(DATA), SIZE, (), 0)
    assert got.source == f"mirror {server.url}/vae"
    assert bench.told.starts == [("vae.safetensors", SIZE, 0)]
    assert bench.told.steps == sorted(bench.told.steps)
    assert bench.told.steps[-1] == SIZE
    assert bench.told.ends == ["vae.safetensors"]
    assert bench.told.notes == []


def test_a_cut_is_gone_on_from(bench: Bench) -> None:
    with serving(in_turn(cut_at(100_000), cut_at(250_000), good)) as (server,):
        got = bench.run(server)
    assert bench.path.read_bytes() == DATA
    assert starts(server) == [0, 100_000, 250_000]
    assert got.resumed_from == 0
    assert bench.sleeper.waits == [1, 1]  # each began after progress


def test_another_run_goes_on(bench: Bench) -> None:
    with serving(in_turn(cut_at(100_000), always(reply(404)))) as (server,):
        (error,) = bench.fail(server)
    assert isinstance(error, SourceGone)
    assert bench.path.stat().st_size == 100_000
    with serving(good) as (server,):
        got = bench.run(server)
    assert starts(server) == [100_000]
    assert got.resumed_from == 100_000
    assert bench.path.read_bytes() == DATA


def test_another_source_goes_on_with_the_same_partial(bench: Bench) -> None:
    with serving(in_turn(cut_at(100_000), always(b"")), good) as (first, second):
        got = bench.run(first, second)
    assert starts(first) == [0, 100_000, 100_000]
    assert starts(second) == [100_000]
    assert got.source.startswith(f"mirror {second.url}")
    ((label, error),) = got.attempts
    assert label.startswith(f"mirror {first.url}")
    assert isinstance(error, SourceUnreachable)
    assert len(bench.told.notes) == 2  # one long wait, one failure
    assert bench.path.read_bytes() == DATA


def test_a_source_without_progress_is_given_up(bench: Bench) -> None:
    with serving(always(b"")) as (server,):
        (error,) = bench.fail(server)
    assert isinstance(error, SourceUnreachable)
    assert len(server.requests) == QUICK.attempts
    assert bench.sleeper.waits == [1, 2]


def test_an_answer_that_ends_early_without_a_length(bench: Bench) -> None:
    short = reply(200, DATA[:100_000], close=True)
    with serving(in_turn(always(short), good)) as (server,):
        bench.run(server)
    assert starts(server) == [0, 100_000]


# Ranges.


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


# Statuses.


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


# Bytes that are not what was wanted.


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
    assert starts(server) == [200_000, 0]
    assert (got.attempts, got.resumed_from) == ((), 0)
    assert "fetching all" in bench.told.notes[0]
    assert bench.path.read_bytes() == DATA


def test_wrong_bytes_of_another_source_cost_one_more_try(bench: Bench) -> None:
    def wrong(request: Request) -> bytes:
        return ranged(OTHER, request, upto=100_000) if not request.first_byte else b""

    with serving(wrong, good) as (first, second):
        got = bench.run(first, second)
    assert starts(second) == [100_000, 0]
    assert got.source.startswith(f"mirror {second.url}")
    assert bench.path.read_bytes() == DATA


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


# What the catalog does not know.


def test_without_a_size_the_answer_says_it(bench: Bench) -> None:
    bench.artifact = Artifact("vae.safetensors", (), sha256=sha256(DATA))
    with serving(in_turn(cut_at(100_000), good)) as (server,):
        got = bench.run(server)
    assert got.size == SIZE
    assert starts(server) == [0, 100_000]


def test_without_any_size_the_digest_decides(bench: Bench) -> None:
    bench.artifact = Artifact("vae.safetensors", (), sha256=sha256(DATA))
    with serving(always(reply(200, DATA, close=True))) as (server,):
        bench.run(server)
    assert bench.path.read_bytes() == DATA


def test_without_any_sha256_nothing_is_fetched(bench: Bench) -> None:
    bench.artifact = Artifact("vae.safetensors", (), evidence="host")
    with serving(good) as (server,):
        (error,) = bench.fail(server)
    assert isinstance(error, SourceUnusable)
    assert server.requests == []


# The person, the disk, the network.


def test_offline_asks_nobody(bench: Bench) -> None:
    with serving(good) as (server,), pytest.raises(Offline):
        bench.run(server, VAEHUB_OFFLINE="1")
    assert server.requests == []


def test_offline_takes_what_is_here(bench: Bench) -> None:
    bench.left_behind(DATA)
    with serving(good) as (server,):
        assert bench.run(server, VAEHUB_OFFLINE="1").size == SIZE


def test_a_full_disk_is_seen_first(bench: Bench) -> None:
    bench.artifact = Artifact("vae.safetensors", (), size=10**18, sha256=sha256(DATA))
    with serving(good) as (server,), pytest.raises(DiskFull):
        bench.run(server)
    assert server.requests == []


def test_no_source_at_all(bench: Bench) -> None:
    with pytest.raises(NoSourceDelivered) as caught:
        bench.run()
    assert caught.value.exit_code == 5


def test_an_unknown_host_is_one_failed_source(bench: Bench) -> None:
    settings = settings_for()
    with Session(settings) as session, pytest.raises(NoSourceDelivered) as caught:
        fetch(
            bench.artifact,
            bench.path,
            [Source("gopher", {})],
            session=session,
            settings=settings,
        )
    assert caught.value.attempts[0][0] == "gopher"


def test_an_interrupt_leaves_what_came(bench: Bench) -> None:
    class Impatient(Told):
        def advanced(self, artifact_name: str, done: int) -> None:
            if done >= 100_000:
                raise KeyboardInterrupt

    bench.told = Impatient()
    with serving(good) as (server,), pytest.raises(KeyboardInterrupt):
        bench.run(server)
    came = bench.path.stat().st_size
    assert came >= 100_000
    assert bench.path.read_bytes() == DATA[:came]
    bench.told = Told()
    with serving(good) as (server,):
        bench.run(server)
    assert starts(server) == ([came] if came < SIZE else [])
    assert bench.path.read_bytes() == DATA
