"""One install into several targets: one download, one copy on each file system."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests import builders, killing
from tests.api_box import Box, locator, overwrite
from tests.targets.uis import REFORGE, grow
from tests.trees import another_file_system
from vaehub import api
from vaehub.errors import (
    EntryNotFound,
    FileInTheWay,
    LicenseNotAccepted,
    NamingError,
    TargetNotUsable,
    TargetRefuses,
)
from vaehub.loopback import samples
from vaehub.outcome import InstallResult

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vaehub.loopback import LoopbackWorld
    from vaehub.model import Entry

NAME = "tiny.safetensors"
DATA = builders.safetensors_bytes(50_000, seed=1)


class Trees(Box):
    """Three UIs beside the store, and places for more."""

    def __init__(self, folder: Path, world: LoopbackWorld) -> None:
        super().__init__(folder, world)
        self.add("tiny", {NAME: DATA}, aliases=["small"])
        self.a1111 = samples.tree(folder / "a1111", "automatic1111")
        self.comfyui = samples.tree(folder / "comfyui", "comfyui")
        self.reforge = grow(folder / "reforge", REFORGE)
        self.three = [self.a1111, self.comfyui, self.reforge]

    def installs(self, *to: Path, name: str = "tiny", **options: Any) -> list[Any]:
        return api.install(
            name, to=list(to), settings=self.settings, catalogs=self.catalogs, **options
        )

    def uninstalls(self, *to: Path, name: str = "tiny") -> list[Any]:
        done = api.uninstall_each(name, to=list(to), settings=self.settings, catalogs=self.catalogs)
        return [outcome for _, outcome in done]

    def sent(self) -> int:
        return self.world.bytes_sent("modelscope")

    def in_store(self) -> list[Path]:
        return [path for path in self.store.rglob("*") if path.stat().st_size >= len(DATA)]


@pytest.fixture
def box(tmp_path: Path, world: LoopbackWorld) -> Trees:
    return Trees(tmp_path, world)


@pytest.fixture
def other_disk(tmp_path: Path) -> Iterator[Path]:
    folder = another_file_system(than=tmp_path)
    yield folder
    shutil.rmtree(folder)


def placed(tree: Path, name: str = NAME) -> Path:
    """Give the file in a UI's folder of VAEs, which lists it."""
    (folder,) = [path for path in (tree / "models").iterdir() if path.name.lower() == "vae"]
    assert folder / name in folder.iterdir()
    return folder / name


def forbidden() -> Path:
    """Give a place in which nobody can make a folder, not even the system's administrator."""
    if not Path("/proc/self").exists():
        pytest.skip("there is no /proc here")
    return Path("/proc/vaehub-test")


def is_one_file(*paths: Path) -> bool:
    """Tell whether paths take the disk's room once, as hard links of one file."""
    stats = [path.stat() for path in paths]
    return len({(stat.st_dev, stat.st_ino) for stat in stats}) == 1


def test_three_uis_get_one_file_with_one_download(box: Trees) -> None:
    before = [samples.snapshot(tree) for tree in box.three]
    done = box.installs(*box.three)
    assert [result.target.root for result in done] == box.three
    assert [result.changed for result in done] == [True] * 3
    files = [placed(tree) for tree in box.three]
    assert [path.read_bytes() for path in files] == [DATA] * 3
    assert box.sent() == len(DATA)
    (blob,) = box.in_store()
    methods = {result.steps[0].method for result in done}
    assert methods <= {"hardlink", "reflink"}, "the file system allows neither"
    if methods == {"hardlink"}:
        assert is_one_file(blob, *files)
        assert {path.stat().st_nlink for path in files} == {4}
    for tree in box.three:
        assert box.verify(to=tree, deep=True).ok
    assert all(len(removed) == 1 for removed in box.uninstalls(*box.three))
    assert [samples.snapshot(tree) for tree in box.three] == before


def test_the_source_is_told_for_the_first_and_the_store_for_the_others(box: Trees) -> None:
    first, second, third = box.installs(*box.three)
    assert first.steps[0].source.startswith("modelscope")
    assert [result.steps[0].source for result in (second, third)] == ["store", "store"]


def test_again_changes_nothing_and_one_that_was_removed_comes_back(box: Trees) -> None:
    box.installs(*box.three)
    box.world.reset()
    assert [result.changed for result in box.installs(*box.three)] == [False] * 3
    placed(box.comfyui).unlink()
    assert [result.changed for result in box.installs(*box.three)] == [False, True, False]
    assert box.world.requests == []


# File systems


def test_of_two_targets_on_another_file_system_the_second_links_to_the_first(
    box: Trees, other_disk: Path
) -> None:
    trees = [samples.tree(other_disk / str(n), "automatic1111") for n in range(2)]
    before = [samples.snapshot(tree) for tree in trees]
    first, second = box.installs(*trees)
    files = [placed(tree) for tree in trees]
    assert [path.read_bytes() for path in files] == [DATA] * 2
    assert box.sent() == len(DATA)
    assert box.in_store() == []
    assert first.steps[0].method == "moved"
    assert second.steps[0].source == f"installed {first.steps[0].destination}"
    if second.steps[0].method == "hardlink":
        assert is_one_file(*files)
        assert {path.stat().st_nlink for path in files} == {2}
        assert not files[0].stat().st_mode & 0o222, "who writes into one writes into both"
    assert box.verify(to=trees[0], deep=True).ok
    box.uninstalls(trees[0])
    assert box.verify(to=trees[1], deep=True).ok
    box.uninstalls(trees[1])
    assert [samples.snapshot(tree) for tree in trees] == before


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (2, 0, 3, 1)])
def test_two_file_systems_get_a_copy_each_with_one_download(
    box: Trees, other_disk: Path, order: tuple[int, ...]
) -> None:
    far = [samples.tree(other_disk / str(n), "comfyui") for n in range(2)]
    all_ = [box.a1111, box.comfyui, *far]
    trees = [all_[n] for n in order]
    before = [samples.snapshot(tree) for tree in trees]
    done = box.installs(*trees)
    assert [result.target.root for result in done] == trees
    assert [placed(tree).read_bytes() for tree in trees] == [DATA] * 4
    assert box.sent() == len(DATA)
    (blob,) = box.in_store()
    methods = {result.steps[0].method for result in done}
    if methods == {"hardlink", "copy"}:
        assert is_one_file(blob, placed(box.a1111), placed(box.comfyui))
        assert is_one_file(*map(placed, far))
        assert placed(far[0]).stat().st_nlink == 2
    box.uninstalls(*trees)
    assert [samples.snapshot(tree) for tree in trees] == before


def test_what_an_earlier_run_placed_there_serves_a_further_target(
    box: Trees, other_disk: Path
) -> None:
    first, second = other_disk / "first", other_disk / "second"
    box.installs(first)
    box.world.reset()
    done = box.installs(second, first)  # whatever their order
    assert [result.changed for result in done] == [True, False]
    assert done[0].steps[0].source.startswith("installed /")
    assert (second / NAME).read_bytes() == DATA
    assert box.world.requests == []


def test_a_file_that_was_damaged_without_a_trace_serves_nobody(
    box: Trees, other_disk: Path
) -> None:
    first, second = other_disk / "first", other_disk / "second"
    box.installs(first)
    overwrite(first / NAME, DATA[:-1] + bytes([DATA[-1] ^ 1]), keep_time=True)
    box.world.reset()
    done = box.installs(first, second)
    assert done[1].changed
    assert (second / NAME).read_bytes() == DATA
    assert box.sent() == len(DATA)


def test_the_users_own_file_is_not_linked_to(box: Trees, other_disk: Path) -> None:
    mine, target = other_disk / "mine", other_disk / "target"
    mine.mkdir()
    (mine / NAME).write_bytes(DATA)
    box.installs(mine, target)
    assert (target / NAME).read_bytes() == DATA
    assert (mine / NAME).stat().st_nlink == 1
    assert (mine / NAME).stat().st_mode & 0o200


def test_a_file_whose_hash_only_the_host_knows_comes_once(box: Trees, other_disk: Path) -> None:
    box.world.publish("huggingface", locator("open.safetensors"), DATA)
    source = {"huggingface": locator("open.safetensors")}
    artifact = {"name": "open.safetensors", "evidence": "host", "sources": [source]}
    box.entries["open"] = builders.entry({}, variants={"safetensors": {"artifacts": [artifact]}})
    targets = [box.a1111, box.comfyui, other_disk / "one", other_disk / "two"]
    done = box.installs(*targets, name="open")
    assert all(isinstance(result, InstallResult) and result.changed for result in done), done
    assert sum(seen.sent >= len(DATA) for seen in box.world.requests) == 1
    assert [result.steps[0].sha256 for result in done] == [done[0].steps[0].sha256] * 4
    if done[3].steps[0].method == "hardlink":
        assert is_one_file(*[target / "open.safetensors" for target in targets[2:]])


# One that fails


def test_one_that_fails_keeps_none_of_the_others(box: Trees, tmp_path: Path) -> None:
    (tmp_path / "a-file").write_text("")
    mine = placed(box.comfyui, "mine.safetensors").with_name(NAME)
    mine.write_bytes(b"the user's own")
    to = [box.comfyui, forbidden(), tmp_path / "a-file", box.a1111, box.reforge]
    done = box.installs(*to)
    assert [type(each) for each in done] == [
        FileInTheWay,
        TargetNotUsable,
        TargetNotUsable,
        InstallResult,
        InstallResult,
    ]
    assert mine.read_bytes() == b"the user's own"
    assert placed(box.a1111).read_bytes() == placed(box.reforge).read_bytes() == DATA
    assert box.sent() == len(DATA)


def test_the_first_that_fails_hands_the_download_on(box: Trees) -> None:
    """The one for which the bytes were to come cannot be written; the next one fetches them."""
    failed, done = box.installs(forbidden(), box.a1111)
    assert isinstance(failed, TargetNotUsable)
    assert done.steps[0].source.startswith("modelscope")
    assert placed(box.a1111).read_bytes() == DATA


def test_a_ui_that_could_not_load_it_is_told_so(box: Trees) -> None:
    name = "odd.sft"
    box.add("odd", {name: builders.safetensors_bytes(5_000, seed=3)})
    box.entries["odd"]["variants"]["safetensors"]["layout"] = "native"
    refused, done = box.installs(box.a1111, box.comfyui, name="odd")
    assert isinstance(refused, TargetRefuses)
    assert done.changed
    assert placed(box.comfyui, name).is_file()


def test_each_target_chooses_its_variant(box: Trees) -> None:
    made: dict[str, Any] = {}
    for layout in ("diffusers", "ldm"):
        file = f"many-{layout}.safetensors"
        data = builders.safetensors_bytes(5_000, seed=len(layout))
        box.world.publish("modelscope", locator(file), data)
        sources = [{"modelscope": locator(file)}]
        made[layout] = {"layout": layout, "artifacts": [builders.artifact(file, data, sources)]}
    box.entries["many"] = builders.entry({}, variants=made)
    done = box.installs(box.a1111, box.comfyui, name="many")
    assert [result.variant.name for result in done] == ["ldm", "diffusers"]


def test_a_name_that_leads_nowhere_is_raised(box: Trees) -> None:
    with pytest.raises(EntryNotFound):
        box.installs(*box.three, name="nothing-like-it")


# Targets that are one and the same


def test_a_target_counts_once_however_it_is_named(
    box: Trees, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link").symlink_to(box.a1111, target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    spellings = [box.a1111, Path("a1111"), Path("link"), box.a1111 / "models" / "VAE"]
    assert len(box.installs(*spellings)) == 1
    new = [tmp_path / "new", Path("new"), Path("a1111/../new")]
    assert len(box.installs(*new)) == 1
    assert (tmp_path / "new" / NAME).read_bytes() == DATA


def test_two_uis_that_share_a_folder(box: Trees) -> None:
    shutil.rmtree(box.reforge / "models" / "VAE")
    shared = box.a1111 / "models" / "VAE"
    (box.reforge / "models" / "VAE").symlink_to(shared, target_is_directory=True)
    before = samples.snapshot(box.a1111)
    done = box.installs(box.a1111, box.reforge)
    assert [result.changed for result in done] == [True, False]
    assert placed(box.reforge).read_bytes() == DATA
    removed = box.uninstalls(box.a1111, box.reforge)
    assert [[one.status for one in each] for each in removed] == [["removed"], ["removed"]]
    assert samples.snapshot(box.a1111) == before


# Licenses


@pytest.mark.parametrize("answer", [True, False])
@pytest.mark.parametrize("state", ["writable", "lost"])
def test_a_license_is_asked_for_once(
    box: Trees, answer: bool, state: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[str] = []

    def person(entry: Entry) -> bool:
        asked.append(entry.id)
        return answer

    if state == "lost":  # nothing can be remembered there
        (tmp_path / "state").write_text("")
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
        box.extra["XDG_STATE_HOME"] = str(tmp_path / "state")
    license_ = {"id": "LicenseRef-asking", "source": "https://example.org/l", "accept": True}
    box.add("asking", {"asking.safetensors": DATA[:-8] + b"12345678"}, license=license_)
    done = box.installs(*box.three, name="asking", ask=person)
    assert asked == ["asking"]
    expected = InstallResult if answer else LicenseNotAccepted
    assert [type(each) for each in done] == [expected] * 3


# A dry run


def test_a_dry_run_plans_one_download(box: Trees) -> None:
    before = box.snapshot(box.folder)
    done = box.installs(*box.three, dry_run=True)
    assert [result.steps[0].action for result in done] == ["fetch", "place", "place"]
    assert str(box.a1111) in done[1].steps[0].reason
    assert [bool(result.steps[0].candidates) for result in done] == [True, False, False]
    assert box.world.requests == []
    for path, content in before.items():
        assert box.snapshot(box.folder)[path] == content, path
    assert not box.store.exists()


# Uninstall


def test_uninstall_of_one_that_has_it_not(box: Trees) -> None:
    before = samples.snapshot(box.a1111)
    box.installs(box.a1111, box.reforge)
    done = box.uninstalls(box.a1111, box.comfyui, box.reforge)
    assert isinstance(done[1], NamingError)
    assert str(box.comfyui) in str(done[1])
    assert samples.snapshot(box.a1111) == before
    assert not (box.reforge / "models" / "VAE" / NAME).exists()


def test_uninstall_leaves_what_was_changed_in_one_target(box: Trees) -> None:
    box.installs(box.a1111, box.comfyui)
    path = placed(box.a1111)
    path.unlink()
    path.write_bytes(b"mine now")
    changed, removed = box.uninstalls(box.a1111, box.comfyui)
    assert isinstance(changed, FileInTheWay)
    assert [one.status for one in removed] == ["removed"]
    assert path.read_bytes() == b"mine now"


def test_uninstall_where_a_file_cannot_be_read(box: Trees, tmp_path: Path) -> None:
    """A folder of its size has taken its place in one target: the system refuses to read that."""
    size = box.a1111.stat().st_size
    overhead = len(builders.safetensors_bytes(size)) - size
    data = builders.safetensors_bytes(size - overhead)
    box.add("folder-size", {"folder-size.safetensors": data})
    box.installs(box.a1111, box.comfyui, name="folder-size")
    path = placed(box.a1111, "folder-size.safetensors")
    path.unlink()
    path.mkdir()
    if len(data) != path.stat().st_size:
        pytest.skip("folders have no such size here")
    failed, removed = box.uninstalls(box.a1111, box.comfyui, name="folder-size")
    assert isinstance(failed, OSError)
    assert [one.status for one in removed] == ["removed"]
    assert path.is_dir()


# Killed


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")
@pytest.mark.parametrize("where", ["one file system", "two"])
def test_killed_half_way_and_run_again(box: Trees, where: str, tmp_path: Path) -> None:
    """SIGKILL at events all over an install into three trees; the second run completes each."""
    far = another_file_system(than=tmp_path) if where == "two" else tmp_path / "far"
    try:
        trees = [box.a1111, samples.tree(far / "x", "comfyui"), samples.tree(far / "y", "comfyui")]
        _killed_at_each_event(box, trees, tmp_path)
    finally:
        shutil.rmtree(far)


def _killed_at_each_event(box: Trees, trees: list[Path], tmp_path: Path) -> None:
    before = [samples.snapshot(tree) for tree in trees]
    environment = {
        **box.world.environment(),
        "HOME": str(tmp_path),
        "VAEHUB_CATALOG": str(box.catalog),
        "XDG_CACHE_HOME": os.environ["XDG_CACHE_HOME"],
        "VAEHUB_STORE": str(tmp_path / "store-whole"),
        "XDG_STATE_HOME": str(tmp_path / "state-whole"),
    }
    arguments = ["install", "tiny", *(word for tree in trees for word in ("--to", str(tree)))]
    killing.run(["list"], environment=environment, cwd=tmp_path)  # compiles the catalogs once
    whole = killing.run(arguments, environment=environment, cwd=tmp_path)
    assert whole.returncode == 0, whole.stderr
    events = int(whole.stderr.rpartition("events: ")[2])
    box.uninstalls(*trees)
    assert [samples.snapshot(tree) for tree in trees] == before

    points = sorted({1 + round(i * (events - 1) / 17) for i in range(18)})
    killed = 0
    for point in points:
        box.store = tmp_path / f"store-{point}"
        environment["VAEHUB_STORE"] = str(box.store)
        environment["XDG_STATE_HOME"] = str(tmp_path / f"state-{point}")  # written to once as well
        done = killing.run(arguments, environment=environment, cwd=tmp_path, kill_at=point)
        killed += done.returncode == -signal.SIGKILL
        for tree in trees:
            for path in tree.rglob(NAME):
                assert path.read_bytes() == DATA, point
        again = killing.run(arguments, environment=environment, cwd=tmp_path)
        assert again.returncode == 0, (point, again.stderr)
        assert [placed(tree).read_bytes() for tree in trees] == [DATA] * 3, point
        assert all(box.verify(to=tree, deep=True).ok for tree in trees), point
        box.uninstalls(*trees)
        assert [samples.snapshot(tree) for tree in trees] == before, point
    assert killed == len(points)
