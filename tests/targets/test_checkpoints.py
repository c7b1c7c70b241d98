"""Which checkpoint somebody means, and where a VAE goes that a UI takes with it."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.targets.uis import COMFYUI, FORGE, SDNEXT, grow, with_files
from vaehub.errors import CheckpointNotFound, TargetNotUsable, TargetRefuses
from vaehub.model import Artifact, Target, Variant
from vaehub.targets import checkpoints, detect, layouts

ARTIFACT = Artifact("some-vae.safetensors", ())
HERE = "models/Stable-diffusion"


def find(said: str | Path, target: Target) -> Path:
    found = checkpoints.find_checkpoint(said, target, cwd=target.root)
    return found.relative_to(target.root / HERE)


# Which checkpoint


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("one", "one.safetensors"),
        ("one.safetensors", "one.safetensors"),
        ("two", "two.ckpt"),
        ("three.v1", "sub/three.v1.safetensors"),
        ("sub/three.v1", "sub/three.v1.safetensors"),
        ("sub/three.v1.safetensors", "sub/three.v1.safetensors"),
        ("sub/twice", "sub/twice.safetensors"),
        ("twice.ckpt", "twice.ckpt"),
        ("models/Stable-diffusion/one.safetensors", "one.safetensors"),
        ("./models/../models/Stable-diffusion/one.safetensors", "one.safetensors"),
    ],
)
def test_a_checkpoint_is_found_by_path_and_by_name(target: Target, said: str, found: str) -> None:
    assert find(said, target) == Path(found)
    assert find(target.root / HERE / found, target) == Path(found)


def test_a_file_of_that_name_where_we_stand_is_not_meant(target: Target, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in ("one.safetensors", "alone.safetensors"):
        (elsewhere / name).touch()
    found = checkpoints.find_checkpoint("one.safetensors", target, cwd=elsewhere)
    assert found == target.root / HERE / "one.safetensors"
    for said in ("./one.safetensors", "alone.safetensors", elsewhere / "one.safetensors"):
        with pytest.raises(TargetRefuses, match="is not below"):
            checkpoints.find_checkpoint(said, target, cwd=elsewhere)


def test_a_link_to_its_folder_leads_to_it(target: Target, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(target.root / HERE, target_is_directory=True)
    assert find("link/one.safetensors", target) == Path("one.safetensors")


@pytest.mark.parametrize(
    ("said", "words", "hint"),
    [
        ("on.safetensors", "no checkpoint 'on.safetensors'", "did you mean one.safetensors"),
        ("Thre", "no checkpoint 'Thre'", "did you mean sub/three.v1.safetensors?"),
        ("else", "no checkpoint 'else'", "there are: "),
        ("three.v2", "no checkpoint 'three.v2'", "did you mean sub/three.v1.safetensors?"),
        ("on", "no checkpoint 'on'", "did you mean one.safetensors?"),
        ("zz", "no checkpoint 'zz'", "there are: one.safetensors, sub/three"),
        ("twice", "'twice' may be 2 checkpoints", "its folder and its extension"),
        ("./models/Stable-diffusion/oen.safetensors", "there is no checkpoint", "did you mean one"),
        ("~nobody-of-that-name/x", "is no usable path", ""),
        ("a\0b", "no checkpoint", ""),
        ("x" * 5000, "is no usable path", ""),
        ("", "no checkpoint ''", "there are: "),
        (".", "no checkpoint '.'", "there are: "),
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_what_leads_to_none_is_told(target: Target, said: str, words: str, hint: str) -> None:
    with pytest.raises(CheckpointNotFound) as caught:
        find(said, target)
    assert words in caught.value.message
    assert hint in (caught.value.hint or "")


@given(st.text(max_size=12))
def test_any_text_is_a_checkpoint_or_a_refusal(
    tmp_path_factory: pytest.TempPathFactory, said: str
) -> None:
    root = tmp_path_factory.getbasetemp() / "any-text"
    target = with_files(root, SDNEXT, "models/Stable-diffusion/one.safetensors")
    with contextlib.suppress(CheckpointNotFound, TargetRefuses):
        assert find(said, target).name == "one.safetensors"


def test_a_file_that_the_ui_does_not_list_is_refused(target: Target, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.safetensors").touch()
    with pytest.raises(TargetRefuses, match="is not below"):
        find(tmp_path / "elsewhere.safetensors", target)
    for name in ("webui.py", "models/Stable-diffusion/else.vae.pt"):
        with pytest.raises(TargetRefuses, match="is no checkpoint that"):
            find(target.root / name, target)


def test_the_ui_is_found_around_a_path(target: Target, tmp_path: Path) -> None:
    path = target.root / HERE / "sub" / "twice.safetensors"
    assert checkpoints.target_around(path, cwd=tmp_path) == target
    inside = path.parent
    assert checkpoints.target_around("twice.safetensors", cwd=inside) == target
    assert checkpoints.target_around("twice", cwd=inside) is None
    assert checkpoints.target_around("one.safetensors", cwd=inside) is None


def test_no_ui_around_a_path_is_told(tmp_path: Path) -> None:
    (tmp_path / "alone.safetensors").touch()
    with pytest.raises(TargetNotUsable, match="no UI is around") as caught:
        checkpoints.target_around("./alone.safetensors", cwd=tmp_path)
    assert "--to" in (caught.value.hint or "")
    assert checkpoints.target_around("alone.safetensors", cwd=tmp_path) is None


# UIs without the rule


@pytest.mark.parametrize(
    ("tree", "hint"),
    [(FORGE, "VAE / Text Encoder"), (COMFYUI, "VAELoader"), ("some/", "choose it there: by hand")],
)
def test_other_uis_say_what_to_do_there(tmp_path: Path, tree: str, hint: str) -> None:
    root = grow(tmp_path / "ui", tree)
    layout = detect(root)
    target = Target(layout.id if layout else "folder", root)
    with pytest.raises(TargetRefuses, match="no VAE with a checkpoint by itself") as caught:
        checkpoints.find_checkpoint("x", target, cwd=tmp_path)
    assert "install it without --for" in (caught.value.hint or "")
    assert hint in (caught.value.hint or "")


def test_a_plain_folder_is_told_from_a_ui(tmp_path: Path) -> None:
    """A name that is no path leads there where no UI is around: it may be a typing mistake."""
    with pytest.raises(TargetRefuses, match="is a plain folder") as caught:
        checkpoints.find_checkpoint("ui/nothere.ckpt", Target("folder", tmp_path), cwd=tmp_path)
    assert "name a checkpoint that is there by its path" in (caught.value.hint or "")


def test_models_alone_without_code_are_no_fork(tmp_path: Path) -> None:
    target = with_files(tmp_path, "models/Stable-diffusion/", "models/Stable-diffusion/a.ckpt")
    assert find("a", target) == Path("a.ckpt")


def test_every_ui_but_a_folder_has_words_on_selecting() -> None:
    for layout in layouts().values():
        assert bool(layout.select) is layout.is_ui, layout.id
        assert bool(layout.baked) is layout.is_ui, layout.id


# Which files


@pytest.mark.parametrize(
    ("names", "slot", "words"),
    [
        (["a.safetensors", "b.safetensors"], "vae", "one file"),
        (["a.safetensors"], "vae-approx", "one file"),
        (["a.sft"], "vae", "takes only"),
        (["a"], "vae", "takes only"),
        (["a.safetensors"], "vae", None),
    ],
)
def test_what_can_go_with_a_checkpoint(
    target: Target, names: list[str], slot: str, words: str | None
) -> None:
    variant = Variant("v", tuple(Artifact(name, ()) for name in names))
    checkpoint = target.root / HERE / "one.safetensors"
    said = checkpoints.refusal(variant, slot, checkpoint, target)
    assert said is None if words is None else words in (said or "")


def test_a_checkpoint_whose_name_we_would_not_write(target: Target) -> None:
    variant = Variant("v", (ARTIFACT,))
    for name in (f"{'x' * 195}.safetensors", "a:b.safetensors"):
        checkpoint = target.root / HERE / name
        said = checkpoints.refusal(variant, "vae", checkpoint, target)
        assert "is no name for a file" in (said or "")
