"""Telling UIs apart by what lies in their folders."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.targets.uis import (
    AUTOMATIC1111,
    BASE_DIRECTORY,
    COMFYUI,
    FOOOCUS,
    FORGE,
    INVOKEAI,
    REFORGE,
    SDNEXT,
    SWARMUI,
    grow,
)
from tests.trees import snapshot
from vaehub.errors import TargetNotUsable
from vaehub.targets import layouts
from vaehub.targets.detect import ANY, CLEAR, detect

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("tree", "layout", "strength"),
    [
        (AUTOMATIC1111, "automatic1111", CLEAR),
        (FORGE, "forge", CLEAR),
        (REFORGE, "reforge", CLEAR),
        (SDNEXT, "sdnext", CLEAR),
        (COMFYUI, "comfyui", CLEAR),
        (BASE_DIRECTORY, "comfyui", CLEAR),
        ("custom_nodes/ models/", "comfyui", CLEAR),
        (INVOKEAI, "invokeai", CLEAR),
        ("databases/invokeai.db models/", "invokeai", CLEAR),
        ("invokeai/app/x.py invokeai/version/x.py pyproject.toml", "invokeai", CLEAR),
        (FOOOCUS, "fooocus", CLEAR),
        (SWARMUI, "swarmui", CLEAR),
        ("Models/Stable-Diffusion/ Models/VAE/", "swarmui", CLEAR),
        (".sm-portable", "stabilitymatrix", CLEAR),
        ("settings.json Packages/ Models/", "stabilitymatrix", CLEAR),
        ("Packages/ Models/StableDiffusion/", "stabilitymatrix", CLEAR),
        (f"{FORGE} models/checkpoints/", "forge", CLEAR),
        (f"{FOOOCUS} models/Stable-diffusion/", "fooocus", CLEAR),
        ("models/Stable-diffusion/", "automatic1111", CLEAR),
        ("models/checkpoints/", "comfyui", CLEAR),
        ("models/VAE/", "automatic1111", ANY),
        ("models/vae/", "comfyui", ANY),
        (f"{COMFYUI} models/Stable-diffusion/ models/VAE/", "comfyui", CLEAR),
        (f"{AUTOMATIC1111} models/checkpoints/", "automatic1111", CLEAR),
        ("models/Stable-diffusion/ models/VAE/ models/checkpoints/", "automatic1111", CLEAR),
        ("models/checkpoints/ models/VAE/", "comfyui", CLEAR),
        ("", None, ANY),
        ("modules_forge/main_entry.py", None, ANY),
        ("Models/VAE/", None, ANY),
        ("settings.json Models/", None, ANY),
        ("Packages/", None, ANY),
        ("entry_with_update.py", None, ANY),
        ("webui.py", None, ANY),
        ("comfy/ nodes.py", None, ANY),
        ("models/", None, ANY),
        ("models/VAE", None, ANY),
        ("nodes.py/ comfy/ folder_paths.py/", None, ANY),
    ],
)
def test_a_tree_is_recognised(tmp_path: Path, tree: str, layout: str | None, strength: int) -> None:
    found = detect(grow(tmp_path, tree), at_least=strength)
    assert (found and found.id) == layout


@pytest.mark.parametrize("tree", ["models/VAE/", "models/vae/"])
def test_a_lone_folder_is_no_clear_evidence(tmp_path: Path, tree: str) -> None:
    assert detect(grow(tmp_path, tree), at_least=CLEAR) is None


def test_equal_claims_are_not_decided_by_guessing(tmp_path: Path) -> None:
    grow(tmp_path, "models/checkpoints/ models/Stable-diffusion/")
    with pytest.raises(TargetNotUsable) as caught:
        detect(tmp_path)
    assert "AUTOMATIC1111 and ComfyUI" in caught.value.message
    assert str(tmp_path / "models" / "vae") in str(caught.value.hint)


def test_what_is_no_folder_is_no_ui(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert detect(tmp_path / "file") is None
    assert detect(tmp_path / "missing") is None


def test_a_linked_model_folder_counts(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    grow(tmp_path / "ui", "models/")
    (tmp_path / "ui" / "models" / "VAE").symlink_to(tmp_path / "shared", target_is_directory=True)
    found = detect(tmp_path / "ui")
    assert found is not None
    assert found.id == "automatic1111"


MARKERS = sorted(
    {
        marker
        for layout in layouts().values()
        for evidence in layout.evidence
        for marker in (*evidence.all, *evidence.none)
    }
)


@given(
    st.sets(st.sampled_from(MARKERS)),
    st.sets(st.sampled_from([marker.rstrip("/") for marker in MARKERS])),
    st.sampled_from([ANY, CLEAR]),
)
def test_no_tree_makes_it_crash(
    tmp_path_factory: pytest.TempPathFactory, markers: set[str], files: set[str], strength: int
) -> None:
    root = tmp_path_factory.mktemp("any")
    for marker in sorted(markers | files):
        with contextlib.suppress(FileExistsError, NotADirectoryError, IsADirectoryError):
            grow(root, marker)
    before = snapshot(root)
    with contextlib.suppress(TargetNotUsable):  # equal claims
        found = detect(root, at_least=strength)
        assert found is None or found is layouts()[found.id]
    assert snapshot(root) == before
