"""Conversions without torch: what comes out, what is refused, what stays untouched."""

from __future__ import annotations

import hashlib
import os
import shutil
import struct
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.converting.samples import (
    TINY,
    checkpoint,
    manifest,
    prefixed,
    put,
    read,
    values,
    weights,
)
from tests.trees import forbidding_folder, snapshot
from tests.weights import files
from tests.weights.checkpoints import Call, Global, archive, tensor
from vaehub.converting import convert, writing
from vaehub.errors import (
    DiskFull,
    FileInTheWay,
    NotAModel,
    TargetNotUsable,
    UnsafePickle,
    UsageError,
    VaehubError,
)
from vaehub.weights.tensors import read_tensors

if TYPE_CHECKING:
    from collections.abc import Callable


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


# What is refused


NOT_TENSORS: dict[str, Callable[[Path], bytes]] = {
    "zip": lambda marker: archive(_evil(marker), {"0": bytes(16)}),
    "bare": lambda marker: b"cos\nsystem\n(S'touch " + str(marker).encode() + b"'\ntR.",
    "legacy": lambda marker: files.legacy(
        b"\x80\x02cposix\nsystem\n(X%sU.\x85R."
        % (struct.pack("<I", len(f"touch {marker}")) + f"touch {marker}".encode())
    ),
    "module": lambda _: archive(
        {"state_dict": Call("torch.nn.modules.linear.Linear", ())}, {"0": bytes(16)}
    ),
    "eval": lambda _: archive([Global("builtins.eval")], {"0": bytes(16)}),
    "script": lambda _: files.torch_zip(files.PLAIN, more={"code/x.py": b"pass"}),
}


def _evil(marker: Path) -> Any:
    return {
        "state_dict": weights(manifest()),
        "x": Call("posix.system", (f"touch {marker}",)),
    }


@pytest.mark.parametrize("kind", NOT_TENSORS)
def test_a_hostile_pickle_runs_nothing_and_leaves_nothing(tmp_path: Path, kind: str) -> None:
    marker = tmp_path / "marker"
    folder = tmp_path / "models"
    folder.mkdir()
    path = put(folder, NOT_TENSORS[kind](marker))
    with pytest.raises((UnsafePickle, NotAModel)):
        convert(path)
    assert not marker.exists()
    assert snapshot(folder).keys() == {"house.vae.pt"}


def test_what_is_another_kind_of_model_is_refused(tmp_path: Path) -> None:
    path = put(tmp_path, checkpoint({"lora_unet_x.lora_up.weight": (2, 2)}))
    with pytest.raises(NotAModel, match="this is a LoRA, not a VAE"):
        convert(path)
    path.write_bytes(checkpoint({"loss.logvar": (1,)}))
    with pytest.raises(NotAModel, match="what a training leaves behind"):
        convert(path)


def test_a_bomb_of_shared_tensors_is_refused(tmp_path: Path) -> None:
    value = {f"decoder.{i}": tensor("0", (1 << 18,), (1,), count=1 << 18) for i in range(40)}
    with pytest.raises(NotAModel, match="share their bytes so often"):
        convert(put(tmp_path, archive(value, {"0": bytes(1 << 20)})))


def test_a_damaged_archive_is_refused(tmp_path: Path) -> None:
    data = bytearray(checkpoint())
    at = data.find(values(manifest())["decoder.mid.block_1.conv1.weight"])
    data[at + 100] ^= 1
    with pytest.raises(NotAModel, match=r"damaged: .* 1 of its tensors: decoder\.mid\.block_1"):
        convert(put(tmp_path, bytes(data)))
    assert snapshot(tmp_path).keys() == {"house.vae.pt"}


def test_types_that_the_format_lacks_are_refused(tmp_path: Path) -> None:
    value = {"decoder.w": tensor("0", (1,), (1,), kind="torch.ComplexDoubleStorage", count=1)}
    with pytest.raises(NotAModel, match="C128, which safetensors lacks"):
        convert(put(tmp_path, archive(value, {"0": bytes(16)})))


def test_quantised_numbers_are_copied_and_not_cast(tmp_path: Path) -> None:
    data = files.safetensors(
        b"\1\2\3\4",
        header={"decoder.w": {"dtype": "F8_E4M3", "shape": [4], "data_offsets": [0, 4]}},
    )
    path = put(tmp_path, data, name="a.safetensors")
    with pytest.raises(UsageError, match="a quantised file"):
        convert(path, output=tmp_path / "b.safetensors", dtype="fp16")
    done = convert(path, output=tmp_path / "b.safetensors")
    assert read(done.path) == {"decoder.w": b"\1\2\3\4"}


@pytest.mark.parametrize("make", ["other", "same size", "folder", "link", "dangling", "itself"])
def test_whatever_has_the_name_is_not_touched(tmp_path: Path, make: str) -> None:
    path = put(tmp_path, checkpoint())
    out = tmp_path / "house.vae.safetensors"
    if make == "other":
        out.write_bytes(b"mine")
    elif make == "same size":
        convert(path)
        out.write_bytes(out.read_bytes()[:-1] + b"\7")
    elif make == "folder":
        out.mkdir()
        out = out / "house.vae.safetensors"
        out.write_bytes(b"mine")
    elif make == "link":
        (tmp_path / "elsewhere").write_bytes(b"mine")
        out.symlink_to("elsewhere")
    elif make == "dangling":
        out.symlink_to("nowhere")
    else:
        path = out = convert(path).path
    before = snapshot(tmp_path)
    with pytest.raises(FileInTheWay, match=r"house\.vae\.safetensors exists"):
        convert(path, output=None if make != "itself" else out)
    assert snapshot(tmp_path) == before


def test_places_that_cannot_be(tmp_path: Path) -> None:
    path = put(tmp_path, checkpoint())
    with pytest.raises(UsageError, match="must be called one"):
        convert(path, output=tmp_path / "x.pt")
    with pytest.raises(TargetNotUsable, match="there is no folder"):
        convert(path, output=tmp_path / "none" / "x.safetensors")
    with pytest.raises(UsageError, match="is not there"):
        convert(tmp_path / "none.pt")
    with pytest.raises(UsageError, match="is a folder"):
        convert(tmp_path)
    folder = tmp_path / "vae"
    folder.mkdir()
    assert convert(path, output=folder).path == folder / "house.vae.safetensors"


def test_a_folder_that_may_not_be_written() -> None:
    with tempfile.TemporaryDirectory(prefix="vaehub-test-") as readable:
        Path(readable).chmod(0o755)
        path = put(Path(readable), checkpoint())
        with forbidding_folder() as folder:
            with pytest.raises(TargetNotUsable, match="cannot be converted: Permission denied"):
                convert(path, output=folder)
            assert snapshot(folder) == {}


class _Usage(NamedTuple):
    free: int


def test_a_disk_too_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(tmp_path, checkpoint())

    def full(pieces: object, file: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writing, "pour", full)
    with pytest.raises(DiskFull, match="the result needs"):
        convert(path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: _Usage(free=10))
    with pytest.raises(DiskFull, match="and 10 are free"):
        convert(path)
    assert snapshot(tmp_path).keys() == {"house.vae.pt"}


def test_a_file_that_changes_meanwhile_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(tmp_path, checkpoint())
    real = writing.pour

    def meanwhile(pieces: Any, file: Any) -> str:
        with path.open("r+b") as other:
            other.write(b"P")
        os.utime(path, ns=(1, 1))
        return real(pieces, file)

    monkeypatch.setattr(writing, "pour", meanwhile)
    with pytest.raises(NotAModel, match="changed while it was read"):
        convert(path)
    assert snapshot(tmp_path).keys() == {"house.vae.pt"}


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_mutated_file_gives_an_error_of_ours_or_its_tensors(
    tmp_path: Path, data: st.DataObject
) -> None:
    whole = bytearray(checkpoint(legacy=data.draw(st.booleans())))
    for _ in range(data.draw(st.integers(1, 4))):
        # Mostly where the pickle and the directory are.
        at = data.draw(st.integers(0, len(whole) - 1) | st.integers(0, 9000))
        whole[at % len(whole)] = data.draw(st.integers(0, 255))
    path = put(tmp_path, bytes(whole[: data.draw(st.sampled_from([len(whole), at]))]))
    out = tmp_path / "house.vae.safetensors"
    try:
        done = convert(path)
    except VaehubError:
        assert not out.exists()
    else:
        assert len(read(done.path)) == len(done.contents.parts)
        out.unlink()
    assert snapshot(tmp_path).keys() == {"house.vae.pt"}
