from __future__ import annotations

import pytest

from tests.transfer.bench import DATA, SIZE, Bench, always, cut_at, good, in_turn, sha256, starts
from tests.transfer.helping import QUICK, Told, settings_for
from tests.transfer.scripted import reply, serving
from vaehub.errors import (
    DiskFull,
    NoSourceDelivered,
    Offline,
    SourceGone,
    SourceUnreachable,
    SourceUnusable,
)
from vaehub.model import Artifact, Source
from vaehub.transfer.fetch import fetch
from vaehub.transfer.session import Session


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
    assert starts(first) == [0, 100_000]  # once more, since bytes had come; then the other
    assert starts(second) == [100_000]
    assert got.source.startswith(f"mirror {second.url}")
    ((label, error),) = got.attempts
    assert label.startswith(f"mirror {first.url}")
    assert isinstance(error, SourceUnreachable)
    assert bench.told.notes == [f"{label} does not deliver now; asking another source"]
    assert bench.path.read_bytes() == DATA


def test_one_that_was_put_off_and_delivers_after_all_has_not_failed(bench: Bench) -> None:
    with serving(in_turn(always(b""), good), always(reply(404))) as (late, gone):
        got = bench.run(late, gone)
    assert bench.path.read_bytes() == DATA
    assert got.source == f"mirror {late.url}/vae"
    ((label, error),) = got.attempts
    assert label == f"mirror {gone.url}/vae"
    assert isinstance(error, SourceGone)


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
