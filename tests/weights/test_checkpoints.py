"""Whose latents a checkpoint speaks, from headers of its kind."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING

import pytest

from vaehub.weights.checkpoints import TABLE, families_of, row_of

if TYPE_CHECKING:
    from pathlib import Path

UNET = "model.diffusion_model.input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight"
IMG_IN = "model.diffusion_model.img_in.weight"
TXT_NORM = "model.diffusion_model.txt_norm.weight"


def checkpoint(path: Path, tensors: dict[str, tuple[int, ...]]) -> Path:
    """Write a safetensors file of these tensors, one byte an element."""
    header, at = {}, 0
    for name, shape in tensors.items():
        size = 1
        for length in shape:
            size *= length
        header[name] = {"dtype": "U8", "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(at))
    return path


@pytest.mark.parametrize(
    ("tensors", "families"),
    [
        ({UNET: (2, 768)}, ("sd1",)),
        ({UNET: (2, 1024)}, ("sd1",)),
        ({UNET: (2, 1280)}, ("sdxl", "sdxl-eq")),
        ({UNET: (2, 2048)}, ("sdxl", "sdxl-eq")),
        ({UNET: (2, 77)}, ()),
        ({UNET: ()}, ()),
        ({"model.diffusion_model.joint_blocks.0.x_block.attn.qkv.weight": (3, 2)}, ("sd3",)),
        ({IMG_IN: (3, 64)}, ("flux1", "flux1-eq")),
        ({IMG_IN: (3, 128)}, ("flux2",)),
        ({TXT_NORM: (3,), IMG_IN: (3, 64)}, ("qwen-image",)),
        ({"first_stage_model.decoder.conv_in.weight": (2, 4)}, ()),
    ],
)
def test_the_families_of_a_checkpoint(
    tmp_path: Path, tensors: dict[str, tuple[int, ...]], families: tuple[str, ...]
) -> None:
    assert families_of(checkpoint(tmp_path / "a.safetensors", tensors)) == families


def test_what_cannot_be_read_is_unknown(tmp_path: Path) -> None:
    assert families_of(checkpoint(tmp_path / "a.ckpt", {UNET: (2, 768)})) == ()
    (tmp_path / "b.safetensors").write_bytes(b"<html>")
    assert families_of(tmp_path / "b.safetensors") == ()
    assert families_of(tmp_path / "none.safetensors") == ()


def test_the_table_names_families_of_the_catalog() -> None:
    from vaehub.catalog import bundled_path

    text = bundled_path().read_text(encoding="utf-8")
    for row in TABLE:
        for family in row.families:
            assert f"family: {family}\n" in text


@pytest.mark.parametrize(
    ("width", "model"), [(768, "SD 1"), (1024, "SD 2"), (1280, "SDXL's refiner"), (2048, "SDXL")]
)
@pytest.mark.parametrize("before", ["model.diffusion_model.", "diffusion_model.", ""])
def test_what_people_call_it_whatever_stands_before_its_names(
    before: str, width: int, model: str
) -> None:
    row = row_of({UNET.replace("model.diffusion_model.", before): (2, width)})
    assert row is not None
    assert row.model == model
    assert row_of({f"x.{UNET}": (2, width)}) is None
