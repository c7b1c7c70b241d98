"""Bytes of this machine become ours: verified, and nobody's file is the worse for it."""

from __future__ import annotations

import hashlib
import logging
import os
import pickle
import shutil
from typing import TYPE_CHECKING

import pytest

from tests import builders
from tests.openings import watched
from tests.trees import another_file_system, forbidding_folder, snapshot
from vaehub import seals
from vaehub.bringing import Brought, bring
from vaehub.errors import NotAModel, UnsafePickle
from vaehub.model import Artifact
from vaehub.nearby import Nearby, Origin
from vaehub.place import place

if TYPE_CHECKING:
    from pathlib import Path

posix = pytest.mark.skipif(os.name != "posix", reason="a POSIX matter")
DATA = builders.safetensors_bytes(50_000, seed=1)
OTHER = builders.safetensors_bytes(50_000, seed=2)
SHA256 = hashlib.sha256(DATA).hexdigest()
ARTIFACT = Artifact("vae.safetensors", (), len(DATA), SHA256)


@pytest.fixture
def models(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "mine.pt").write_bytes(DATA)
    return folder


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    path = tmp_path / "partial" / "x.part.nearby"
    path.parent.mkdir()
    return path


def taken(
    ours: Path, *paths: Path, origin: Origin = "adopted", for_store: bool = True
) -> Brought | None:
    candidates = [Nearby(path, origin) for path in paths]
    return bring(candidates, ARTIFACT, ours, for_store=for_store)


def facts(path: Path) -> tuple[int, ...]:
    stat = path.lstat()
    return (stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_mode, stat.st_nlink)


@pytest.mark.parametrize("origin", ["adopted", "beside"])
@pytest.mark.parametrize("for_store", [True, False])
def test_a_file_of_the_users_is_never_shared(
    models: Path, ours: Path, origin: Origin, for_store: bool
) -> None:
    before = facts(models / "mine.pt")
    brought = taken(ours, models / "mine.pt", origin=origin, for_store=for_store)
    assert brought is not None
    assert brought.method in {"copy", "reflink"}
    assert (brought.size, brought.source) == (len(DATA), f"{origin} {models / 'mine.pt'}")
    assert ours.read_bytes() == DATA
    assert facts(models / "mine.pt") == before
    (models / "mine.pt").write_bytes(b"edited in place")
    assert ours.read_bytes() == DATA


def linked(path: Path, ours: Path) -> bool:
    return path.samefile(ours) and ours.stat().st_nlink == 2


@posix
@pytest.mark.parametrize("for_store", [True, False])
def test_a_blob_of_the_hub_s_cache_is_linked_and_marked(
    models: Path, ours: Path, for_store: bool
) -> None:
    path = models / "mine.pt"
    brought = taken(ours, path, origin="hub-cache", for_store=for_store)
    assert brought is not None
    if brought.method == "reflink":
        pytest.skip("this file system shares blocks, not files")
    assert brought.method == "hardlink"
    assert linked(path, ours)
    assert path.stat().st_mode & 0o777 == 0o444
    assert path.read_bytes() == DATA


@posix
def test_a_link_is_on_the_disk_before_it_is_used(
    models: Path, ours: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever wrote the file may have left that to the system."""
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda file: synced.append(os.fstat(file).st_ino))
    taken(ours, models / "mine.pt", origin="hub-cache")
    assert ours.stat().st_ino in synced


@posix
def test_what_we_placed_is_linked_for_another_target(models: Path, ours: Path) -> None:
    path = models / "mine.pt"
    before = path.stat().st_mtime_ns
    brought = taken(ours, path, origin="installed", for_store=False)
    assert brought is not None
    if brought.method == "reflink":
        pytest.skip("this file system shares blocks, not files")
    assert linked(path, ours)
    assert path.stat().st_mode & 0o777 == 0o444
    assert path.stat().st_mtime_ns == before, "its receipt would not know it again"


@posix
def test_what_we_placed_becomes_a_blob_only_if_it_was_one(models: Path, ours: Path) -> None:
    """A blob is sealed by its time, and a receipt goes by the time of its file."""
    path = models / "mine.pt"
    brought = taken(ours, path, origin="installed", for_store=True)
    assert brought is not None
    assert brought.method in {"copy", "reflink"}
    ours.unlink()
    seals.seal(path, SHA256)
    before = path.stat().st_mtime_ns
    brought = taken(ours, path, origin="installed", for_store=True)
    assert brought is not None
    assert brought.method in {"hardlink", "reflink"}
    seals.seal(ours, SHA256)
    assert path.stat().st_mtime_ns == before


@posix
def test_a_link_is_not_linked_to(models: Path, ours: Path) -> None:
    (models / "link").symlink_to("mine.pt")
    brought = taken(ours, models / "link", origin="hub-cache")
    assert brought is not None
    assert brought.method in {"copy", "reflink"}
    assert not ours.is_symlink()


@posix
def test_somebody_else_s_file_is_copied(ours: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can make somebody else's file")
    with forbidding_folder(0o777) as folder:  # here we are nobody
        os.seteuid(0)
        (folder / "blob").write_bytes(DATA)
        (folder / "blob").chmod(0o666)
        os.seteuid(65534)
        to = folder / "x.part"
        brought = taken(to, folder / "blob", origin="hub-cache")
        assert brought is not None
        assert brought.method in {"copy", "reflink"}


def test_another_file_system_gets_a_copy(models: Path) -> None:
    folder = another_file_system(models)
    try:
        brought = taken(folder / "x.part", models / "mine.pt", origin="hub-cache")
        assert brought is not None
        assert brought.method == "copy"
        assert (folder / "x.part").read_bytes() == DATA
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize("origin", ["adopted", "hub-cache", "installed"])
def test_changed_and_gone_files_are_passed_by(
    models: Path, ours: Path, origin: Origin, caplog: pytest.LogCaptureFixture
) -> None:
    (models / "same-size").write_bytes(OTHER)
    (models / "short").write_bytes(DATA[:-1])
    wrong = [models / name for name in ("gone", "same-size", "short", ".")]
    before = snapshot(models)
    with caplog.at_level(logging.DEBUG, "vaehub"):
        brought = taken(ours, *wrong, models / "mine.pt", origin=origin, for_store=False)
    assert brought is not None
    assert brought.source == f"{origin} {models / 'mine.pt'}"
    assert ours.read_bytes() == DATA
    assert snapshot(models) == before
    said = [message.partition(": not taken: ")[0] for message in caplog.messages]
    assert said == [f"{origin} {path}" for path in wrong]


def test_where_none_will_do_nothing_is_left(models: Path, ours: Path) -> None:
    (models / "mine.pt").write_bytes(OTHER)
    for paths in ([models / "gone", models / "mine.pt"], [models / "gone"], []):
        assert taken(ours, *paths) is None
        assert list(ours.parent.iterdir()) == []


@posix
def test_a_size_that_is_wrong_is_not_read(models: Path, ours: Path) -> None:
    path = models / "large"
    path.touch()
    os.truncate(path, 1 << 40)  # a hole that would take minutes
    with watched(models) as opened:
        assert taken(ours, path) is None
    assert opened == []


@posix
@pytest.mark.parametrize("kind", ["pipe", "folder"])
def test_what_became_no_file_is_not_opened(models: Path, ours: Path, kind: str) -> None:
    path = models / "odd"
    if kind == "pipe":
        os.mkfifo(path)  # to open it would wait for ever
    else:
        path.mkdir()
    odd = Artifact("vae.safetensors", (), None, SHA256)
    assert bring([Nearby(path, "adopted")], odd, ours, for_store=True) is None


@posix
def test_what_a_killed_run_left_is_not_written_into(models: Path, ours: Path) -> None:
    """It may be a link to the very file that is to be taken, or to another one."""
    blob = models / "blob"
    blob.write_bytes(OTHER)
    ours.hardlink_to(blob)
    assert taken(ours, models / "mine.pt") is not None
    assert blob.read_bytes() == OTHER
    assert ours.read_bytes() == DATA


def test_an_interrupt_leaves_nothing(models: Path, ours: Path) -> None:
    def interrupt(path: str) -> None:
        if path == str(ours) and ours.exists() and ours.stat().st_size == len(DATA):
            raise KeyboardInterrupt  # it is to be hashed

    with watched(ours.parent, then=interrupt), pytest.raises(KeyboardInterrupt):
        taken(ours, models / "mine.pt")
    assert list(ours.parent.iterdir()) == []
    assert (models / "mine.pt").read_bytes() == DATA


def test_the_right_bytes_that_are_no_model_are_refused(tmp_path: Path, ours: Path) -> None:
    """As a download of them would be: every other source has the same."""
    page, evil = tmp_path / "page", tmp_path / "evil"
    page.write_bytes(b"<html>" * 100)
    evil.write_bytes(pickle.dumps(os.system))
    for path, name, error in ((page, "a.safetensors", NotAModel), (evil, "a.pt", UnsafePickle)):
        data = path.read_bytes()
        artifact = Artifact(name, (), len(data), hashlib.sha256(data).hexdigest())
        with pytest.raises(error):
            bring([Nearby(path, "adopted")], artifact, ours, for_store=True)
        assert list(ours.parent.iterdir()) == []
        assert path.read_bytes() == data


@posix
def test_a_linked_file_is_placed_without_harm(models: Path, ours: Path, tmp_path: Path) -> None:
    """The name of ours moves on, and the first one stays."""
    path = models / "mine.pt"
    taken(ours, path, origin="installed", for_store=False)
    assert place(ours, tmp_path / "ui" / "vae.safetensors", keep_source=False) == "moved"
    assert (tmp_path / "ui" / "vae.safetensors").read_bytes() == path.read_bytes() == DATA
    assert not ours.exists()
