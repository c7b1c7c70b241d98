"""On a GPU: ``python -m pytest -m gpu``. Elsewhere all of it is skipped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.smoke import handmade
from vaehub.smoke.structure import look

torch = pytest.importorskip("torch", reason="torch is not installed (vaehub[smoke])")

from vaehub.smoke import testing  # noqa: E402  torch comes first
from vaehub.smoke.attempt import attempt  # noqa: E402
from vaehub.smoke.decoding import Measured, Pair, agreement, measure, pair_of  # noqa: E402
from vaehub.smoke.devices import devices, supported  # noqa: E402
from vaehub.smoke.golden import difference, golden_of  # noqa: E402
from vaehub.smoke.report import Decoded  # noqa: E402
from vaehub.smoke.testing import Options, Subject  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


CPU = torch.device("cpu")
GPU = devices("auto")[0]
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(GPU == CPU, reason=f"torch {torch.__version__} sees no GPU here"),
]
AGREES = {"fp32": 80.0, "bf16": 35.0, "fp16": 45.0}
"""dB against the CPU's fp32; sums are taken in another order there."""
CELLS = 16


def compared(pair: Pair, dtype: str, *families: str) -> tuple[Measured, Measured]:
    if dtype not in supported(GPU):
        pytest.skip(f"{GPU} does not compute in {dtype}")
    gpu = measure(pair, device=GPU, dtype=dtype, cells=CELLS, families=families)
    cpu = measure(pair, device=CPU, dtype="fp32", cells=CELLS, families=families)
    return gpu, cpu


def usual(gpu: Measured, cpu: Measured) -> float:
    return min(value for kind, value in agreement(gpu, cpu).items() if kind != "extremes")


@pytest.fixture
def handmade_pair(tmp_path: Path) -> Pair:
    return pair_of((look(handmade.write(tmp_path / "vae.safetensors")),))


@pytest.fixture
def taef2(shared_weights: Path) -> Pair:
    return pair_of(
        tuple(look(shared_weights / f"taef2_{half}.pth") for half in ("decoder", "encoder"))
    )


@pytest.mark.parametrize("dtype", AGREES)
def test_the_handmade_one_agrees_with_the_cpu(handmade_pair: Pair, dtype: str) -> None:
    gpu, cpu = compared(handmade_pair, dtype)
    assert usual(gpu, cpu) > AGREES[dtype]
    assert gpu.figures["finite"] == 1.0
    assert gpu.device == str(GPU)


@pytest.mark.parametrize("dtype", AGREES)
def test_the_real_taef2_agrees_with_the_cpu(taef2: Pair, dtype: str) -> None:
    gpu, cpu = compared(taef2, dtype, "flux2")
    assert usual(gpu, cpu) > AGREES[dtype]
    assert gpu.golden["flux2"] == pytest.approx(cpu.golden["flux2"], abs=0.01)


def test_a_golden_output_of_the_cpu_holds_on_the_gpu(taef2: Pair) -> None:
    gpu, cpu = compared(taef2, "fp32", "flux2")
    answer = difference(golden_of(gpu), golden_of(cpu))
    assert answer is not None
    assert answer[1] > 55


def test_products_are_not_rounded_to_tf32(handmade_pair: Pair) -> None:
    """TF32 keeps ten bits: with it fp32 would agree to some 60 dB only."""
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matmul.allow_tf32, cudnn.allow_tf32
    matmul.allow_tf32 = cudnn.allow_tf32 = True
    try:
        gpu, cpu = compared(handmade_pair, "fp32")
        assert (matmul.allow_tf32, cudnn.allow_tf32) == (True, True)
    finally:
        matmul.allow_tf32, cudnn.allow_tf32 = before
    assert usual(gpu, cpu) > AGREES["fp32"]


def test_two_runs_are_the_same(taef2: Pair) -> None:
    first = measure(taef2, device=GPU, dtype="fp32", cells=CELLS, families=("flux2",))
    second = measure(taef2, device=GPU, dtype="fp32", cells=CELLS, families=("flux2",))
    assert usual(first, second) > 100


def test_what_overflows_in_fp16_does_so(tmp_path: Path) -> None:
    path = handmade.write(tmp_path / "vae.safetensors", handmade.weights(overflowing=True))
    report = testing.test(
        Subject("vae", ((path, path.name),)), Options(device=str(GPU), dtypes=("fp32", "fp16"))
    )
    assert report.verdict == "not-in-fp16"
    fp32, fp16 = report.decoded
    assert (fp32.verdict, fp32.failed) == ("not-in-fp16", False)
    assert (fp16.verdict, fp16.failed) == ("not-in-fp16", True)
    assert [reason.code for reason in fp16.reasons] == ["not-finite"]
    assert report.has_failed(("fp32", "fp16"))


@pytest.fixture
def little_memory() -> Iterator[None]:
    """Leave this process 64 MiB of the GPU, all but a few in use."""
    if GPU.type != "cuda":
        pytest.skip("only CUDA lets a process limit itself")
    torch.cuda.empty_cache()
    whole = torch.cuda.get_device_properties(GPU).total_memory
    torch.cuda.set_per_process_memory_fraction((64 << 20) / whole, GPU)
    used = torch.empty(60 << 20, dtype=torch.uint8, device=GPU)
    yield
    del used
    torch.cuda.set_per_process_memory_fraction(1.0, GPU)
    torch.cuda.empty_cache()


@pytest.mark.usefixtures("little_memory")
def test_where_memory_is_short_that_is_said_and_no_vae_condemned(handmade_pair: Pair) -> None:
    seen, said = attempt(handmade_pair, device=GPU, dtype="fp32")
    if isinstance(seen, Decoded):
        assert (seen.verdict, seen.reasons[0].code) == ("untested", "out-of-memory")
    else:
        assert [reason.code for reason in said] == ["smaller"]


def test_memory_is_measured(handmade_pair: Pair) -> None:
    if GPU.type != "cuda":
        pytest.skip("only CUDA says how much was in use")
    seen = measure(handmade_pair, device=GPU, dtype="fp32", cells=CELLS)
    assert seen.peak_bytes is not None
    assert 100_000 < seen.peak_bytes < 1 << 30
