"""Loading, held against what torch loads itself."""

from __future__ import annotations

import gc
import os
import struct
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.weights.checkpoints import ONE_TO_FOUR, WEIGHTS, archive, tensor
from tests.weights.files import safetensors
from vaehub.errors import NotAModel
from vaehub.weights.tensors import read_tensors

torch = pytest.importorskip("torch", reason="torch is not installed (vaehub[smoke])")

from vaehub.smoke.load import load, stream, torch_dtype  # noqa: E402  torch comes first

if TYPE_CHECKING:
    from pathlib import Path

KINDS = pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])


def weights() -> dict[str, Any]:
    base = torch.randn(6, 5, 4, 3)
    return {
        "base": base,
        "channels_last": torch.randn(6, 5, 4, 3).to(memory_format=torch.channels_last),
        "turned": base.permute(3, 0, 2, 1),
        "row": base[3],
        "number": torch.tensor(2.5),
        "count": torch.tensor(7),
        "none": torch.empty(3, 0),
        "half": torch.randn(7).half(),
        "brain": torch.randn(5).bfloat16(),
        "truth": torch.tensor([True, False, True]),
        "complex": torch.randn(4, 3, dtype=torch.complex64).T,
        "small": torch.randn(4).to(torch.float8_e4m3fn),
        "repeated": torch.randn(3, 1).expand(3, 7),
    }


def bits(made: Any) -> bytes:
    flat = made.contiguous().reshape(-1)
    return bytes(flat.view(torch.uint8).tolist()) if flat.numel() else b""


@KINDS
@pytest.mark.parametrize("mapped", [True, False])
def test_tensors_are_bit_for_bit_those_of_torch(tmp_path: Path, zipped: bool, mapped: bool) -> None:
    path = tmp_path / "vae.pt"
    saved = weights()
    if not zipped:
        del saved["small"]  # torch saves it in the older container, and cannot load it from there
    torch.save(saved, path, _use_new_zipfile_serialization=zipped)
    theirs = torch.load(path, weights_only=True)
    tensors = read_tensors(path)
    ours = dict(stream(tensors, names=tensors.stored, mapped=mapped))
    assert list(ours) == list(theirs)
    for name, made in ours.items():
        assert made.dtype == theirs[name].dtype
        assert made.shape == theirs[name].shape
        assert bits(made) == bits(theirs[name]), name


def test_strides_are_kept(tmp_path: Path) -> None:
    torch.save(weights(), tmp_path / "vae.pt")
    made = load(read_tensors(tmp_path / "vae.pt"))
    assert made["channels_last"].is_contiguous(memory_format=torch.channels_last)
    assert made["repeated"].stride() == (1, 0)


def test_what_is_loaded_outlives_the_reading_and_never_touches_the_file(tmp_path: Path) -> None:
    path = tmp_path / "vae.safetensors"
    path.write_bytes(before := safetensors(ONE_TO_FOUR))
    made = load(read_tensors(path))["w"]
    gc.collect()
    made[0] = 255
    assert made[0] == 255
    assert path.read_bytes() == before


def test_names_are_chosen_and_ordered(tmp_path: Path) -> None:
    torch.save(weights(), tmp_path / "vae.pt")
    tensors = read_tensors(tmp_path / "vae.pt")
    assert list(load(tensors, names=["half", "base"])) == ["half", "base"]
    with pytest.raises(KeyError, match="missing"):
        load(tensors, names=["missing"])


@pytest.mark.parametrize("mapped", [True, False])
def test_a_conversion_takes_floating_point_alone(tmp_path: Path, mapped: bool) -> None:
    torch.save(weights(), tmp_path / "vae.pt")
    tensors = read_tensors(tmp_path / "vae.pt")
    plain = load(tensors)
    made = dict(stream(tensors, names=tensors.stored, dtype=torch.float16, mapped=mapped))
    for name, one in made.items():
        if plain[name].is_floating_point():
            assert one.dtype == torch.float16
            assert torch.equal(one, plain[name].to(torch.float16)), name
        else:
            assert one.dtype == plain[name].dtype


@pytest.mark.parametrize("dtype", [None, "float16"])
def test_what_is_shared_in_the_file_is_held_once(tmp_path: Path, dtype: str | None) -> None:
    base = torch.randn(4, 4)
    torch.save({"a": base, "b": base}, tmp_path / "vae.pt")
    wanted = getattr(torch, dtype) if dtype else None
    made = load(read_tensors(tmp_path / "vae.pt"), dtype=wanted)
    assert made["a"].data_ptr() == made["b"].data_ptr()


def test_bytes_that_lie_askew_are_copied(tmp_path: Path) -> None:
    header: dict[str, Any] = {
        "__metadata__": {"pad": "x"},
        "a": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]},
        "w": {"dtype": "F32", "shape": [4], "data_offsets": [1, 17]},
    }
    for pad in range(4):
        header["__metadata__"]["pad"] = "x" * pad
        path = tmp_path / f"{pad}.safetensors"
        path.write_bytes(safetensors(b"a" + ONE_TO_FOUR, header=header))
        made = load(read_tensors(path))["w"]
        assert made.tolist() == [1, 2, 3, 4]
        assert made.data_ptr() % 4 == 0


def test_a_big_end_first_archive_is_turned_round(tmp_path: Path) -> None:
    path = tmp_path / "vae.pt"
    data = {"0": struct.pack(">4f", 1, 2, 3, 4)}
    path.write_bytes(archive({"w": tensor("0", (2, 2), (1, 2))}, data, more={"byteorder": b"big"}))
    assert load(read_tensors(path))["w"].tolist() == [[1, 3], [2, 4]]


def test_a_type_that_torch_lacks_is_told(tmp_path: Path) -> None:
    header = {"w": {"dtype": "F6_E2M3", "shape": [4], "data_offsets": [0, 3]}}
    path = tmp_path / "vae.safetensors"
    path.write_bytes(safetensors(b"abc", header=header))
    with pytest.raises(NotAModel, match="'w' is of the type F6_E2M3"):
        load(read_tensors(path))
    assert torch_dtype("F6_E2M3") is None


def test_a_file_that_changed_is_told(tmp_path: Path) -> None:
    path = tmp_path / "vae.pt"
    path.write_bytes(archive(WEIGHTS, {"0": ONE_TO_FOUR}))
    tensors = read_tensors(path)
    os.truncate(path, 50)
    with pytest.raises(NotAModel, match="has 50 now"):
        load(tensors)


def test_tensors_go_to_a_device(tmp_path: Path) -> None:
    path = tmp_path / "vae.pt"
    path.write_bytes(archive(WEIGHTS, {"0": ONE_TO_FOUR}))
    assert load(read_tensors(path), device="meta")["w"].device.type == "meta"


def test_the_package_is_imported_without_torch() -> None:
    code = "import sys, vaehub.smoke, vaehub.weights.tensors; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_nothing_is_held_twice(tmp_path: Path) -> None:
    """Mapping takes no memory of our own, and converting no more than the result and a tensor."""
    path = tmp_path / "vae.pt"
    torch.save({str(i): torch.full((1 << 20,), float(i)) for i in range(24)}, path)  # 96 MiB
    code = (
        "import sys, torch; from pathlib import Path\n"
        "from vaehub.smoke.load import load\n"
        "from vaehub.smoke.scan import scan\n"
        "from vaehub.weights.tensors import read_tensors\n"
        "def peak(): return [int(l.split()[1]) for l in open('/proc/self/status')"
        " if l.startswith(('VmHWM', 'RssAnon'))]\n"
        "tensors = read_tensors(Path(sys.argv[1]))\n"
        "before = peak(); scan(tensors); load(tensors); after = peak()\n"
        "print(after[0] - before[0], after[1] - before[1])\n"
        "made = load(tensors, dtype=torch.float16); print(peak()[0] - after[0])\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        capture_output=True,
        check=True,
        text=True,
        timeout=120,
    )
    scanned, own, converted = map(int, ran.stdout.split())
    assert scanned < 40 << 10
    assert own < 40 << 10
    assert converted < (48 + 24) << 10
