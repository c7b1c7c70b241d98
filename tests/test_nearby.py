"""What this machine has already is found, wherever it is, and nothing is promised too easily."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import builders
from tests.openings import watched
from tests.trees import snapshot
from vaehub import adopted, digests, nearby, receipts, received, settings
from vaehub.adopted import AdoptedFile
from vaehub.model import Artifact, Receipt, Target
from vaehub.nearby import Nearby

if TYPE_CHECKING:
    from vaehub.settings import Settings

NAME = "vae.safetensors"
DATA = builders.safetensors_bytes(50_000, seed=1)
OTHER = builders.safetensors_bytes(50_000, seed=2)
SHA256 = hashlib.sha256(DATA).hexdigest()
ARTIFACT = Artifact(NAME, (), len(DATA), SHA256)
UNSIZED = Artifact(NAME, (), None, SHA256)


class Machine:
    """A user's folders, and the target that something is wanted in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hub = folder / "hub"
        self.vae = folder / "ui" / "models" / "VAE"
        self.environment: dict[str, str] = {"HF_HUB_CACHE": str(self.hub)}

    @property
    def settings(self) -> Settings:
        return settings.load(self.environment)._replace(
            state=self.folder / "state", cache=self.folder / "cache"
        )

    def file(self, name: str, data: bytes = DATA) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    def placed(self, name: str, data: bytes = DATA, *, said: bytes | None = None) -> Path:
        """Make a file that has a receipt, be it true or not."""
        path = self.file(name, data)
        said = data if said is None else said
        (path.parent / ".vaehub").mkdir(exist_ok=True)
        receipt = Receipt(
            path=path,
            entry="mine/vae",
            variant="safetensors",
            sha256=hashlib.sha256(said).hexdigest(),
            size=len(said),
            evidence="single",
            source="store",
            method="copy",
            license="MIT",
            mtime_ns=0,
            inode=0,
            installed_at="2026-01-01T00:00:00+00:00",
        )
        receipts.write(receipts.with_stat(receipt, path.stat()))
        return path

    def blob(self, data: bytes = DATA, *, sha256: str = SHA256, repo: str = "acme--vae") -> Path:
        return self.file(f"hub/models--{repo}/blobs/{sha256}", data)

    def adopt(self, *paths: Path, sha256: str = SHA256) -> None:
        files = [AdoptedFile(path, path.stat().st_size, sha256) for path in paths]
        adopted.remember(self.folder / "state", self.folder, files)

    def found(self, *artifacts: Artifact) -> list[str]:
        """Look, and give origin and path of what was found for the first of the artifacts."""
        wanted = artifacts or (ARTIFACT,)
        found = nearby.look_for(wanted, folder=self.vae, settings=self.settings)
        return [
            f"{one.origin} {one.path.relative_to(self.folder).as_posix()}"
            for one in found.get(wanted[0].name, ())
        ]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_where_nothing_is_nothing_is_found(machine: Machine) -> None:
    assert machine.found() == []
    assert list(machine.folder.iterdir()) == []


def test_what_lies_in_another_target(machine: Machine) -> None:
    machine.placed("comfy/models/vae/other-name.pt")
    machine.placed("plain/vae.pt")
    state = machine.folder / "state"
    received.note(state, Target("comfyui", machine.folder / "comfy"))
    received.note(state, Target("folder", machine.folder / "plain"))
    received.note(state, Target("folder", machine.folder / "gone"))
    received.note(state, Target("a-later-layout", machine.folder / "ui"))
    assert machine.found() == [
        "installed comfy/models/vae/other-name.pt",
        "installed plain/vae.pt",
    ]


@pytest.mark.parametrize("variable", ["VAEHUB_TO", "VAEHUB_CONFIG"])
def test_what_lies_in_a_target_that_the_settings_name(machine: Machine, variable: str) -> None:
    machine.placed("comfy/models/vae/a.pt")
    comfy = machine.folder / "comfy"
    (comfy / "comfy").mkdir()
    (comfy / "comfy" / "sd.py").touch()
    (comfy / "nodes.py").touch()
    config = machine.file("config.toml", f"target = {str(comfy)!r}".encode())
    machine.environment[variable] = str(comfy if variable == "VAEHUB_TO" else config)
    assert machine.found() == ["installed comfy/models/vae/a.pt"]
    shutil.rmtree(comfy)
    comfy.touch()
    assert machine.found() == []


def test_what_we_placed_under_another_name_in_the_same_folder(machine: Machine) -> None:
    machine.placed("ui/models/VAE/older-name.pt")
    assert machine.found() == ["installed ui/models/VAE/older-name.pt"]


def test_a_receipt_alone_is_not_enough(machine: Machine) -> None:
    path = machine.placed("ui/models/VAE/a.pt")
    path.write_bytes(OTHER)
    assert machine.found() == []
    path.write_bytes(DATA[:-1])
    assert machine.found() == []
    path.unlink()
    assert machine.found() == []
    path.symlink_to(machine.file("elsewhere"))
    assert machine.found() == ["beside ui/models/VAE/a.pt"], "that is nothing that we placed"


def test_a_tree_that_was_copied_is_hashed(machine: Machine) -> None:
    path = machine.placed("ui/models/VAE/a.pt")
    os.utime(path, ns=(5, 5))
    assert machine.found() == ["installed ui/models/VAE/a.pt"]


def test_an_intact_receipt_is_believed_unread(machine: Machine) -> None:
    machine.placed("ui/models/VAE/other.pt", OTHER)
    received.note(machine.folder / "state", Target("automatic1111", machine.folder / "ui"))
    with watched(machine.vae) as opened:
        assert machine.found() == []
    # For what we placed anywhere, and for what is not the user's in this folder.
    assert opened == [".vaehub/other.pt.json"] * 2
    machine.placed("ui/models/VAE/a.pt")
    machine.file("ui/models/VAE/users.pt")
    with watched(machine.vae) as opened:
        assert machine.found() == ["installed ui/models/VAE/a.pt"]
    assert [name for name in opened if not name.startswith(".vaehub")] == []


def test_a_size_that_is_wrong_is_not_read(machine: Machine) -> None:
    placed, mine = machine.placed("ui/models/VAE/a.pt"), machine.file("models/a.pt")
    machine.adopt(mine)
    for path in (placed, mine):
        os.truncate(path, 1 << 40)  # a hole that would take minutes
    with watched(machine.folder) as opened:
        assert machine.found() == []
    assert [name for name in opened if name.endswith(".pt")] == []


def test_blobs_of_the_hub_s_cache(machine: Machine) -> None:
    machine.blob()
    machine.blob(repo="acme--copy")
    machine.blob(DATA[:-1], repo="cut--short")
    machine.file(f"hub/datasets--acme--vae/blobs/{SHA256}")
    machine.file(f"hub/models--acme--vae/snapshots/0/{SHA256}")
    assert machine.found() == [
        f"hub-cache hub/models--acme--copy/blobs/{SHA256}",
        f"hub-cache hub/models--acme--vae/blobs/{SHA256}",
    ]
    with watched(machine.hub) as opened:
        machine.found()
    assert opened == []


def test_a_blob_whose_size_nobody_knows_is_read(machine: Machine) -> None:
    path = machine.blob()
    assert machine.found(UNSIZED) == [f"hub-cache hub/models--acme--vae/blobs/{SHA256}"]
    path.write_bytes(DATA[:-1])
    assert machine.found(UNSIZED) == []


def test_a_blob_that_is_a_link_is_none(machine: Machine) -> None:
    path = machine.blob()
    path.rename(machine.folder / "moved")
    path.symlink_to(machine.folder / "moved")
    assert machine.found() == []


def test_a_file_of_the_users_in_the_very_folder(machine: Machine) -> None:
    machine.file("ui/models/VAE/orangemix.vae.pt")
    machine.file("ui/models/VAE/other.pt", OTHER)
    machine.file("ui/models/VAE/short.pt", DATA[:-1])
    machine.file("ui/models/VAE/below/x.pt")
    (machine.vae / "link.pt").symlink_to(machine.file("far.pt"))
    assert machine.found() == [
        "beside ui/models/VAE/link.pt",
        "beside ui/models/VAE/orangemix.vae.pt",
    ]
    with watched(machine.vae) as opened:
        assert machine.found(UNSIZED) == [], "not all files are read for one without a size"
    assert opened == []


def test_what_is_beside_is_read_once(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "STEP", -(10**12))  # what was written just now is old enough
    machine.file("ui/models/VAE/other.pt", OTHER)
    with watched(machine.vae) as opened:
        assert machine.found() == []
        assert machine.found() == []
    assert opened == ["other.pt"]


def test_adopted_files(machine: Machine) -> None:
    path, gone, cut = machine.file("a/1.pt"), machine.file("a/2.pt"), machine.file("a/3.pt")
    changed, foreign = machine.file("a/4.pt"), machine.file("a/5.pt", OTHER)
    machine.adopt(path, gone, cut, changed)
    adopted.remember(
        machine.folder / "state",
        machine.folder / "a",
        [AdoptedFile(foreign, len(OTHER), hashlib.sha256(OTHER).hexdigest())],
    )
    gone.unlink()
    cut.write_bytes(DATA[:-1])
    changed.write_bytes(OTHER)
    assert machine.found() == ["adopted a/1.pt"]
    assert machine.found(UNSIZED) == ["adopted a/1.pt"]


def test_the_surest_comes_first_and_saves_the_reading_of_the_others(machine: Machine) -> None:
    machine.adopt(machine.file("models/a.pt"))
    machine.file("ui/models/VAE/b.pt")
    assert machine.found() == ["beside ui/models/VAE/b.pt", "adopted models/a.pt"]
    machine.blob()
    with watched(machine.folder) as opened:
        assert machine.found() == [f"hub-cache hub/models--acme--vae/blobs/{SHA256}"]
    assert [name for name in opened if not name.startswith(("state", "cache"))] == []
    machine.placed("ui/models/VAE/c.pt")
    assert machine.found()[0] == "installed ui/models/VAE/c.pt"


def test_one_file_is_found_once(machine: Machine) -> None:
    path = machine.file("ui/models/VAE/a.pt")
    machine.adopt(path)
    adopted.remember(machine.folder / "state", machine.vae, [AdoptedFile(path, len(DATA), SHA256)])
    assert machine.found() == ["beside ui/models/VAE/a.pt"]


def test_each_artifact_gets_its_own(machine: Machine) -> None:
    other = Artifact("other.pt", (), len(OTHER), hashlib.sha256(OTHER).hexdigest())
    unknown = Artifact("unknown.pt", (), len(DATA), None)
    machine.file("ui/models/VAE/1", OTHER)
    machine.file("ui/models/VAE/2")
    found = nearby.look_for(
        [ARTIFACT, other, unknown], folder=machine.vae, settings=machine.settings
    )
    assert found == {
        NAME: (Nearby(machine.vae / "2", "beside"),),
        "other.pt": (Nearby(machine.vae / "1", "beside"),),
    }


def test_for_what_nobody_can_know_nothing_is_looked_at(machine: Machine) -> None:
    machine.file("ui/models/VAE/1")
    unknown = Artifact("unknown.pt", (), len(DATA), None)
    with watched(machine.folder) as opened:
        assert machine.found(unknown) == []
    assert opened == []


def test_to_look_changes_nothing(machine: Machine) -> None:
    machine.placed("ui/models/VAE/c.pt", OTHER)
    machine.file("ui/models/VAE/b.pt")
    machine.blob()
    machine.adopt(machine.file("models/a.pt"))
    before = snapshot(machine.folder)
    machine.found()
    machine.found(UNSIZED)
    after = snapshot(machine.folder)
    assert {name: what for name, what in after.items() if not name.startswith("cache")} == before


@pytest.mark.skipif(os.name != "posix", reason="there names are text")
def test_a_name_that_is_no_text_can_be_told() -> None:
    label = Nearby(Path(os.fsdecode(b"/models/\xff.pt")), "adopted").label
    assert label == "adopted /models/\\udcff.pt"
    assert label.encode()
