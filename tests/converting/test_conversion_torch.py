"""Conversions held against torch and against safetensors' own library."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.weights.test_tensors_torch import DTYPES, KINDS, raw, save
from vaehub.converting import convert

torch = pytest.importorskip("torch", reason="torch is not installed (vaehub[smoke])")
library = pytest.importorskip("safetensors", reason="safetensors is not installed")

if TYPE_CHECKING:
    from pathlib import Path


def loaded(path: Path) -> dict[str, Any]:
    with library.safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def assert_equal(path: Path, weights: dict[str, Any]) -> None:
    found = loaded(path)
    assert set(found) == set(weights)
    for name, tensor in weights.items():
        assert found[name].dtype == tensor.dtype
        assert found[name].shape == tensor.shape
        assert raw(found[name]) == raw(tensor), name


def small() -> dict[str, Any]:
    from tests.converting.samples import manifest

    torch.manual_seed(1)
    return {name: torch.randn(shape) for name, shape in manifest().items()}


@KINDS
def test_every_type_is_what_torch_saved(tmp_path: Path, zipped: bool) -> None:
    bits = torch.randint(0, 2, (4, 8, 16), dtype=torch.uint8)
    weights = {
        f"decoder.{name}": bits.clone().view(getattr(torch, dtype))
        for name, dtype in DTYPES.items()
        # safetensors' library knows fewer types than the format by now has names for.
        if hasattr(torch, dtype) and name not in {"C128", "F8_E8M0"}
    }
    path = tmp_path / "vae.pt"
    save(path, weights, zipped=zipped)
    # Not what torch loads: it cannot read all that it writes into the older container.
    assert_equal(convert(path).path, weights)


@KINDS
def test_views_shared_and_parameters_are_what_torch_loads(tmp_path: Path, zipped: bool) -> None:
    base = torch.randn(6, 5, 4)
    weights = OrderedDict(
        {
            "decoder.base": base,
            "decoder.same": base,
            "decoder.turned": base.permute(2, 0, 1),
            "decoder.part": base[1:4, ::2, 3],
            "decoder.wide": torch.randn(1, 3).expand(5, 3),
            "decoder.none": torch.empty(0, 3),
            "decoder.number": torch.tensor(2.5),
            "decoder.parameter": torch.nn.Parameter(torch.randn(3)),
        }
    )
    path = tmp_path / "vae.pt"
    save(path, {"state_dict": weights}, zipped=zipped)
    assert_equal(convert(path).path, torch.load(path, weights_only=True)["state_dict"])


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
@pytest.mark.parametrize("wanted", ["fp16", "bf16", "fp32"])
def test_a_cast_is_torch_s(tmp_path: Path, dtype: str, wanted: str) -> None:
    weights = {name: one.to(getattr(torch, dtype)) for name, one in small().items()}
    path = tmp_path / "vae.pt"
    save(path, weights, zipped=True)
    target = getattr(torch, {"fp16": "float16", "bf16": "bfloat16", "fp32": "float32"}[wanted])
    done = convert(path, dtype=wanted)
    assert_equal(done.path, {name: one.to(target) for name, one in weights.items()})


def test_the_bytes_are_those_of_the_library(tmp_path: Path) -> None:
    from vaehub.weights.tensors import read_tensors

    weights = small()
    weights["decoder.count"] = torch.tensor(3)
    path = tmp_path / "vae.pt"
    save(path, weights, zipped=True)
    done = convert(path)
    theirs = tmp_path / "theirs.safetensors"
    from safetensors.torch import save_file

    save_file(weights, theirs)
    data = [file.read_bytes() for file in (done.path, theirs)]
    bodies = [one[8 + int.from_bytes(one[:8], "little") :] for one in data]
    assert bodies[0] == bodies[1]
    assert list(read_tensors(done.path).stored) == list(read_tensors(theirs).stored)


NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8).map(
    "decoder.{}".format
)
SHAPES = st.lists(st.integers(0, 4), max_size=4).map(tuple)
KIND = st.sampled_from(["float32", "float16", "bfloat16", "int64", "uint8", "bool"])


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    made=st.dictionaries(NAMES, st.tuples(SHAPES, KIND, st.booleans()), min_size=1, max_size=6),
    zipped=st.booleans(),
    wrapped=st.booleans(),
)
def test_any_small_checkpoint_comes_through(
    tmp_path: Path, made: dict[str, Any], zipped: bool, wrapped: bool
) -> None:
    weights = {}
    for name, (shape, kind, turned) in made.items():
        one = torch.randint(0, 2, shape).to(getattr(torch, kind))
        weights[name] = one.permute(*reversed(range(len(shape)))) if turned and shape else one
    path = tmp_path / "vae.ckpt"
    save(path, {"state_dict": weights} if wrapped else weights, zipped=zipped)
    (tmp_path / "vae.safetensors").unlink(missing_ok=True)
    assert_equal(convert(path).path, weights)


def test_real_weights_come_through(shared_weights: Path, tmp_path: Path) -> None:
    for path in sorted(shared_weights.glob("*.pth")):
        done = convert(path, output=tmp_path / f"{path.stem}.safetensors")
        assert_equal(done.path, torch.load(path, map_location="cpu", weights_only=True))
        assert done.problems == ()
