"""Targets with names, in the configuration file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.targets.uis import AUTOMATIC1111, COMFYUI, grow
from tests.trees import forbidding_folder, snapshot
from vaehub.errors import NamingError, TargetNotUsable, UsageError
from vaehub.model import Target
from vaehub.settings import NamedTarget, Settings, config_file, load
from vaehub.targets import find_target, named

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def comfyui(tmp_path: Path) -> Path:
    return grow(tmp_path / "ComfyUI", COMFYUI)


@pytest.fixture
def a1111(tmp_path: Path) -> Path:
    return grow(tmp_path / "webui", AUTOMATIC1111)


def add(
    name: str, to: str | Path, *, cwd: Path, layout: str | None = None, default: bool = False
) -> tuple[named.Known, bool]:
    return named.add(name, str(to), layout=layout, default=default, settings=load(), cwd=cwd)


# Names


def test_a_name_stands_for_its_ui(comfyui: Path, a1111: Path, tmp_path: Path) -> None:
    before = snapshot(comfyui)
    known, changed = add("comfy", "ComfyUI", cwd=tmp_path)
    assert changed
    assert known == named.Known(
        "comfy",
        comfyui,
        Target("comfyui", comfyui),
        None,
        said=False,
        exists=True,
        is_default=False,
    )
    assert find_target("comfy", settings=load(), cwd=a1111) == Target("comfyui", comfyui)
    assert snapshot(comfyui) == before
    assert config_file().read_text(encoding="utf-8") == f'[targets.comfy]\npath = "{comfyui}"\n'


def test_names_stand_in_the_order_of_the_file(comfyui: Path, a1111: Path, tmp_path: Path) -> None:
    add("z", comfyui, cwd=tmp_path)
    add("a", a1111, cwd=tmp_path, default=True)
    found = named.known(load(), cwd=tmp_path)
    assert [(one.name, one.is_default) for one in found] == [("z", False), ("a", True)]
    assert [one.target and one.target.layout for one in found] == ["comfyui", "automatic1111"]
    assert load().default_target == "a"


def test_a_vae_folder_means_the_ui_around_it(comfyui: Path, tmp_path: Path) -> None:
    for name, layout in (("seen", None), ("said", "comfyui")):
        known, _ = add(name, comfyui / "models" / "vae", cwd=tmp_path, layout=layout)
        assert known.target == Target("comfyui", comfyui)


def test_the_layout_that_the_user_said_holds(tmp_path: Path, comfyui: Path) -> None:
    new = tmp_path / "new"
    known, _ = add("new", new, cwd=tmp_path, layout="comfyui")
    assert (known.target, known.said, known.exists) == (Target("comfyui", new), True, False)
    known, _ = add("plain", comfyui, cwd=tmp_path, layout="folder")
    assert known.target == Target("folder", comfyui)
    settings = load()
    assert settings.targets["new"] == NamedTarget(new, "comfyui")
    assert find_target("plain", settings=settings, cwd=tmp_path) == Target("folder", comfyui)
    assert not new.exists()


def test_a_layout_settles_what_looks_like_two_uis(comfyui: Path, tmp_path: Path) -> None:
    both = grow(comfyui, AUTOMATIC1111)
    with pytest.raises(TargetNotUsable, match="alike"):
        add("both", both, cwd=tmp_path)
    known, _ = add("both", both, cwd=tmp_path, layout="comfyui")
    assert known.target == Target("comfyui", both)


def test_the_same_again_changes_nothing(comfyui: Path, tmp_path: Path) -> None:
    add("comfy", comfyui, cwd=tmp_path)
    _, changed = add("comfy", f"{comfyui}/", cwd=tmp_path)
    assert not changed
    known, changed = add("comfy", comfyui, cwd=tmp_path, default=True)
    assert (changed, known.is_default) == (True, True)


def test_a_name_that_is_taken_is_not_given_away(comfyui: Path, tmp_path: Path) -> None:
    add("comfy", comfyui, cwd=tmp_path)
    before = config_file().read_bytes()
    for to, layout in ((tmp_path / "other", None), (comfyui, "folder")):
        with pytest.raises(UsageError, match="there is a target comfy already") as caught:
            add("comfy", to, cwd=tmp_path, layout=layout)
        assert str(comfyui) in caught.value.message
    assert config_file().read_bytes() == before


@pytest.mark.parametrize("name", ["", " ", ".", "..", "~", "-x", "a/b", "a b", "C:", "ü", "x" * 65])
def test_what_looks_like_a_path_is_no_name(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no name for a target"):
        add(name, tmp_path, cwd=tmp_path)
    assert not config_file().exists()


@pytest.mark.parametrize(
    ("to", "words"), [("", "is empty"), ("file", "a file, not a folder"), ("a\0b", "no usable")]
)
def test_what_cannot_be_a_target_gets_no_name(to: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(TargetNotUsable, match=words):
        add("x", to, cwd=tmp_path)
    assert not config_file().exists()


def test_an_unknown_layout_lists_the_known(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no layout 'comfi'") as caught:
        add("x", tmp_path, cwd=tmp_path, layout="comfi")
    assert "comfyui" in (caught.value.hint or "")


# Forgetting them


def test_forgetting_touches_no_file(comfyui: Path, a1111: Path, tmp_path: Path) -> None:
    add("comfy", comfyui, cwd=tmp_path, default=True)
    add("web", a1111, cwd=tmp_path)
    before = snapshot(tmp_path)
    gone, was_default = named.remove("comfy", settings=load())
    assert (gone.path, was_default) == (comfyui, True)
    assert snapshot(tmp_path) == before
    # Else the name would be a path from now on, and the next install make a folder of that name.
    assert load().default_target is None
    assert list(load().targets) == ["web"]
    assert named.remove("web", settings=load())[1] is False
    assert config_file().read_text(encoding="utf-8").strip() == ""


def test_the_rest_of_the_file_stays(comfyui: Path, tmp_path: Path) -> None:
    config_file().parent.mkdir(parents=True)
    written = '# mine\nstore = "/data" # big\n\n# mirrors\n[[mirrors]]\nbase = "https://m"\n'
    config_file().write_text(written, encoding="utf-8")
    add("comfy", comfyui, cwd=tmp_path, default=True)
    assert set(written.splitlines()) < set(config_file().read_text(encoding="utf-8").splitlines())
    named.remove("comfy", settings=load())
    assert config_file().read_text(encoding="utf-8").split() == written.split()


def test_an_unknown_name_has_a_close_one(comfyui: Path, tmp_path: Path) -> None:
    add("comfy", comfyui, cwd=tmp_path)
    with pytest.raises(NamingError, match="no target is called 'comfi'; did you mean comfy"):
        named.remove("comfi", settings=load())


# Finding them


def settings_with(tmp_path: Path, *, to: str | None = None, default: str | None = None) -> Settings:
    folder = tmp_path / "ui"
    folder.mkdir()
    return Settings(
        store=tmp_path / "s",
        state=tmp_path / "t",
        cache=tmp_path / "c",
        to=to,
        default_target=default,
        targets={"lab": NamedTarget(folder), "odd": NamedTarget(folder, "sdnixt")},
    )


def test_a_name_serves_wherever_a_target_is_said(tmp_path: Path) -> None:
    here = tmp_path / "here"
    here.mkdir()
    settings = settings_with(tmp_path)
    lab = Target("folder", tmp_path / "ui")
    assert find_target("lab", settings=settings, cwd=here) == lab
    for said in (settings._replace(to="lab"), settings._replace(default_target="lab")):
        assert find_target(None, settings=said, cwd=here) == lab


@pytest.mark.parametrize("to", ["./lab", "lab/", "lab/x", "../here/lab", "lob"])
def test_a_path_is_a_path(to: str, tmp_path: Path) -> None:
    here = tmp_path / "here"
    here.mkdir()
    found = find_target(to, settings=settings_with(tmp_path), cwd=here)
    assert found.root == here / to.replace("../here/", "")


def test_a_path_object_is_never_a_name(tmp_path: Path) -> None:
    here = tmp_path / "here"
    (here / "lab").mkdir(parents=True)
    found = find_target((here / "lab"), settings=settings_with(tmp_path), cwd=here)
    assert found.root == here / "lab"


@pytest.mark.parametrize("by", ["--to", "VAEHUB_TO"])
def test_a_name_that_is_a_folder_too_is_told(by: str, tmp_path: Path) -> None:
    here = tmp_path / "here"
    (here / "lab").mkdir(parents=True)
    settings = settings_with(tmp_path, to="lab" if by == "VAEHUB_TO" else None)
    with pytest.raises(TargetNotUsable, match=f"{by} lab may mean two things") as caught:
        find_target("lab" if by == "--to" else None, settings=settings, cwd=here)
    assert str(tmp_path / "ui") in caught.value.message
    assert str(here / "lab") in caught.value.message
    assert "./lab" in (caught.value.hint or "")


def test_the_default_is_never_ambiguous(tmp_path: Path) -> None:
    (tmp_path / "lab").mkdir()
    settings = settings_with(tmp_path, default="lab")
    assert find_target(None, settings=settings, cwd=tmp_path).root == tmp_path / "ui"


@pytest.mark.skipif(os.name == "nt", reason="links of POSIX")
def test_two_ways_to_the_same_folder_are_one(tmp_path: Path) -> None:
    settings = settings_with(tmp_path)
    (tmp_path / "lab").symlink_to(tmp_path / "ui")
    assert find_target("lab", settings=settings, cwd=tmp_path).root == tmp_path / "ui"


def test_a_layout_of_a_newer_vaehub_is_told(tmp_path: Path) -> None:
    settings = settings_with(tmp_path)
    with pytest.raises(TargetNotUsable, match="'sdnixt', which this vaehub does not know"):
        find_target("odd", settings=settings, cwd=tmp_path)
    lab, odd = named.known(settings, cwd=tmp_path)
    assert (lab.trouble, odd.target) == (None, None)
    assert "sdnixt" in str(odd.trouble)


@pytest.mark.skipif(os.name != "posix", reason="a POSIX matter")
def test_a_place_that_hides_its_content_is_one_in_trouble(tmp_path: Path) -> None:
    settings = settings_with(tmp_path)
    with forbidding_folder(0o000) as folder:
        hidden = settings._replace(targets={"x": NamedTarget(folder / "ui")})
        (known,) = named.known(hidden, cwd=folder)
    assert (known.exists, known.target) == (False, None)
    assert "Permission denied" in str(known.trouble)
