"""Files of the user's are recognised by their bytes, and stay exactly as they are."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import builders
from tests.openings import watched
from tests.trees import forbidding_folder
from vaehub import adopted, adopting, digests
from vaehub.catalog import Catalogs
from vaehub.catalog.compiled import load_file
from vaehub.errors import NamingError, TargetNotUsable
from vaehub.settings import Settings
from vaehub.transfer.listener import Silent

if TYPE_CHECKING:
    from vaehub.adopting import Adopted

HOUSE = builders.safetensors_bytes(9_000, seed=1)
GARDEN = builders.safetensors_bytes(9_000, seed=2)
UNSIZED = builders.safetensors_bytes(7_000, seed=3)


def source(name: str) -> list[dict[str, object]]:
    return [{"http": {"url": f"https://files.example/{name}"}}]


class Progress(Silent):
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[object, ...]] = []

    def started(self, artifact_name: str, total: int | None, done: int) -> None:
        self.told.append(("started", artifact_name, total, done))

    def advanced(self, artifact_name: str, done: int) -> None:
        self.told.append(("advanced", done))

    def finished(self, artifact_name: str) -> None:
        self.told.append(("finished",))


class Desk:
    """A folder of models, a catalog of three VAEs, and a state of the user's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.models = folder / "models"
        self.models.mkdir()
        self.state = folder / "state"
        self.progress = Progress()
        unsized = builders.artifact("unsized.safetensors", UNSIZED, source("unsized"))
        unsized["known_as"] = ["another.pt"]
        del unsized["size"]
        entries = {
            "house": builders.entry({"house.safetensors": (HOUSE, source("house"))}),
            "garden": builders.entry({"garden.safetensors": (GARDEN, source("garden"))}),
            "unsized": builders.entry({"unsized.safetensors": (UNSIZED, source("unsized"))}),
        }
        entries["unsized"]["variants"]["safetensors"]["artifacts"] = [unsized]
        path = builders.write_catalog(folder / "mine.yaml", entries)
        other = builders.write_catalog(
            folder / "other.yaml",
            {"copy": {"copy.safetensors": (HOUSE, source("house"))}},
            name="other",
        )
        loaded = [load_file(one, cache=folder / "c", foreign=True)[0] for one in (path, other)]
        self.catalogs = Catalogs(tuple(loaded))

    @property
    def settings(self) -> Settings:
        return Settings(self.folder / "store", state=self.state, cache=self.folder / "cache")

    def file(self, name: str, data: bytes) -> Path:
        path = self.models / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    def adopt(self, folder: Path | None = None, *, dry_run: bool = False) -> Adopted:
        return adopting.adopt(
            folder or self.models,
            self.catalogs,
            settings=self.settings,
            listener=self.progress,
            dry_run=dry_run,
        )

    def known(self) -> dict[str, list[str]]:
        return {
            str(one.folder): [file.path.name for file in one.files]
            for one in adopted.read(self.state)
        }

    def everything(self) -> list[tuple[object, ...]]:
        return [
            (str(path), *path.lstat()[:9], path.lstat().st_mtime_ns, path.lstat().st_ctime_ns)
            for path in sorted(self.models.rglob("*"))
        ]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def said(found: Adopted) -> dict[str, tuple[str, ...]]:
    return {str(one.file.path.relative_to(found.folder)): one.names for one in found.files}


def test_files_are_recognised_under_any_name(desk: Desk) -> None:
    desk.file("orangemix.vae.pt", HOUSE)
    desk.file("deep/below/x", GARDEN)
    desk.file("house.safetensors", GARDEN[:-1] + b"?")
    desk.file("readme.txt", b"hello")
    found = desk.adopt()
    assert said(found) == {
        "orangemix.vae.pt": ("mine/house@safetensors", "other/copy@safetensors"),
        "deep/below/x": ("mine/garden@safetensors",),
    }
    assert (found.looked_at, found.other_size, found.other_bytes) == (4, 1, 1)
    assert found.problems == ()
    assert found.changed
    first = found.files[0].file
    assert (first.size, first.sha256) == (len(HOUSE), hashlib.sha256(HOUSE).hexdigest())
    assert desk.known() == {str(desk.models): ["orangemix.vae.pt", "x"]}


def test_nothing_in_the_folder_is_changed(desk: Desk) -> None:
    desk.file("a.pt", HOUSE).chmod(0o640)
    desk.file("deep/b.pt", GARDEN)
    desk.file("c.pt", b"x")
    (desk.models / "link").symlink_to("a.pt")
    before = desk.everything()
    desk.adopt()
    adopting.forget(desk.models, state=desk.state)
    assert desk.everything() == before


def test_only_files_of_a_known_size_are_read(desk: Desk) -> None:
    desk.file("a.pt", HOUSE)
    desk.file("b.pt", HOUSE[:-1])
    desk.file("c.pt", UNSIZED)
    desk.file("house.safetensors", b"another file of that name")
    with watched(desk.models) as opened:
        assert said(desk.adopt()).keys() == {"a.pt"}
    assert opened == ["a.pt"]


def test_a_file_whose_size_nobody_knows_is_recognised_by_name_and_bytes(desk: Desk) -> None:
    desk.file("x/Unsized.safetensors", UNSIZED)
    desk.file("y/another.pt", UNSIZED)
    desk.file("z/unsized.safetensors", UNSIZED[:-1])
    found = desk.adopt()
    assert said(found).keys() == {"x/Unsized.safetensors", "y/another.pt"}
    assert found.other_bytes == 1


def test_a_file_under_several_names_is_read_once_and_told_of_each(desk: Desk) -> None:
    desk.file("a.pt", HOUSE)
    (desk.models / "b.pt").hardlink_to(desk.models / "a.pt")
    (desk.models / "c.pt").symlink_to("a.pt")
    with watched(desk.models) as opened:
        assert said(desk.adopt()).keys() == {"a.pt", "b.pt", "c.pt"}
    assert opened == ["a.pt"]


def test_the_second_time_nothing_is_read_and_nothing_written(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digests, "STEP", -(10**12))  # what was written just now is old enough
    for number in range(20):
        desk.file(f"{number}.pt", GARDEN[:-2] + f"{number:02}".encode())
    desk.file("a.pt", HOUSE)
    first = desk.adopt()
    (record,) = (desk.state / "adopted").iterdir()
    before = record.stat().st_ino
    with watched(desk.models) as opened:
        second = desk.adopt()
    assert opened == []
    assert record.stat().st_ino == before
    assert (first.changed, second.changed) == (True, False)
    assert second._replace(changed=True) == first


def test_what_is_gone_is_no_longer_known(desk: Desk) -> None:
    desk.file("a.pt", HOUSE)
    desk.file("b.pt", GARDEN)
    desk.adopt()
    (desk.models / "a.pt").unlink()
    assert desk.adopt().changed
    assert desk.known() == {str(desk.models): ["b.pt"]}
    (desk.models / "b.pt").write_bytes(HOUSE[:-1] + b"?")
    assert desk.adopt().changed
    assert desk.known() == {}


def test_a_dry_run_records_nothing(desk: Desk) -> None:
    desk.file("a.pt", HOUSE)
    found = desk.adopt(dry_run=True)
    assert said(found).keys() == {"a.pt"}
    assert (found.dry_run, found.changed) == (True, False)
    assert desk.known() == {}
    assert not desk.state.exists()


def test_progress_is_told_where_there_is_something_to_read(desk: Desk) -> None:
    desk.file("b.txt", b"x")
    desk.adopt()
    assert desk.progress.told == []
    for number in range(9):
        desk.file(f"{number}.pt", GARDEN[:-2] + f"{number:02}".encode())
    desk.adopt()
    size = len(GARDEN)
    assert desk.progress.told == [
        ("started", "reading models", 9 * size, 0),
        ("advanced", 8 * size),
        ("advanced", 9 * size),
        ("finished",),
    ]


def test_what_was_read_before_a_kill_is_not_read_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digests, "STEP", -(10**12))
    for number in range(20):
        desk.file(f"{number:02}.pt", GARDEN[:-2] + f"{number:02}".encode())

    class Impatient(Progress):
        def advanced(self, artifact_name: str, done: int) -> None:
            if done > 10 * len(GARDEN):
                raise KeyboardInterrupt

    desk.progress = Impatient()
    with pytest.raises(KeyboardInterrupt):
        desk.adopt()
    assert desk.known() == {}
    desk.progress = Progress()
    with watched(desk.models) as opened:
        desk.adopt()
    assert sorted(opened) == [f"{number:02}.pt" for number in range(16, 20)]


@pytest.mark.skipif(os.name != "posix", reason="files have no permission bits there")
def test_what_cannot_be_read_is_a_problem_and_no_end() -> None:
    with forbidding_folder(0o777) as folder:
        desk = Desk(folder)
        desk.file("a.pt", HOUSE)
        desk.file("locked.pt", HOUSE).chmod(0o000)
        (desk.models / "dead").symlink_to("nowhere")
        found = desk.adopt()
        assert said(found).keys() == {"a.pt"}
        assert {problem.where for problem in found.problems} == {
            str(desk.models / "locked.pt"),
            str(desk.models / "dead"),
        }
        assert {(one.code, one.blocking) for one in found.problems} == {("unreadable", False)}
        (desk.models / "a.pt").chmod(0o000)


def test_what_is_no_folder_is_refused(desk: Desk) -> None:
    path = desk.file("a.pt", HOUSE)
    with pytest.raises(TargetNotUsable, match=r"a\.pt is a file, not a folder") as caught:
        desk.adopt(path)
    assert str(desk.models) in (caught.value.hint or "")
    with pytest.raises(TargetNotUsable, match="there is no folder"):
        desk.adopt(desk.folder / "gone")


@pytest.mark.skipif(os.name != "posix", reason="folders have no permission bits there")
def test_a_folder_that_forbids_is_refused(desk: Desk) -> None:
    with (
        forbidding_folder(0o000) as folder,
        pytest.raises(TargetNotUsable, match=r"cannot look into .*: Permission denied"),
    ):
        desk.adopt(folder)


def test_a_state_that_cannot_be_written_is_said(desk: Desk) -> None:
    desk.file("a.pt", HOUSE)
    desk.state.write_text("a file where the folder should be", encoding="utf-8")
    with pytest.raises(TargetNotUsable, match=f"cannot write to {desk.state}"):
        desk.adopt()
    assert desk.state.is_file()


def test_forgetting(desk: Desk) -> None:
    desk.file("a.pt", HOUSE)
    desk.adopt()
    assert adopting.forget(desk.models, state=desk.state) == desk.models
    assert desk.known() == {}
    with pytest.raises(NamingError, match="not among the adopted folders") as caught:
        adopting.forget(desk.models, state=desk.state)
    assert "vaehub adopt --list" in (caught.value.hint or "")


def test_a_folder_has_one_name(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    (desk.folder / "link").symlink_to("models")
    monkeypatch.chdir(desk.folder)
    monkeypatch.setenv("HOME", str(desk.folder))
    for name in ("models", "./models/", "link", "link/../models", "~/models", str(desk.models)):
        assert adopting.absolute(name) == desk.models, name
    assert adopting.absolute(Path("gone")) == desk.folder / "gone"


@pytest.mark.parametrize("name", ["", "  ", "a\0b", "~nobody-of-that-name/x"])
def test_what_can_be_no_path(name: str) -> None:
    with pytest.raises(TargetNotUsable, match="no usable path"):
        adopting.absolute(name)
