"""UIs that take a VAE with a checkpoint by itself, with some checkpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.targets.uis import AUTOMATIC1111, REFORGE, SDNEXT, with_files

if TYPE_CHECKING:
    from pathlib import Path

    from vaehub.model import Target


@pytest.fixture(params=[AUTOMATIC1111, REFORGE, SDNEXT], ids=["A1111", "reForge", "SD.Next"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Target:
    return with_files(
        tmp_path,
        request.param,
        "models/Stable-diffusion/one.safetensors",
        "models/Stable-diffusion/two.ckpt",
        "models/Stable-diffusion/sub/three.v1.safetensors",
        "models/Stable-diffusion/sub/twice.safetensors",
        "models/Stable-diffusion/twice.ckpt",
        "models/Stable-diffusion/else.vae.pt",
    )
