"""When a decode does not come off, and whose fault that is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.smoke import handmade
from vaehub.smoke.structure import look

torch = pytest.importorskip("torch", reason="torch is not installed (vaehub[smoke])")

from vaehub.smoke import engine  # noqa: E402  torch comes first
from vaehub.smoke.attempt import attempt, refused  # noqa: E402
from vaehub.smoke.decoding import Measured, Pair, pair_of  # noqa: E402
from vaehub.smoke.report import Decoded  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import Tensor

pytestmark = pytest.mark.usefixtures("one_thread")
CPU = torch.device("cpu")
OUT_OF_MEMORY = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB."),
    RuntimeError(
        "[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory: "
        "you tried to allocate 8589934592 bytes. Error code 12 (Cannot allocate memory)"
    ),
    RuntimeError("MPS backend out of memory (MPS allocated: 8.00 GB, other allocations: 1 GB)"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    MemoryError(),
]


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return pair_of((look(handmade.write(tmp_path / "vae.safetensors")),))


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let torch fail to decode latents of so many cells and more."""
    real = engine.decode

    def failing(error: BaseException, *, cells: int = 0) -> None:
        def decode(weights: Any, latents: Tensor, **options: Any) -> Tensor:
            if latents.shape[-1] >= cells:
                raise error
            return real(weights, latents, **options)

        monkeypatch.setattr("vaehub.smoke.decoding.decode", decode)

    return failing


def tried(pair: Pair) -> tuple[Measured | Decoded, list[str]]:
    seen, said = attempt(pair, device=CPU, dtype="fp32")
    return seen, [reason.message for reason in said]


def test_nothing_is_said_where_there_is_room(pair: Pair) -> None:
    seen, said = tried(pair)
    assert isinstance(seen, Measured)
    assert (seen.cells, said) == (32, [])


@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=["CUDA", "CPU", "MPS", "cuBLAS", "Python"])
def test_where_memory_runs_out_a_smaller_picture_is_tried(
    pair: Pair, failing: Any, error: BaseException
) -> None:
    failing(error, cells=16)
    seen, said = tried(pair)
    assert isinstance(seen, Measured)
    assert seen.cells == 8
    assert said == ["memory runs out on cpu at 64 x 64 pixels; tested at 16 x 16"]


@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=["CUDA", "CPU", "MPS", "cuBLAS", "Python"])
def test_where_there_is_room_for_none_that_is_said_and_no_vae_condemned(
    pair: Pair, failing: Any, error: BaseException
) -> None:
    failing(error)
    seen, said = tried(pair)
    assert isinstance(seen, Decoded)
    assert (seen.verdict, said) == ("untested", [])
    assert [reason.code for reason in seen.reasons] == ["out-of-memory"]
    assert "even for a picture of 8 x 8 pixels" in seen.reasons[0].message


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("CUDA error: no kernel image is available for execution on the device\nSee"),
        NotImplementedError("The operator 'aten::x' is not currently implemented for MPS"),
        RuntimeError("cuDNN error: CUDNN_STATUS_NOT_INITIALIZED"),
    ],
)
def test_what_a_machine_cannot_compute_condemns_no_vae(
    pair: Pair, failing: Any, error: BaseException
) -> None:
    failing(error)
    seen, _ = tried(pair)
    assert isinstance(seen, Decoded)
    assert seen.verdict == "untested"
    assert seen.reasons[0].message.endswith(str(error).partition("\n")[0])


def test_a_tensor_that_the_decode_misses_is_damage(pair: Pair, failing: Any) -> None:
    failing(KeyError("decoder.conv_in.weight"))
    seen, _ = tried(pair)
    assert isinstance(seen, Decoded)
    assert seen.verdict == "damaged"
    assert "'decoder.conv_in.weight'" in seen.reasons[0].message


def test_a_file_that_is_gone_is_the_callers(pair: Pair, tmp_path: Path) -> None:
    (tmp_path / "vae.safetensors").unlink()
    with pytest.raises(OSError, match=r"vae\.safetensors"):
        tried(pair)


def test_a_precision_that_is_not_tried_is_refused_in_words() -> None:
    cpu = refused(CPU, "fp16")
    assert (cpu.verdict, cpu.device, cpu.dtype) == ("untested", "cpu", "fp16")
    assert "a CPU takes minutes for one picture in fp16; test it on a GPU" in cpu.reasons[0].message
    gpu = refused(torch.device("cuda", 0), "bf16")
    assert gpu.reasons[0].message == "cuda:0 does not compute in bf16"
