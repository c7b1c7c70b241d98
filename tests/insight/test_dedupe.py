"""Duplicates that are made to share their bytes, and separated again; nothing is ever lost."""

from __future__ import annotations

import errno
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import killing
from tests.api_box import Box
from tests.builders import safetensors_bytes
from tests.openings import watched
from tests.trees import another_file_system
from vaehub import api, place, receipts

if TYPE_CHECKING:
    from vaehub.insight.dedupe import Done
    from vaehub.loopback import LoopbackWorld

pytestmark = pytest.mark.skipif(os.name != "posix", reason="modes and links are a POSIX matter")
DATA = safetensors_bytes(50_000, seed=1)
OTHER = safetensors_bytes(50_000, seed=2)


@pytest.fixture
def box(tmp_path: Path, world: LoopbackWorld) -> Box:
    box = Box(tmp_path, world)
    box.add("tiny", {"tiny.safetensors": DATA})
    box.extra["XDG_STATE_HOME"] = str(tmp_path / "state")
    box.extra["XDG_CACHE_HOME"] = str(tmp_path / "cache")
    return box


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    (folder / "sub").mkdir(parents=True)
    for name, data in (
        ("a.pt", DATA),
        ("b.safetensors", DATA),
        ("sub/c.pt", DATA),
        ("d.pt", OTHER),
    ):
        (folder / name).write_bytes(data)
    (folder / "a.pt").chmod(0o644)
    (folder / "sub" / "c.pt").chmod(0o644)
    (folder / "b.safetensors").chmod(0o664)
    os.utime(folder / "b.safetensors", (1_600_000_000, 1_600_000_000))
    return folder


def dedupe(box: Box, *folders: Path, dry_run: bool = False) -> list[Done]:
    report = api.identify(folders, settings=box.settings, catalogs=box.catalogs)
    return api.deduplicate(report, dry_run=dry_run, settings=box.settings)


def look(folder: Path) -> dict[str, tuple[bytes, int, int]]:
    """Give bytes, mode and time of every file."""
    return {
        path.relative_to(folder).as_posix(): (
            path.read_bytes(),
            path.stat().st_mode,
            path.stat().st_mtime_ns,
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def inodes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_ino for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def no_reflinks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Play a file system that has none."""
    monkeypatch.setattr(place, "_FICLONE", 0)


def test_without_yes_nothing_is_changed(box: Box, folder: Path) -> None:
    before, there = look(folder), inodes(folder)
    done = dedupe(box, folder, dry_run=True)
    assert [(one.path.name, one.kept.name, one.status) for one in done] == [
        ("b.safetensors", "a.pt", "would-link"),
        ("c.pt", "a.pt", "would-link"),
    ]
    assert (look(folder), inodes(folder)) == (before, there)
    assert not (box.settings.state / "deduplicated").exists()


@pytest.mark.usefixtures("no_reflinks")
def test_linked_and_separated_again(box: Box, folder: Path) -> None:
    before = look(folder)
    done = dedupe(box, folder)
    assert [(one.path.name, one.status, one.method) for one in done] == [
        ("b.safetensors", "linked", "hardlink"),
        ("c.pt", "linked", "hardlink"),
    ]
    now = inodes(folder)
    assert now["a.pt"] == now["b.safetensors"] == now["c.pt"] != now["d.pt"]
    assert [data for data, _, _ in look(folder).values()] == [
        data for data, _, _ in before.values()
    ]
    assert not (folder / "a.pt").stat().st_mode & 0o222
    assert [one.status for one in api.undo_deduplicate(settings=box.settings)] == ["undone"] * 2
    assert look(folder) == before
    assert len(set(inodes(folder).values())) == 4
    assert api.undo_deduplicate(settings=box.settings) == []


@pytest.mark.usefixtures("no_reflinks")
def test_doing_it_again_changes_nothing(box: Box, folder: Path) -> None:
    dedupe(box, folder)
    before = look(folder)
    assert dedupe(box, folder) == []
    assert look(folder) == before


@pytest.fixture
def reflinks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Play a kernel that shares blocks: what is to be seen from outside is a copy."""
    fcntl = pytest.importorskip("fcntl")
    real = fcntl.ioctl

    def ioctl(descriptor: int, request: int, source: int) -> int:
        if request != place._FICLONE:
            return int(real(descriptor, request, source))
        size = os.fstat(source).st_size
        return os.pwrite(descriptor, os.pread(source, size, 0), 0)

    monkeypatch.setattr(fcntl, "ioctl", ioctl)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has that call")
@pytest.mark.usefixtures("reflinks")
def test_a_reflink_keeps_mode_and_time_and_wants_no_undo(box: Box, folder: Path) -> None:
    (folder / "b.safetensors").chmod(0o600)
    before, there = look(folder), inodes(folder)
    done = dedupe(box, folder)
    assert [(one.status, one.method) for one in done] == [("linked", "reflink")] * 2
    assert look(folder) == before
    assert inodes(folder)["b.safetensors"] != there["b.safetensors"]
    assert inodes(folder)["a.pt"] == there["a.pt"]
    undone = api.undo_deduplicate(settings=box.settings)
    assert [one.status for one in undone] == ["left", "left"]
    assert "a file of its own already" in (undone[0].reason or "")
    assert look(folder) == before
    assert not list(folder.rglob(".vaehub"))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has that call")
@pytest.mark.usefixtures("reflinks")
def test_the_receipt_of_a_reflink_is_right(box: Box, tmp_path: Path) -> None:
    box.install("tiny")
    (box.vae / "zzz.safetensors").write_bytes(DATA)
    second = tmp_path / "second"
    second.mkdir()
    box.install("tiny", to=second)
    assert len(dedupe(box, box.vae, second)) == 2
    for path in (box.vae / "tiny.safetensors", second / "tiny.safetensors"):
        held = receipts.find(path)
        assert held is not None
        assert receipts.stat_matches(held, path.stat())


@pytest.mark.usefixtures("no_reflinks")
def test_what_we_placed_stays_and_its_receipt_holds(box: Box, folder: Path) -> None:
    box.install("tiny")
    (box.vae / "aaa.safetensors").write_bytes(DATA)
    done = dedupe(box, box.vae)
    assert [(one.path.name, one.kept.name) for one in done] == [
        ("aaa.safetensors", "tiny.safetensors")
    ]
    assert box.problems(deep=True) == []
    assert [one.status for one in api.undo_deduplicate(settings=box.settings)] == ["undone"]
    assert box.problems(deep=True) == []


@pytest.mark.usefixtures("no_reflinks")
def test_receipts_of_what_is_linked_are_right_at_once(
    box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box.install("tiny")
    second = tmp_path / "second"
    second.mkdir()
    box.install("tiny", to=second)
    copy = second / "tiny.safetensors"
    copy.unlink()
    copy.write_bytes(DATA)  # somebody restored it from elsewhere: no link any more
    receipt = receipts.find(copy)
    assert receipt is not None
    receipts.write(receipts.with_stat(receipt, copy.stat()))
    (done,) = dedupe(box, box.vae, second)
    for path in (done.path, done.kept):
        held = receipts.find(path)
        assert held is not None
        assert receipts.stat_matches(held, path.stat())
    api.undo_deduplicate(settings=box.settings)
    held = receipts.find(done.path)
    assert held is not None
    assert receipts.stat_matches(held, done.path.stat())


@pytest.mark.usefixtures("no_reflinks")
def test_a_file_that_changed_since_is_left_alone(box: Box, folder: Path) -> None:
    report = api.identify([folder], settings=box.settings, catalogs=box.catalogs)
    (folder / "sub" / "c.pt").write_bytes(OTHER)
    done = api.deduplicate(report, dry_run=False, settings=box.settings)
    assert [(one.path.name, one.status) for one in done] == [
        ("b.safetensors", "linked"),
        ("c.pt", "left"),
    ]
    assert (folder / "sub" / "c.pt").read_bytes() == OTHER
    assert "other bytes" in (done[1].reason or "")


@pytest.mark.usefixtures("no_reflinks")
def test_files_with_other_readers_are_not_made_one(box: Box, folder: Path) -> None:
    (folder / "b.safetensors").chmod(0o600)
    before = look(folder)["b.safetensors"]
    done = dedupe(box, folder)
    assert [(one.path.name, one.status) for one in done] == [
        ("b.safetensors", "left"),
        ("c.pt", "linked"),
    ]
    assert "readers" in (done[0].reason or "")
    assert look(folder)["b.safetensors"] == before


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives away")
@pytest.mark.usefixtures("no_reflinks")
def test_files_of_other_owners_are_not_made_one(box: Box, folder: Path) -> None:
    os.chown(folder / "b.safetensors", 12345, 12345)
    done = dedupe(box, folder)
    assert [(one.path.name, one.status) for one in done] == [
        ("b.safetensors", "left"),
        ("c.pt", "linked"),
    ]
    assert "owners" in (done[0].reason or "")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who writes")
@pytest.mark.usefixtures("no_reflinks")
def test_a_file_that_somebody_writes_to_is_left_alone(box: Box, folder: Path) -> None:
    with (folder / "b.safetensors").open("r+b"):
        done = dedupe(box, folder)
    assert [(one.path.name, one.status) for one in done] == [
        ("b.safetensors", "left"),
        ("c.pt", "linked"),
    ]
    assert "open for writing" in (done[0].reason or "")


@pytest.mark.usefixtures("no_reflinks")
def test_nothing_is_linked_across_file_systems(box: Box, folder: Path, tmp_path: Path) -> None:
    far = another_file_system(tmp_path)
    (far / "e.pt").write_bytes(DATA)
    try:
        done = dedupe(box, folder, far)
        assert [one.path.name for one in done] == ["b.safetensors", "c.pt"]
        assert (far / "e.pt").stat().st_nlink == 1
    finally:
        (far / "e.pt").unlink()
        far.rmdir()


@pytest.mark.usefixtures("no_reflinks")
def test_links_are_passed_over(box: Box, folder: Path) -> None:
    (folder / "0.pt").symlink_to("a.pt")  # listed before the file itself
    done = dedupe(box, folder)
    assert [(one.path.name, one.kept.name, one.status) for one in done] == [
        ("b.safetensors", "a.pt", "linked"),
        ("c.pt", "a.pt", "linked"),
    ]
    assert (folder / "0.pt").is_symlink()


@pytest.mark.usefixtures("no_reflinks")
def test_a_link_to_elsewhere_is_not_replaced(box: Box, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.pt").write_bytes(DATA)
    (folder / "0.pt").symlink_to(tmp_path / "elsewhere.pt")
    assert [one.path.name for one in dedupe(box, folder)] == ["b.safetensors", "c.pt"]
    assert (folder / "0.pt").is_symlink()
    assert (tmp_path / "elsewhere.pt").stat().st_nlink == 1


@pytest.mark.usefixtures("no_reflinks")
@pytest.mark.parametrize("name", ["a.pt", "b.safetensors"])
def test_a_write_in_the_last_moment_is_seen(box: Box, folder: Path, name: str) -> None:
    def write(path: str) -> None:
        if path.endswith(".part") and Path(path).parent.parent == folder:
            (folder / name).write_bytes(OTHER)

    report = api.identify([folder], settings=box.settings, catalogs=box.catalogs)
    with watched(folder, then=write):
        done = api.deduplicate(report, dry_run=False, settings=box.settings)
    assert done[0].status == "left"
    assert (folder / name).read_bytes() == OTHER
    kept = {"a.pt", "b.safetensors"} - {name}
    assert {(folder / each).read_bytes() for each in kept} == {DATA}


@pytest.mark.usefixtures("no_reflinks")
def test_where_there_are_no_links_all_is_as_it_was(
    box: Box, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(*args: object, **options: object) -> None:
        raise PermissionError(errno.EPERM, "no links here")

    report = api.identify([folder], settings=box.settings, catalogs=box.catalogs)
    before = look(folder)
    monkeypatch.setattr(os, "link", link)  # plays exFAT
    done = api.deduplicate(report, dry_run=False, settings=box.settings)
    assert [one.status for one in done] == ["left", "left"]
    assert "neither reflinks nor hard links" in (done[0].reason or "")
    assert look(folder) == before
    assert api.undo_deduplicate(settings=box.settings) == []


@pytest.mark.usefixtures("no_reflinks")
def test_a_state_that_cannot_be_written_leaves_every_file(box: Box, folder: Path) -> None:
    from vaehub.errors import TargetNotUsable

    box.settings.state.parent.mkdir(parents=True, exist_ok=True)
    report = api.identify([folder], settings=box.settings, catalogs=box.catalogs)
    box.settings.state.mkdir(parents=True, exist_ok=True)
    (box.settings.state / "deduplicated").write_text("in the way")
    before = look(folder)
    with pytest.raises(TargetNotUsable, match="undo"):
        api.deduplicate(report, dry_run=False, settings=box.settings)
    assert look(folder) == before


@pytest.mark.usefixtures("no_reflinks")
def test_an_undo_leaves_what_was_replaced_meanwhile(box: Box, folder: Path) -> None:
    dedupe(box, folder)
    (folder / "b.safetensors").unlink()
    (folder / "b.safetensors").write_bytes(OTHER)
    done = {one.path.name: one.status for one in api.undo_deduplicate(settings=box.settings)}
    assert done == {"b.safetensors": "left", "c.pt": "undone"}
    assert (folder / "b.safetensors").read_bytes() == OTHER


@pytest.mark.usefixtures("no_reflinks")
def test_a_record_that_somebody_edited_leads_nowhere(box: Box, folder: Path) -> None:
    dedupe(box, folder)
    for path in (box.settings.state / "deduplicated").iterdir():
        path.write_text(path.read_text().replace('"size"', '"sighs"'))
    before = look(folder)
    assert api.undo_deduplicate(settings=box.settings) == []
    assert look(folder) == before


@pytest.mark.parametrize("undo", [False, True])
def test_a_kill_anywhere_loses_nothing(
    box: Box, folder: Path, tmp_path: Path, *, undo: bool
) -> None:
    environment = {
        "HOME": str(tmp_path),
        "VAEHUB_STORE": str(box.store),
        "VAEHUB_CATALOG": str(box.catalog),
        **box.extra,
    }
    work = ["identify", str(folder), "--dedupe", "--yes"]
    taking_back = ["identify", "--undo"]
    as_it_was = look(folder)
    before = {name: data for name, (data, _, _) in as_it_was.items()}
    if undo:
        assert killing.run(work, environment=environment, cwd=tmp_path).returncode == 0
    killed = taking_back if undo else work
    for at in range(1, 200):
        ran = killing.run(killed, environment=environment, cwd=tmp_path, kill_at=at)
        there = {name: data for name, (data, _, _) in look(folder).items() if ".vaehub" not in name}
        assert there == before, f"killed at {at}"
        if ran.returncode != -signal.SIGKILL:
            break
    else:
        pytest.fail("it never came to its end")
    assert ran.returncode == 0, ran.stderr
    if not undo:
        assert killing.run(work, environment=environment, cwd=tmp_path).returncode == 0
        if {path.stat().st_nlink for path in folder.glob("*.pt")} == {1}:
            return  # reflinks: there is nothing to see from outside
        assert killing.run(taking_back, environment=environment, cwd=tmp_path).returncode == 0
    assert look(folder) == as_it_was
    assert {path.stat().st_nlink for path in folder.rglob("*.pt")} == {1}
    assert not list(folder.rglob(".vaehub"))
