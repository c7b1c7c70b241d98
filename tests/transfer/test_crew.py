"""Several connections to one source, against the loopback world."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.transfer.helping import QUICK, Sleeper, Told
from tests.weights.files import safetensors
from vaehub import settings as settings_module
from vaehub.errors import DiskFull, HashMismatch, NoSourceDelivered, SourceRefused
from vaehub.model import Artifact, Source
from vaehub.transfer import crew
from vaehub.transfer.fetch import Fetched, fetch
from vaehub.transfer.segments import MIB
from vaehub.transfer.session import Session

if TYPE_CHECKING:
    from vaehub.loopback import LoopbackWorld

DATA = safetensors(random.Random(11).randbytes(24 * MIB))
SHA256 = hashlib.sha256(DATA).hexdigest()
ARTIFACT = Artifact("vae.safetensors", (), size=len(DATA), sha256=SHA256)
HUB = {"repo": "acme/vae", "revision": "0" * 40, "path": "vae.safetensors"}


def get(
    partial: Path, *sources: Source, environment: dict[str, str], told: Told | None = None
) -> Fetched:
    settings = settings_module.load(environment)
    with Session(settings, patience=QUICK, sleep=Sleeper()) as session:
        return fetch(
            ARTIFACT,
            partial,
            sources,
            session=session,
            settings=settings,
            listener=told or Told(),
        )


def mirror(world: LoopbackWorld) -> Source:
    return Source("mirror", {"base": world.mirror})


@pytest.fixture
def partial(tmp_path: Path) -> Path:
    return tmp_path / "x.part"


@pytest.fixture
def published(world: LoopbackWorld) -> LoopbackWorld:
    world.publish("mirror", {}, DATA)
    return world


def ranges(world: LoopbackWorld) -> set[str | None]:
    return {seen.range for seen in world.seen("mirror", method="GET")}


def test_several_connections_fetch_every_byte_once(published: LoopbackWorld, partial: Path) -> None:
    published.faults("mirror").slow(bytes_per_second=20_000_000)
    told = Told()
    got = get(partial, mirror(published), environment=published.environment(), told=told)
    assert partial.read_bytes() == DATA
    assert (got.sha256, got.size, got.attempts) == (SHA256, len(DATA), ())
    assert len(ranges(published)) > 2, "there was only one connection"
    assert None not in ranges(published)
    # A piece that is split drops its connection: what was under way then is all that is lost.
    assert published.bytes_sent("mirror") <= len(DATA) + 4 * MIB
    assert told.steps == sorted(told.steps)
    assert told.ends == ["vae.safetensors"]
    assert not partial.with_name("x.part.json").exists()


def test_the_final_address_is_asked_for_once(world: LoopbackWorld, partial: Path) -> None:
    world.publish("huggingface", HUB, DATA)
    get(partial, Source("huggingface", HUB), environment=world.environment())
    assert partial.read_bytes() == DATA
    doors = [seen for seen in world.seen("huggingface") if "/resolve/" in seen.path]
    gets = [seen for seen in doors if seen.method == "GET" and "cdn" not in seen.origin]
    assert len(gets) <= 2
    assert not world.leaks


def test_a_host_without_ranges_gets_one_connection(published: LoopbackWorld, partial: Path) -> None:
    published.faults("mirror").ignore_range()
    get(partial, mirror(published), environment=published.environment())
    assert partial.read_bytes() == DATA


def test_one_answer_without_a_range_costs_one_connection(
    published: LoopbackWorld, partial: Path
) -> None:
    faults = published.faults("mirror")
    faults.slow(bytes_per_second=6_000_000)

    class Meddler(Told):
        def advanced(self, artifact_name: str, done: int) -> None:
            if done > 6 * MIB and not meddled:
                meddled.append(done)
                faults.ignore_range(times=1)
            super().advanced(artifact_name, done)

    meddled: list[int] = []
    told = Meddler()
    get(partial, mirror(published), environment=published.environment(), told=told)
    assert partial.read_bytes() == DATA
    assert meddled
    assert told.steps == sorted(told.steps), "bytes that were here were given up"


def test_a_disk_that_is_full_at_the_last_write_is_not_the_sources_fault(
    published: LoopbackWorld, partial: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pwrite = os.pwrite

    def full(descriptor: int, data: bytes, at: int) -> int:
        if at + len(data) == len(DATA):
            time.sleep(0.2)  # so that it is the last write that anybody waits for
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return pwrite(descriptor, data, at)

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        with pytest.raises(DiskFull):
            get(partial, mirror(published), environment=published.environment())
    before = published.bytes_sent("mirror")
    get(partial, mirror(published), environment=published.environment())
    assert partial.read_bytes() == DATA
    assert published.bytes_sent("mirror") - before < 8 * MIB, "what had come was thrown away"


def test_a_status_of_200_with_a_range_is_a_range(published: LoopbackWorld, partial: Path) -> None:
    published.faults("mirror").range_as_200()
    get(partial, mirror(published), environment=published.environment())
    assert partial.read_bytes() == DATA


def test_cut_connections_cost_little(published: LoopbackWorld, partial: Path) -> None:
    published.faults("mirror").cut_after(MIB, times=3)
    get(partial, mirror(published), environment=published.environment())
    assert partial.read_bytes() == DATA
    assert published.bytes_sent("mirror") <= len(DATA) + 4 * MIB


def test_a_host_that_minds_many_connections(published: LoopbackWorld, partial: Path) -> None:
    published.faults("mirror").slow(bytes_per_second=30_000_000)
    published.faults("mirror").status(429, retry_after=1, times=2)
    get(partial, mirror(published), environment=published.environment())
    assert partial.read_bytes() == DATA


def test_a_silent_connection_is_relieved(
    published: LoopbackWorld, partial: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crew, "STALLED", 0.5)
    published.faults("mirror").stall(MIB, seconds=4)
    begun = time.monotonic()
    get(partial, mirror(published), environment=published.environment())
    assert partial.read_bytes() == DATA
    assert time.monotonic() - begun < QUICK.read, "it waited for the silent one"


def test_wrong_bytes_are_found_and_the_next_source_serves(
    world: LoopbackWorld, partial: Path
) -> None:
    world.publish("mirror", {}, DATA)
    world.publish("huggingface", HUB, DATA)
    world.faults("mirror").flip_byte(20 * MIB)
    got = get(partial, mirror(world), Source("huggingface", HUB), environment=world.environment())
    assert partial.read_bytes() == DATA
    ((label, error),) = got.attempts
    assert isinstance(error, HashMismatch)
    assert label in error.message


def test_a_source_that_refuses_half_way_is_left_and_the_next_goes_on(
    world: LoopbackWorld, partial: Path
) -> None:
    world.publish("mirror", {}, DATA)
    world.publish("huggingface", HUB, DATA)
    world.faults("mirror").cut_after(2 * MIB, times=None)
    got = get(partial, mirror(world), Source("huggingface", HUB), environment=world.environment())
    assert partial.read_bytes() == DATA
    assert [label for label, _ in got.attempts] or world.bytes_sent("mirror") >= len(DATA)
    assert world.bytes_sent("mirror") + world.bytes_sent("huggingface") <= len(DATA) + 8 * MIB


def test_a_page_in_place_of_the_file(published: LoopbackWorld, partial: Path) -> None:
    published.faults("mirror").html_page()
    with pytest.raises(NoSourceDelivered) as caught:
        get(partial, mirror(published), environment=published.environment())
    ((_, error),) = caught.value.attempts
    assert error.code == "not-a-model"


def test_a_refusal_is_explained(published: LoopbackWorld, partial: Path) -> None:
    published.faults("mirror").status(403)
    with pytest.raises(NoSourceDelivered) as caught:
        get(partial, mirror(published), environment=published.environment())
    ((_, error),) = caught.value.attempts
    assert isinstance(error, SourceRefused)


def test_an_address_that_expires_half_way_is_renewed(world: LoopbackWorld, partial: Path) -> None:
    world.publish("huggingface", HUB, DATA)
    world.faults("huggingface").expire_after(3)
    get(partial, Source("huggingface", HUB), environment=world.environment())
    assert partial.read_bytes() == DATA


def test_killed_half_way(published: LoopbackWorld, partial: Path) -> None:
    published.faults("mirror").slow(bytes_per_second=3_000_000)
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.transfer.test_crew", str(partial), published.mirror],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    sidecar = partial.with_name("x.part.json")
    present = 0
    try:
        while present < 10 * MIB:
            assert child.poll() is None
            time.sleep(0.02)
            if sidecar.exists():
                record = json.loads(sidecar.read_text())
                present = record.get("length", 0) + sum(
                    end - start for start, end, _ in record.get("islands", [])
                )
    finally:
        child.kill()
        child.wait()
    published.faults("mirror").clear()
    before = published.bytes_sent("mirror")
    threading.Event().wait(0.2)  # the server notices that its readers are gone
    get(partial, mirror(published), environment=published.environment())
    assert partial.read_bytes() == DATA
    again = published.bytes_sent("mirror") - before
    assert again <= len(DATA) - present + 8 * MIB


if __name__ == "__main__":
    get(
        Path(sys.argv[1]),
        Source("mirror", {"base": sys.argv[2]}),
        environment={"VAEHUB_MIRRORS": sys.argv[2]},
    )
