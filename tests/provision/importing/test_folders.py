from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from tests.provision.importing.samples import BARN, GARDEN, HOUSE
from tests.targets import uis
from tests.trees import snapshot
from vaehub.errors import TargetNotUsable, UsageError
from vaehub.model import Target
from vaehub.provision.importing import folders
from vaehub.transfer.listener import SILENT

if TYPE_CHECKING:
    from tests.provision.importing.desk import Desk
    from vaehub.provision.importing.folders import Folder


def names(folder: Folder) -> list[str]:
    return sorted(folder.place(model.path) for model in folder.models)


def test_every_model_below_a_folder_is_hashed(desk: Desk) -> None:
    desk.file("heap/house.safetensors", HOUSE)
    desk.file("heap/deep/own.ckpt", b"own")
    desk.file("heap/notes.txt", b"hello")
    desk.file("heap/.hidden/x.safetensors", HOUSE)
    before = snapshot(desk.here)
    found = desk.look("heap")

    assert found.target is None
    assert names(found) == ["heap/deep/own.ckpt", "heap/house.safetensors"]
    assert {model.sha256 for model in found.models} == {
        hashlib.sha256(data).hexdigest() for data in (HOUSE, b"own")
    }
    assert snapshot(desk.here) == before


def test_a_size_that_a_catalog_knows_is_worth_a_look_under_any_name(desk: Desk) -> None:
    desk.file("heap/house.backup", HOUSE)
    desk.file("heap/other.backup", HOUSE + b"x")

    assert names(desk.look("heap")) == ["heap/house.backup"]


@pytest.mark.parametrize(
    ("layout", "looked_at", "passed_by"),
    [
        (
            "comfyui",
            ["models/vae/sub/a.safetensors", "models/vae_approx/b.pth"],
            ["models/checkpoints/c.safetensors", "models/text_encoders/d.safetensors"],
        ),
        (
            "automatic1111",
            ["models/VAE/a.pt", "models/Stable-diffusion/b.vae.pt"],
            ["models/Stable-diffusion/c.safetensors", "models/Lora/d.safetensors"],
        ),
        ("forge", ["models/VAE/a.safetensors"], ["models/text_encoder/t5.safetensors"]),
        ("swarmui", ["Models/VAE/a.safetensors"], ["Models/Stable-Diffusion/c.safetensors"]),
    ],
)
def test_of_a_ui_the_vae_folders_are_looked_at(
    desk: Desk, layout: str, looked_at: list[str], passed_by: list[str]
) -> None:
    root = desk.ui("ui", uis.TREES[layout])
    for name in (*looked_at, *passed_by):
        desk.file(f"ui/{name}", name.encode())
    found = desk.look("ui")

    assert found.target == Target(layout, root)
    assert names(found) == sorted(f"ui/{name}" for name in looked_at)


def test_a_ui_within_the_folder_is_found(desk: Desk) -> None:
    root = desk.ui("matrix", uis.STABILITYMATRIX)
    desk.file("matrix/Data/Models/VAE/a.safetensors", HOUSE)

    assert desk.look("matrix").target == Target("stabilitymatrix", root / "Data")


def test_the_vae_folder_of_a_ui_is_a_folder(desk: Desk) -> None:
    desk.ui("ui", uis.COMFYUI)
    desk.file("ui/models/vae/a.safetensors", HOUSE)
    found = desk.look("ui/models/vae")

    assert found.target is None
    assert names(found) == ["vae/a.safetensors"]


def test_a_lone_vae_folder_makes_no_ui(desk: Desk) -> None:
    desk.file("mine/models/VAE/a.safetensors", HOUSE)
    found = desk.look("mine")

    assert found.target is None
    assert names(found) == ["mine/models/VAE/a.safetensors"]


def test_a_ui_that_takes_no_files_is_no_target(desk: Desk) -> None:
    desk.ui("invoke", uis.INVOKEAI)
    desk.file("invoke/models/vae/a.safetensors", HOUSE)
    found = desk.look("invoke")

    assert found.target is None
    assert names(found) == ["invoke/models/vae/a.safetensors"]


def test_folders_that_a_user_gave_comfyui_are_looked_at(desk: Desk) -> None:
    desk.ui("ui", uis.COMFYUI)
    other = desk.here / "disk"
    desk.file("disk/vae/a.safetensors", HOUSE)
    desk.file("ui/extra_model_paths.yaml", f"x:\n  base_path: {other}\n  vae: vae\n".encode())

    # Where that folder is, is nobody's concern.
    assert names(desk.look("ui")) == ["a.safetensors"]


def test_what_cannot_be_read_is_told(desk: Desk) -> None:
    desk.file("heap/house.safetensors", HOUSE)
    (desk.here / "heap" / "dead.safetensors").symlink_to("nowhere")
    found = desk.look("heap")

    assert [problem.code for problem in found.problems] == ["unreadable"]
    assert len(found.models) == 1


def test_nobodys_home_is_refused(desk: Desk) -> None:
    with pytest.raises(UsageError, match="nobody's home"):
        desk.look("~nobody-of-that-name/x")


@pytest.mark.parametrize("said", ["nowhere", "file", ""])
def test_what_is_no_folder_is_refused(desk: Desk, said: str) -> None:
    desk.file("file", b"x")
    with pytest.raises(TargetNotUsable):
        desk.look(said)


def test_a_file_is_found_by_the_name_that_the_ui_has_for_it(desk: Desk) -> None:
    root = desk.ui("ui", uis.AUTOMATIC1111)
    desk.file("ui/models/VAE/deep/house.safetensors", HOUSE)
    desk.file("ui/models/VAE/barn.safetensors", BARN)
    target = Target("automatic1111", root)

    for name in ("house.safetensors", "house"):
        found = folders.called(name, target, settings=desk.settings, listener=SILENT)
        assert [model.path.name for model in found] == ["house.safetensors"]
    assert folders.called("x.pt", target, settings=desk.settings, listener=SILENT) == ()


def test_the_old_short_hash_is_that_of_the_second_megabyte(desk: Desk) -> None:
    # What AUTOMATIC1111 called the model hash: of 64 KiB after the first MiB.
    middle = b"m" * 0x10000
    path = desk.file("a.ckpt", b"\0" * 0x100000 + middle + b"rest")
    found = folders.autov1(path)

    assert found is not None
    assert found == ("autov1", hashlib.sha256(middle).hexdigest()[:8])
    assert folders.autov1(desk.file("b.ckpt", GARDEN)) is None
    assert folders.autov1(desk.here / "nowhere") is None
