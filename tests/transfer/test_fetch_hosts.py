"""Real hosts' protocols, end to end over loopback: locate, compare, stream, fall back."""

from __future__ import annotations

import hashlib
import random
from typing import TYPE_CHECKING

import pytest

from tests.transfer.helping import QUICK, Sleeper, Told
from tests.weights.files import safetensors
from vaehub import settings as settings_module
from vaehub.errors import HashMismatch, LoginRequired, NoSourceDelivered, SizeMismatch
from vaehub.loopback import LoopbackWorld
from vaehub.model import Artifact, Source
from vaehub.transfer.fetch import Fetched, fetch
from vaehub.transfer.session import Session

if TYPE_CHECKING:
    from pathlib import Path

DATA = safetensors(random.Random(4).randbytes(400_000))
SIZE = len(DATA)
SHA256 = hashlib.sha256(DATA).hexdigest()
UUID = "ab" * 16

SOURCES = {
    "huggingface": Source(
        "huggingface", {"repo": "some/vae", "revision": "c" * 40, "path": "vae.safetensors"}
    ),
    "civitai": Source("civitai", {"model": 23906, "version": 28569}),
    "liblib": Source("liblib", {"model": UUID, "version": "cd" * 16}),
    "modelscope": Source(
        "modelscope", {"repo": "some/vae", "revision": "master", "path": "vae.safetensors"}
    ),
    "github": Source("github", {"repo": "some/vae", "tag": "v1", "asset": "vae.safetensors"}),
}


def run(
    world: LoopbackWorld,
    partial: Path,
    *hosts: str,
    artifact: Artifact | None = None,
    login: bool = True,
    told: Told | None = None,
) -> Fetched:
    settings = settings_module.load(world.environment(login=["civitai", "liblib"] if login else []))
    artifact = artifact or Artifact("vae.safetensors", (), size=SIZE, sha256=SHA256)
    with Session(settings, patience=QUICK, sleep=Sleeper()) as session:
        return fetch(
            artifact,
            partial,
            [SOURCES[host] for host in hosts],
            session=session,
            settings=settings,
            listener=told or Told(),
        )


class Quitting(Told):
    """Lets one host after the other go silent for good, each after so many bytes."""

    def __init__(self, world: LoopbackWorld, each: int, *hosts: str) -> None:
        super().__init__()
        self.world = world
        self.each = each
        self.hosts = list(hosts)
        self.next = each

    def advanced(self, artifact_name: str, done: int) -> None:
        if done >= self.next and self.hosts:
            self.next += self.each
            self.world.faults(self.hosts.pop(0)).hang_up()


@pytest.fixture
def partial(tmp_path: Path) -> Path:
    return tmp_path / "x.part"


def publish(world: LoopbackWorld, *hosts: str, data: bytes = DATA) -> None:
    for host in hosts:
        world.publish(host, SOURCES[host].locator, data, name="vae.safetensors")


@pytest.mark.parametrize("host", SOURCES)
def test_every_host_delivers(world: LoopbackWorld, partial: Path, host: str) -> None:
    publish(world, host)
    got = run(world, partial, host)
    assert partial.read_bytes() == DATA
    assert got.source.startswith(host)
    assert world.leaks == []
    assert world.bytes_sent(host) == SIZE


@pytest.mark.parametrize("host", SOURCES)
def test_every_host_goes_on_after_a_cut(world: LoopbackWorld, partial: Path, host: str) -> None:
    publish(world, host)
    world.faults(host).cut_after(150_000, times=2)
    run(world, partial, host)
    assert partial.read_bytes() == DATA
    assert world.bytes_sent(host) == SIZE
    assert world.leaks == []


@pytest.mark.parametrize("host", ["civitai", "liblib", "github"])
def test_a_signed_address_that_ran_out_is_renewed(
    world: LoopbackWorld, partial: Path, host: str
) -> None:
    publish(world, host)
    world.faults(host).expire_after(1)
    world.faults(host).cut_after(150_000)
    run(world, partial, host)
    assert partial.read_bytes() == DATA


@pytest.mark.parametrize("host", SOURCES)
def test_wrong_bytes_lead_to_the_next_source(
    world: LoopbackWorld, partial: Path, host: str
) -> None:
    other = "github" if host != "github" else "modelscope"
    publish(world, host, other)
    world.faults(host).flip_byte(200_000)
    got = run(world, partial, host, other)
    assert isinstance(got.attempts[0][1], HashMismatch)
    assert got.source.startswith(other)
    assert partial.read_bytes() == DATA


@pytest.mark.parametrize("host", ["civitai", "liblib", "modelscope"])
def test_a_host_that_says_another_hash_is_not_asked_for_bytes(
    world: LoopbackWorld, partial: Path, host: str
) -> None:
    publish(world, host, data=safetensors(random.Random(5).randbytes(400_000)))
    publish(world, "github")
    got = run(world, partial, host, "github")
    assert isinstance(got.attempts[0][1], (HashMismatch, SizeMismatch))
    assert world.bytes_sent(host) == 0


def test_civitais_404_may_pass(world: LoopbackWorld, partial: Path) -> None:
    publish(world, "civitai")
    world.faults("civitai").status(404, times=1)
    run(world, partial, "civitai")
    assert partial.read_bytes() == DATA


def test_civitais_404_may_last(world: LoopbackWorld, partial: Path) -> None:
    publish(world, "civitai")
    world.faults("civitai").status(404)
    with pytest.raises(NoSourceDelivered) as caught:
        run(world, partial, "civitai")
    assert caught.value.exit_code == 5
    doors = [seen for seen in world.seen("civitai") if "download" in seen.path]
    assert len(doors) == 2


def test_civitai_without_a_token_says_what_to_do(world: LoopbackWorld, partial: Path) -> None:
    publish(world, "civitai")
    with pytest.raises(NoSourceDelivered) as caught:
        run(world, partial, "civitai", login=False)
    ((_, error),) = caught.value.attempts
    assert caught.value.exit_code == 5
    assert isinstance(error, LoginRequired)
    assert "CIVITAI_TOKEN" in str(error.hint)


def test_sources_share_one_partial(world: LoopbackWorld, partial: Path) -> None:
    hosts = ("huggingface", "modelscope", "github")
    publish(world, *hosts)
    for host in hosts[:-1]:
        world.faults(host).cut_after(100_000)
    got = run(world, partial, *hosts, told=Quitting(world, 100_000, *hosts[:-1]))
    assert got.source.startswith("github")
    assert partial.read_bytes() == DATA
    assert [world.bytes_sent(host) for host in hosts] == [100_000, 100_000, SIZE - 200_000]


def test_without_a_sha256_the_hosts_own_decides(world: LoopbackWorld, partial: Path) -> None:
    publish(world, "huggingface")
    unpinned = Artifact("vae.safetensors", (), evidence="host")
    assert run(world, partial, "huggingface", artifact=unpinned).sha256 == SHA256


def test_without_a_sha256_changed_bytes_drop_the_partial(
    world: LoopbackWorld, partial: Path
) -> None:
    unpinned = Artifact("vae.safetensors", (), evidence="host")
    publish(world, "huggingface", data=safetensors(random.Random(6).randbytes(400_000)))
    world.faults("huggingface").cut_after(150_000)
    told = Quitting(world, 150_000, "huggingface")
    with pytest.raises(NoSourceDelivered):
        run(world, partial, "huggingface", artifact=unpinned, told=told)
    assert partial.stat().st_size == 150_000
    with LoopbackWorld() as later:
        publish(later, "huggingface")
        got = run(later, partial, "huggingface", artifact=unpinned)
    assert (got.sha256, got.resumed_from) == (SHA256, 0)
    assert partial.read_bytes() == DATA


def test_hosts_may_differ_without_a_sha256(world: LoopbackWorld, partial: Path) -> None:
    unpinned = Artifact("vae.safetensors", (), evidence="host")
    publish(world, "huggingface", data=safetensors(random.Random(6).randbytes(400_000)))
    publish(world, "modelscope")
    world.faults("huggingface").cut_after(150_000)
    told = Quitting(world, 150_000, "huggingface")
    got = run(world, partial, "huggingface", "modelscope", artifact=unpinned, told=told)
    assert (got.sha256, world.bytes_sent("modelscope")) == (SHA256, SIZE)


def test_real_weights_from_a_mirror(
    world: LoopbackWorld, partial: Path, shared_weights: Path
) -> None:
    file = shared_weights / "taef2_decoder.pth"
    world.publish("mirror", {}, file)
    world.faults("mirror").cut_after(1_000_000)
    settings = settings_module.load(world.environment())
    artifact = Artifact(
        "taef2_decoder.pth",
        (),
        size=2704756,
        sha256="0a44a31e1ae59eb9dbf9359d24942fd3ef5928162c1800d97a28c61d51be0ab5",
    )
    with Session(settings, patience=QUICK, sleep=Sleeper()) as session:
        fetch(
            artifact,
            partial,
            [Source("mirror", {"base": world.mirror})],
            session=session,
            settings=settings,
        )
    assert partial.read_bytes() == file.read_bytes()
    assert world.bytes_sent("mirror") == artifact.size
