"""An import as a whole: what is written, when nothing is, and what is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.provision.importing.samples import BARN, GARDEN, HALF, HOUSE
from tests.targets import uis
from tests.trees import snapshot
from vaehub.errors import LockError, ManifestError, TargetRefuses, UsageError
from vaehub.provision import lock, manifest

if TYPE_CHECKING:
    from tests.provision.importing.desk import Desk


def locked(desk: Desk) -> list[str]:
    return [vae.name for vae in lock.read(desk.here / "vaehub.lock").vaes]


def test_a_manifest_is_made_and_locked(desk: Desk) -> None:
    desk.file("heap/a.safetensors", HOUSE)
    desk.file("heap/own.pt", b"own")
    done = desk.import_from(folders=["heap"])

    assert done.created
    assert done.written
    assert done.lock is not None
    assert done.lock.written
    assert desk.manifest == "schema: 1\n\nvaes:\n  - house  # from heap/a.safetensors\n"
    assert locked(desk) == ["house"]
    assert [item.file for item in done.gathered.unknown] == ["own.pt"]


def test_a_second_time_changes_nothing(desk: Desk) -> None:
    desk.ui("ui", uis.COMFYUI)
    desk.file("ui/models/vae/a.safetensors", HOUSE)
    desk.import_from(folders=["ui"])
    before = snapshot(desk.here)
    done = desk.import_from(folders=["ui"])

    assert not done.draft
    assert not done.written
    assert done.lock is not None
    assert not done.lock.changed
    assert snapshot(desk.here) == before


def test_a_manifest_that_is_there_is_added_to(desk: Desk) -> None:
    desk.file("vaehub.yaml", b"# mine\nschema: 1\nvaes:\n  - house   # keep\n")
    done = desk.import_from(workflows=[desk.workflow("house.safetensors", "barn.safetensors")])

    assert not done.created
    assert desk.manifest == (
        "# mine\nschema: 1\nvaes:\n  - house   # keep\n  - barn  # from w.json, node 2 VAELoader\n"
    )
    assert locked(desk) == ["barn", "house"]


def test_check_writes_nothing(desk: Desk) -> None:
    desk.file("heap/a.safetensors", HOUSE)
    before = snapshot(desk.here)
    done = desk.import_from(folders=["heap"], check=True)

    assert done.draft
    assert not done.written
    assert done.lock is not None
    assert done.lock.changed
    assert not done.lock.written
    assert snapshot(desk.here) == before


@pytest.mark.parametrize("name", ["own.pt", "shared.safetensors"])
def test_strict_writes_nothing_where_something_is_left(desk: Desk, name: str) -> None:
    workflow = desk.workflow("house.safetensors", name)
    before = snapshot(desk.here)
    done = desk.import_from(workflows=[workflow], strict=True)

    assert done.lock is None
    assert not done.written
    assert snapshot(desk.here) == before


def test_strict_counts_what_no_target_takes(desk: Desk) -> None:
    desk.ui("webui", uis.AUTOMATIC1111)
    desk.file("webui/models/VAE/a.safetensors", HALF)
    desk.file("webui/models/VAE/b.safetensors", BARN)

    assert desk.import_from(folders=["webui"], strict=True).lock is None
    assert desk.import_from(folders=["webui"]).written


def test_strict_is_no_hindrance_where_all_is_taken(desk: Desk) -> None:
    assert desk.import_from(workflows=[desk.workflow("house.safetensors")], strict=True).written


def test_where_nothing_is_recognised_nothing_is_made(desk: Desk) -> None:
    desk.file("heap/own.pt", b"own")
    before = snapshot(desk.here)
    done = desk.import_from(folders=["heap"])

    assert done.lock is None
    assert snapshot(desk.here) == before


def test_where_nothing_is_new_what_is_there_is_locked(desk: Desk) -> None:
    desk.file("heap/own.pt", b"own")
    desk.file("vaehub.yaml", b"schema: 1\nvaes: [house]\n")
    done = desk.import_from(folders=["heap"])

    assert done.lock is not None
    assert locked(desk) == ["house"]
    assert desk.manifest == "schema: 1\nvaes: [house]\n"


def test_other_places_for_manifest_and_lock(desk: Desk) -> None:
    desk.ui("ui", uis.COMFYUI)
    desk.file("ui/models/vae/a.safetensors", HOUSE)
    desk.import_from(folders=["ui"], manifest="boxes/m.yaml", path="boxes/l.lock")

    made = manifest.read(desk.here / "boxes" / "m.yaml")
    assert made.targets["comfyui"].path == "../ui"
    assert lock.read(desk.here / "boxes" / "l.lock").manifest == made.digest()


def test_a_wrong_manifest_is_told_before_anything_is_read(desk: Desk) -> None:
    desk.file("vaehub.yaml", b"schema: 1\nvae: [house]\n")
    with pytest.raises(ManifestError, match=r"vaehub\.yaml:2: vae"):
        desk.import_from(folders=["nowhere"])


def test_a_new_target_that_refuses_what_is_there_changes_nothing(desk: Desk) -> None:
    desk.file("vaehub.yaml", b"schema: 1\nvaes: [taesd]\n")
    desk.ui("webui", uis.AUTOMATIC1111)
    desk.file("webui/models/VAE/b.safetensors", BARN)
    before = snapshot(desk.here)
    with pytest.raises(TargetRefuses, match="nothing was written") as caught:
        desk.import_from(folders=["webui"])

    assert "VAE folder" in str(caught.value.hint)
    assert snapshot(desk.here) == before


def test_a_file_in_the_place_of_the_lock_keeps_the_manifest_as_it_was(desk: Desk) -> None:
    desk.file("heap/a.safetensors", HOUSE)
    desk.file("vaehub.lock", b"my shopping list")
    before = snapshot(desk.here)
    with pytest.raises(LockError):
        desk.import_from(folders=["heap"])

    assert snapshot(desk.here) == before


def test_what_cannot_be_read_changes_nothing(desk: Desk) -> None:
    desk.file("heap/a.safetensors", HOUSE)
    with pytest.raises(UsageError):
        desk.import_from(folders=["heap"], workflows=["nowhere.json"])

    assert not (desk.here / "vaehub.yaml").exists()


def test_the_imported_files_stay_as_they_are(desk: Desk) -> None:
    desk.ui("ui", uis.AUTOMATIC1111)
    desk.file("ui/models/VAE/house.ckpt", GARDEN)
    desk.file("ui/config.json", {"sd_vae": "house.ckpt"})
    before = snapshot(desk.here / "ui")
    desk.import_from(folders=["ui"], settings_files=["ui/config.json"])

    assert snapshot(desk.here / "ui") == before
    assert locked(desk) == ["house@ckpt"]
