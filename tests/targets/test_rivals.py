"""What is said of a VAE for a checkpoint, held against what the UIs' own rules make of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.targets.standins.taking import a1111_takes, sdnext_takes
from tests.targets.uis import AUTOMATIC1111, SDNEXT, with_files
from vaehub import names
from vaehub.targets import checkpoints, rivals

if TYPE_CHECKING:
    from pathlib import Path

    from vaehub.model import Target

TAKES = {"automatic1111": a1111_takes, "reforge": a1111_takes, "sdnext": sdnext_takes}
NAME = "some-vae.safetensors"
HERE = "models/Stable-diffusion"


@pytest.mark.parametrize("name", ["one.safetensors", "two.ckpt", "sub/three.v1.safetensors"])
def test_the_ui_takes_it_with_that_checkpoint_and_with_no_other(target: Target, name: str) -> None:
    checkpoint = target.root / HERE / name
    place = checkpoints.destination(checkpoint, NAME)
    place.touch()
    takes = TAKES[target.layout]
    for path in checkpoint.parent.parent.rglob("*.*"):
        if path.suffix in {".ckpt", ".safetensors"} and ".vae." not in path.name:
            assert takes(target.root, path) == (place if path == checkpoint else None), path
    assert rivals.rivals(target, checkpoint, place) == []
    assert rivals.others(target, checkpoint, place) == []
    assert rivals.hidden_by(target, place) is None


LETTERS = st.text("ab.- ", min_size=1, max_size=4).map(str.strip).filter(names.safe_name)
VAES = st.builds(
    "{}/{}{}".format,
    st.sampled_from(["models/VAE", "models/VAE/x", HERE, f"{HERE}/s"]),
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
    target = with_files(root, tree, *(f"{HERE}/{stem}.ckpt" for stem in stems), *vaes)
    mine, *_ = ours = [root / HERE / f"{stem}.ckpt" for stem in stems]
    place = checkpoints.destination(mine, NAME)
    if place.exists() or rivals.hidden_by(target, place) is not None:
        return  # refused
    place.touch()
    takes = TAKES[target.layout]
    found = rivals.rivals(target, mine, place)
    taken = takes(root, mine)
    if any(rival.wins for rival in found):
        assert taken in [rival.path for rival in found if rival.wins]
    else:
        assert taken in [place, *(rival.path for rival in found)]
    others = rivals.others(target, mine, place)
    for checkpoint in ours[1:]:
        if takes(root, checkpoint) == place:
            assert checkpoint in others


def test_a_rival_that_comes_first_wins(target: Target) -> None:
    checkpoint = target.root / HERE / "one.safetensors"
    place = checkpoints.destination(checkpoint, NAME)
    rival = checkpoint.with_name("one.vae.pt")
    rival.touch()
    assert rivals.rivals(target, checkpoint, place) == [(rival, True)]
    place.touch()
    assert TAKES[target.layout](target.root, checkpoint) == rival


def test_of_rivals_of_one_name_the_last_is_taken_at_the_turn_of_the_first(tmp_path: Path) -> None:
    target = with_files(
        tmp_path, AUTOMATIC1111, f"{HERE}/a.ckpt", f"{HERE}/a.vae.pt", "models/VAE/a.vae.pt"
    )
    checkpoint = target.root / HERE / "a.ckpt"
    place = checkpoints.destination(checkpoint, NAME)
    rival = target.root / "models/VAE/a.vae.pt"
    assert rivals.rivals(target, checkpoint, place) == [(rival, True)]
    place.touch()
    assert a1111_takes(target.root, checkpoint) == rival


def test_names_that_begin_alike(tmp_path: Path) -> None:
    target = with_files(
        tmp_path,
        AUTOMATIC1111,
        f"{HERE}/anything.ckpt",
        f"{HERE}/anything-v4.ckpt",
        f"{HERE}/anything-v5.vae.safetensors",
        "models/VAE/anything.vae.safetensors.pt",
        "models/VAE/anything-orange.ckpt",
    )
    short, long = (target.root / HERE / f"{stem}.ckpt" for stem in ("anything", "anything-v4"))
    place = checkpoints.destination(long, NAME)
    assert rivals.others(target, long, place) == [short]
    assert rivals.rivals(target, long, place) == []
    place = checkpoints.destination(short, NAME)
    rival = target.root / HERE / "anything-v5.vae.safetensors"
    assert rivals.rivals(target, short, place) == [(rival, False)]
    assert rivals.others(target, short, place) == []


def test_a_name_that_would_hide_another_is_found(tmp_path: Path) -> None:
    name = "one.vae.safetensors"
    target = with_files(tmp_path, AUTOMATIC1111, f"{HERE}/one.ckpt", f"models/VAE/sub/{name}")
    place = target.root / HERE / name
    assert rivals.hidden_by(target, place) == target.root / "models/VAE/sub" / name
    place.touch()
    assert rivals.hidden_by(target, place) == target.root / "models/VAE/sub" / name
