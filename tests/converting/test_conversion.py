"""Conversions without torch: what comes out, in which names, types and bytes."""

from __future__ import annotations

import hashlib
import struct
from typing import TYPE_CHECKING, Any

import pytest

from tests.converting.samples import (
    TINY,
    checkpoint,
    manifest,
    prefixed,
    put,
    read,
    values,
)
from tests.trees import snapshot
from tests.weights.checkpoints import archive, tensor
from vaehub.converting import convert
from vaehub.errors import (
    NotAModel,
    UsageError,
)
from vaehub.weights.tensors import read_tensors

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
def test_a_checkpoint_becomes_safetensors_with_the_same_bytes(tmp_path: Path, legacy: bool) -> None:
    path = put(tmp_path, checkpoint(legacy=legacy))
    before = path.read_bytes()
    done = convert(path)
    assert done.path == tmp_path / "house.vae.safetensors"
    assert done.status == "converted"
    assert read(done.path) == values(manifest())
    assert done.sha256 == hashlib.sha256(done.path.read_bytes()).hexdigest()
    assert done.size == done.path.stat().st_size
    assert done.contents.architecture == "autoencoder-kl"
    assert done.contents.layout == "ldm"
    assert done.contents.done == ("state_dict entered",)
    assert done.contents.dropped == ("epoch",)
    assert done.problems == ()
    assert read_tensors(done.path).metadata == {
        "format": "pt",
        "vaehub.origin_sha256": hashlib.sha256(before).hexdigest(),
        "vaehub.converted": "state_dict entered; dropped epoch",
    }
    assert path.read_bytes() == before
    assert sorted(snapshot(tmp_path)) == ["house.vae.pt", "house.vae.safetensors"]


def test_again_changes_nothing(tmp_path: Path) -> None:
    path = put(tmp_path, checkpoint())
    first = convert(path)
    stat = first.path.stat()
    again = convert(path)
    assert again == first._replace(status="present")
    assert first.path.stat().st_mtime_ns == stat.st_mtime_ns


def test_the_same_file_gives_the_same_bytes_elsewhere(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    first = convert(put(tmp_path, checkpoint()))
    second = convert(put(other, checkpoint(), name="renamed.ckpt"))
    assert second.path == other / "renamed.safetensors"
    assert second.path.read_bytes() == first.path.read_bytes()


@pytest.mark.parametrize(
    "prefix", ["first_stage_model.", "model.first_stage_model.", "vae.", "module.vae."]
)
def test_prefixes_are_stripped_and_leftovers_dropped(tmp_path: Path, prefix: str) -> None:
    leftovers = {"loss.logvar": (1,), "loss.discriminator.weight": (2, 2), "model_ema.decay": (1,)}
    shapes = prefixed({**manifest(), **leftovers}, prefix)
    done = convert(put(tmp_path, checkpoint(shapes)))
    ours = prefixed(manifest(), prefix)
    assert read(done.path) == {
        name.removeprefix(prefix): data for name, data in values(shapes).items() if name in ours
    }
    assert f"prefix {prefix} stripped" in done.contents.done
    assert f"{prefix}loss (2 tensors)" in done.contents.dropped
    assert any(line.startswith(f"{prefix}model_ema") for line in done.contents.dropped)


def test_the_autoencoder_is_taken_out_of_a_whole_checkpoint(tmp_path: Path) -> None:
    beside = {"model.diffusion_model.input_blocks.0.0.weight": (4,), "cond_stage_model.x": (4,)}
    shapes = {**beside, **prefixed(manifest(), "first_stage_model.")}
    done = convert(put(tmp_path, checkpoint(shapes)))
    assert set(read(done.path)) == set(manifest())
    assert done.contents.dropped[:2] == ("model (1 tensor)", "cond_stage_model (1 tensor)")


def test_shared_and_strided_tensors_are_written_out_each(tmp_path: Path) -> None:
    data = struct.pack("<6f", *range(6))
    value = {
        "decoder.a": tensor("0", (2, 3), (3, 1), count=6),
        "decoder.b": tensor("0", (3, 2), (1, 3), count=6),
        "decoder.c": tensor("0", (), (), start=5, count=6),
        "decoder.d": tensor("0", (0, 7), (7, 1), count=6),
    }
    done = convert(put(tmp_path, archive(value, {"0": data})))
    assert read(done.path) == {
        "decoder.a": data,
        "decoder.b": struct.pack("<6f", 0, 3, 1, 4, 2, 5),
        "decoder.c": struct.pack("<f", 5),
        "decoder.d": b"",
    }
    assert read_tensors(done.path).stored["decoder.d"].shape == (0, 7)
    assert [problem.code for problem in done.problems] == ["not-recognised"]


def test_big_endian_files_come_out_little(tmp_path: Path) -> None:
    value = {"decoder.w": tensor("0", (2,), (1,), count=2)}
    data = archive(value, {"0": struct.pack(">2f", 1, 2)}, more={"byteorder": b"big"})
    done = convert(put(tmp_path, data))
    assert read(done.path) == {"decoder.w": struct.pack("<2f", 1, 2)}


@pytest.mark.parametrize("sizes", [TINY, TINY._replace(attention=(1,))], ids=["plain", "attention"])
@pytest.mark.parametrize("source", ["ldm", "diffusers", "diffusers-old"])
@pytest.mark.parametrize("layout", ["ldm", "diffusers"])
def test_every_layout_becomes_every_other(
    tmp_path: Path, source: str, layout: Any, sizes: Any
) -> None:
    shapes, wanted = manifest(source, sizes), manifest(layout, sizes)
    done = convert(put(tmp_path, checkpoint(shapes)), layout=layout)
    found = read_tensors(done.path)
    assert {name: stored.shape for name, stored in found.stored.items()} == dict(wanted)
    # Both manifests name the tensors in the order of the canonical one.
    ours, theirs = read(done.path), values(shapes)
    assert [ours[new] for new in wanted] == [theirs[old] for old in shapes]
    assert done.contents.layout == layout
    assert (f"layout {source} to {layout}" in done.contents.done) == (source != layout)


def test_flux2_loses_its_nesting_in_diffusers(tmp_path: Path) -> None:
    sizes = TINY._replace(latent_channels=4, statistics=True, nested_quant=True)
    done = convert(put(tmp_path, checkpoint(manifest("ldm", sizes))), layout="diffusers")
    assert set(read(done.path)) == set(manifest("diffusers", sizes._replace(nested_quant=False)))


def test_a_layout_for_another_architecture_is_refused(tmp_path: Path) -> None:
    from vaehub.weights import paella

    path = put(tmp_path, checkpoint(paella.manifest(layout="native")))
    with pytest.raises(UsageError, match="paella-vq; only an AutoencoderKL has the layouts"):
        convert(path, layout="ldm")


def test_a_layout_of_an_incomplete_file_is_refused(tmp_path: Path) -> None:
    shapes = {
        name: shape for name, shape in manifest().items() if not name.startswith("decoder.up.1")
    }
    path = put(tmp_path, checkpoint(shapes))
    with pytest.raises(NotAModel, match=r"not a whole autoencoder-kl: missing: decoder\.up\.1"):
        convert(path, layout="diffusers")
    assert [problem.code for problem in convert(path).problems] == ["not-whole"]


@pytest.mark.parametrize(("dtype", "code"), [("fp16", "e"), ("fp32", "f"), ("bf16", None)])
def test_the_precision_changes(tmp_path: Path, dtype: str, code: str | None) -> None:
    done = convert(put(tmp_path, checkpoint()), dtype=dtype)
    exact = values(manifest())
    for name, data in read(done.path).items():
        count = len(exact[name]) // 4
        numbers = struct.unpack(f"<{count}f", exact[name])
        if code is not None:
            assert data == struct.pack(f"<{count}{code}", *numbers)
        else:
            assert len(data) == 2 * count
    assert ("F32 to F16" in done.contents.done) == (dtype == "fp16")


def test_whole_numbers_keep_their_type(tmp_path: Path) -> None:
    value = {
        "decoder.w": tensor("0", (2,), (1,), count=2),
        "decoder.n": tensor("1", (), (), kind="torch.LongStorage", count=1),
    }
    data = archive(value, {"0": struct.pack("<2f", 1, 2), "1": struct.pack("<q", 7)})
    done = convert(put(tmp_path, data), dtype="fp16")
    assert read(done.path) == {
        "decoder.w": struct.pack("<2e", 1, 2),
        "decoder.n": struct.pack("<q", 7),
    }


def test_a_number_that_would_become_infinite_is_refused(tmp_path: Path) -> None:
    value = {"decoder.w": tensor("0", (2,), (1,), count=2)}
    path = put(tmp_path, archive(value, {"0": struct.pack("<2f", 1, 70000)}))
    with pytest.raises(UsageError, match="numbers beyond the range of F16"):
        convert(path, dtype="fp16")
    assert snapshot(tmp_path).keys() == {"house.vae.pt"}
    assert convert(path, dtype="bf16").status == "converted"


def test_a_safetensors_file_can_be_changed_but_not_in_place(tmp_path: Path) -> None:
    first = convert(put(tmp_path, checkpoint()))
    for dtype in (None, "fp16"):
        with pytest.raises(UsageError, match="is a safetensors file already"):
            convert(first.path, dtype=dtype)
    half = convert(first.path, output=tmp_path / "half.safetensors", dtype="fp16")
    assert half.origin_sha256 == first.sha256
    assert half.contents.dropped == (
        "metadata: vaehub.converted",
        "metadata: vaehub.origin_sha256",
    )
