"""Which devices and precisions are chosen; torch is told that it has others than it has."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (vaehub[smoke])")

from vaehub.errors import UsageError  # noqa: E402  torch comes first
from vaehub.smoke.devices import DTYPES, devices, supported  # noqa: E402


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give a function that sets what torch sees."""

    def machine(*, cuda: tuple[tuple[int, int], ...] = (), mps: bool = False, xpu: int = 0) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: bool(cuda))
        monkeypatch.setattr(torch.cuda, "device_count", lambda: len(cuda))
        monkeypatch.setattr(
            torch.cuda, "get_device_capability", lambda device: cuda[torch.device(device).index]
        )
        monkeypatch.setattr(torch.version, "hip", None)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
        monkeypatch.setattr(torch.xpu, "is_available", lambda: bool(xpu))
        monkeypatch.setattr(torch.xpu, "device_count", lambda: xpu)

    machine()
    return machine


def named(wanted: str) -> list[str]:
    return [str(device) for device in devices(wanted)]


@pytest.mark.parametrize("wanted", ["auto", "all", "cpu", "cpu:0"])
def test_where_there_is_no_gpu_it_is_the_cpu(machine: Any, wanted: str) -> None:
    assert named(wanted) == ["cpu"]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("auto", ["cuda:0"]),
        ("all", ["cuda:0", "cuda:1"]),
        ("cuda", ["cuda:0"]),
        ("cuda:0", ["cuda:0"]),
        ("cuda:1", ["cuda:1"]),
        ("cpu", ["cpu"]),
    ],
)
def test_two_gpus(machine: Any, wanted: str, expected: list[str]) -> None:
    machine(cuda=((8, 0), (8, 9)))
    assert named(wanted) == expected


def test_the_others(machine: Any) -> None:
    machine(mps=True)
    assert named("auto") == named("mps") == named("mps:0") == named("all") == ["mps"]
    machine(xpu=2)
    assert named("auto") == ["xpu:0"]
    assert named("xpu:1") == ["xpu:1"]
    machine(cuda=((9, 0),), xpu=1)
    assert named("auto") == ["cuda:0"]
    assert named("all") == ["cuda:0", "xpu:0"]


@pytest.mark.parametrize("wanted", ["gpu", "cuda:x", "nvidia", "cuda:", "", "CUDA", "cuda:-1"])
def test_a_device_that_torch_does_not_know(machine: Any, wanted: str) -> None:
    with pytest.raises(UsageError, match="torch knows no such device") as caught:
        devices(wanted)
    assert "cuda:1" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("wanted", "there"),
    [("cuda", "no GPU"), ("cuda:0", "no GPU"), ("mps", "no GPU"), ("meta", "no GPU")],
)
def test_a_device_that_is_not_here(machine: Any, wanted: str, there: str) -> None:
    with pytest.raises(UsageError, match=rf"{wanted}: not here; torch {torch.__version__[:3]}"):
        devices(wanted)
    with pytest.raises(UsageError, match=f"sees {there}") as caught:
        devices(wanted)
    assert caught.value.hint == "--device auto takes the best there is"


def test_it_says_what_is_here_instead(machine: Any) -> None:
    machine(cuda=((8, 0), (8, 0)))
    with pytest.raises(UsageError, match=r"cuda:2: not here; .* sees cuda:0, cuda:1"):
        devices("cuda:2")


def test_half_precision_is_not_for_the_cpu(machine: Any) -> None:
    assert supported(torch.device("cpu")) == ("fp32", "bf16")


def test_each_gpu_of_two_kinds_is_asked_by_itself(machine: Any, monkeypatch: Any) -> None:
    machine(cuda=((9, 0), (7, 5)))
    assert supported(torch.device("cuda", 0)) == ("fp32", "bf16", "fp16")
    assert supported(torch.device("cuda", 1)) == ("fp32", "fp16")
    monkeypatch.setattr(torch.version, "hip", "6.2")
    assert supported(torch.device("cuda", 1)) == ("fp32", "bf16", "fp16")


def test_the_reference_is_always_there(machine: Any) -> None:
    for kind in ("cpu", "mps", "xpu"):
        precisions = supported(torch.device(kind))
        assert precisions[0] == "fp32" == next(iter(DTYPES))
        assert set(precisions) <= set(DTYPES)
