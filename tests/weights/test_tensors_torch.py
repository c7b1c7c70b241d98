"""Reading tensors, held against what torch and safetensors wrote."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import pytest

from tests.weights.checkpoints import contents
from vaehub.weights import check_file
from vaehub.weights.tensors import read_tensors

torch = pytest.importorskip("torch", reason="torch is not installed (vaehub[smoke])")

if TYPE_CHECKING:
    from pathlib import Path

DTYPES = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U8": "uint8",
    "BOOL": "bool",
    "C64": "complex64",
    "C128": "complex128",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
    "F8_E8M0": "float8_e8m0fnu",
    "F8_E4M3FNUZ": "float8_e4m3fnuz",
    "F8_E5M2FNUZ": "float8_e5m2fnuz",
    "U16": "uint16",
    "U32": "uint32",
    "U64": "uint64",
}
KINDS = pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])


def raw(tensor: Any) -> bytes:
    """Give a tensor's bytes in C order, as torch sees them."""
    flat = tensor.detach().contiguous().reshape(-1)
    return bytes(flat.view(torch.uint8).tolist()) if flat.numel() else b""


def save(path: Path, value: Any, *, zipped: bool) -> None:
    torch.save(value, path, _use_new_zipfile_serialization=zipped)


def assert_equal(path: Path, weights: Any) -> None:
    found = read_tensors(path)
    assert list(found.stored) == list(weights)
    got = contents(found)
    for key, tensor in weights.items():
        stored = found.stored[key]
        assert stored.shape == tuple(tensor.shape)
        assert f"torch.{DTYPES[stored.dtype]}" == str(tensor.dtype)
        assert stored.is_contiguous == tensor.is_contiguous()
        assert got[key] == raw(tensor), key


@KINDS
def test_every_type_comes_out_as_it_went_in(tmp_path: Path, zipped: bool) -> None:
    bits = torch.randint(0, 2, (4, 8, 16), dtype=torch.uint8)
    weights = {
        name: bits.clone().view(getattr(torch, dtype))
        for name, dtype in DTYPES.items()
        if hasattr(torch, dtype)
    }
    save(tmp_path / "vae.pt", weights, zipped=zipped)
    assert_equal(tmp_path / "vae.pt", weights)


@KINDS
def test_every_view_comes_out_as_it_went_in(tmp_path: Path, zipped: bool) -> None:
    base = torch.randn(6, 5, 4, 3)
    weights = OrderedDict(
        base=base,
        channels_last=base.to(memory_format=torch.channels_last),
        turned=base.permute(3, 0, 2, 1),
        part=base[1:5:2, 2:4, ::3],
        row=base[3],
        number=base[1, 2, 3, 0],
        alone=torch.tensor(7),
        none=torch.empty(3, 0, 2),
        repeated=torch.randn(3, 1).expand(3, 7),
        all_the_same=torch.tensor(2.5).expand(2, 3),
        diagonal=torch.randn(5, 5).diagonal(),
        windows=torch.arange(9.0).unfold(0, 3, 1)[:3],
        ones=torch.randn(1, 4, 1).transpose(0, 2),
        complex=torch.randn(4, 3, dtype=torch.complex128).T,
        parameter=torch.nn.Parameter(base),
        half=base.half()[:, 1],
    )
    save(tmp_path / "vae.pt", weights, zipped=zipped)
    assert_equal(tmp_path / "vae.pt", weights)
    stored = read_tensors(tmp_path / "vae.pt").stored
    assert stored["base"].storage == stored["turned"].storage == stored["row"].storage
    assert stored["base"].storage != stored["alone"].storage


@KINDS
def test_a_module_s_state_comes_out_as_it_went_in(tmp_path: Path, zipped: bool) -> None:
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    attributed = torch.nn.Parameter(torch.randn(3))
    attributed.note = "kept"
    weights = module.state_dict()
    weights["attributed"] = attributed
    noted = torch.randn(2, 2)
    noted.note = "kept"
    weights["noted"] = noted
    save(tmp_path / "vae.pt", {"state_dict": weights, "epoch": 3}, zipped=zipped)
    assert_equal(tmp_path / "vae.pt", weights)


@KINDS
def test_what_training_leaves_is_passed_over(tmp_path: Path, zipped: bool) -> None:
    import argparse
    import collections
    import datetime as dt
    import pathlib

    numpy = pytest.importorskip("numpy", reason="numpy is not installed (vaehub[smoke])")
    layer = torch.nn.Linear(3, 2)
    optimizer = torch.optim.Adam(layer.parameters())
    layer(torch.ones(3)).sum().backward()
    optimizer.step()
    leftovers = {
        "optimizer_states": [optimizer.state_dict()],
        "options": argparse.Namespace(path=pathlib.PurePosixPath("a"), rate=numpy.float64(0.1)),
        "seen": collections.defaultdict(list, a=[1]),
        "array": numpy.arange(3),
        "best": numpy.float32(0.5),
        "when": dt.datetime(2024, 1, 2),
        "names": {"x", "y"},
        "device": torch.device("cpu"),
        "size": torch.Size([1, 2]),
        "dtype": torch.float16,
        "counts": collections.Counter("abca"),
        "layout": torch.strided,
    }
    weights = layer.state_dict()
    save(tmp_path / "vae.ckpt", {**leftovers, "state_dict": weights}, zipped=zipped)
    assert_equal(tmp_path / "vae.ckpt", weights)
    assert set(read_tensors(tmp_path / "vae.ckpt").left_out) == set(leftovers)


@KINDS
def test_a_whole_module_is_refused(tmp_path: Path, zipped: bool) -> None:
    from vaehub.errors import UnsafePickle

    save(tmp_path / "vae.pt", torch.nn.Linear(2, 2), zipped=zipped)
    with pytest.raises(UnsafePickle, match=r"torch\.nn\.modules\.linear\.Linear"):
        read_tensors(tmp_path / "vae.pt")


def test_safetensors_files_come_out_as_they_went_in(tmp_path: Path) -> None:
    library = pytest.importorskip(
        "safetensors.torch", reason="safetensors is not installed (vaehub[smoke])"
    )
    bits = torch.randint(0, 2, (4, 8, 16), dtype=torch.uint8)
    weights = {
        name: bits.clone().view(getattr(torch, dtype))
        for name, dtype in DTYPES.items()
        if name != "C128"
    }
    weights["number"] = torch.tensor(3.0)
    weights["none"] = torch.empty(0, 2)
    library.save_file(weights, tmp_path / "vae.safetensors", metadata={"a": "b"})
    found = read_tensors(tmp_path / "vae.safetensors")
    assert found.metadata == {"a": "b"}
    assert {key: raw(tensor) for key, tensor in weights.items()} == contents(found)


def test_real_weights_are_what_torch_loads(shared_weights: Path) -> None:
    for path in sorted(shared_weights.glob("*.pth")):
        assert_equal(path, torch.load(path, map_location="cpu", weights_only=True))
        check_file(path, name=path.name)
