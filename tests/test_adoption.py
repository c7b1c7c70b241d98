"""Installs that need no download, because this machine has the bytes: from a name to a file."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from tests import builders, killing
from tests.api_box import Box, locator
from tests.openings import watched
from tests.trees import another_file_system, snapshot
from vaehub import api, staging
from vaehub.errors import IntegrityError, NoSourceDelivered, Offline
from vaehub.place import reflinked
from vaehub.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from vaehub.adopting import Adopted
    from vaehub.loopback import LoopbackWorld
    from vaehub.outcome import Installed

posix = pytest.mark.skipif(os.name != "posix", reason="a POSIX matter")
NAME = "tiny.safetensors"
DATA = builders.safetensors_bytes(50_000, seed=1)
OTHER = builders.safetensors_bytes(50_000, seed=2)
SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def box(tmp_path: Path, world: LoopbackWorld) -> Box:
    box = Box(tmp_path, world)
    box.add("tiny", {NAME: DATA})
    box.extra["HF_HUB_CACHE"] = str(tmp_path / "hub")
    return box


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """Give a file of the user's that holds the bytes."""
    path = tmp_path / "models" / "old" / "orangemix.vae.pt"
    path.parent.mkdir(parents=True)
    path.write_bytes(DATA)
    return path


@pytest.fixture
def blob(tmp_path: Path) -> Path:
    """Give a blob of the Hugging Face cache that holds them."""
    path = tmp_path / "hub" / "models--acme--vae" / "blobs" / SHA256
    path.parent.mkdir(parents=True)
    path.write_bytes(DATA)
    return path


@pytest.fixture
def far(tmp_path: Path) -> Iterator[Path]:
    """Give a folder on another file system than the store."""
    folder = another_file_system(tmp_path)
    yield folder
    shutil.rmtree(folder)


def adopt(box: Box, folder: Path) -> Adopted:
    (found,) = api.adopt([folder], settings=box.settings, catalogs=box.catalogs)
    assert not isinstance(found, Exception)
    return found


def installed(box: Box, to: Path | None = None) -> Installed:
    (step,) = box.install("tiny", to=to).steps
    assert step.status == "installed"
    assert step.destination.read_bytes() == DATA
    return step


def no_store(box: Box) -> None:
    shutil.rmtree(box.store, ignore_errors=True)


def sharing_disks(folder: Path) -> bool:
    """Tell whether the disk has reflinks: then nothing needs to be linked."""
    source, copy = folder / "probe-1", folder / "probe-2"
    source.write_bytes(b"x")
    with source.open("rb") as opened:
        return reflinked(opened, copy)


# Files of the user's


def test_an_adopted_file_is_installed_without_a_request(box: Box, mine: Path) -> None:
    adopt(box, mine.parents[1])
    before = snapshot(mine.parents[1])
    step = installed(box)
    assert (step.action, step.source) == ("place", f"adopted {mine}")
    assert (step.size, step.sha256, step.attempts) == (len(DATA), SHA256, ())
    assert box.world.requests == []
    assert snapshot(mine.parents[1]) == before
    record = box.receipt(NAME)
    assert (record["source"], record["sha256"]) == (f"adopted {mine}", SHA256)
    assert box.problems(deep=True) == []
    assert box.listed == [NAME]


def test_offline_too(box: Box, mine: Path) -> None:
    box.extra["VAEHUB_OFFLINE"] = "1"
    with pytest.raises(Offline):
        box.install("tiny")
    adopt(box, mine.parents[1])
    assert installed(box).source == f"adopted {mine}"


def test_what_is_written_into_one_later_is_not_in_the_other(box: Box, mine: Path) -> None:
    """No hard link leads to a file of the user's own."""
    adopt(box, mine.parents[1])
    step = installed(box)
    assert mine.stat().st_nlink == 1
    mine.write_bytes(b"retrained")
    assert step.destination.read_bytes() == DATA
    assert box.problems(deep=True) == []


def test_uninstall_leaves_the_users_file(box: Box, mine: Path) -> None:
    adopt(box, mine.parents[1])
    before = box.snapshot()
    installed(box)
    box.uninstall("tiny")
    assert box.snapshot() == before
    assert mine.read_bytes() == DATA
    assert Store(box.store).gc(dry_run=False).kept == 0
    assert mine.read_bytes() == DATA


def test_the_plan_says_where_the_bytes_are(box: Box, mine: Path) -> None:
    adopt(box, mine.parents[1])
    before = snapshot(box.folder)
    (step,) = box.install("tiny", dry_run=True).steps
    assert (step.status, step.action) == ("planned", "place")
    assert step.reason == f"not there yet; the same bytes are at {mine}"
    assert step.candidates == (f"adopted {mine}",)
    assert box.world.requests == []
    after = snapshot(box.folder)
    assert {name: what for name, what in after.items() if "cache" not in name} == {
        name: what for name, what in before.items() if "cache" not in name
    }


def test_one_that_has_changed_is_downloaded(box: Box, mine: Path) -> None:
    adopt(box, mine.parents[1])
    mine.write_bytes(OTHER)
    step = installed(box)
    assert (step.action, step.attempts) == ("fetch", ())
    assert (step.source or "").startswith("modelscope acme/vae")
    assert mine.read_bytes() == OTHER


def test_one_that_is_gone_is_downloaded(box: Box, mine: Path) -> None:
    adopt(box, mine.parents[1])
    mine.unlink()
    assert installed(box).action == "fetch"


def test_one_that_changes_behind_its_stamp_is_downloaded(box: Box, mine: Path, blob: Path) -> None:
    """The plan believes the name of a blob; what is placed is hashed."""
    blob.write_bytes(OTHER)
    (step,) = box.install("tiny", dry_run=True).steps
    assert step.candidates == (f"hub-cache {blob}",)
    step = installed(box)
    assert (step.source or "").startswith("modelscope acme/vae")
    assert step.attempts == (), "a file nearby that will not do is no source that failed"
    assert blob.read_bytes() == OTHER
    no_store(box)
    box.uninstall("tiny")
    adopt(box, mine.parents[1])
    box.extra["VAEHUB_OFFLINE"] = "1"
    mine.unlink()
    with pytest.raises(Offline):
        box.install("tiny")


def test_after_one_that_will_not_do_sources_are_tried_as_ever(box: Box, blob: Path) -> None:
    blob.write_bytes(OTHER)
    box.world.faults("modelscope").wrong_bytes()
    with pytest.raises(NoSourceDelivered) as caught:
        box.install("tiny")
    [(label, error)] = caught.value.attempts
    assert label.startswith("modelscope acme/vae")
    assert isinstance(error, IntegrityError)
    assert blob.read_bytes() == OTHER


def test_the_same_bytes_under_another_name_in_the_folder(box: Box) -> None:
    box.vae.mkdir()
    (box.vae / "orangemix.vae.pt").write_bytes(DATA)
    step = installed(box)
    assert step.source == f"beside {box.vae / 'orangemix.vae.pt'}"
    assert box.world.requests == []
    assert (box.vae / "orangemix.vae.pt").stat().st_nlink == 1
    box.uninstall("tiny")
    assert box.listed == ["orangemix.vae.pt"]


def test_where_the_store_has_the_bytes_nothing_else_is_looked_at(box: Box) -> None:
    installed(box).destination.unlink()
    (box.vae / "same-size.pt").write_bytes(OTHER)
    with watched(box.vae) as opened:
        assert installed(box).source == "store"
        assert not box.install("tiny").changed
    assert "same-size.pt" not in opened


def test_forgetting_a_folder_forgets_its_files(box: Box, mine: Path) -> None:
    adopt(box, mine.parents[1])
    assert [one.folder for one in api.adopted(settings=box.settings)] == [mine.parents[1]]
    api.forget(mine.parents[1], settings=box.settings)
    assert api.adopted(settings=box.settings) == []
    assert installed(box).action == "fetch"


def test_what_an_earlier_run_had_fetched_is_of_no_use_any_more(box: Box, mine: Path) -> None:
    partial = Store(box.store).partial(SHA256)
    for suffix in ("", ".json", ".now"):
        partial.with_name(partial.name + suffix).write_bytes(DATA[:20_000])
    adopt(box, mine.parents[1])
    assert installed(box).source == f"adopted {mine}"
    assert list(partial.parent.iterdir()) == []


def test_two_artifacts_one_of_which_is_nearby(box: Box, mine: Path) -> None:
    box.add("pair", {"pair-encoder.safetensors": OTHER, "pair-decoder.safetensors": DATA})
    del box.entries["tiny"]
    adopt(box, mine.parents[1])
    sources = {step.name: step.source or "" for step in box.install("pair").steps}
    assert sources["pair-decoder.safetensors"] == f"adopted {mine}"
    assert sources["pair-encoder.safetensors"].startswith("modelscope")
    assert box.world.bytes_sent("modelscope") == len(OTHER)


def test_an_older_file_of_ours_gives_way_to_bytes_from_nearby(box: Box, mine: Path) -> None:
    box.install("tiny")
    newer = {**locator(NAME), "revision": "1" * 40}
    box.entries["tiny"] = builders.entry({NAME: (OTHER, [{"modelscope": newer}])})
    box.world.reset()
    mine.write_bytes(OTHER)
    adopt(box, mine.parents[1])
    (step,) = box.install("tiny").steps
    assert step.destination.read_bytes() == OTHER
    assert step.reason.startswith("a newer file of the catalog; the same bytes are at ")
    assert box.world.requests == []
    assert box.problems(deep=True) == []


# The Hugging Face cache


@posix
def test_a_blob_of_the_hub_s_cache_takes_no_more_room(box: Box, blob: Path) -> None:
    step = installed(box)
    assert step.source == f"hub-cache {blob}"
    assert box.world.requests == []
    if sharing_disks(box.folder):
        assert step.method == "reflink"
        return
    assert step.method == "hardlink"
    assert step.destination.samefile(blob)
    assert blob.stat().st_nlink == 3, "the blob, the store's, the UI's"
    assert blob.stat().st_mode & 0o777 == 0o444
    box.uninstall("tiny")
    no_store(box)
    assert blob.read_bytes() == DATA


@posix
def test_a_hub_s_cache_that_removes_its_blob_takes_nothing_along(box: Box, blob: Path) -> None:
    step = installed(box)
    blob.unlink()
    assert step.destination.read_bytes() == DATA
    assert box.problems(deep=True) == []


# Other targets


def test_another_target_gives_what_the_store_has_lost(box: Box, tmp_path: Path) -> None:
    first = installed(box)
    no_store(box)
    box.world.reset()
    step = installed(box, tmp_path / "other")
    assert step.source == f"installed {first.destination}"
    assert box.world.requests == []
    assert box.problems() == [], "the first target's receipt still knows its file"
    assert box.problems(deep=True) == []
    assert installed(box, tmp_path / "third").source == "store"


@posix
def test_a_target_on_another_disk_gives_to_one_beside_it(box: Box, far: Path) -> None:
    """There the store keeps nothing, so the second install would download all of it again."""
    first = installed(box, far / "a")
    assert first.method == "moved"
    box.world.reset()
    second = installed(box, far / "b")
    assert second.source == f"installed {first.destination}"
    assert second.method in {"hardlink", "reflink"}
    assert box.world.requests == []
    if second.method == "hardlink":
        assert second.destination.samefile(first.destination)
        assert first.destination.stat().st_mode & 0o777 == 0o444
    assert [path.name for path in (far / "b" / ".vaehub").iterdir()] == [f"{NAME}.json"]
    for target in (far / "a", far / "b"):
        assert box.verify(to=target, deep=True).ok
    box.uninstall("tiny", to=far / "a")
    assert second.destination.read_bytes() == DATA
    assert box.verify(to=far / "b").ok
    box.uninstall("tiny", to=far / "b")
    assert list(far.iterdir()) == []


@posix
def test_what_a_killed_run_left_beside_a_far_target_goes(box: Box, blob: Path, far: Path) -> None:
    left = far / "ui" / ".vaehub" / staging.new_name()
    left = left.with_name(left.name.replace(f"-{os.getpid()}-", "-999999999-"))
    left.parent.mkdir(parents=True)
    left.write_bytes(DATA[:9])
    assert installed(box, far / "ui").source == f"hub-cache {blob}"
    assert [path.name for path in left.parent.iterdir()] == [f"{NAME}.json"]


@posix
def test_a_target_on_another_disk_gets_a_copy_of_the_users_file(
    box: Box, mine: Path, far: Path
) -> None:
    adopt(box, mine.parents[1])
    (far / "ui").mkdir()
    beside = far / "ui" / "old-name.pt"
    step = installed(box, far / "ui")
    assert (step.source, step.method) == (f"adopted {mine}", "copy")
    step.destination.unlink()
    shutil.rmtree(far / "ui" / ".vaehub")
    beside.write_bytes(DATA)
    step = installed(box, far / "ui")
    assert step.source == f"beside {beside}"
    assert step.method in {"copy", "reflink"}
    assert beside.stat().st_nlink == 1


def test_what_was_placed_and_then_edited_is_not_taken(box: Box, tmp_path: Path) -> None:
    first = installed(box)
    no_store(box)
    first.destination.unlink()
    first.destination.write_bytes(OTHER)
    assert installed(box, tmp_path / "other").action == "fetch"
    assert first.destination.read_bytes() == OTHER


# Kills, and several at once

KINDS = ("adopted", "hub-cache", "installed-far")
"""Ways that share most of their events: each is killed at every third."""


class Machine:
    """A home of its own for processes that are killed."""

    def __init__(self, box: Box, mine: Path) -> None:
        self.box = box
        self.tree = box.tree
        self.models = mine.parents[1]
        self.environment = {
            **box.world.environment(),
            "HOME": str(box.folder / "home"),
            "VAEHUB_CATALOG": str(box.catalog),
            "VAEHUB_OFFLINE": "1",
            "VAEHUB_STORE": str(box.store),
        }
        killing.run(["list"], environment=self.environment, cwd=box.folder)  # compiles catalogs

    def run(self, *arguments: str | Path, kill_at: int = 0, home: str = "home") -> tuple[int, str]:
        self.environment["XDG_STATE_HOME"] = str(self.box.folder / home)
        done = killing.run(
            [str(argument) for argument in arguments],
            environment=self.environment,
            cwd=self.box.folder,
            kill_at=kill_at,
        )
        return done.returncode, done.stdout + done.stderr


@posix
def test_killed_at_each_event_of_an_adoption(box: Box, mine: Path) -> None:
    machine = Machine(box, mine)
    before = snapshot(machine.models)
    code, said = machine.run("adopt", machine.models)
    assert code == 0, said
    events = int(said.rpartition("events: ")[2])
    assert events >= 3
    for point in range(1, events + 1):
        home = f"home-{point}"
        code, said = machine.run("adopt", machine.models, kill_at=point, home=home)
        assert code == -signal.SIGKILL
        assert snapshot(machine.models) == before
        _, listed = machine.run("adopt", "--list", home=home)
        assert "orangemix.vae.pt is mine/tiny" in listed or "no folder was adopted" in listed
        code, said = machine.run("adopt", machine.models, home=home)
        assert code == 0, said
        _, listed = machine.run("adopt", "--list", home=home)
        assert "orangemix.vae.pt is mine/tiny" in listed


@posix
@pytest.mark.parametrize("kind", KINDS)
def test_killed_at_any_event_of_an_install_from_nearby(
    box: Box, mine: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    """The user's file is whole, the UI's folder untouched or complete, and the next run ends it."""
    machine = Machine(box, mine)
    target = machine.tree
    source = mine
    if kind == "hub-cache":
        source = request.getfixturevalue("blob")
        machine.environment["HF_HUB_CACHE"] = str(source.parents[2])
    elif kind == "installed-far":
        far = request.getfixturevalue("far")
        target, first = far / "target", far / "first"
        del machine.environment["VAEHUB_OFFLINE"]
        machine.environment["VAEHUB_TO"] = str(first)
        assert machine.run("install", "mine/tiny", "--to", first)[0] == 0
        machine.environment["VAEHUB_OFFLINE"] = "1"
        source = first / NAME
    else:
        assert machine.run("adopt", machine.models)[0] == 0
    install = ("install", "mine/tiny", "--to", target)
    destination = target / NAME if kind == "installed-far" else box.vae / NAME
    tree_before = sorted(target.rglob("*"))

    code, said = machine.run(*install)
    assert code == 0, said
    events = int(said.rpartition("events: ")[2])
    killed = 0
    for point in range(KINDS.index(kind) + 1, events + 1, len(KINDS)):
        assert machine.run("uninstall", "mine/tiny", "--to", target)[0] == 0
        assert sorted(target.rglob("*")) == tree_before, point
        no_store(box)
        shutil.rmtree(box.folder / "home" / "vaehub" / "targets", ignore_errors=True)
        code, said = machine.run(*install, kill_at=point)
        killed += code == -signal.SIGKILL
        assert source.read_bytes() == DATA
        assert not destination.exists() or destination.read_bytes() == DATA
        code, said = machine.run(*install)
        assert code == 0, (point, said)
        assert destination.read_bytes() == DATA
        assert source.read_bytes() == DATA
        if kind != "installed-far":
            assert list((box.store / "partial").iterdir()) == [], point
    assert killed >= 10, "an install makes fewer file-system events than that?"
    code, said = machine.run("verify", "--deep", "--to", target)
    assert code == 0, said


@posix
def test_two_adoptions_at_once(box: Box, mine: Path) -> None:
    machine = Machine(box, mine)
    for number in range(30):
        (machine.models / f"{number}.pt").write_bytes(DATA if number % 2 else OTHER)
    arguments = ["adopt", str(machine.models)]
    processes = [
        killing.start(arguments, environment=machine.environment, cwd=box.folder) for _ in range(4)
    ]
    assert [process.wait(timeout=60) for process in processes] == [0] * 4
    _, listed = machine.run("adopt", "--list", home="home/.local/state")
    assert listed.count(" is mine/tiny@safetensors") == 16


@pytest.mark.skipif(sys.platform != "linux", reason="needs a copy that can be watched")
def test_two_installs_at_once_from_one_adopted_file(box: Box, mine: Path) -> None:
    machine = Machine(box, mine)
    assert machine.run("adopt", machine.models)[0] == 0
    targets = [box.folder / f"target-{number}" for number in range(3)]
    processes = [
        killing.start(
            ["install", "mine/tiny", "--to", str(target)],
            environment=machine.environment,
            cwd=box.folder,
        )
        for target in targets
    ]
    assert [process.wait(timeout=60) for process in processes] == [0] * 3
    for target in targets:
        assert (target / NAME).read_bytes() == DATA
    assert mine.stat().st_nlink == 1
    assert box.world.requests == []
