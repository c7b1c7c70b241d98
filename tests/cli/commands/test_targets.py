"""``vaehub targets``, and names in the place of paths."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import DATA, locator
from tests.targets.uis import COMFYUI, grow
from vaehub.loopback import LoopbackWorld

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Run


@pytest.fixture
def comfyui(tmp_path: Path) -> Path:
    return grow(tmp_path / "ComfyUI", COMFYUI)


def test_add_list_remove(run: Run, comfyui: Path, tmp_path: Path) -> None:
    ran = run("targets", "list")
    assert (ran.code, ran.out) == (0, "")
    assert "note: no target has a name yet\n  hint: vaehub targets add NAME PATH" in ran.err
    ran = run("targets", "add", "comfy", comfyui, "--default")
    assert (ran.code, ran.err) == (0, f"comfy is {comfyui} (ComfyUI), the default\n")
    ran = run("targets", "add", "lab", tmp_path / "lab", "--layout", "folder")
    assert ran.code == 0
    assert "is not there yet; the first install makes it" in ran.err
    heading, *rows = (line.split("  ") for line in run("targets", "list").out.splitlines())
    assert [cell.strip() for cell in heading if cell] == ["name", "UI", "path", "there", "default"]
    found = [[cell.strip() for cell in row if cell.strip()] for row in rows]
    assert found == [
        ["comfy", "ComfyUI", str(comfyui), "yes", "yes"],
        ["lab", "a plain folder", str(tmp_path / "lab"), "no", "-"],
    ]
    ran = run("targets", "remove", "comfy")
    assert ran.code == 0
    assert "no longer stands for" in ran.err
    assert "it was the default" in ran.err
    assert comfyui.is_dir()
    assert run("targets", "remove", "comfy").code == 4


def test_json(run: Run, comfyui: Path) -> None:
    (added,) = run("targets", "add", "comfy", comfyui, "--json").json["results"]
    assert added == {
        "name": "comfy",
        "path": str(comfyui),
        "layout": "comfyui",
        "layout_from": "detected",
        "root": str(comfyui),
        "exists": True,
        "default": False,
        "changed": True,
    }
    (listed,) = run("targets", "list", "--json").json["results"]
    assert listed == {key: value for key, value in added.items() if key != "changed"}
    (gone,) = run("targets", "remove", "comfy", "--json").json["results"]
    assert gone == {"name": "comfy", "path": str(comfyui), "was_default": False}


def test_a_target_in_trouble_is_listed_with_a_note(run: Run, tmp_path: Path) -> None:
    run("targets", "add", "lab", tmp_path / "lab")
    (tmp_path / "lab").touch()
    ran = run("targets", "list")
    assert ran.code == 0
    assert ran.out.splitlines()[1].split() == ["lab", "?", str(tmp_path / "lab"), "no", "-"]
    assert "vaehub: note: lab: the target lab names" in ran.err


def test_a_name_is_good_for_install_list_verify_and_uninstall(
    run: Run, catalog: Path, comfyui: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("targets", "add", "comfy", comfyui)
    placed = comfyui / "models" / "vae" / "house.safetensors"
    with LoopbackWorld() as world:
        world.publish("huggingface", locator("house.safetensors"), DATA)
        for name, value in world.environment().items():
            monkeypatch.setenv(name, value)
        assert run("install", "house", "--to", "comfy").code == 0
    assert placed.read_bytes() == DATA
    assert run("list", "--installed", "--to", "comfy").out.count("mine/house") == 1
    monkeypatch.setenv("VAEHUB_TO", "comfy")
    assert run("verify").code == 0
    assert run("uninstall", "house").code == 0
    assert not placed.exists()


def test_a_name_that_is_a_folder_here_too_is_exit_7(
    run: Run, comfyui: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("targets", "add", "comfy", comfyui)
    (tmp_path / "comfy").mkdir()
    monkeypatch.chdir(tmp_path)
    ran = run("list", "--installed", "--to", "comfy")
    assert ran.code == 7
    assert "may mean two things" in ran.err
    assert run("list", "--installed", "--to", "./comfy").code == 0
