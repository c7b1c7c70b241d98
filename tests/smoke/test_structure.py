"""What is said of a file before anything is decoded; without torch."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from tests.smoke import handmade
from tests.weights.files import naming, torch_zip
from tests.weights.manifests import FLUX1, SD1, SMALL
from vaehub.model import SmokeFacts
from vaehub.smoke.structure import Part, look
from vaehub.weights import kl, sequential
from vaehub.weights.kl_naming import LAYOUTS

if TYPE_CHECKING:
    from pathlib import Path

    from vaehub.model import Entry
    from vaehub.weights.compare import Shapes

TINY = kl.manifest(SMALL, layout="ldm")
SD = kl.manifest(SD1, layout="ldm")
TAEF2 = next(sizes for sizes, _ in sequential.known_image_sizes() if sizes.latent_channels == 32)


@pytest.fixture
def seen(tmp_path: Path) -> Any:
    """Write a file and look at it."""

    def seen(
        data: bytes | Shapes,
        *,
        name: str = "vae.safetensors",
        entry: Entry | None = None,
        **types: Any,
    ) -> Part:
        path = tmp_path / name
        if isinstance(data, bytes):
            path.write_bytes(data)
        else:
            handmade.hollow(path, data, **types)
        return look(path, entry=entry)

    return seen


def said(part: Part) -> list[tuple[str, str | None]]:
    return [(reason.code, reason.verdict) for reason in part.reasons]


# What is no file of weights


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"<!DOCTYPE html><title>Just a moment...</title>", "checks for a browser"),
        (b"<html><title>Sign in</title></html>", "login page"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 4\n",
            "Git LFS pointer",
        ),
        (b"", "empty"),
        (b'{"error": "no such model"}', "no such model"),
        (b"\0\1\2\3" * 64, "no safetensors"),
    ],
    ids=["challenge", "login", "LFS pointer", "empty", "JSON", "noise"],
)
@pytest.mark.parametrize("name", ["vae.safetensors", "vae.pt"])
def test_what_is_no_model_is_told_as_what_it_is(
    seen: Any, data: bytes, words: str, name: str
) -> None:
    part = seen(data, name=name)
    assert said(part) == [("not-a-model", "not-a-vae")]
    expected = "neither a torch archive" if "no safetensors" in words and "pt" in name else words
    assert expected in part.reasons[0].message
    assert part.is_condemned


def test_a_file_of_another_kind_is_no_vae_and_not_a_damaged_one(seen: Any) -> None:
    part = seen(b"# Notes\n\nWhat I have tried so far." * 99, name="README.md")
    assert said(part) == [("not-a-model", "not-a-vae")]
    assert "neither a safetensors file nor a checkpoint" in part.reasons[0].message
    # What begins like a checkpoint was one, whatever it is called.
    assert said(seen(b"\x80\x02" + bytes(999), name="vae.dat")) == [("container", "damaged")]


@pytest.mark.parametrize("kept", [0.999, 0.5, 0.1])
def test_a_file_cut_off_is_damaged(seen: Any, tmp_path: Path, kept: float) -> None:
    data = handmade.hollow(tmp_path / "whole", TINY).read_bytes()
    part = seen(data[: int(len(data) * kept)])
    assert [verdict for _, verdict in said(part)] == ["damaged"]
    assert part.is_condemned


def test_a_file_cut_off_within_its_header_is_damaged(seen: Any, tmp_path: Path) -> None:
    part = seen(handmade.hollow(tmp_path / "whole", TINY).read_bytes()[:2000])
    assert said(part) == [("not-a-model", "damaged")]


def test_a_pickle_cut_off_is_damaged(seen: Any) -> None:
    data = torch_zip(naming("collections.OrderedDict"))
    assert said(seen(data[: len(data) // 2], name="vae.pt")) == [("container", "damaged")]


def test_a_pickle_that_would_run_something_is_refused(seen: Any) -> None:
    part = seen(torch_zip(naming("os.system")), name="vae.pt")
    assert said(part) == [("unsafe-pickle", "not-a-vae")]
    assert "os.system" in part.reasons[0].message


def test_a_file_that_is_not_there_is_the_callers(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        look(tmp_path / "gone.safetensors")


def test_a_blob_goes_by_the_name_that_it_is_installed_under(tmp_path: Path) -> None:
    path = tmp_path / ("0" * 64)
    path.write_bytes(b"<html>")
    [reason] = look(path, name="house.safetensors").reasons
    assert reason.message.startswith("house.safetensors: ")


# What is another kind of model


@pytest.mark.parametrize(
    ("shapes", "words"),
    [
        ({"lora_unet_down.lora_down.weight": (4, 320)}, "this is a LoRA, not a VAE"),
        ({"input_blocks.0.0.weight": (320, 4, 3, 3)}, "a diffusion model (UNet)"),
        ({"text_model.embeddings.position_ids": (1, 77)}, "a text encoder"),
        ({"hello": (4, 4)}, "no tensor here has a name that a VAE would have"),
    ],
    ids=["LoRA", "UNet", "text encoder", "nothing known"],
)
def test_another_kind_of_model_is_named(seen: Any, shapes: Shapes, words: str) -> None:
    part = seen(shapes)
    assert said(part) == [("unknown", "not-a-vae")]
    assert words in part.reasons[0].message


def test_a_whole_checkpoint_is_told_where_its_vae_is(seen: Any) -> None:
    shapes = {f"first_stage_model.{name}": shape for name, shape in TINY.items()}
    shapes["model.diffusion_model.input_blocks.0.0.weight"] = (320, 4, 3, 3)
    part = seen(shapes)
    assert said(part) == [("checkpoint", "not-a-vae")]
    assert "first_stage_model.*" in part.reasons[0].message


@pytest.mark.parametrize("dtype", ["U8", "I8"])
def test_quantised_weights_are_told(seen: Any, dtype: str) -> None:
    part = seen(TINY, dtype=dtype, width=1)
    assert said(part) == [("quantised", "not-a-vae")]
    assert "take the one in fp16, bf16 or fp32" in part.reasons[0].message


def test_scales_beside_the_weights_tell_of_quantisation(seen: Any) -> None:
    part = seen({**TINY, "decoder.conv_in.weight_scale": (1,)})
    assert said(part) == [("quantised", "not-a-vae")]


def test_eight_bits_are_worth_a_word_and_no_more(seen: Any) -> None:
    part = seen(TINY, dtype="F8_E4M3", width=1)
    assert said(part) == [("eight-bit", None)]
    assert "F8_E4M3" in part.reasons[0].message


# What is a VAE


@pytest.mark.parametrize("layout", LAYOUTS)
def test_nothing_is_said_of_a_sound_one(seen: Any, layout: str) -> None:
    part = seen(kl.manifest(SMALL, layout=layout))
    assert part.reasons == ()
    assert part.found is not None
    assert (part.found.architecture, part.found.layout) == ("autoencoder-kl", layout)
    assert not part.is_condemned


@pytest.mark.parametrize(
    "gone", ["decoder.up.1.", "decoder.mid.", "decoder.conv_out.", "encoder.down.0.", "quant_conv."]
)
def test_missing_tensors_are_counted_and_named(seen: Any, gone: str) -> None:
    rest = {name: shape for name, shape in SD.items() if not name.startswith(gone)}
    part = seen(rest)
    assert ("missing", "damaged") in said(part)
    message = next(reason.message for reason in part.reasons if reason.code == "missing")
    assert message.startswith(f"{len(SD) - len(rest)} of {len(SD)} tensors are missing: ")
    assert gone.rstrip(".") in message
    assert "paint black or noise" in message
    assert part.is_condemned


def test_misshapen_tensors_are_named_with_both_shapes(seen: Any) -> None:
    part = seen({**SD, "decoder.conv_in.weight": (512, 4, 1, 1)})
    assert said(part) == [("misshapen", "damaged")]
    words = "decoder.conv_in.weight is [512, 4, 1, 1], not [512, 4, 3, 3]"
    assert words in part.reasons[0].message


def test_unexpected_tensors_are_told_and_no_harm(seen: Any) -> None:
    part = seen({**SD, "decoder.extra.weight": (4, 4)})
    assert said(part) == [("unexpected", None)]
    assert "decoder.extra" in part.reasons[0].message
    assert not part.is_condemned


def test_leftovers_of_the_training_are_not_worth_a_word(seen: Any) -> None:
    assert seen({**SD, "loss.logvar": (1,), "model_ema.decay": (1,)}).reasons == ()


def test_many_are_told_in_a_few_words(seen: Any) -> None:
    wrong = {name: (7, *shape[1:]) for name, shape in list(SD.items())[:40]}
    part = seen({**SD, **wrong})
    [reason] = part.reasons
    assert "and 36 more" in reason.message


def test_an_encoder_alone_is_of_no_use(seen: Any) -> None:
    part = seen(kl.manifest(SD1, layout="ldm", half="encoder"))
    assert said(part) == [("no-decoder", "damaged")]


def test_a_decoder_alone_does_for_txt2img(seen: Any) -> None:
    part = seen(kl.manifest(SD1, layout="ldm", half="decoder"))
    assert said(part) == [("no-encoder", None)]


@pytest.mark.parametrize("half", ["encoder", "decoder"])
def test_the_halves_of_a_tiny_one_are_files_of_their_own(seen: Any, half: Any) -> None:
    part = seen(sequential.image_manifest(TAEF2, half=half, layout="taesd", before=""))
    assert part.reasons == ()
    assert part.found.half == half


def test_a_prefix_is_told(seen: Any) -> None:
    part = seen({f"first_stage_model.{name}": shape for name, shape in SD.items()})
    assert said(part) == [("prefix", None)]
    assert "every name begins with first_stage_model." in part.reasons[0].message
    assert part.inside.original("quant_conv.bias") == "first_stage_model.quant_conv.bias"


# What the name promises


def promising(family: str, facts: SmokeFacts | None) -> Any:
    return SimpleNamespace(id="house", family=family, smoke=facts)


@pytest.mark.parametrize(
    ("facts", "expected", "words"),
    [
        (None, [], ""),
        (SmokeFacts(), [], ""),
        (SmokeFacts("autoencoder-kl", latent_channels=4, downscale=8), [], ""),
        (SmokeFacts("taesd"), ["other-architecture"], "house is taesd (any); this file is auto"),
        (SmokeFacts("autoencoder-kl", latent_channels=16), ["other-latents"], "house has 16 lat"),
        (
            SmokeFacts("autoencoder-kl", latent_channels=4, downscale=16),
            ["other-latents"],
            "house has 16 pixels per latent cell (any); this file has 8",
        ),
        (
            SmokeFacts("autoencoder-kl", latent_channels=16, downscale=16),
            ["other-latents"] * 2,
            "this file has 4",
        ),
    ],
)
def test_a_name_that_promises_something_else_is_wrong(
    seen: Any, facts: SmokeFacts | None, expected: list[str], words: str
) -> None:
    part = seen(SD, entry=promising("any", facts))
    assert said(part) == [(code, "wrong-family") for code in expected]
    assert words in "".join(reason.message for reason in part.reasons)


def test_flux_under_the_name_of_sd1(seen: Any) -> None:
    entry = promising("sd1", SmokeFacts("autoencoder-kl", latent_channels=4, downscale=8))
    part = seen(kl.manifest(FLUX1, layout="ldm"), entry=entry)
    assert said(part) == [("other-latents", "wrong-family")]
