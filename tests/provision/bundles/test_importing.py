"""``import_bundle``: each file once, only when it is right, and on from where a run ended."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.provision.bundles.making import (
    FILES,
    HOST,
    Machine,
    Pipe,
    bundle_bytes,
    lock_of,
    sha256,
)
from vaehub import folders, provisioning
from vaehub.errors import (
    BundleRefused,
    DiskFull,
    HashMismatch,
    LockError,
    NotAModel,
    TargetNotUsable,
    UnsafePickle,
    UsageError,
)
from vaehub.transfer.declared import Expected
from vaehub.transfer.listener import Silent
from vaehub.transfer.partial import Partial

if TYPE_CHECKING:
    from pathlib import Path

    from vaehub.loopback import LoopbackWorld
    from vaehub.provision.bundles.importing import Imported

ALL = {sha256(data): data for data in FILES.values()}
FIRST, SECOND, THIRD = sorted(ALL)
"""In the order of the bundle."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return bundle_bytes(lock_of(), FILES, tmp_path_factory.mktemp("made"))


@pytest.fixture
def bundle(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "vae.tar"
    path.write_bytes(data)
    return path


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "machine")


ways = pytest.mark.parametrize(
    "way", [lambda path: path, lambda path: Pipe(path.read_bytes())], ids=["file", "pipe"]
)


def at(data: bytes, digest: str) -> int:
    """Say where the bytes of a file begin."""
    return data.index(f"sha256/{digest}\0".encode()) + 512


def statuses(found: Imported) -> list[str]:
    return [file.status for file in found.files]


# What comes


@ways
def test_its_files_become_blobs(machine: Machine, bundle: Path, data: bytes, way: Any) -> None:
    found = machine.take_in(way(bundle))
    assert machine.blobs() == ALL
    assert statuses(found) == ["imported"] * 3
    assert (found.lock, found.size, found.sha256) == (lock_of(), len(data), None)
    assert [file.name for file in found.files] == [
        next(name for name, content in FILES.items() if sha256(content) == digest)
        for digest in sorted(ALL)
    ]
    assert machine.outside() <= {"state", "cache"}
    assert not list((machine.folder / "store" / "partial").iterdir())
    assert all(machine.store.has(digest, len(ALL[digest])) for digest in ALL)


@ways
def test_a_second_time_nothing_is_read_that_is_here(
    machine: Machine, bundle: Path, data: bytes, way: Any
) -> None:
    machine.take_in(way(bundle))
    again = machine.take_in(way(bundle))
    assert statuses(again) == ["present"] * 3
    small = len(data) - sum(map(len, FILES.values()))
    if isinstance(way(bundle), Pipe):
        assert again.read == len(data)  # a pipe can only be read past
    else:
        assert again.read <= 2 * small  # headers are looked at before, and once more


def test_of_a_file_that_begins_elsewhere_the_rest_counts(
    machine: Machine, bundle: Path, data: bytes
) -> None:
    bundle.write_bytes(b"before" + data)
    with bundle.open("rb", buffering=0) as file:
        file.seek(6)
        assert statuses(machine.take_in(file)) == ["imported"] * 3
        file.seek(6)
        assert statuses(machine.take_in(file)) == ["present"] * 3


@ways
def test_a_dry_run_says_what_is_in_it(machine: Machine, bundle: Path, way: Any) -> None:
    machine.put(ALL[SECOND])
    before = machine.blobs()
    found = machine.take_in(way(bundle), dry_run=True)
    assert statuses(found) == ["planned", "present", "planned"]
    assert machine.blobs() == before
    assert not list((machine.folder / "store" / "partial").iterdir())


def test_a_dry_run_of_a_pipe_reads_no_file_of_it(machine: Machine, data: bytes) -> None:
    pipe = Pipe(data)
    machine.take_in(pipe, dry_run=True)
    assert pipe.read_bytes == at(data, FIRST) - 512


@ways
def test_where_it_was_cut_off_is_told_also_among_files_that_are_here(
    machine: Machine, bundle: Path, data: bytes, way: Any
) -> None:
    machine.put(*FILES.values())
    bundle.write_bytes(data[: at(data, SECOND) + 5])
    with pytest.raises(BundleRefused, match=f"ends after {at(data, SECOND) + 5:,} of"):
        machine.take_in(way(bundle))


def test_a_dry_run_tells_of_a_file_that_was_cut_off(
    machine: Machine, bundle: Path, data: bytes
) -> None:
    bundle.write_bytes(data[:-1])
    with pytest.raises(BundleRefused, match="cut off"):
        machine.take_in(bundle, dry_run=True)


# On from where the last run ended


@ways
@pytest.mark.parametrize("there", [1, 700, 2999])
def test_a_blob_that_was_cut_off_goes_on(
    machine: Machine, bundle: Path, data: bytes, way: Any, there: int
) -> None:
    bundle.write_bytes(data[: at(data, FIRST) + there])
    with pytest.raises(BundleRefused, match=f"{len(data):,} bytes: it was cut off") as refused:
        machine.take_in(way(bundle))
    assert "copy it again" in (refused.value.hint or "")
    partial = machine.folder / "store" / "partial" / f"{FIRST}.part"
    assert partial.read_bytes() == ALL[FIRST][:there]
    assert machine.blobs() == {}

    bundle.write_bytes(data)
    whole = machine.take_in(way(bundle))
    assert machine.blobs() == ALL
    fresh = Machine(machine.folder.with_name("fresh")).take_in(way(bundle))
    if not isinstance(way(bundle), Pipe):
        assert fresh.read - whole.read == there


@ways
def test_it_goes_on_from_what_a_download_left_in_pieces(
    machine: Machine, bundle: Path, way: Any
) -> None:
    content = ALL[FIRST]
    with Partial(machine.store.partial(FIRST)) as partial:
        partial.expect(Expected(FIRST, len(content)))
        partial.spread()
        for start, end in ((0, 100), (1000, 1500), (4000, len(content))):
            partial.put("a host", start, content[start:end])
        partial.record()
    found = machine.take_in(way(bundle))
    assert machine.blobs() == ALL
    if not isinstance(way(bundle), Pipe):
        fresh = Machine(machine.folder.with_name("fresh")).take_in(bundle)
        assert fresh.read - found.read == 100 + 500 + len(content) - 4000


@ways
def test_what_is_there_may_be_whole_already(machine: Machine, bundle: Path, way: Any) -> None:
    machine.store.partial(FIRST).write_bytes(ALL[FIRST])
    machine.take_in(way(bundle))
    assert machine.blobs() == ALL


@ways
@pytest.mark.parametrize(
    "wrong",
    [b"?" * 10, bytes(2000), b"?" * 100_000],
    ids=["other bytes", "zeros of a power cut", "too many"],
)
def test_wrong_bytes_of_an_earlier_run_do_no_harm(
    machine: Machine, bundle: Path, way: Any, wrong: bytes
) -> None:
    machine.store.partial(FIRST).write_bytes(wrong)
    machine.take_in(way(bundle))
    assert machine.blobs() == ALL


def test_a_damaged_blob_of_the_store_is_replaced(machine: Machine, bundle: Path) -> None:
    machine.take_in(bundle)
    blob = machine.store.blob(SECOND)
    blob.chmod(0o644)
    blob.write_bytes(b"?" * len(ALL[SECOND]))
    assert statuses(machine.take_in(bundle)) == ["present", "imported", "present"]
    assert machine.blobs() == ALL


# What is wrong


@ways
def test_bytes_that_are_wrong_become_no_blob(
    machine: Machine, bundle: Path, data: bytes, way: Any
) -> None:
    place = at(data, SECOND) + 50
    bundle.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
    with pytest.raises(HashMismatch, match=f"expected sha256 {SECOND}, got"):
        machine.take_in(way(bundle))
    assert machine.blobs().keys() == {FIRST}
    partial = machine.folder / "store" / "partial" / f"{SECOND}.part"
    assert partial.read_bytes() == b""

    bundle.write_bytes(data)
    assert statuses(machine.take_in(way(bundle))) == ["present", "imported", "imported"]


@ways
def test_it_must_have_the_lock_that_was_asked_for(
    machine: Machine, bundle: Path, tmp_path: Path, way: Any
) -> None:
    other = lock_of({"x.safetensors": b"x"})
    with pytest.raises(BundleRefused, match="has another lock") as refused:
        machine.take_in(way(bundle), lock=other)
    assert refused.value.exit_code == 6
    assert not (machine.folder / "store").exists()
    path = tmp_path / "vaehub.lock"
    path.write_text(lock_of().text(), encoding="utf-8")
    machine.take_in(way(bundle), lock=path)
    assert machine.blobs() == ALL


def test_the_lock_that_is_asked_for_must_be_there(machine: Machine, bundle: Path) -> None:
    with pytest.raises(LockError, match="there is no lock"):
        machine.take_in(bundle, lock=bundle.with_name("none.lock"))


@ways
@pytest.mark.parametrize("dry_run", [False, True])
def test_it_must_have_the_sha256_that_was_asked_for(
    machine: Machine, bundle: Path, data: bytes, way: Any, dry_run: bool
) -> None:
    with pytest.raises(HashMismatch, match=f"got {sha256(data)}"):
        machine.take_in(way(bundle), sha256="0" * 64, dry_run=dry_run)
    found = machine.take_in(way(bundle), sha256=sha256(data).upper(), dry_run=dry_run)
    assert found.sha256 == sha256(data)
    assert len(data) <= found.read < len(data) + 4096  # headers are looked at before
    again = machine.take_in(way(bundle), sha256=sha256(data))
    assert again.sha256 == sha256(data)


@pytest.mark.parametrize("said", ["", "12", "g" * 64, "0" * 65])
def test_what_is_asked_for_must_be_a_sha256(machine: Machine, bundle: Path, said: str) -> None:
    with pytest.raises(UsageError, match="64 hex digits"):
        machine.take_in(bundle, sha256=said)


@ways
def test_a_pickle_that_could_run_code_becomes_no_blob(
    machine: Machine, tmp_path: Path, way: Any
) -> None:
    evil = b"\x80\x02cos\nsystem\nq\x00X\x02\x00\x00\x00lsq\x01\x85q\x02Rq\x03." + bytes(100)
    files = {"evil.ckpt": evil}
    path = tmp_path / "evil.tar"
    path.write_bytes(bundle_bytes(lock_of(files), files, tmp_path / "made"))
    with pytest.raises((UnsafePickle, NotAModel)):
        machine.take_in(way(path))
    assert machine.blobs() == {}


@ways
def test_neither_does_a_page(machine: Machine, tmp_path: Path, way: Any) -> None:
    page = b"<!doctype html><html>log in</html>" * 10
    files = {"page.safetensors": page}
    path = tmp_path / "page.tar"
    path.write_bytes(bundle_bytes(lock_of(files), files, tmp_path / "made"))
    with pytest.raises(NotAModel):
        machine.take_in(way(path))
    assert machine.blobs() == {}
    assert machine.store.partial(sha256(page)).read_bytes() == b""


def test_a_file_of_two_names_is_looked_at_under_each(machine: Machine, tmp_path: Path) -> None:
    content = FILES["one.safetensors"]
    files = {"fine.safetensors": content, "not.ckpt": content}
    path = tmp_path / "two.tar"
    path.write_bytes(bundle_bytes(lock_of(files), files, tmp_path / "made"))
    with pytest.raises(NotAModel):
        machine.take_in(path)
    assert machine.blobs() == {}


def test_where_they_do_not_fit_nothing_is_begun(
    machine: Machine, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needed = sum(map(len, FILES.values())) - 10
    machine.store.partial(THIRD).write_bytes(ALL[THIRD][:10])
    monkeypatch.setattr(folders, "free_bytes", lambda folder: needed - 1)
    with pytest.raises(DiskFull, match=f"{needed:,} bytes are needed, {needed - 1:,} are free"):
        machine.take_in(bundle)
    assert machine.blobs() == {}
    monkeypatch.setattr(folders, "free_bytes", lambda folder: needed)
    machine.take_in(bundle)


def test_a_file_that_is_not_there(machine: Machine, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no bundle"):
        machine.take_in(tmp_path / "none.tar")
    with pytest.raises(UsageError, match="is a folder"):
        machine.take_in(tmp_path)


def test_a_disk_that_cannot_be_read_is_told_of(machine: Machine, data: bytes) -> None:
    class Broken(Pipe):
        def readinto(self, buffer: Any) -> int:
            if self.read_bytes > 3000:
                raise OSError(5, "Input/output error")
            return super().readinto(buffer)

    with pytest.raises(TargetNotUsable, match="cannot read the bundle: Input/output error"):
        machine.take_in(Broken(data))


# Beside others


def test_two_at_once_take_each_file_in_once(machine: Machine, bundle: Path) -> None:
    found: list[Imported] = []
    threads = [
        threading.Thread(target=lambda: found.append(machine.take_in(bundle))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert machine.blobs() == ALL
    for at_once in zip(*map(statuses, found), strict=True):
        assert sorted(at_once) == ["imported", "present", "present", "present"]


def test_who_waits_for_a_download_takes_what_that_one_brought(
    machine: Machine, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vaehub.store._LOOK_EVERY", 0.01)
    notes: list[str] = []
    finished: list[str] = []
    waiting = threading.Event()

    class Listener(Silent):
        def note(self, message: str) -> None:
            notes.append(message)
            waiting.set()

        def finished(self, artifact_name: str) -> None:
            finished.append(artifact_name)

    found: list[Imported] = []
    thread = threading.Thread(
        target=lambda: found.append(machine.take_in(bundle, listener=Listener()))
    )
    with machine.store.lock(SECOND):
        thread.start()
        assert waiting.wait(30)
        time.sleep(0.1)  # in which it looks again, several times
        assert machine.blobs().keys() == {FIRST}
        machine.put(ALL[SECOND])
    thread.join()
    assert statuses(found[0]) == ["imported", "present", "imported"]
    assert finished == [file.name for file in found[0].files], "what was planned comes to an end"
    assert len(notes) == 1
    assert "another vaehub is bringing it" in notes[0]


def test_a_download_goes_on_from_what_an_import_left(
    machine: Machine, bundle: Path, data: bytes, world: LoopbackWorld, tmp_path: Path
) -> None:
    for name, content in FILES.items():
        world.publish("huggingface", {**HOST, "path": name}, content)
    bundle.write_bytes(data[: at(data, FIRST) + 1000])
    with pytest.raises(BundleRefused):
        machine.take_in(bundle)
    machine.environment.update(world.environment())
    provisioning.create_bundle(tmp_path / "again.tar", lock_of(), settings=machine.settings)
    assert (tmp_path / "again.tar").read_bytes() == data
    asked = [request.headers.get("range", "") for request in world.requests]
    assert [text for text in asked if text.startswith("bytes=1000-")]


def test_what_is_told_on_the_way(machine: Machine, bundle: Path) -> None:
    machine.put(ALL[SECOND])
    told: list[tuple[Any, ...]] = []

    class Listener(Silent):
        def planned(self, artifact_name: str, total: int | None) -> None:
            told.append(("planned", artifact_name, total))

        def started(self, artifact_name: str, total: int | None, done: int) -> None:
            told.append(("started", artifact_name, total, done))

        def advanced(self, artifact_name: str, done: int) -> None:
            told.append(("advanced", artifact_name, done))

        def finished(self, artifact_name: str) -> None:
            told.append(("finished", artifact_name))

    found = machine.take_in(bundle, listener=Listener())
    first, _, third = ((file.name, file.size) for file in found.files)
    assert told == [
        ("planned", *first),
        ("planned", *third),
        ("started", *first, 0),
        ("advanced", *first),
        ("finished", first[0]),
        ("started", *third, 0),
        ("advanced", *third),
        ("finished", third[0]),
    ]


@pytest.mark.skipif(os.name != "posix", reason="needs a real pipe")
def test_from_a_real_pipe(machine: Machine, data: bytes) -> None:
    reading, writing = os.pipe()

    def write() -> None:
        with os.fdopen(writing, "wb") as file:
            file.write(data)

    thread = threading.Thread(target=write)
    thread.start()
    with os.fdopen(reading, "rb", buffering=0) as file:
        assert statuses(machine.take_in(file)) == ["imported"] * 3
    thread.join()
