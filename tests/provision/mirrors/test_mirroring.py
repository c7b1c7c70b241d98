"""A mirror holds what locks name, whole and readable, and nothing of anybody's is lost in it."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import trees
from tests.api_box import overwrite
from tests.openings import watched
from tests.provision.mirrors.building import (
    FOUR,
    ONE,
    THREE,
    TWO,
    Builder,
    assert_servable,
    digest,
    held,
    seen,
)
from vaehub import api, provisioning, seals
from vaehub.errors import (
    FileInTheWay,
    IntegrityError,
    LicenseNotAccepted,
    LockError,
    NoSourceDelivered,
    TargetNotUsable,
    UsageError,
)
from vaehub.provision import lock as lock_module
from vaehub.provision import mirroring
from vaehub.store import Store
from vaehub.transfer.listener import SILENT, Silent

if TYPE_CHECKING:
    from vaehub.loopback import LoopbackWorld

posix = pytest.mark.skipif(os.name != "posix", reason="there are no permission bits")


@pytest.fixture
def builder(tmp_path: Path, world: LoopbackWorld) -> Builder:
    return Builder(tmp_path, world)


# What is there


def test_a_mirror_holds_what_the_lock_names(builder: Builder) -> None:
    lock = builder.lock("one", "two")
    made = builder.mirror(lock)
    assert builder.blobs == held(ONE, TWO)
    assert (builder.root / "vaehub.lock").read_bytes() == lock.read_bytes()
    assert [one.status for one in made.files] == ["mirrored", "mirrored"]
    assert made.changed
    assert not made.failures
    assert not made.problems
    sha256 = digest(ONE)
    [file] = [file for file in builder.index["files"] if file["sha256"] == sha256]
    assert file == {
        "sha256": sha256,
        "size": len(ONE),
        "path": f"sha256/{sha256}",
        "name": "one.safetensors",
        "vaes": ["mine/one@safetensors"],
        "licenses": [{"id": "MIT", "source": "https://example.org/license"}],
    }
    assert builder.index["locks"] == {"vaehub.lock": digest(lock.read_bytes())}
    assert "VAEHUB_MIRRORS" in (builder.root / "README.txt").read_text()


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="there is no sha256sum")
def test_sha256sum_reads_the_sums(builder: Builder) -> None:
    builder.mirror(builder.lock("one", "two"))
    check = ["sha256sum", "--strict", "--check", "SHA256SUMS"]
    done = subprocess.run(check, cwd=builder.root, capture_output=True, text=True, check=True)
    assert done.stdout.count(": OK") == 2


@posix
def test_a_web_server_of_another_user_can_read_it(builder: Builder) -> None:
    before = os.umask(0o022)
    try:
        builder.mirror(builder.lock("one"))
    finally:
        os.umask(before)
    modes = {
        path.relative_to(builder.root).as_posix(): stat.S_IMODE(path.stat().st_mode)
        for path in (builder.root, *builder.root.rglob("*"))
        if ".vaehub" not in path.parts
    }
    assert modes.pop(f"sha256/{digest(ONE)}") == 0o444
    assert modes.pop(".") == modes.pop("sha256") == 0o755
    assert set(modes.values()) == {0o644}


@posix
def test_that_no_other_user_can_read_it_is_said(builder: Builder) -> None:
    before = os.umask(0o077)
    try:
        made = builder.mirror(builder.lock("one"))
    finally:
        os.umask(before)
    assert {problem.code for problem in made.problems} == {"mirror-not-readable"}
    assert not any(problem.blocking for problem in made.problems)


def test_the_bytes_lie_on_the_disk_once(builder: Builder) -> None:
    made = builder.mirror(builder.lock("one"))
    [one] = made.files
    assert one.method in {"hardlink", "reflink"}
    if one.method == "hardlink":
        blob = Store(builder.box.store).blob(digest(ONE))
        assert blob.samefile(builder.root / "sha256" / digest(ONE))


def test_on_another_file_system_there_is_a_copy(builder: Builder, tmp_path: Path) -> None:
    folder = trees.another_file_system(tmp_path)
    try:
        builder.root = folder / "vaes"
        made = builder.mirror(builder.lock("one"))
        [one] = made.files
        assert one.method == "copy"
        assert builder.blobs == held(ONE)
        path = builder.root / "sha256" / digest(ONE)
        assert seals.is_sealed(path.stat(), digest(ONE))
        assert stat.S_IMODE(path.stat().st_mode) == 0o444
    finally:
        shutil.rmtree(folder)


# Where the bytes come from


def test_what_the_store_holds_is_not_fetched(builder: Builder, world: LoopbackWorld) -> None:
    lock = builder.lock("one")
    builder.box.install("one")
    world.requests.clear()
    made = builder.mirror(lock)
    assert made.files[0].source == "store"
    assert not world.requests


class Told(Silent):
    """Hears what is to be downloaded."""

    def __init__(self) -> None:
        self.coming: list[str] = []

    def planned(self, artifact_name: str, total: int | None) -> None:
        self.coming.append(artifact_name)


def test_only_what_is_to_be_downloaded_is_counted(builder: Builder) -> None:
    lock = builder.lock("one", "two", "three")
    builder.box.install("two")
    shutil.rmtree(builder.box.tree)
    told = Told()
    builder.mirror(lock, listener=told)
    assert sorted(told.coming) == ["one.safetensors", "three.safetensors"]


def test_files_of_one_name_are_told_apart(builder: Builder) -> None:
    old = builder.lock("one", name="old.lock")
    del builder.box.entries["one"]
    builder.box.add("another", {"one.safetensors": FOUR}, hosts=("huggingface",))
    told = Told()
    builder.mirror(old, builder.lock("another"), listener=told)
    assert builder.blobs == held(ONE, FOUR)
    assert set(told.coming) == {f"one.safetensors ({digest(data)[:8]})" for data in (ONE, FOUR)}


def test_what_lies_on_this_machine_is_not_fetched(builder: Builder, world: LoopbackWorld) -> None:
    lock = builder.lock("one")
    old = builder.folder / "old"
    old.mkdir()
    (old / "renamed.safetensors").write_bytes(ONE)
    api.adopt([old], settings=builder.box.settings, catalogs=builder.box.catalogs)
    world.requests.clear()
    made = builder.mirror(lock)
    assert str(made.files[0].source).startswith("adopted ")
    assert builder.blobs == held(ONE)
    assert not world.requests
    assert (old / "renamed.safetensors").stat().st_nlink == 1


def test_the_mirrors_of_the_policy_are_asked_last(builder: Builder, world: LoopbackWorld) -> None:
    world.publish("mirror", {}, ONE)
    lock = builder.lock("one", mirrors=[world.mirror])
    settings = builder.box.settings._replace(mirrors=())
    first = provisioning.mirror(builder.root, [lock], settings=settings)
    assert str(first.files[0].source).startswith("modelscope")
    world.faults("modelscope").status(404)
    shutil.rmtree(builder.root)
    shutil.rmtree(builder.box.store)
    second = provisioning.mirror(builder.root, [lock], settings=settings)
    assert second.files[0].source == f"mirror {world.mirror}"


# Again


def test_a_second_run_changes_nothing_and_reads_no_file(
    builder: Builder, world: LoopbackWorld
) -> None:
    lock = builder.lock("one", "two")
    builder.mirror(lock)
    before = seen(builder.root)
    world.requests.clear()
    with watched(builder.root / "sha256") as opened:
        made = builder.mirror(lock)
    assert not opened
    assert not made.changed
    assert [one.status for one in made.files] == ["present", "present"]
    assert not world.requests
    assert seen(builder.root) == before


def test_a_mirror_that_was_copied_without_our_notes_is_gone_on_with(builder: Builder) -> None:
    builder.mirror(builder.lock("one"))
    elsewhere = builder.folder / "copied"
    shutil.copytree(builder.root, elsewhere, ignore=shutil.ignore_patterns(".vaehub"))
    builder.root = elsewhere
    builder.mirror(builder.lock("two"))
    assert builder.blobs == held(ONE, TWO)
    assert (elsewhere / "vaehub.lock").read_bytes() == builder.lock("two").read_bytes()
    assert_servable(elsewhere)


@pytest.mark.parametrize("turn", [False, True])
def test_several_locks_add_up(builder: Builder, turn: bool) -> None:
    first, second = builder.lock("one", "two", name="a.lock"), builder.lock("two", name="b.lock")
    for lock in (second, first) if turn else (first, second):
        builder.mirror(lock)
    one_by_one = {name: digest_ for name, (_, _, digest_) in seen(builder.root).items()}
    builder.root = builder.folder / "at-once"
    builder.mirror(first, second)
    at_once = {name: digest_ for name, (_, _, digest_) in seen(builder.root).items()}
    assert one_by_one == at_once
    assert builder.index["locks"].keys() == {"a.lock", "b.lock"}


def test_a_file_that_goes_by_another_name_now_has_both(builder: Builder) -> None:
    builder.mirror(builder.lock("one"))
    builder.box.entries["uno"] = builder.box.entries.pop("one")
    builder.mirror(builder.lock("uno"))
    [file] = builder.index["files"]
    assert file["vaes"] == ["mine/one@safetensors", "mine/uno@safetensors"]
    builder.mirror(builder.lock("uno"), prune=True)
    [file] = builder.index["files"]
    assert file["vaes"] == ["mine/uno@safetensors"]


def test_a_newer_lock_takes_the_place_of_the_older_copy(builder: Builder) -> None:
    builder.mirror(builder.lock("one"))
    lock = builder.lock("one", "two")
    builder.mirror(lock)
    assert (builder.root / "vaehub.lock").read_bytes() == lock.read_bytes()
    assert_servable(builder.root)


# Pruning


def test_pruning_removes_what_vaehub_brought_and_nothing_else(builder: Builder) -> None:
    builder.mirror(builder.lock("one", "two", name="old.lock"))
    mine = {
        "favicon.ico": b"the user's",
        "sha256/notes.txt": b"the user's",
        f"sha256/{digest(THREE)}": THREE,  # put there by hand, and in no index
        f"sha256/{'0' * 64}": b"whatever it is",
    }
    for name, data in mine.items():
        (builder.root / name).write_bytes(data)
    made = builder.mirror(builder.lock("two"), prune=True)
    assert {one.path for one in made.files if one.status == "removed"} == {
        "old.lock",
        f"sha256/{digest(ONE)}",
    }
    assert not (builder.root / "old.lock").exists()
    assert not (builder.root / "sha256" / digest(ONE)).exists()
    for name, data in mine.items():
        assert (builder.root / name).read_bytes() == data
    assert [file["sha256"] for file in builder.index["files"]] == [digest(TWO)]
    assert list(builder.index["locks"]) == ["vaehub.lock"]
    assert not builder.mirror(builder.lock("two"), prune=True).changed


def test_pruning_removes_what_a_killed_run_brought(builder: Builder) -> None:
    builder.mirror(builder.lock("one"))
    (builder.root / "index.json").unlink()  # as if it had come no further
    builder.mirror(builder.lock("two"), prune=True)
    assert builder.blobs == held(TWO)


def test_pruning_leaves_a_file_that_was_changed(builder: Builder) -> None:
    builder.mirror(builder.lock("one", "two"))
    path = builder.root / "sha256" / digest(ONE)
    path.unlink()
    path.write_bytes(b"somebody's notes")
    made = builder.mirror(builder.lock("two"), prune=True)
    assert path.read_bytes() == b"somebody's notes"
    assert [problem.code for problem in made.problems] == ["mirror-file-changed"]
    assert digest(ONE) not in (builder.root / "index.json").read_text()


@pytest.mark.parametrize("where", ["index.json", ".vaehub/mirror.json"])
def test_a_forged_note_leads_to_nothing_outside(builder: Builder, where: str) -> None:
    builder.mirror(builder.lock("one"))
    victim = builder.folder / "victim"
    victim.write_bytes(b"the user's")
    said = json.loads((builder.root / where).read_bytes())
    for name in ("../../victim", str(victim)):
        if where == "index.json":
            said["locks"][name] = digest(b"the user's")
        else:
            said["put"][name] = [digest(b"the user's")]
    (builder.root / where).write_text(json.dumps(said, indent=1, ensure_ascii=False) + "\n")
    if where == "index.json":
        shutil.rmtree(builder.root / ".vaehub")
        with pytest.raises(FileInTheWay):
            builder.mirror(builder.lock("two"), prune=True)
    else:
        builder.mirror(builder.lock("two"), prune=True)
    assert victim.read_bytes() == b"the user's"


def test_nothing_is_pruned_where_something_is_missing(
    builder: Builder, world: LoopbackWorld
) -> None:
    builder.mirror(builder.lock("one"))
    lock = builder.lock("two")
    world.faults("modelscope").status(404)
    made = builder.mirror(lock, prune=True)
    assert builder.blobs == held(ONE)
    assert [problem.code for problem in made.problems] == ["not-pruned"]
    assert made.failures


def test_pruning_leaves_the_very_lock_that_was_given(builder: Builder) -> None:
    builder.mirror(builder.lock("one"))
    own = builder.root / "vaehub.lock"
    text = own.read_bytes()
    assert not builder.mirror(own, prune=True).changed
    assert own.read_bytes() == text


# What goes wrong


def test_one_file_that_cannot_be_had_stops_no_other(builder: Builder, world: LoopbackWorld) -> None:
    builder.box.add("four", {"four.safetensors": FOUR}, hosts=("huggingface",))
    lock = builder.lock("one", "four")
    world.faults("huggingface").status(404)
    made = builder.mirror(lock)
    [(name, error)] = made.failures
    assert name == "four.safetensors"
    assert isinstance(error, NoSourceDelivered)
    assert builder.blobs == held(ONE)
    assert [file["name"] for file in builder.index["files"]] == ["one.safetensors"]
    assert not (builder.root / "vaehub.lock").exists(), "who gets it would not find all of it"
    world.reset()
    assert not builder.mirror(lock).failures
    assert builder.blobs == held(ONE, FOUR)
    assert builder.index["locks"].keys() == {"vaehub.lock"}


def test_a_damaged_file_of_ours_is_mended(builder: Builder) -> None:
    lock = builder.lock("one")
    builder.mirror(lock)
    path = builder.root / "sha256" / digest(ONE)
    path.chmod(0o644)
    path.write_bytes(ONE[:-1] + b"!")  # where it is a hard link, this damages the store as well
    made = builder.mirror(lock)
    assert made.files[0].status == "mirrored"
    assert builder.blobs == held(ONE)


def test_a_file_of_an_earlier_lock_that_is_damaged_leaves_the_index(builder: Builder) -> None:
    builder.mirror(builder.lock("one"))
    path = builder.root / "sha256" / digest(ONE)
    path.unlink()
    path.write_bytes(b"cut")
    made = builder.mirror(builder.lock("two"))
    assert [problem.code for problem in made.problems] == ["mirror-file-damaged"]
    assert [file["sha256"] for file in builder.index["files"]] == [digest(TWO)]
    path.unlink()
    assert not builder.mirror(builder.lock("two")).problems


def test_a_strangers_file_under_a_wanted_name_is_not_touched(
    builder: Builder, world: LoopbackWorld
) -> None:
    path = builder.root / "sha256" / digest(ONE)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"what is this")
    made = builder.mirror(builder.lock("one", "two"))
    [(_, error)] = made.failures
    assert isinstance(error, FileInTheWay)
    assert path.read_bytes() == b"what is this"
    assert digest(TWO) in builder.blobs
    assert world.bytes_sent("modelscope") == len(TWO), "that is known before it is downloaded"


@pytest.mark.parametrize("what", ["folder", "link"])
def test_a_wanted_name_that_is_no_file_is_left_alone(builder: Builder, what: str) -> None:
    builder.mirror(builder.lock("one"))
    path = builder.root / "sha256" / digest(ONE)
    path.unlink()
    if what == "folder":
        path.mkdir()
    else:
        (builder.folder / "mine").write_bytes(ONE)
        path.symlink_to(builder.folder / "mine")
    [(_, error)] = builder.mirror(builder.lock("one")).failures
    assert isinstance(error, FileInTheWay)
    assert path.is_dir() or path.is_symlink()


def test_a_file_that_was_cut_with_its_time_kept_is_mended(builder: Builder) -> None:
    lock = builder.lock("one")
    builder.mirror(lock)
    path = builder.root / "sha256" / digest(ONE)
    time = path.stat().st_mtime_ns
    path.unlink()
    path.write_bytes(ONE[:100])
    os.utime(path, ns=(time, time))
    builder.mirror(lock)
    assert builder.blobs == held(ONE)


def test_bytes_that_changed_on_the_way_to_another_disk_do_not_appear(
    builder: Builder, tmp_path: Path
) -> None:
    """A rotten blob of the store, which no time tells, stands for all that can go wrong."""
    lock = builder.lock("one")
    builder.box.install("one")
    overwrite(Store(builder.box.store).blob(digest(ONE)), ONE[:-1] + b"!", keep_time=True)
    folder = trees.another_file_system(tmp_path)
    try:
        builder.root = folder / "vaes"
        [(_, error)] = builder.mirror(lock).failures
        assert isinstance(error, IntegrityError)
        assert not builder.blobs
    finally:
        shutil.rmtree(folder)


def test_a_whole_file_that_lies_there_is_used(builder: Builder, world: LoopbackWorld) -> None:
    lock = builder.lock("one")
    path = builder.root / "sha256" / digest(ONE)
    path.parent.mkdir(parents=True)
    path.write_bytes(ONE)
    world.requests.clear()
    made = builder.mirror(lock)
    assert made.files[0].status == "present"
    assert not world.requests


@pytest.mark.parametrize("name", ["index.json", "SHA256SUMS", "README.txt", "vaehub.lock"])
def test_a_file_of_the_users_is_never_overwritten(
    builder: Builder, world: LoopbackWorld, name: str
) -> None:
    lock = builder.lock("one")
    builder.root.mkdir(parents=True)
    (builder.root / name).write_text("mine")
    world.requests.clear()
    with pytest.raises(FileInTheWay, match=name):
        builder.mirror(lock)
    assert (builder.root / name).read_text() == "mine"
    assert [path.name for path in builder.root.iterdir()] == [name], "nothing was made beside it"
    assert not world.requests, "it is said before anything is downloaded"


def test_a_mirror_cannot_be_below_a_file(builder: Builder) -> None:
    builder.root = builder.folder / "file" / "vaes"
    (builder.folder / "file").write_text("mine")
    with pytest.raises(TargetNotUsable, match="file"):
        builder.mirror(builder.lock("one"))


@pytest.mark.parametrize("name", ["index.json", "SHA256SUMS", "README.txt", "vaehub.lock"])
def test_what_was_changed_by_hand_is_not_overwritten(builder: Builder, name: str) -> None:
    builder.mirror(builder.lock("one"))
    (builder.root / name).write_text("changed by hand")
    with pytest.raises(FileInTheWay, match=name):
        builder.mirror(builder.lock("one", "two"))
    assert (builder.root / name).read_text() == "changed by hand"


def test_a_lock_that_lies_in_the_mirror_itself_stays_the_users(builder: Builder) -> None:
    builder.root.mkdir(parents=True)
    shutil.copy(builder.lock("one"), builder.root / "vaehub.lock")
    text = (builder.root / "vaehub.lock").read_bytes()
    builder.mirror(builder.root / "vaehub.lock")
    assert builder.index["locks"] == {}
    builder.mirror(builder.lock("two", name="other.lock"), prune=True)
    assert (builder.root / "vaehub.lock").read_bytes() == text


def test_a_lock_that_lies_in_the_mirror_need_not_be_as_vaehub_writes_it(builder: Builder) -> None:
    builder.root.mkdir(parents=True)
    own = builder.root / "vaehub.lock"
    own.write_text(json.dumps(json.loads(builder.lock("one").read_bytes()), indent=4))
    text = own.read_bytes()
    assert not builder.mirror(own).failures
    assert own.read_bytes() == text


def test_there_must_be_a_lock(builder: Builder) -> None:
    with pytest.raises(LockError):
        builder.mirror(builder.folder / "no.lock")
    assert not builder.root.exists()


def test_two_locks_of_one_name_are_refused(builder: Builder) -> None:
    first = builder.lock("one", name="a/vaehub.lock")
    second = builder.lock("two", name="b/vaehub.lock")
    with pytest.raises(UsageError, match="two locks"):
        builder.mirror(first, second)
    builder.mirror(first, builder.lock("one", name="b/vaehub.lock"))


@pytest.mark.parametrize("name", ["index.json", "Readme.txt", "sha256sums", "-x", "a b.lock"])
def test_a_lock_cannot_have_a_name_of_the_mirrors_own(builder: Builder, name: str) -> None:
    with pytest.raises(UsageError, match="name"):
        builder.mirror(builder.lock("one", name=name))


@posix
def test_a_folder_that_cannot_be_written_is_named(builder: Builder) -> None:
    path = builder.lock("one")
    given = [mirroring.Given(path, lock_module.read(path))]
    settings = builder.box.settings
    with (
        trees.forbidding_folder() as folder,
        pytest.raises(TargetNotUsable, match="vaes") as caught,
    ):
        mirroring.mirror(folder / "vaes", given, prune=False, settings=settings, listener=SILENT)
    assert caught.value.hint == "name a folder that you may write to"


# Licenses


def test_a_license_that_asks_is_asked_for(builder: Builder) -> None:
    asks = {"id": "LicenseRef-Asks", "source": "https://example.org/asks", "accept": True}
    builder.box.add("asking", {"asking.safetensors": FOUR}, license=asks)
    lock = builder.lock("asking", "one")
    made = builder.mirror(lock)
    [(_, error)] = made.failures
    assert isinstance(error, LicenseNotAccepted)
    assert builder.blobs == held(ONE)

    made = builder.mirror(lock, accept_licenses=["LicenseRef-Asks"])
    assert builder.blobs == held(ONE, FOUR)
    [problem] = made.problems
    assert (problem.code, problem.where, problem.blocking) == ("license-asks", "mine/asking", False)
    [file] = [file for file in builder.index["files"] if file["sha256"] == digest(FOUR)]
    assert file["licenses"] == [asks]


def test_the_policy_may_accept_a_license(builder: Builder) -> None:
    asks = {"id": "LicenseRef-Asks", "source": "https://example.org/asks", "accept": True}
    builder.box.add("asking", {"asking.safetensors": FOUR}, license=asks)
    lock = builder.lock("asking", licenses={"accept": ["LicenseRef-Asks"]})
    assert not builder.mirror(lock).failures


def test_that_nobody_knows_the_license_is_said(builder: Builder) -> None:
    unknown = {"id": "LicenseRef-none-stated"}
    builder.box.add("unknown", {"unknown.safetensors": FOUR}, license=unknown)
    [problem] = builder.mirror(builder.lock("unknown")).problems
    assert (problem.code, problem.blocking) == ("license-not-known", False)


# Others at work


def test_two_processes_write_one_mirror(builder: Builder, world: LoopbackWorld) -> None:
    locks = [builder.lock("one", "two", name="a.lock"), builder.lock("two", "three", name="b.lock")]
    world.faults("modelscope").slow(bytes_per_second=10_000)
    root = Path(__file__).resolve().parents[3]
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "vaehub", "mirror", str(builder.root), "--lock", str(lock)],
            env={
                **os.environ,
                **world.environment(),
                "PYTHONPATH": str(root),
                "VAEHUB_STORE": str(builder.box.store),
            },
            stderr=subprocess.PIPE,
            text=True,
        )
        for lock in locks
    ]
    for process in processes:
        _, said = process.communicate(timeout=60)
        assert process.returncode == 0, said
    assert builder.blobs == held(ONE, TWO, THREE)
    assert builder.index["locks"].keys() == {"a.lock", "b.lock"}
    assert_servable(builder.root)
    assert world.bytes_sent("modelscope") == len(ONE) + len(TWO) + len(THREE)


def test_a_token_is_nowhere_in_a_mirror(builder: Builder, world: LoopbackWorld) -> None:
    token = world.tokens["modelscope"]
    builder.box.extra["MODELSCOPE_TOKEN"] = token
    builder.mirror(builder.lock("one"))
    for path in builder.root.rglob("*"):
        if path.is_file():
            assert token.encode() not in path.read_bytes()
