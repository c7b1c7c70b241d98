from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.weights.files import naming, safetensors, torch_zip
from vaehub.errors import NotAModel, UnsafePickle
from vaehub.weights import check_file

if TYPE_CHECKING:
    from pathlib import Path


def test_the_name_says_how_it_is_looked_at(tmp_path: Path) -> None:
    """In the store a file has no suffix: the installed name decides."""
    blob = tmp_path / "blob"
    blob.write_bytes(safetensors())
    check_file(blob, name="vae.safetensors")
    with pytest.raises(NotAModel):
        check_file(blob, name="vae.ckpt")
    blob.write_bytes(torch_zip(naming("os.system")))
    for suffix in ("ckpt", "pt", "pth", "bin", "PTH"):
        with pytest.raises(UnsafePickle):
            check_file(blob, name=f"vae.{suffix}")


def test_a_cut_safetensors_is_refused(tmp_path: Path) -> None:
    blob = tmp_path / "blob"
    blob.write_bytes(safetensors(bytes(1000))[:-1])
    with pytest.raises(NotAModel, match="cut off"):
        check_file(blob, name="vae.safetensors")


def test_a_page_is_refused(tmp_path: Path) -> None:
    blob = tmp_path / "blob"
    blob.write_bytes(b"<html>")
    with pytest.raises(NotAModel, match="web page"):
        check_file(blob, name="vae.safetensors")
