"""From what the user said to a target."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.targets.uis import AUTOMATIC1111, COMFYUI, INVOKEAI, STABILITYMATRIX, grow
from tests.trees import forbidding_folder, snapshot
from vaehub.errors import TargetNotUsable
from vaehub.model import Target
from vaehub.settings import Settings
from vaehub.targets import find_target

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(store=tmp_path / "s", state=tmp_path / "t", cache=tmp_path / "c")


@pytest.fixture
def a1111(tmp_path: Path) -> Path:
    return grow(tmp_path / "webui", AUTOMATIC1111)


@pytest.fixture
def comfyui(tmp_path: Path) -> Path:
    return grow(tmp_path / "ComfyUI", COMFYUI)


def test_a_root_is_its_ui(settings: Settings, a1111: Path, comfyui: Path, tmp_path: Path) -> None:
    for root, layout in ((a1111, "automatic1111"), (comfyui, "comfyui")):
        assert find_target(root, settings=settings, cwd=tmp_path) == Target(layout, root)
        assert find_target(root.name, settings=settings, cwd=tmp_path) == Target(layout, root)
        assert find_target("./", settings=settings, cwd=root) == Target(layout, root)


def test_a_vae_folder_is_the_ui_around_it(settings: Settings, a1111: Path, comfyui: Path) -> None:
    found = find_target(a1111 / "models" / "VAE", settings=settings, cwd=comfyui)
    assert found == Target("automatic1111", a1111)
    found = find_target("models/vae/", settings=settings, cwd=comfyui)
    assert found == Target("comfyui", comfyui)
    found = find_target("../vae", settings=settings, cwd=comfyui / "models" / "checkpoints")
    assert found == Target("comfyui", comfyui)


def test_a_vae_folder_that_is_still_to_be_made_is_the_ui_around_it(
    settings: Settings, a1111: Path
) -> None:
    (a1111 / "models" / "VAE").rmdir()
    found = find_target(a1111 / "models" / "VAE", settings=settings, cwd=a1111)
    assert found == Target("automatic1111", a1111)


def test_a_linked_vae_folder_is_the_ui_around_the_link(
    settings: Settings, a1111: Path, tmp_path: Path
) -> None:
    folder = a1111 / "models" / "VAE"
    folder.rmdir()
    (tmp_path / "shared").mkdir()
    folder.symlink_to(tmp_path / "shared", target_is_directory=True)
    assert find_target(folder, settings=settings, cwd=tmp_path) == Target("automatic1111", a1111)
    found = find_target(tmp_path / "shared", settings=settings, cwd=tmp_path)
    assert found == Target("folder", tmp_path / "shared")


def test_a_link_before_two_dots_is_followed_as_the_system_does(
    settings: Settings, a1111: Path, tmp_path: Path
) -> None:
    (tmp_path / "shortcut").symlink_to(a1111 / "models", target_is_directory=True)
    found = find_target("shortcut/../models/VAE", settings=settings, cwd=tmp_path)
    assert found == Target("automatic1111", a1111.resolve())


@pytest.mark.parametrize("name", ["models/VAE/anime", "models/Lora", "models/VAE-taesd", "other"])
def test_any_other_folder_is_a_plain_one(settings: Settings, a1111: Path, name: str) -> None:
    before = snapshot(a1111)
    found = find_target(name, settings=settings, cwd=a1111)
    assert found == Target("folder", a1111 / name)
    assert snapshot(a1111) == before


def test_a_plain_folder_stays_one_after_the_first_install(
    settings: Settings, tmp_path: Path
) -> None:
    for to in ("models/VAE", None):
        first = find_target(to, settings=settings, cwd=tmp_path)
        first.root.mkdir(parents=True, exist_ok=True)
        assert first == Target("folder", tmp_path / "models" / "VAE")
        assert find_target(to, settings=settings, cwd=tmp_path) == first


def test_the_order_of_precedence(
    settings: Settings, a1111: Path, comfyui: Path, tmp_path: Path
) -> None:
    inside = a1111 / "models" / "Stable-diffusion"
    configured = settings._replace(default_target=str(tmp_path / "configured"))
    told = configured._replace(to=str(comfyui))
    somewhere = tmp_path / "somewhere"
    somewhere.mkdir()

    def find(to: str | None, settings: Settings, cwd: Path) -> Path:
        return find_target(to, settings=settings, cwd=cwd).root

    assert find("x", told, inside) == inside / "x"
    assert find(None, told, inside) == comfyui
    assert find(None, configured, inside) == a1111
    assert find(None, configured, somewhere) == tmp_path / "configured"
    assert find(None, settings, somewhere) == somewhere / "models" / "VAE"


def test_the_nearest_ui_around_the_working_directory_wins(settings: Settings, a1111: Path) -> None:
    inner = grow(a1111 / "extensions" / "ComfyUI", COMFYUI)
    found = find_target(None, settings=settings, cwd=inner / "models" / "vae")
    assert found == Target("comfyui", inner)


def test_stability_matrix_and_what_it_runs(settings: Settings, tmp_path: Path) -> None:
    root = grow(tmp_path / "StabilityMatrix", STABILITYMATRIX)
    package = grow(root / "Data" / "Packages" / "ComfyUI", COMFYUI)
    library = Target("stabilitymatrix", root / "Data")
    for to in (root, root / "Data", root / "Data" / "Models" / "VAE"):
        assert find_target(to, settings=settings, cwd=tmp_path) == library
    for cwd in (root, root / "Data" / "Packages", root / "Data" / "Models" / "VAE"):
        assert find_target(None, settings=settings, cwd=cwd) == library
    for to in (package, package / "models" / "vae"):
        assert find_target(to, settings=settings, cwd=tmp_path) == Target("comfyui", package)
    inside = package / "models" / "checkpoints"
    assert find_target(None, settings=settings, cwd=inside) == Target("comfyui", package)


def test_another_data_folder_is_none_of_stability_matrix(
    settings: Settings, tmp_path: Path
) -> None:
    grow(tmp_path / "mine", "Data/Packages/ Data/Models/")
    grow(tmp_path / "other" / "Data", COMFYUI)
    for name in ("mine", "other"):
        found = find_target(tmp_path / name, settings=settings, cwd=tmp_path)
        assert found == Target("folder", tmp_path / name)


def test_the_store_of_invokeai_is_invokeai(settings: Settings, tmp_path: Path) -> None:
    root = grow(tmp_path / "invokeai", INVOKEAI)
    for to in (root, root / "models"):
        assert find_target(to, settings=settings, cwd=tmp_path) == Target("invokeai", root)


def test_home_is_expanded(settings: Settings, home: Path, tmp_path: Path) -> None:
    found = find_target("~/vaes", settings=settings, cwd=tmp_path)
    assert found == Target("folder", home / "vaes")


@pytest.mark.parametrize(
    ("to", "words"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("file", "a file, not a folder"),
        ("file/below", "file is a file, not a folder"),
        ("nowhere", "symbolic link that leads nowhere"),
        ("nowhere/below", "nowhere is a symbolic link that leads nowhere"),
        ("circle", "circle"),
        ("~no-such-user-here/x", "no usable path"),
        ("nul\0byte", "no usable path"),
        ("x" * 5000, "no usable path"),
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_what_cannot_be_a_folder_is_an_error_in_words(
    settings: Settings, tmp_path: Path, to: str, words: str
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "nowhere").symlink_to("missing")
    (tmp_path / "circle").symlink_to("circle")
    with pytest.raises(TargetNotUsable, match="--to") as caught:
        find_target(to, settings=settings, cwd=tmp_path)
    assert words in caught.value.message


def test_the_message_names_what_said_it(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(TargetNotUsable, match="VAEHUB_TO"):
        find_target(None, settings=settings._replace(to="file"), cwd=tmp_path)
    with pytest.raises(TargetNotUsable, match="configured"):
        find_target(None, settings=settings._replace(default_target="file"), cwd=tmp_path)


@pytest.mark.skipif(os.name != "posix", reason="a POSIX matter")
def test_a_folder_that_hides_its_content_is_an_error_in_words(settings: Settings) -> None:
    with forbidding_folder(0o000) as folder, pytest.raises(TargetNotUsable) as caught:
        find_target(folder / "x", settings=settings, cwd=folder)
    assert "Permission denied" in caught.value.message
