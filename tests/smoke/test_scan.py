"""Statistics of weights, held against torch's own over whole tensors."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest

from vaehub.weights.tensors import read_tensors

torch = pytest.importorskip("torch", reason="torch is not installed (vaehub[smoke])")
pytest.importorskip("numpy", reason="numpy is not installed (vaehub[smoke])")

from vaehub.smoke import scan as module  # noqa: E402  torch comes first
from vaehub.smoke.scan import Statistics, scan  # noqa: E402

if TYPE_CHECKING:
    from pathlib import Path


def one(tensor: Any) -> Statistics:
    return scan({"w": tensor})["w"]


@pytest.fixture(params=[1 << 17, 100], ids=["as it is", "small chunks"])
def _chunks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CHUNK", request.param)


@pytest.mark.usefixtures("_chunks")
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "float64", "float8_e4m3fn"])
@pytest.mark.parametrize("elements", [1, 2, 99, 100, 4001, 140_000])
def test_moments_and_ends_are_torch_s(dtype: str, elements: int) -> None:
    tensor = (torch.randn(elements) * 0.3 + 0.1).to(getattr(torch, dtype))
    wide = tensor.double()
    found = one(tensor)
    assert found.elements == elements
    assert (found.minimum, found.maximum) == (float(wide.min()), float(wide.max()))
    assert found.largest == float(wide.abs().max())
    assert found.mean == pytest.approx(float(wide.mean()), abs=1e-6)
    assert found.std == pytest.approx(float(wide.std(correction=0)), abs=1e-6)
    assert found.zeros == int((wide == 0).sum())
    tiny = torch.finfo(tensor.dtype).tiny
    assert found.denormals == int(((wide.abs() < tiny) & (wide != 0)).sum())
    assert (found.nan, found.inf, found.beyond_half) == (0, 0, 0)


@pytest.mark.usefixtures("_chunks")
def test_strays_are_counted_and_left_out_of_the_rest() -> None:
    tensor = torch.randn(1000)
    tensor[3] = tensor[500] = math.nan
    tensor[7], tensor[999] = math.inf, -math.inf
    tensor[10:20] = 0
    tensor[20:23] = 1e-40
    tensor[30:34] = -1e5
    finite = tensor[torch.isfinite(tensor)].double()
    found = one(tensor)
    assert (found.nan, found.inf, found.zeros, found.denormals) == (2, 2, 10, 3)
    assert found.beyond_half == 4
    assert found.minimum == -1e5
    assert found.std == pytest.approx(float(finite.std(correction=0)))


def test_nothing_but_strays_has_no_moments() -> None:
    found = one(torch.full((5,), math.nan))
    assert found.nan == 5
    assert math.isnan(found.minimum)
    assert math.isnan(found.std)
    assert not found.is_constant


def test_giants_do_not_overflow_the_moments() -> None:
    found = one(torch.full((100_000,), 3e38))
    assert found.maximum == pytest.approx(3e38)
    assert found.is_constant
    tensor = torch.ones(100_000)
    tensor[5] = 2e38
    assert one(tensor).std == pytest.approx(2e38 / math.sqrt(100_000), rel=1e-3)


def test_odd_kinds_of_tensors_are_counted() -> None:
    assert one(torch.empty(0, 3)).elements == 0
    assert one(torch.tensor([True, False, False])).zeros == 2
    assert one(torch.tensor([0, 5, -70000])).beyond_half == 1
    assert one(torch.tensor([1 + 2j, 0])).maximum == 2
    assert one(torch.ones(3, 1).expand(3, 4)).is_constant
    assert one(torch.zeros(4)).is_zero


@pytest.mark.usefixtures("_chunks")
@pytest.mark.parametrize(("start", "length"), [(0, 90), (200, 350), (900, 100), (99, 102)])
def test_the_longest_run_of_zeros_is_found(start: int, length: int) -> None:
    tensor = torch.ones(1000)
    tensor[start : start + length] = 0
    tensor[150] = tensor[700] = 0
    assert one(tensor).zero_run == (start, length)


def test_runs_are_not_sought_where_there_are_none() -> None:
    assert one(torch.zeros(1000)).zero_run is None
    assert one(torch.ones(1000)).zero_run is None


@pytest.mark.usefixtures("_chunks")
def test_the_ninth_largest_is_told_where_one_stands_out() -> None:
    tensor = torch.linspace(0.1, 1, 1000)
    assert one(tensor).ninth is None
    tensor[500] = -900
    assert one(tensor).ninth == float(tensor.abs().sort(descending=True).values[8])


def test_copies_are_found_and_shared_tensors_are_none(tmp_path: Path) -> None:
    first = torch.randn(40, 3)
    weights = {
        "first": first,
        "shared": first,
        "copy": first.clone(),
        "other shape": first.clone().reshape(3, 40),
        "other": torch.randn(40, 3),
        "zero": torch.zeros(40, 3),
        "zero too": torch.zeros(40, 3),
    }
    torch.save(weights, tmp_path / "vae.pt")
    for found in (scan(weights), scan(read_tensors(tmp_path / "vae.pt"))):
        same = {name: statistics.same_as for name, statistics in found.items()}
        assert {name: earlier for name, earlier in same.items() if earlier} == {"copy": "first"}


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_a_file_is_scanned_as_its_tensors_are(tmp_path: Path, zipped: bool) -> None:
    weights = {"a": torch.randn(30, 20), "b": torch.randn(20, 30).T, "c": torch.tensor(3)}
    torch.save(weights, tmp_path / "vae.pt", _use_new_zipfile_serialization=zipped)
    tensors = read_tensors(tmp_path / "vae.pt")
    found = scan(tensors)
    assert {k: v._replace(offset=None) for k, v in found.items()} == scan(weights)
    assert found["a"].offset == tensors.stored["a"].offset
    assert found["b"].offset is None


def test_the_number_of_threads_is_put_back() -> None:
    before = torch.get_num_threads()
    scan({"a": torch.ones(3)})
    assert torch.get_num_threads() == before


def test_sums_beyond_double_precision_end_nothing() -> None:
    found = one(torch.tensor([1e308, -1e300, 1e308], dtype=torch.float64))
    assert (found.maximum, found.nan, found.inf) == (1e308, 0, 0)
