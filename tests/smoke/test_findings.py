"""What is said of damaged weights, and that nothing is said of sound ones."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import pytest

from vaehub.weights.tensors import read_tensors

torch = pytest.importorskip("torch", reason="torch is not installed (vaehub[smoke])")
pytest.importorskip("numpy", reason="numpy is not installed (vaehub[smoke])")

from vaehub.smoke.findings import Finding, Usual, checksum_finding, findings  # noqa: E402  torch comes first
from vaehub.smoke.scan import scan  # noqa: E402

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def weights() -> dict[str, Any]:
    """Weights as a trained model has them: bell-shaped, norms near one, zero biases."""
    generator = torch.Generator().manual_seed(0)
    made = {}
    for layer in ("conv_in", "mid.block_1.conv1", "mid.block_1.conv2", "conv_out"):
        made[f"{layer}.weight"] = torch.randn(64, 32, 3, 3, generator=generator) * 0.05
        made[f"{layer}.bias"] = torch.zeros(64)
        made[f"{layer}.norm.weight"] = torch.ones(64)
    made["mid.attn.proj_out.weight"] = torch.randn(64, 64, 1, 1, generator=generator) * 0.1
    made["bn.num_batches_tracked"] = torch.tensor(70_000)
    return made


def say(weights: Any, **options: Any) -> dict[str, Finding]:
    found = findings(scan(weights), **options)
    assert len({finding.code for finding in found}) == len(found)
    return {finding.code: finding for finding in found}


def test_nothing_is_said_of_sound_weights(weights: dict[str, Any]) -> None:
    assert say(weights) == {}
    assert say({name: tensor.half() for name, tensor in weights.items()
                if tensor.is_floating_point()}) == {}  # fmt: skip


def test_nothing_is_said_of_real_weights(shared_weights: Path) -> None:
    for path in sorted(shared_weights.glob("*.pth")):
        assert say(read_tensors(path)) == {}


@pytest.mark.parametrize(
    ("value", "code"), [(math.nan, "nan"), (math.inf, "inf"), (-math.inf, "inf")]
)
def test_strays_are_damage(weights: dict[str, Any], value: float, code: str) -> None:
    weights["conv_in.weight"][1, 2, 0, 0] = value
    [finding] = say(weights).values()
    assert (finding.code, finding.gravity) == (code, "damaged")
    assert finding.tensors == ("conv_in.weight",)
    assert finding.message.startswith("conv_in.weight: 1 of 18,432 elements")


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("name", ["conv_in.weight", "conv_in.norm.weight"])
def test_a_flipped_top_bit_of_an_exponent_is_damage(
    weights: dict[str, Any], dtype: str, name: str
) -> None:
    del weights["bn.num_batches_tracked"]
    weights = {key: tensor.to(getattr(torch, dtype)) for key, tensor in weights.items()}
    flat = weights[name].reshape(-1)
    whole = flat.view(torch.int32 if dtype == "float32" else torch.int16)
    whole[5] ^= 1 << (30 if dtype == "float32" else 14)
    [finding] = [finding for finding in say(weights).values() if finding.gravity == "damaged"]
    assert finding.code == ("giant" if name == "conv_in.weight" else "inf")
    assert finding.tensors == (name,)


@pytest.mark.parametrize(
    ("value", "expected"), [(6.0, ("outlier", "advice")), (40.0, ("giant", "damaged"))]
)
def test_an_outlier_is_told(
    weights: dict[str, Any], value: float, expected: tuple[str, str]
) -> None:
    weights["conv_in.weight"][0, 0, 0, 0] = value
    [finding] = say(weights).values()
    assert (finding.code, finding.gravity) == expected


def test_an_identity_among_noise_has_no_giants(weights: dict[str, Any]) -> None:
    weights["quant_conv.weight"] = torch.eye(8)[:, :, None, None] + 1e-5
    assert say(weights) == {}


def test_uniformly_large_weights_are_no_damage(weights: dict[str, Any]) -> None:
    weights["conv_in.weight"] *= 3e5
    found = say(weights)
    assert {finding.gravity for finding in found.values()} <= {"advice"}


def test_values_beyond_half_precision_are_told(weights: dict[str, Any]) -> None:
    weights["conv_in.weight"] *= 1e6
    found = say(weights)
    assert found["beyond-half"].gravity == "advice"
    assert "float16" in found["beyond-half"].message


def test_overwritten_bytes_are_damage(weights: dict[str, Any]) -> None:
    flat = weights["conv_in.weight"].reshape(-1)
    flat[:2000] = torch.randn(2000) * 1e20
    assert say(weights)["giant"].gravity == "damaged"


def test_a_zero_weight_is_damage_and_a_silent_branch_is_not(weights: dict[str, Any]) -> None:
    weights["conv_in.weight"].zero_()
    weights["mid.attn.proj_out.weight"].zero_()
    weights["mid.block_1.conv2.weight"].zero_()
    found = say(weights)
    assert found["zero"].tensors == ("conv_in.weight",)
    assert found["zero"].gravity == "damaged"
    assert found["zero-branch"].gravity == "advice"
    assert set(found["zero-branch"].tensors) == {
        "mid.block_1.conv2.weight",
        "mid.attn.proj_out.weight",
    }


def test_a_constant_weight_is_damage(weights: dict[str, Any]) -> None:
    weights["conv_in.weight"].fill_(0.5)
    found = say(weights)
    assert found["constant"].gravity == "damaged"
    assert found["constant"].tensors == ("conv_in.weight",)


def test_a_hole_is_damage_and_a_dead_channel_is_not(weights: dict[str, Any]) -> None:
    weights["conv_in.weight"].reshape(-1)[5000:7000] = 0
    weights["conv_out.weight"][3:8] = 0
    found = say(weights)
    assert found["zero-run"].tensors == ("conv_in.weight",)
    assert found["zero-run"].gravity == "damaged"
    assert found["zero-channels"].tensors == ("conv_out.weight",)
    assert "5 whole channels of 64" in found["zero-channels"].message


def test_a_dying_channel_is_no_damage(weights: dict[str, Any]) -> None:
    """In float16 the last of it underflows here and there."""
    weights["conv_out.weight"][3] = 0
    weights["conv_out.weight"][3, 9, 1, 1] = 6e-8
    [finding] = say(weights).values()
    assert (finding.code, finding.gravity) == ("zero-channels", "advice")
    assert "of one channel" in finding.message


@pytest.mark.parametrize("share", [0.001, 0.1, 0.5, 0.97])
def test_a_file_with_a_zero_tail_is_damaged(
    tmp_path: Path, weights: dict[str, Any], share: float
) -> None:
    from safetensors.torch import save_file

    ordered = {f"{i}.weight": torch.randn(64, 32, 3, 3) * 0.05 for i in range(20)}
    path = tmp_path / "vae.safetensors"
    save_file(ordered, path)
    data = bytearray(path.read_bytes())
    size = int(len(data) * share)
    data[-size:] = bytes(size)
    path.write_bytes(data)
    found = say(read_tensors(path))
    assert found["zero-tail"].gravity == "damaged"
    assert len(found) == 1
    [start] = re.findall(r"from byte ([\d,]+)", found["zero-tail"].message)
    # Fewer zeros than 64 at the end of the tensor before are not counted to the tail.
    assert -4 <= int(start.replace(",", "")) - (len(data) - size) <= 64 * 4


def test_zeros_on_purpose_at_the_end_of_a_file_are_no_tail(
    tmp_path: Path, weights: dict[str, Any]
) -> None:
    last = {"z.proj_out.weight": torch.zeros(64, 64, 1, 1), "z.proj_out.bias": torch.zeros(64)}
    torch.save({**weights, **last}, tmp_path / "vae.pt")
    found = say(read_tensors(tmp_path / "vae.pt"))
    assert set(found) == {"zero-branch"}


def test_copies_are_told(weights: dict[str, Any]) -> None:
    weights["conv_out.weight"] = weights["conv_in.weight"].clone()
    assert say(weights)["copy"].tensors == ("conv_out.weight",)


def test_layers_as_torch_initialises_them_are_told(weights: dict[str, Any]) -> None:
    assert "untrained" not in say(weights)
    for dtype in (torch.float32, torch.float16, torch.bfloat16):
        weights["conv_in.weight"] = torch.nn.Conv2d(32, 64, 3).weight.detach().to(dtype)
        weights["linear.weight"] = torch.nn.Linear(300, 200).weight.detach().to(dtype)
        found = say(weights)["untrained"]
        assert found.gravity == "advice"
        assert set(found.tensors) == {"conv_in.weight", "linear.weight"}


def test_what_a_family_never_shows_is_told(weights: dict[str, Any]) -> None:
    usual = {"conv_in.weight": Usual(0.04, 0.06), "conv_out.weight": Usual(0.2, 0.3)}
    assert say(weights, usual=usual)["unusual"].tensors == ("conv_out.weight",)
    assert "unusual" not in say(weights)


def test_many_tensors_make_one_line(weights: dict[str, Any]) -> None:
    broken = {f"{i}.weight": torch.full((2, 2), math.nan) for i in range(40)}
    message = say({**weights, **broken})["nan"].message
    assert message.startswith("40 tensors (0.weight, 1.weight, 2.weight ...): ")


def test_a_flipped_bit_in_an_archive_is_damage(tmp_path: Path, weights: dict[str, Any]) -> None:
    path = tmp_path / "vae.pt"
    torch.save(weights, path)
    tensors = read_tensors(path)
    assert checksum_finding(tensors) is None
    data = bytearray(path.read_bytes())
    data[tensors.stored["conv_out.weight"].offset + 4000] ^= 1
    path.write_bytes(data)
    found = checksum_finding(tensors)
    assert found is not None
    assert (found.tensors, found.gravity) == (("conv_out.weight",), "damaged")
    assert findings(scan(tensors)) == []  # no statistic could tell
