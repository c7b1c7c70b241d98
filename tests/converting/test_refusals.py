"""What is no conversion: hostile, damaged and foreign files, and places that are taken."""

from __future__ import annotations

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
    checkpoint,
    manifest,
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

if TYPE_CHECKING:
    from collections.abc import Callable


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
