from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.converting.samples import read
from vaehub import settings, weights
from vaehub.catalog.compiled import load_file
from vaehub.errors import UnsafePickle
from vaehub.loopback import samples
from vaehub.targets import find_target

if TYPE_CHECKING:
    from pathlib import Path


def test_the_model_is_a_valid_file_with_the_keys_of_an_autoencoder(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(samples.safetensors())
    weights.check_file(path, name=path.name)
    tensors = weights.read_header(path, name=path.name).tensors
    assert tensors["decoder.conv_out.weight"].shape == (3, 64, 3, 3)
    assert "encoder.conv_in.weight" in tensors


def test_a_seed_gives_the_same_bytes_each_time_and_another_seed_others() -> None:
    assert samples.safetensors(3) == samples.safetensors(3)
    assert samples.safetensors(3) != samples.safetensors(4)
    assert len(samples.safetensors(3)) == len(samples.safetensors(4))


def test_the_dangerous_pickle_is_dangerous(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    path.write_bytes(samples.unsafe_pickle())
    with pytest.raises(UnsafePickle, match=r"os\.system"):
        weights.check_file(path, name=path.name)


def test_the_catalog_is_one_without_a_problem(tmp_path: Path) -> None:
    path = tmp_path / "catalog.yaml"
    locator = {"repo": "a/b", "revision": "a" * 40, "path": "x.safetensors"}
    entry = samples.entry("x.safetensors", b"data", {"huggingface": locator})
    path.write_text(samples.catalog("mine", {"x": entry}), encoding="utf-8")
    catalog, problems = load_file(path, cache=tmp_path / "cache", foreign=True)
    assert problems == ()
    [artifact] = catalog.entries["x"].default.artifacts
    assert artifact.size == 4
    assert artifact.sources[0].locator == locator


@pytest.mark.parametrize("layout", ["automatic1111", "comfyui"])
def test_a_tree_is_taken_for_the_ui_that_it_shows(tmp_path: Path, layout: str) -> None:
    tree = samples.tree(tmp_path / "ui", layout)
    target = find_target(tree, settings=settings.load({}), cwd=tmp_path)
    assert target.layout == layout
    assert target.root == tree


def test_a_snapshot_sees_every_change(tmp_path: Path) -> None:
    tree = samples.tree(tmp_path / "ui", "comfyui")
    before = samples.snapshot(tree)
    assert samples.snapshot(tree) == before
    (tree / "models" / "vae" / "new").mkdir()
    assert samples.snapshot(tree) != before
    (tree / "models" / "vae" / "new").rmdir()
    (tree / "main.py").write_bytes(b"x")
    assert samples.snapshot(tree) != before


def test_a_tensor_is_left_out_and_the_rest_is_as_it_was(tmp_path: Path) -> None:
    whole, path = samples.safetensors(), tmp_path / "less.safetensors"
    path.write_bytes(samples.without(whole, "quant_conv.weight"))
    (tmp_path / "whole.safetensors").write_bytes(whole)
    less, all_of_it = (read(each) for each in (path, tmp_path / "whole.safetensors"))
    del all_of_it["quant_conv.weight"]
    assert less == all_of_it
    with pytest.raises(KeyError):
        samples.without(whole, "quant_conv.bias")
