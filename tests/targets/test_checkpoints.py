"""Where a VAE goes that a UI takes with one checkpoint, held against the UIs' own rules."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.targets.stand_ins import a1111_takes, sdnext_takes
from tests.targets.uis import AUTOMATIC1111, COMFYUI, FORGE, REFORGE, SDNEXT, grow
from vaehub import names
from vaehub.errors import CheckpointNotFound, TargetNotUsable, TargetRefuses
from vaehub.model import Artifact, Target, Variant
from vaehub.targets import checkpoints, detect, layouts

TAKES = {"automatic1111": a1111_takes, "sdnext": sdnext_takes}
ARTIFACT = Artifact("some-vae.safetensors", ())
HERE = Path("models/Stable-diffusion")


def ui(folder: Path, tree: str, *files: str) -> Target:
    root = grow(folder, tree)
    for name in files:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    layout = detect(root)
    assert layout is not None
    return Target(layout.id, root)


def find(said: str | Path, target: Target) -> Path:
    found = checkpoints.find_checkpoint(said, target, cwd=target.root)
    return found.relative_to(target.root / HERE)


@pytest.fixture(params=[AUTOMATIC1111, REFORGE, SDNEXT], ids=["A1111", "reForge", "SD.Next"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Target:
    return ui(
        tmp_path,
        request.param,
        "models/Stable-diffusion/one.safetensors",
        "models/Stable-diffusion/two.ckpt",
        "models/Stable-diffusion/sub/three.v1.safetensors",
        "models/Stable-diffusion/sub/twice.safetensors",
        "models/Stable-diffusion/twice.ckpt",
        "models/Stable-diffusion/else.vae.pt",
    )


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
    target = ui(root, SDNEXT, "models/Stable-diffusion/one.safetensors")
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
        checkpoints.target_around("alone.safetensors", cwd=tmp_path)
    assert "--to" in (caught.value.hint or "")


# UIs without the rule


@pytest.mark.parametrize(
    ("tree", "hint"),
    [(FORGE, "VAE / Text Encoder"), (COMFYUI, "VAELoader"), ("some/", "there by hand")],
)
def test_other_uis_say_what_to_do_there(tmp_path: Path, tree: str, hint: str) -> None:
    root = grow(tmp_path / "ui", tree)
    layout = detect(root)
    target = Target(layout.id if layout else "folder", root)
    with pytest.raises(TargetRefuses, match="no VAE with a checkpoint by itself") as caught:
        checkpoints.find_checkpoint("x", target, cwd=tmp_path)
    assert "install it without --for" in (caught.value.hint or "")
    assert hint in (caught.value.hint or "")
    assert checkpoints.folders_with_vaes(target) == []


def test_models_alone_without_code_are_no_fork(tmp_path: Path) -> None:
    target = ui(tmp_path, "models/Stable-diffusion/", "models/Stable-diffusion/a.ckpt")
    assert find("a", target) == Path("a.ckpt")


def test_every_ui_but_a_folder_has_a_rule_or_words() -> None:
    for layout in layouts().values():
        assert layout.near_checkpoint or layout.by_hand or layout.id == "folder", layout.id


# What the UI makes of it


@pytest.mark.parametrize("name", ["one.safetensors", "two.ckpt", "sub/three.v1.safetensors"])
def test_the_ui_takes_it_with_that_checkpoint_and_with_no_other(target: Target, name: str) -> None:
    checkpoint = target.root / HERE / name
    place = checkpoints.destination(checkpoint, ARTIFACT)
    place.touch()
    takes = TAKES[target.layout]
    for path in checkpoint.parent.parent.rglob("*.*"):
        if path.suffix in {".ckpt", ".safetensors"} and ".vae." not in path.name:
            assert takes(target.root, path) == (place if path == checkpoint else None), path
    assert checkpoints.rivals(target, checkpoint, place) == []
    assert checkpoints.others(target, checkpoint, place) == []
    assert checkpoints.hidden_by(target, place) is None


LETTERS = st.text("ab.- ", min_size=1, max_size=4).map(str.strip).filter(names.safe_name)
VAES = st.builds(
    "{}/{}{}".format,
    st.sampled_from(["models/VAE", "models/VAE/x", str(HERE), f"{HERE}/s"]),
    LETTERS,
    st.sampled_from([".vae.pt", ".vae.ckpt", ".vae.safetensors", ".safetensors", ".pt"]),
)


@pytest.mark.parametrize("tree", [AUTOMATIC1111, SDNEXT], ids=["A1111", "SD.Next"])
@given(
    stems=st.lists(LETTERS, min_size=1, max_size=3, unique=True), vaes=st.lists(VAES, max_size=4)
)
def test_what_is_said_of_rivals_and_others_is_what_the_ui_does(
    tmp_path_factory: pytest.TempPathFactory, tree: str, stems: list[str], vaes: list[str]
) -> None:
    """Silence means that the UI takes ours, with this checkpoint and no other; so does the word."""
    root = tmp_path_factory.mktemp("ui")
    target = ui(root, tree, *(f"{HERE}/{stem}.ckpt" for stem in stems), *vaes)
    mine, *_ = ours = [root / HERE / f"{stem}.ckpt" for stem in stems]
    place = checkpoints.destination(mine, ARTIFACT)
    if place.exists() or checkpoints.hidden_by(target, place) is not None:
        return  # refused
    place.touch()
    takes = TAKES[target.layout]
    rivals = checkpoints.rivals(target, mine, place)
    taken = takes(root, mine)
    if any(rival.wins for rival in rivals):
        assert taken in [rival.path for rival in rivals if rival.wins]
    else:
        assert taken in [place, *(rival.path for rival in rivals)]
    others = checkpoints.others(target, mine, place)
    for checkpoint in ours[1:]:
        if takes(root, checkpoint) == place:
            assert checkpoint in others


def test_a_rival_that_comes_first_wins(target: Target) -> None:
    checkpoint = target.root / HERE / "one.safetensors"
    place = checkpoints.destination(checkpoint, ARTIFACT)
    rival = checkpoint.with_name("one.vae.pt")
    rival.touch()
    assert checkpoints.rivals(target, checkpoint, place) == [(rival, True)]
    place.touch()
    assert TAKES[target.layout](target.root, checkpoint) == rival


def test_names_that_begin_alike(tmp_path: Path) -> None:
    target = ui(
        tmp_path,
        AUTOMATIC1111,
        f"{HERE}/anything.ckpt",
        f"{HERE}/anything-v4.ckpt",
        f"{HERE}/anything-v5.vae.safetensors",
        "models/VAE/anything.vae.safetensors.pt",
        "models/VAE/anything-orange.ckpt",
    )
    short, long = (target.root / HERE / f"{stem}.ckpt" for stem in ("anything", "anything-v4"))
    place = checkpoints.destination(long, ARTIFACT)
    assert checkpoints.others(target, long, place) == [short]
    assert checkpoints.rivals(target, long, place) == []
    place = checkpoints.destination(short, ARTIFACT)
    rival = target.root / HERE / "anything-v5.vae.safetensors"
    assert checkpoints.rivals(target, short, place) == [(rival, False)]
    assert checkpoints.others(target, short, place) == []


def test_a_name_that_would_hide_another_is_found(tmp_path: Path) -> None:
    name = "one.vae.safetensors"
    target = ui(tmp_path, AUTOMATIC1111, f"{HERE}/one.ckpt", f"models/VAE/sub/{name}")
    place = target.root / HERE / name
    assert checkpoints.hidden_by(target, place) == target.root / "models/VAE/sub" / name
    place.touch()
    assert checkpoints.hidden_by(target, place) == target.root / "models/VAE/sub" / name


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
