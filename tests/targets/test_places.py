"""Where in a target receipts are looked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.targets.uis import COMFYUI, with_files
from vaehub.targets.places import folders_of

if TYPE_CHECKING:
    from pathlib import Path

    from vaehub.model import Target


def test_beside_checkpoints_only_where_there_are_any(target: Target) -> None:
    slots = folders_of(target)
    assert slots[0] == target.root / "models" / "VAE"
    checkpoints = target.root / "models" / "Stable-diffusion"
    (checkpoints / "sub" / ".vaehub").mkdir()
    assert folders_of(target) == [*slots, checkpoints / "sub"]
    (checkpoints / ".vaehub").mkdir()
    (checkpoints / "circle").symlink_to(checkpoints, target_is_directory=True)
    assert folders_of(target) == [*slots, checkpoints, checkpoints / "sub"]


def test_of_a_ui_without_the_rule_only_its_slots(tmp_path: Path) -> None:
    target = with_files(tmp_path, COMFYUI, "models/checkpoints/.vaehub/x.json")
    assert folders_of(target) == [tmp_path / "models/vae", tmp_path / "models/vae_approx"]
