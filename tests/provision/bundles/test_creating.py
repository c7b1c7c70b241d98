"""``create_bundle``: the same lock gives the same bytes, and no file is ever overwritten."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import tarfile
from typing import TYPE_CHECKING, Any

import pytest

from tests.provision.bundles import making
from tests.provision.bundles.making import FILES, HOST, Machine, lock_of, sha256
from vaehub import durable, folders, place, provisioning, staging
from vaehub.errors import (
    DiskFull,
    FileInTheWay,
    HashMismatch,
    LicenseNotAccepted,
    LockError,
    NoSourceDelivered,
    Offline,
    TargetNotUsable,
    UsageError,
)
from vaehub.provision.bundles import index as index_module
from vaehub.provision.bundles import tarred, writing
from vaehub.transfer.listener import Silent

if TYPE_CHECKING:
    from pathlib import Path

    from vaehub.loopback import LoopbackWorld

ONE, TWO, THREE = FILES


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path / "machine")
    made.put(*FILES.values())
    return made


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder / "vae.tar"


def left_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


# What is in it


def test_what_it_holds_in_which_order(machine: Machine, out: Path) -> None:
    created = machine.create(out)
    data = out.read_bytes()
    assert (created.status, created.path, created.size) == ("created", out, len(data))
    assert created.sha256 == sha256(data)
    parts = making.members(data)
    digests = sorted(map(sha256, FILES.values()))
    assert [info.name for info, _ in parts] == [
        "vaehub-bundle.json",
        "vaehub.lock",
        "README.txt",
        *(f"sha256/{digest}" for digest in digests),
    ]
    said = json.loads(parts[0][1])
    for info, content in parts[1:]:
        assert {"name": info.name, "size": len(content), "sha256": sha256(content)} in said[
            "members"
        ]
    assert parts[1][1].decode() == lock_of().text()
    assert b"bundle install" in parts[2][1]


def test_the_same_lock_gives_the_same_bytes_elsewhere_and_later(
    machine: Machine, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.create(out)
    other = Machine(tmp_path / "other")
    other.put(*reversed(FILES.values()))
    for path in (tmp_path / "other").rglob("*"):
        if path.is_file() and "blobs" not in path.parts:
            os.utime(path, (1, 1))
    monkeypatch.chdir(tmp_path / "other")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    mask = os.umask(0o077)
    try:
        other.create("again.tar")
    finally:
        os.umask(mask)
    assert (tmp_path / "other" / "again.tar").read_bytes() == out.read_bytes()


def test_a_lock_that_was_laid_out_anew_is_the_same_lock(machine: Machine, out: Path) -> None:
    machine.create(out)
    lock = machine.folder / "vaehub.lock"
    lock.write_bytes(json.dumps(making.lock_json()).encode().replace(b", ", b",\r\n"))
    again = out.with_name("again.tar")
    provisioning.create_bundle(again, lock, settings=machine.settings)
    assert again.read_bytes() == out.read_bytes()


def test_gnu_tar_makes_the_same_bytes_of_what_it_unpacked(machine: Machine, out: Path) -> None:
    tar = shutil.which("tar")
    if tar is None or "GNU" not in subprocess.check_output([tar, "--version"], text=True):
        pytest.skip("there is no GNU tar")
    machine.create(out)
    folder = out.with_name("unpacked")
    folder.mkdir()
    subprocess.run([tar, "-xf", out, "-C", folder], check=True)
    names = [info.name for info, _ in making.members(out.read_bytes())]
    nobody = ["--mode=0644", "--owner=0", "--group=0", "--numeric-owner", "--mtime=@0"]
    again = out.with_name("again.tar")
    subprocess.run(
        [tar, "--format=ustar", "-b1", *nobody, "-cf", again, "-C", folder, *names], check=True
    )
    assert again.read_bytes() == out.read_bytes()


def test_a_file_of_more_than_8_gib_is_one_that_every_tar_reads(tmp_path: Path) -> None:
    size = (8 << 30) + 5
    lock = lock_of({"big.safetensors": b"x"})
    [vae] = lock.vaes
    [locked] = vae.artifacts
    digest = "b" * 64
    artifact = locked.artifact._replace(sha256=digest, size=size)
    variant = vae.variant._replace(artifacts=(artifact,))
    vae = vae._replace(
        entry=vae.entry._replace(variants=(variant,)),
        artifacts=(locked._replace(artifact=artifact),),
    )
    lock = lock._replace(vaes=(vae,))
    index = index_module.of(lock, {digest: size})
    path = tmp_path / "big.tar"
    with path.open("wb") as file:
        for name, content in (
            (index_module.NAME, index_module.text(index)),
            ("vaehub.lock", lock.text().encode()),
            ("README.txt", index_module.README.encode()),
        ):
            file.write(tarred.header(name, len(content)) + content)
            file.write(bytes(tarred.padding(len(content))))
        file.write(tarred.header(f"sha256/{digest}", size))
        file.truncate(file.tell() + size + tarred.padding(size) + len(tarred.END))
    assert path.stat().st_size == index.length(len(index_module.text(index)))

    with tarfile.open(path) as tar:
        assert [info.size for info in tar][-1] == size
    if shutil.which("tar"):
        listed = subprocess.check_output(["tar", "-tvf", path], text=True)
        assert f" {size} " in listed
    machine = Machine(tmp_path / "machine")
    found = machine.take_in(path, dry_run=True)
    assert [(file.size, file.status) for file in found.files] == [(size, "planned")]
    assert found.read < 20_000


# Where the bytes come from


def test_what_is_not_in_the_store_comes_from_this_machine(
    tmp_path: Path, out: Path, machine: Machine
) -> None:
    cache = tmp_path / "hub" / "models--acme--vae" / "blobs"
    cache.mkdir(parents=True)
    (cache / sha256(FILES[ONE])).write_bytes(FILES[ONE])
    other = Machine(tmp_path / "other", {"HF_HUB_CACHE": str(tmp_path / "hub")})
    other.environment["VAEHUB_OFFLINE"] = "1"
    other.put(FILES[TWO], FILES[THREE])
    other.create(out)
    machine.create(again := out.with_name("again.tar"))
    assert out.read_bytes() == again.read_bytes()
    assert (cache / sha256(FILES[ONE])).read_bytes() == FILES[ONE]


def test_what_is_nowhere_is_downloaded_once(
    tmp_path: Path, out: Path, machine: Machine, world: LoopbackWorld
) -> None:
    for name, data in FILES.items():
        world.publish("huggingface", {**HOST, "path": name}, data)
    other = Machine(tmp_path / "other", world.environment(login=["huggingface"]))
    other.put(FILES[TWO])
    other.create(out)
    fetched = len(world.requests)
    assert fetched
    assert other.blobs().keys() == set(map(sha256, FILES.values()))
    other.create(out.with_name("again.tar"))
    assert len(world.requests) == fetched
    machine.create(third := out.with_name("third.tar"))
    assert out.read_bytes() == third.read_bytes()
    token = world.tokens["huggingface"].encode()
    assert token.decode() in other.environment.values()
    for never in (token, str(tmp_path).encode(), b"127.0.0.1"):
        assert never not in out.read_bytes()


def test_two_files_of_one_name_are_two_files(
    tmp_path: Path, out: Path, world: LoopbackWorld
) -> None:
    lock = lock_of(FILES)
    same = [
        vae._replace(
            entry=vae.entry._replace(
                variants=(
                    vae.variant._replace(
                        artifacts=(vae.artifacts[0].artifact._replace(name="same.safetensors"),)
                    ),
                )
            ),
            artifacts=(
                vae.artifacts[0]._replace(
                    artifact=vae.artifacts[0].artifact._replace(name="same.safetensors")
                ),
            ),
        )
        for vae in lock.vaes
    ]
    for name, data in FILES.items():
        world.publish("huggingface", {**HOST, "path": name}, data)
    told: list[str] = []

    class Listener(Silent):
        def started(self, artifact_name: str, total: int | None, done: int) -> None:
            told.append(artifact_name)

    other = Machine(tmp_path / "other", world.environment())
    other.create(out, lock._replace(vaes=tuple(same)), listener=Listener())
    assert len(making.members(out.read_bytes())) == 3 + len(FILES)
    names = {f"same.safetensors ({sha256(data)[:8]})" for data in FILES.values()}
    assert set(told) == {*names, "vae.tar"}


def test_what_is_to_come_is_told_before(tmp_path: Path, out: Path, world: LoopbackWorld) -> None:
    for name, data in FILES.items():
        world.publish("huggingface", {**HOST, "path": name}, data)
    planned: list[str] = []

    class Listener(Silent):
        def planned(self, artifact_name: str, total: int | None) -> None:
            assert total == len(FILES[artifact_name])
            planned.append(artifact_name)

    other = Machine(tmp_path / "other", world.environment())
    other.put(FILES[TWO])
    other.create(out, listener=Listener())
    assert set(planned) == {ONE, THREE}


def test_where_a_file_cannot_be_had_nothing_is_written(
    tmp_path: Path, out: Path, world: LoopbackWorld
) -> None:
    world.publish("huggingface", {**HOST, "path": ONE}, FILES[ONE])
    other = Machine(tmp_path / "other", world.environment())
    with pytest.raises(NoSourceDelivered):
        other.create(out)
    assert left_in(out.parent) == set()
    other.environment["VAEHUB_OFFLINE"] = "1"
    with pytest.raises(Offline):
        other.create(out)


def test_a_license_that_asks_is_asked_for(machine: Machine, out: Path) -> None:
    lock = lock_of(id="LicenseRef-Ask", accept=True)
    with pytest.raises(LicenseNotAccepted):
        machine.create(out, lock)
    with pytest.raises(LicenseNotAccepted):
        machine.create(out, lock, ask=lambda entry: False)
    assert left_in(out.parent) == set()
    by_policy = lock_of(
        id="LicenseRef-Ask", accept=True, policy={"licenses": {"accept": ["LicenseRef-Ask"]}}
    )
    assert machine.create(out, by_policy).status == "created"


def test_a_license_may_be_accepted_for_the_run(machine: Machine, out: Path) -> None:
    lock = lock_of(id="LicenseRef-Ask", accept=True)
    assert machine.create(out, lock, accept_licenses=["LicenseRef-Ask"]).status == "created"


def test_there_must_be_a_lock(machine: Machine, out: Path) -> None:
    with pytest.raises(LockError, match="there is no lock"):
        provisioning.create_bundle(out, machine.folder / "none.lock", settings=machine.settings)


# What stands there already


def test_this_very_bundle_is_left_alone(machine: Machine, out: Path) -> None:
    first = machine.create(out)
    before = out.stat()
    shutil.rmtree(machine.folder / "store")  # to tell, nothing else is needed
    again = machine.create(out)
    assert again == first._replace(status="present")
    assert (out.stat().st_mtime_ns, out.stat().st_ino) == (before.st_mtime_ns, before.st_ino)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: b"the user's own",
        lambda data: b"",
        lambda data: data[:-1],
        lambda data: data + b"\0",
        lambda data: data[:-1500] + b"?" + data[-1499:],
        lambda data: data.replace(b"A VAE for tests", b"A VAE for TESTS"),
        lambda data: making.with_index(data, lambda said: None),
    ],
    ids=["foreign", "empty", "cut", "longer", "damaged", "other index", "other layout"],
)
def test_any_other_file_is_not_touched(machine: Machine, out: Path, spoil: Any) -> None:
    machine.create(out)
    wrong = spoil(out.read_bytes())
    out.write_bytes(wrong)
    with pytest.raises(FileInTheWay, match="not the bundle of this lock") as refused:
        machine.create(out)
    assert "-o" in (refused.value.hint or "")
    assert out.read_bytes() == wrong
    assert left_in(out.parent) == {"vae.tar"}


def test_the_bundle_of_another_lock_is_not_touched(machine: Machine, out: Path) -> None:
    machine.create(out, lock_of({ONE: FILES[ONE]}))
    before = out.read_bytes()
    with pytest.raises(FileInTheWay):
        machine.create(out)
    assert out.read_bytes() == before


def test_neither_is_a_folder_or_a_link(machine: Machine, out: Path) -> None:
    out.mkdir()
    with pytest.raises(FileInTheWay, match="a folder"):
        machine.create(out)
    link = out.with_name("link.tar")
    link.symlink_to(out.parent / "elsewhere")
    with pytest.raises(FileInTheWay, match="a symbolic link"):
        machine.create(link)
    assert not (out.parent / "elsewhere").exists()


def test_a_link_to_this_very_bundle_is_left_alone(machine: Machine, out: Path) -> None:
    machine.create(out)
    link = out.with_name("link.tar")
    link.symlink_to(out)
    assert machine.create(link).status == "present"
    assert link.is_symlink()


def test_who_comes_in_meanwhile_is_not_overwritten(
    machine: Machine, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = place.publish

    def slowly(temporary: Path, final: Path) -> None:
        final.write_bytes(b"somebody was faster")
        real(temporary, final)

    monkeypatch.setattr(place, "publish", slowly)
    with pytest.raises(FileInTheWay):
        machine.create(out)
    assert out.read_bytes() == b"somebody was faster"
    assert left_in(out.parent) == {"vae.tar"}


def test_of_two_that_make_it_at_once_one_is_enough(
    machine: Machine, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.create(out.with_name("other.tar"))
    real = place.publish

    def slowly(temporary: Path, final: Path) -> None:
        shutil.copy(out.with_name("other.tar"), final)
        real(temporary, final)

    monkeypatch.setattr(place, "publish", slowly)
    assert machine.create(out).sha256 == sha256(out.read_bytes())
    assert left_in(out.parent) == {"vae.tar", "other.tar"}


# What goes wrong on the way


def test_a_blob_that_changes_under_the_hand_is_in_no_bundle(machine: Machine, out: Path) -> None:
    blob = machine.store.blob(sha256(FILES[ONE]))
    stat = blob.stat()
    blob.chmod(0o644)
    blob.write_bytes(FILES[ONE][:-1] + b"?")
    os.utime(blob, ns=(stat.st_atime_ns, stat.st_mtime_ns))  # the seal looks intact
    with pytest.raises(HashMismatch, match="changed"):
        machine.create(out)
    assert left_in(out.parent) == set()
    assert not machine.store.has(sha256(FILES[ONE])), "the next run would believe it again"


@pytest.mark.parametrize("change", [b"", b"longer"])
def test_nor_one_that_changes_its_length(machine: Machine, out: Path, change: bytes) -> None:
    lock = lock_of()
    index = index_module.of(lock, {sha256(data): len(data) for data in FILES.values()})
    wrong = machine.folder / "wrong"
    wrong.write_bytes(FILES[THREE] + change if change else FILES[THREE][:-1])

    class Blobs:
        def __init__(self, digest: str) -> None:
            pass

        def __enter__(self) -> Path:
            return wrong

        def __exit__(self, *_: object) -> None:
            pass

    with pytest.raises(HashMismatch):
        writing.write_file(out, lock, index, Blobs, advanced=lambda done: None)
    assert left_in(out.parent) == set()


def test_a_blob_that_the_garbage_collection_took_is_brought_again(
    tmp_path: Path, out: Path, world: LoopbackWorld, machine: Machine
) -> None:
    for name, data in FILES.items():
        world.publish("huggingface", {**HOST, "path": name}, data)
    other = Machine(tmp_path / "other", world.environment())

    class Collecting(Silent):
        def started(self, artifact_name: str, total: int | None, done: int) -> None:
            if artifact_name == "vae.tar":
                assert len(other.store.gc(dry_run=False).removed) == len(FILES)

    other.create(out, listener=Collecting())
    machine.create(again := out.with_name("again.tar"))
    assert out.read_bytes() == again.read_bytes()


def test_what_a_killed_run_left_goes(machine: Machine, out: Path) -> None:
    left = out.with_name(staging.new_name().replace(str(os.getpid()), "4194304"))
    left.write_bytes(b"half a bundle")
    mine = out.with_name("mine.part")
    mine.write_bytes(b"")
    machine.create(out)
    assert left_in(out.parent) == {"vae.tar", "mine.part"}


def test_where_it_does_not_fit_it_is_not_begun(
    machine: Machine, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "free_bytes", lambda folder: 1000)
    with pytest.raises(DiskFull, match="1,000 bytes free"):
        machine.create(out)
    assert left_in(out.parent) == set()


def test_where_the_disk_runs_full_nothing_is_left(
    machine: Machine, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(next(iter(durable.FULL)), "No space left on device")

    monkeypatch.setattr(writing, "write_to", full)
    with pytest.raises(DiskFull, match="ran full"):
        machine.create(out)
    assert left_in(out.parent) == set()


def test_a_place_that_is_none(machine: Machine, tmp_path: Path) -> None:
    with pytest.raises(TargetNotUsable, match="there is no folder"):
        machine.create(tmp_path / "nowhere" / "vae.tar")
    with pytest.raises(UsageError, match="names no file"):
        machine.create(f"{tmp_path}/")


# Into a pipe


class OnePieceAtATime(io.RawIOBase):
    """Takes a few bytes of each write, as a pipe may."""

    def __init__(self, room: int = 1 << 30) -> None:
        self.data = b""
        self._room = room

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        if len(self.data) >= self._room:
            raise BrokenPipeError(32, "Broken pipe")
        self.data += bytes(data[:777])
        return min(777, len(data))


def test_into_a_pipe_go_the_same_bytes(machine: Machine, out: Path) -> None:
    machine.create(out)
    pipe = OnePieceAtATime()
    created = machine.create(pipe)
    assert pipe.data == out.read_bytes()
    assert (created.path, created.sha256) == (None, sha256(pipe.data))


def test_a_reader_that_goes_away_is_told(machine: Machine) -> None:
    with pytest.raises(TargetNotUsable, match="takes no more"):
        machine.create(OnePieceAtATime(room=2000))
