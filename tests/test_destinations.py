"""Files that stand under another name than the catalog's: installed, found again, removed."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest

import vaehub
from tests import builders
from tests.api_box import Box, locator, overwrite
from tests.targets.uis import AUTOMATIC1111, COMFYUI, FORGE, INVOKEAI, SDNEXT, SWARMUI, grow
from tests.trees import forbidding_folder, snapshot
from tests.weights.files import naming, torch_zip
from vaehub import destinations, intents, receipts
from vaehub.errors import FileInTheWay, TargetNotUsable, TargetRefuses
from vaehub.model import Artifact, Entry, License, Target, Variant

if TYPE_CHECKING:
    from pathlib import Path

    from vaehub.loopback import LoopbackWorld
    from vaehub.outcome import InstallResult

NAME = "tiny.safetensors"
DATA = builders.safetensors_bytes(50_000, seed=1)
PICKLE = torch_zip(naming("collections.OrderedDict"))
SHORT = hashlib.sha256(DATA).hexdigest()[:8]


@pytest.fixture
def box(tmp_path: Path, world: LoopbackWorld) -> Box:
    return Box(tmp_path, world)


def where(result: InstallResult) -> list[str]:
    return [step.destination.name for step in result.steps]


def goes_full_circle(box: Box, name: str, to: Path, expected: list[str]) -> None:
    """Install, find again, verify and uninstall what gets other names."""
    before = snapshot(to)
    first = box.install(name, to=to)
    assert where(first) == expected
    assert [step.status for step in first.steps] == ["installed"] * len(expected)
    assert all(step.because for step in first.steps)
    after, asked = snapshot(to), len(box.world.requests)
    second = box.install(name, to=to)
    assert where(second) == expected
    assert not second.changed
    assert (snapshot(to), len(box.world.requests)) == (after, asked)
    assert where(box.install(name, to=to, dry_run=True)) == expected
    verified = box.verify(name, to=to, deep=True)
    assert verified.ok
    assert [file.receipt.path.name for file in verified.files] == expected
    assert [done.receipt.path.name for done in box.uninstall(name, to=to)] == expected
    assert snapshot(to) == before


def test_an_extension_that_the_ui_does_not_list(box: Box) -> None:
    box.add("soft", {"soft.sft": DATA})
    goes_full_circle(box, "soft", box.tree, ["soft.safetensors"])
    for _ in range(2):
        result = box.install("soft")
    (step,) = result.steps
    assert step.because == "AUTOMATIC1111 does not list .sft files in models/VAE"
    assert step.listed_as == "soft.safetensors"
    assert (step.name, result.ui) == ("soft.sft", "AUTOMATIC1111")
    assert box.receipt("soft.safetensors")["sha256"] == hashlib.sha256(DATA).hexdigest()


def test_a_pickle_under_the_extension_that_the_ui_lists(box: Box) -> None:
    box.add("old", {"old.vae.pth": PICKLE})
    goes_full_circle(box, "old", box.tree, ["old.vae.pt"])


def test_a_pair_of_files(box: Box) -> None:
    files = {"d.sft": DATA, "e.sft": builders.safetensors_bytes(9_000, seed=4)}
    box.add("pair", files)
    goes_full_circle(box, "pair", box.tree, ["d.safetensors", "e.safetensors"])


def test_a_base_name_that_the_ui_has_already(box: Box) -> None:
    box.add("house", {NAME: DATA})
    other = box.vae / "anime" / NAME
    other.parent.mkdir(parents=True)
    other.write_bytes(b"mine")
    goes_full_circle(box, "house", box.tree, ["house.safetensors"])
    (step,) = box.install("house").steps
    assert str(other) in str(step.because)
    assert "would show that one alone" in str(step.because)
    assert step.listed_as == "house.safetensors"
    other.unlink()
    again = box.install("house")
    assert not again.changed, "what is placed keeps its name"
    assert again.steps[0].because == "an earlier install gave it this name"


def test_a_base_name_that_somebody_else_takes_later(box: Box) -> None:
    box.add("house", {NAME: DATA})
    box.install("house")
    other = box.vae / "anime" / NAME
    other.parent.mkdir(parents=True)
    other.write_bytes(b"mine")
    before = box.snapshot()
    with pytest.raises(TargetRefuses, match="and shows the latter alone") as caught:
        box.install("house")
    assert "uninstall" in str(caught.value.hint)
    assert box.snapshot() == before
    assert box.verify("house").ok
    box.uninstall("house")
    assert where(box.install("house")) == ["house.safetensors"]
    other.write_bytes(DATA)
    assert where(box.install("house")) == ["house.safetensors"]
    (box.vae / "anime" / "house.safetensors").write_bytes(DATA)
    assert not box.install("house").changed, "whichever is shown, it is these bytes"


def test_the_same_bytes_elsewhere_in_the_ui_are_there_already(box: Box) -> None:
    box.add("house", {NAME: DATA})
    other = box.vae / "anime" / NAME
    other.parent.mkdir(parents=True)
    other.write_bytes(DATA)
    before = box.snapshot()
    (step,) = box.install("house").steps
    assert (step.status, step.destination) == ("present", other)
    assert step.because is None
    assert box.snapshot() == before


def test_a_new_name_is_nobody_elses(box: Box) -> None:
    """Another file of the catalog has the name that the extension would lead to."""
    box.add("soft", {"soft.sft": DATA})
    box.add("hard", {"SOFT.safetensors": builders.safetensors_bytes(9_000, seed=4)})
    box.add("own", {"other.sft": builders.safetensors_bytes(9_000, seed=5)})
    box.add("third", {"other.safetensors": builders.safetensors_bytes(9_000, seed=6)})
    box.add("fourth", {"own.safetensors": builders.safetensors_bytes(9_000, seed=7)})
    assert where(box.install("soft")) == [f"soft-{SHORT}.safetensors"]
    assert where(box.install("hard")) == ["SOFT.safetensors"]
    (name,) = where(box.install("own"))
    assert name.startswith("other-")
    box.install("third"), box.install("fourth")
    assert len(set(box.listed)) == 5
    assert box.verify(deep=True).ok


def test_several_that_would_get_one_name(box: Box) -> None:
    """Two catalog names that differ in their extensions alone, side by side."""
    box.add("one", {"same.pth": PICKLE})
    box.add("two", {"same.bin": torch_zip(naming("torch.FloatStorage"))})
    first, second = vaehub.api.install_all(
        ["one", "two"], to=box.tree, settings=box.settings, catalogs=box.catalogs
    )
    assert not isinstance(first, Exception)
    assert where(first) == ["same.pt"]
    assert not isinstance(second, Exception)
    assert where(second) == ["two.pt"]
    assert box.verify(deep=True).ok
    assert box.listed == ["same.pt", "two.pt"]


def test_a_file_of_the_users_under_the_new_name_is_in_the_way(box: Box) -> None:
    box.add("soft", {"soft.sft": DATA})
    box.vae.mkdir(parents=True)
    (box.vae / "soft.safetensors").write_bytes(b"mine")
    before = box.snapshot()
    with pytest.raises(FileInTheWay):
        box.install("soft")
    assert box.snapshot() == before


def test_the_same_bytes_of_the_users_under_the_new_name(box: Box) -> None:
    box.add("soft", {"soft.sft": DATA})
    box.vae.mkdir(parents=True)
    (box.vae / "soft.safetensors").write_bytes(DATA)
    (step,) = box.install("soft").steps
    assert (step.status, step.destination.name) == ("present", "soft.safetensors")
    assert ".sft" in str(step.because)


def test_a_file_of_the_users_under_the_second_name_is_passed_by(box: Box) -> None:
    box.add("house", {NAME: DATA})
    (box.vae / "anime").mkdir(parents=True)
    (box.vae / "anime" / NAME).write_bytes(b"mine")
    (box.vae / "house.safetensors").write_bytes(b"mine too")
    assert where(box.install("house")) == [f"tiny-{SHORT}.safetensors"]


def test_a_newer_file_of_the_catalog_takes_the_place_of_the_renamed_one(box: Box) -> None:
    box.add("house", {NAME: DATA})
    (box.vae / "anime").mkdir(parents=True)
    (box.vae / "anime" / NAME).write_bytes(b"mine")
    box.install("house")
    newer = builders.safetensors_bytes(50_000, seed=2)
    box.world.publish("modelscope", locator("newer.safetensors"), newer)
    sources = [{"modelscope": locator("newer.safetensors")}]
    box.entries["house"] = builders.entry({NAME: (newer, sources)})
    assert where(box.install("house")) == ["house.safetensors"]
    assert (box.vae / "house.safetensors").read_bytes() == newer
    assert box.listed == ["house.safetensors"]


def test_a_renamed_file_that_was_deleted_comes_back_under_its_name(box: Box) -> None:
    box.add("house", {NAME: DATA})
    (box.vae / "anime").mkdir(parents=True)
    (box.vae / "anime" / NAME).write_bytes(b"mine")
    box.install("house")
    (box.vae / "house.safetensors").unlink()
    (box.vae / "anime" / NAME).unlink()
    assert where(box.install("house")) == ["house.safetensors"]
    assert box.verify("house").ok


def test_a_record_without_its_file_does_not_count_where_another_has_one(box: Box) -> None:
    box.add("house", {NAME: DATA})
    (box.vae / "anime").mkdir(parents=True)
    (box.vae / "anime" / NAME).write_bytes(b"mine")
    (step,) = box.install("house").steps
    (box.vae / "anime" / NAME).unlink()
    record = step.destination.read_bytes()
    first, second = (receipts.receipt_path(box.vae / name) for name in ("house.safetensors", NAME))
    second.write_bytes(first.read_bytes())
    (box.vae / NAME).write_bytes(record)
    step.destination.unlink()
    (step,) = box.install("house").steps
    assert (step.status, step.destination) == ("present", box.vae / NAME)
    (box.vae / "house.safetensors").write_bytes(record)
    assert box.install("house").steps[0].destination == box.vae / NAME, "the catalog's own name"
    (box.vae / NAME).unlink()
    (step,) = box.install("house").steps
    assert (step.status, step.destination.name) == ("present", "house.safetensors")


def test_what_the_ui_of_today_does_not_list_is_no_answer(box: Box, tmp_path: Path) -> None:
    """A Forge becomes a reForge: its user has changed the branch."""
    box.add("old", {"old.bin": PICKLE})
    tree = grow(tmp_path / "ui", FORGE)
    assert where(box.install("old", to=tree)) == ["old.bin"]
    (tree / "modules").mkdir()
    (tree / "modules" / "sd_vae.py").touch()
    assert where(box.install("old", to=tree)) == ["old.pt"]


def test_a_file_that_cannot_be_read_is_another_one(world: LoopbackWorld) -> None:
    with forbidding_folder(0o777) as folder:
        other = folder / "models" / "VAE" / "sub" / NAME
        grow(folder, AUTOMATIC1111)
        other.parent.mkdir()
        other.write_bytes(DATA)
        other.chmod(0o000)
        artifact = Artifact(NAME, (), len(DATA), hashlib.sha256(DATA).hexdigest())
        variant = Variant("safetensors", (artifact,), layout="ldm")
        found = destinations.find(
            Entry("house", "mine", "House", "sd1", License("MIT"), (variant,)),
            variant,
            Target("automatic1111", folder),
            wish=False,
            reserved=lambda _: (),
            called=lambda _: None,
            finish=lambda _: None,
        )
        assert found[NAME].path == folder / "models" / "VAE" / "house.safetensors"


def test_a_killed_run_is_finished_under_the_other_name(box: Box) -> None:
    """A kill fell between the file and its receipt: only the note in the store knows of it."""
    box.add("house", {NAME: DATA})
    (box.vae / "anime").mkdir(parents=True)
    (box.vae / "anime" / NAME).write_bytes(b"mine")
    target = box.install("house").target
    (receipt,) = vaehub.api.installed(target)
    intents.note(box.store, receipt)
    receipts.receipt_path(receipt.path).unlink()
    (step,) = box.install("house").steps
    assert (step.status, step.destination.name) == ("present", "house.safetensors")
    assert vaehub.api.installed(target) == [receipt]


def test_sdnext_takes_another_variant_than_a_pickle(box: Box, tmp_path: Path) -> None:
    tree = grow(tmp_path / "sdnext", SDNEXT)
    variants: dict[str, Any] = {}
    for name, data in (("ckpt", PICKLE), ("safetensors", DATA)):
        file = f"both.{name}"
        box.world.publish("modelscope", locator(file), data)
        sources = [{"modelscope": locator(file)}]
        artifact = builders.artifact(file, data, sources)
        if name == "safetensors":
            artifact |= {"size": 30_000_000}
        variants[name] = {"layout": "ldm", "artifacts": [artifact]}
    box.entries["both"] = builders.entry({}, variants=variants)
    result = box.install("both", to=tree, dry_run=True)
    assert (result.variant.name, where(result)) == ("safetensors", ["both.safetensors"])
    with pytest.raises(TargetRefuses, match=r"SD\.Next does not list \.ckpt") as caught:
        box.install("both@ckpt", to=tree)
    assert "both@safetensors" in str(caught.value.hint)


def test_a_small_file_is_refused_by_sdnext(box: Box, tmp_path: Path) -> None:
    box.add("small", {NAME: DATA})
    tree = grow(tmp_path / "sdnext", SDNEXT)
    before = snapshot(tree)
    with pytest.raises(TargetRefuses, match="loads no file under 25,000,000 bytes") as caught:
        box.install("small", to=tree)
    assert "--to" in str(caught.value.hint)
    assert snapshot(tree) == before


def test_invokeai_is_told_how(box: Box, tmp_path: Path) -> None:
    box.add("small", {NAME: DATA})
    tree = grow(tmp_path / "invokeai", INVOKEAI)
    before = snapshot(tree)
    with pytest.raises(TargetRefuses, match="InvokeAI lists no folder") as caught:
        box.install("small", to=tree)
    assert "POST /api/v2/models/install?source=PATH" in str(caught.value.hint)
    assert snapshot(tree) == before


# ComfyUI's further folders


@pytest.fixture
def comfyui(tmp_path: Path) -> Path:
    return grow(tmp_path / "ComfyUI", COMFYUI)


def adds(tree: Path, folder: Path, *, default: bool = False) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    section = f"disk:\n  base_path: {folder}\n  is_default: {str(default).lower()}\n  vae: .\n"
    (tree / "extra_model_paths.yaml").write_text(section, encoding="utf-8")


def test_the_default_folder_of_comfyui(box: Box, comfyui: Path, tmp_path: Path) -> None:
    box.add("house", {NAME: DATA})
    disk = tmp_path / "disk"
    adds(comfyui, disk, default=True)
    before, of_ui = snapshot(disk), snapshot(comfyui)
    (step,) = box.install("house", to=comfyui).steps
    assert step.destination == disk / NAME
    assert step.listed_as == NAME
    assert snapshot(comfyui) == of_ui
    assert box.verify("house", to=comfyui).ok
    assert not box.install("house", to=comfyui).changed
    adds(comfyui, disk)
    assert not box.install("house", to=comfyui).changed, "it is listed from there as well"
    step.destination.unlink()
    again = box.install("house", to=comfyui).steps[0].destination
    assert again == comfyui / "models" / "vae" / NAME
    box.uninstall("house", to=comfyui)
    assert snapshot(disk) == before


def test_swarmui_that_is_set_to_a_disk_that_is_not_there(box: Box, tmp_path: Path) -> None:
    box.add("house", {NAME: DATA})
    tree = grow(tmp_path / "SwarmUI", SWARMUI)
    disk = tmp_path / "disk"
    text = f"Paths:\n\tSDVAEFolder: {disk}\n"
    (tree / "Data" / "Settings.fds").write_text(text, encoding="utf-8")
    before = snapshot(tmp_path)
    with pytest.raises(TargetNotUsable, match="no such folder is there") as caught:
        box.install("house", to=tree, dry_run=True)
    assert str(disk) in caught.value.message
    assert "mount" in str(caught.value.hint)
    assert not disk.exists()
    disk.mkdir()
    (step,) = box.install("house", to=tree).steps
    assert (step.destination, step.listed_as) == (disk / NAME, "tiny")
    box.uninstall("house", to=tree)
    disk.rmdir()
    assert {name for name in snapshot(tmp_path) if name.startswith("SwarmUI")} == {
        name for name in before if name.startswith("SwarmUI")
    }


def test_a_changed_file_in_a_folder_that_is_the_default_no_more(
    box: Box, comfyui: Path, tmp_path: Path
) -> None:
    box.add("house", {NAME: DATA})
    adds(comfyui, tmp_path / "disk", default=True)
    (step,) = box.install("house", to=comfyui).steps
    adds(comfyui, tmp_path / "disk")
    overwrite(step.destination, DATA[:-1] + b"x")
    with pytest.raises(FileInTheWay, match="its bytes have changed"):
        box.install("house", to=comfyui)


def test_a_name_in_a_further_folder_of_comfyui(box: Box, comfyui: Path, tmp_path: Path) -> None:
    box.add("house", {NAME: DATA})
    adds(comfyui, tmp_path / "disk")
    (tmp_path / "disk" / NAME).write_bytes(b"mine")
    goes_full_circle(box, "house", comfyui, ["house.safetensors"])


def test_the_same_bytes_in_a_further_folder_of_comfyui(
    box: Box, comfyui: Path, tmp_path: Path
) -> None:
    box.add("house", {NAME: DATA})
    adds(comfyui, tmp_path / "disk")
    (tmp_path / "disk" / NAME).write_bytes(DATA)
    (step,) = box.install("house", to=comfyui).steps
    assert (step.status, step.destination) == ("present", tmp_path / "disk" / NAME)
    assert step.listed_as == NAME


def test_a_default_folder_that_is_not_there_is_not_made(
    box: Box, comfyui: Path, tmp_path: Path
) -> None:
    box.add("house", {NAME: DATA})
    adds(comfyui, tmp_path / "disk", default=True)
    (tmp_path / "disk").rmdir()
    (step,) = box.install("house", to=comfyui).steps
    assert step.destination == comfyui / "models" / "vae" / NAME
    assert not (tmp_path / "disk").exists()


@pytest.mark.parametrize("bytes_", [b"\xff\xfe", b"a: [", b'a:\n  vae: "\\0"\n'])
def test_an_extra_file_that_cannot_be_read_stops_nothing(
    box: Box, comfyui: Path, bytes_: bytes
) -> None:
    box.add("house", {NAME: DATA})
    (comfyui / "extra_model_paths.yaml").write_bytes(bytes_)
    assert box.install("house", to=comfyui).steps[0].listed_as == NAME
