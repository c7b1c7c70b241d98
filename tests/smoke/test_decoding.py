"""Real decodes, of an autoencoder whose weights are set by hand and of TAEF2."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest

from tests.smoke import handmade
from vaehub.smoke.structure import look
from vaehub.smoke.testing import factors_of_file
from vaehub.weights import kl

torch = pytest.importorskip("torch", reason="torch is not installed (vaehub[smoke])")

from vaehub.errors import NotAModel  # noqa: E402  torch comes first
from vaehub.smoke import decoding, engine  # noqa: E402
from vaehub.smoke.decoding import (  # noqa: E402
    Measured,
    Pair,
    agreement,
    cells_for,
    factors_for,
    measure,
    pair_of,
)
from vaehub.smoke.factors import Factors  # noqa: E402

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("one_thread")
CPU = torch.device("cpu")


def pair(*paths: Path) -> Pair:
    return pair_of(tuple(look(path) for path in paths))


def measured(*paths: Path, dtype: str = "fp32", cells: int = 32) -> Measured:
    return measure(pair(*paths), device=CPU, dtype=dtype, cells=cells)


@pytest.mark.parametrize("layout", ["ldm", "diffusers", "diffusers-old"])
def test_the_handmade_one_gives_pictures_back(tmp_path: Path, layout: str) -> None:
    seen = measured(handmade.write(tmp_path / "vae.safetensors", layout=layout))
    assert seen.figures["finite"] == seen.figures["encoded_finite"] == 1.0
    assert seen.figures["round_trip"] > 20
    assert seen.figures["round_trip_likeness"] > 0.99
    assert seen.figures["moves"] > 0.99
    assert seen.figures["flat_blocks"] == 0
    assert 0.9 < seen.figures["contrast_kept"] < 1.1
    assert set(seen.pictures) == {
        *("original", "round trip", "natural", "gradient", "flat", "extremes")
    }
    assert all(picture.shape == (1, 3, 64, 64) for picture in seen.pictures.values())
    assert seen.overflows is seen.not_finite is None
    assert seen.seconds > 0
    assert seen.peak_bytes is None or seen.peak_bytes > 1 << 20


def test_bf16_agrees_with_fp32(tmp_path: Path) -> None:
    path = handmade.write(tmp_path / "vae.safetensors")
    agrees = agreement(measured(path, dtype="bf16"), measured(path))
    assert set(agrees) == {"round trip", "natural", "gradient", "flat", "extremes"}
    assert min(agrees.values()) > 35


def test_pictures_of_other_sizes_are_not_compared(tmp_path: Path) -> None:
    path = handmade.write(tmp_path / "vae.safetensors")
    assert agreement(measured(path, cells=8), measured(path)) == {}


def test_what_overflows_in_fp16_is_found_in_fp32(tmp_path: Path) -> None:
    weights = handmade.weights(overflowing=True)
    seen = measured(handmade.write(tmp_path / "vae.safetensors", weights))
    assert seen.overflows == "decoder.mid.block_1"
    assert seen.figures["largest_activation"] == pytest.approx(80_000, rel=0.01)
    assert seen.figures["finite"] == 1.0


def test_the_first_layer_without_numbers_is_named(tmp_path: Path) -> None:
    def spoil(weights: handmade.Weights) -> None:
        weights["decoder.mid.block_2.conv1.weight"][7] = math.nan

    seen = measured(handmade.write(tmp_path / "vae.safetensors", change=spoil))
    assert seen.not_finite == "decoder.mid.block_2.conv1"
    assert seen.figures["finite"] == 0.0
    assert "round_trip" not in seen.figures


def test_an_encoder_without_numbers_is_found(tmp_path: Path) -> None:
    def spoil(weights: handmade.Weights) -> None:
        weights["encoder.conv_in.bias"][0] = math.inf

    seen = measured(handmade.write(tmp_path / "vae.safetensors", change=spoil))
    assert seen.figures["finite"] == 1.0
    assert seen.figures["encoded_finite"] < 1.0


def test_a_decoder_and_an_encoder_of_their_own(tmp_path: Path) -> None:
    decoder = handmade.write(tmp_path / "x_decoder.safetensors", half="decoder")
    encoder = handmade.write(tmp_path / "x_encoder.safetensors", half="encoder")
    alone = measured(decoder)
    assert "round_trip" not in alone.figures
    assert alone.figures["finite"] == 1.0
    assert set(measured(encoder).pictures) == {"original"}
    both = measured(encoder, decoder)  # in any order
    whole = measured(handmade.write(tmp_path / "x.safetensors"))
    assert both.figures["round_trip"] == pytest.approx(whole.figures["round_trip"])


def test_a_file_that_changes_under_the_test_is_no_crash(tmp_path: Path) -> None:
    path = handmade.write(tmp_path / "vae.safetensors")
    halves = pair(path)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(NotAModel):
        measure(halves, device=CPU, dtype="bf16", cells=8)


def test_torch_is_left_as_it_was(tmp_path: Path) -> None:
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matmul.allow_tf32, cudnn.allow_tf32, cudnn.benchmark
    cudnn.allow_tf32 = True
    try:
        measured(handmade.write(tmp_path / "vae.safetensors"), cells=8)
        assert cudnn.allow_tf32 is True
    finally:
        matmul.allow_tf32, cudnn.allow_tf32, cudnn.benchmark = before
    assert not torch.is_inference_mode_enabled()


def test_the_number_of_groups_is_read_from_the_file(tmp_path: Path) -> None:
    path = handmade.write(tmp_path / "vae.safetensors")
    decoder = pair(path).decoder
    assert decoder is not None
    assert decoder.groups == 1
    weights = handmade.weights()
    tensors = {name: (shape, weights[name]) for name, shape in handmade.shapes().items()}
    for said in ("", "-3", "0", "many", "٣", "99999"):
        path.write_bytes(handmade.packed(tensors, metadata={"norm_num_groups": said}))
        decoder = pair(path).decoder
        assert decoder is not None
        assert decoder.groups == 32


def test_sizes_of_pictures(tmp_path: Path) -> None:
    found = look(handmade.write(tmp_path / "vae.safetensors")).found
    assert found is not None
    assert found.downscale == 2
    assert cells_for(found, CPU) == 32
    assert cells_for(found._replace(downscale=8), CPU) == 8
    assert cells_for(found._replace(downscale=32), CPU) == 4
    assert cells_for(found._replace(downscale=8), torch.device("cuda", 0)) == 32
    assert cells_for(found._replace(downscale=12), torch.device("cuda", 0)) == 20, "an even number"


def test_factors(tmp_path: Path) -> None:
    found = look(handmade.write(tmp_path / "vae.safetensors")).found
    assert found is not None
    assert factors_for(found, "sd1").scaling_factor == 0.18215
    assert factors_for(found, "nobody") == Factors()
    told = Factors(scaling_factor=0.5, shift_factor=0.1)
    assert factors_for(found, "sd1", told=told).scaling_factor == 0.5
    assert factors_for(found, "sd1", told=told).rgb == factors_for(found, "sd1").rgb
    taesd = found._replace(architecture="taesd")
    assert factors_for(taesd, "sd1", told=told).scaling_factor == 1.0


def test_the_real_taef2(shared_weights: Path) -> None:
    decoder, encoder = (shared_weights / f"taef2_{half}.pth" for half in ("decoder", "encoder"))
    halves = pair(decoder, encoder)
    seen = measure(halves, device=CPU, dtype="fp32", cells=8, families=("flux2",))
    assert seen.golden["flux2"] > 0.6
    assert seen.figures["round_trip_likeness"] > 0.9
    assert seen.figures["moves"] > 0.9
    assert seen.overflows is None
    bf16 = measure(halves, device=CPU, dtype="bf16", cells=8, families=("flux2",))
    usual = {kind: one for kind, one in agreement(bf16, seen).items() if kind != "extremes"}
    assert min(usual.values()) > 35


def test_families_that_share_a_vae_are_decoded_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts: list[int] = []

    def counting(*args: Any, **options: Any) -> Any:
        counts[-1] += 1
        return engine.decode(*args, **options)

    monkeypatch.setattr(decoding, "decode", counting)
    both = pair(handmade.write(tmp_path / "vae.safetensors"))
    golden = []
    for families in (("sd1",), ("sd1", "sd2"), ("sd1", "sdxl")):
        counts.append(0)
        seen = measure(both, device=CPU, dtype="fp32", cells=8, families=families)
        golden.append(seen.golden)
    assert counts[0] == counts[1] == counts[2] - 1
    assert golden[1] == {"sd1": golden[0]["sd1"], "sd2": golden[0]["sd1"]}
    assert golden[2].keys() == {"sd1", "sdxl"}


def test_one_that_paints_transparency(tmp_path: Path) -> None:
    """It is shown an opaque picture, and what is looked at is its colours."""
    sizes = handmade.SIZES._replace(image_channels=4)
    shapes = kl.manifest(sizes, layout="ldm")
    tensors = {
        name: (shape, [0.01 * (at % 7 - 3) for at in range(math.prod(shape))])
        for name, shape in shapes.items()
    }
    path = tmp_path / "vae.safetensors"
    path.write_bytes(handmade.packed(tensors, metadata={"norm_num_groups": "1"}))
    found = look(path).found
    assert found is not None
    assert found.image_channels == 4
    seen = measured(path, cells=8)
    assert {picture.shape[1] for picture in seen.pictures.values()} == {3}
    assert "second_trip" in seen.figures


@pytest.mark.parametrize(
    ("said", "factor"), [("0.5", 0.5), ("0", None), ("inf", None), ("a lot", None), (None, None)]
)
def test_the_factor_that_a_file_names(
    tmp_path: Path, said: str | None, factor: float | None
) -> None:
    pairs = zip(handmade.shapes().items(), handmade.weights().values(), strict=True)
    tensors = {name: (shape, values) for (name, shape), values in pairs}
    metadata = {"scaling_factor": said} if said is not None else {}
    path = tmp_path / "vae.safetensors"
    path.write_bytes(handmade.packed(tensors, metadata=metadata))
    found = factors_of_file(pair(path))
    assert (found.scaling_factor if found is not None else None) == factor


def test_gpus_are_kept_from_rounding_and_get_their_settings_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    seen: set[tuple[bool, ...]] = set()

    def looking(*args: Any, **options: Any) -> Any:
        seen.add((matmul.allow_tf32, cudnn.allow_tf32, cudnn.benchmark))
        return engine.decode(*args, **options)

    monkeypatch.setattr(decoding, "decode", looking)
    before = matmul.allow_tf32, cudnn.allow_tf32, cudnn.benchmark
    matmul.allow_tf32 = cudnn.allow_tf32 = cudnn.benchmark = True
    try:
        measured(handmade.write(tmp_path / "vae.safetensors"), cells=8)
        assert seen == {(False, False, False)}
        assert (matmul.allow_tf32, cudnn.allow_tf32, cudnn.benchmark) == (True, True, True)
    finally:
        matmul.allow_tf32, cudnn.allow_tf32, cudnn.benchmark = before
