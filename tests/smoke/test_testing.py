"""The whole test of one VAE: what is said, what is remembered, what is held against what."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.smoke import handmade
from tests.smoke.asking import codes, needs_torch, outcome, said, subject
from vaehub.errors import UsageError
from vaehub.model import SmokeFacts
from vaehub.smoke import testing
from vaehub.smoke.testing import Options, Subject

if TYPE_CHECKING:
    from vaehub.smoke.decoding import Measured

pytestmark = pytest.mark.usefixtures("one_thread")
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    return handmade.write(tmp_path / "vae.safetensors")


@needs_torch
def test_a_sound_one_works_in_all_that_a_cpu_is_quick_in(sound: Path) -> None:
    report = outcome(sound, options=Options(device="cpu"))
    assert (report.verdict, report.reasons, report.advice) == ("works", (), ())
    assert said(report) == [("fp32", "works", []), ("bf16", "works", [])]
    assert (report.architecture, report.layout) == ("autoencoder-kl", "ldm")
    assert (report.latent_channels, report.downscale, report.half) == (4, 2, "both")
    assert report.paths == (sound,)
    assert [len(sha256) for sha256 in report.sha256] == [64]
    assert report.seconds > 0


@needs_torch
def test_one_that_overflows_in_fp16_works_and_says_what_to_do(tmp_path: Path) -> None:
    weights = handmade.weights(overflowing=True)
    report = outcome(handmade.write(tmp_path / "vae.safetensors", weights))
    assert report.verdict == "not-in-fp16"
    assert said(report) == [("fp32", "not-in-fp16", ["overflows-fp16"])]
    assert [advice.ui for advice in report.advice][:2] == ["AUTOMATIC1111", "Forge"]
    assert not report.condemned


@needs_torch
def test_one_that_washes_out_is_told_in_every_precision(tmp_path: Path) -> None:
    path = handmade.write(tmp_path / "vae.safetensors", handmade.weights(gain=0.35))
    report = outcome(path, options=Options(device="cpu"))
    assert report.verdict == "washed-out"
    assert said(report) == [
        ("fp32", "washed-out", ["washed-out"]),
        ("bf16", "washed-out", ["as-fp32"]),
    ]
    [alone] = outcome(path, options=Options(device="cpu", dtypes=("bf16",))).decoded
    assert (alone.verdict, [r.code for r in alone.reasons]) == ("washed-out", ["washed-out"])


@needs_torch
def test_weights_that_are_no_numbers_are_named_and_not_blamed_on_the_precision(
    tmp_path: Path,
) -> None:
    def spoil(weights: handmade.Weights) -> None:
        weights["decoder.mid.block_1.conv1.weight"][5] = math.nan

    path = handmade.write(tmp_path / "vae.safetensors", change=spoil)
    report = outcome(path, options=Options(device="cpu"))
    assert report.verdict == "damaged"
    assert codes(report) == ["weights-nan"]
    assert report.reasons[0].message.startswith("decoder.mid.block_1.conv1.weight: 1 of")
    assert said(report) == [
        ("fp32", "damaged", ["not-finite"]),
        ("bf16", "damaged", ["not-finite"]),
    ]
    assert not any("fp32 does not" in r.message for one in report.decoded for r in one.reasons)


@needs_torch
def test_weights_that_were_never_trained_give_no_picture(tmp_path: Path) -> None:
    def forget(weights: handmade.Weights) -> None:
        made = handmade.random_like(weights, seed=1)
        weights.update({name: made[name] for name in weights if name.startswith("decoder.")})

    report = outcome(handmade.write(tmp_path / "vae.safetensors", change=forget))
    assert report.verdict == "damaged"
    assert "no-picture" in said(report)[0][2]


@needs_torch
@pytest.mark.parametrize("legacy", [False, True])
def test_a_pickle_decodes_as_the_same_weights_do_elsewhere(
    tmp_path: Path, sound: Path, legacy: bool
) -> None:
    import torch

    made, shapes = handmade.weights(), handmade.shapes()
    weights = {
        f"first_stage_model.{name}": torch.tensor(made[name]).reshape(shape)
        for name, shape in shapes.items()
    }
    path = tmp_path / "vae.ckpt"
    torch.save(
        {"state_dict": weights, "norm_num_groups": 1},
        path,
        _use_new_zipfile_serialization=not legacy,
    )
    report = outcome(path)
    assert (report.verdict, codes(report)) == ("works", ["prefix"])
    expected = outcome(sound).decoded[0].figures["round_trip"]
    assert report.decoded[0].figures["round_trip"] == pytest.approx(expected, abs=0.01)


@needs_torch
@settings(max_examples=15)
@given(st.integers(0, 1 << 20), st.binary(min_size=1, max_size=300), st.booleans())
def test_no_overwritten_file_ends_the_test(
    tmp_path_factory: pytest.TempPathFactory, at: int, data: bytes, in_header: bool
) -> None:
    path = handmade.write(tmp_path_factory.mktemp("fuzz") / "vae.safetensors")
    whole = path.read_bytes()
    at %= 12_000 if in_header else len(whole)
    path.write_bytes(whole[:at] + data + whole[at + len(data) :])
    report = outcome(path, options=Options(device="cpu"))
    assert report.verdict in {"works", "damaged", "not-a-vae"}
    json.dumps(report.as_json(), allow_nan=False)


@needs_torch
def test_half_precision_is_refused_in_words_on_a_cpu(sound: Path) -> None:
    report = outcome(sound, options=Options(device="cpu", dtypes=("fp16",)))
    assert (report.verdict, report.condemned) == ("untested", False)
    assert said(report) == [("fp16", "untested", ["unsupported"])]
    assert "a CPU takes minutes" in report.decoded[0].reasons[0].message
    both = outcome(sound, options=Options(device="cpu", dtypes=("fp16", "fp32")))
    assert both.verdict == "works"
    assert said(both) == [("fp32", "works", []), ("fp16", "untested", ["unsupported"])]


def test_what_names_and_shapes_condemn_is_not_decoded(tmp_path: Path) -> None:
    path = tmp_path / "vae.safetensors"
    path.write_bytes(b"<html><title>Not found</title></html>")
    report = outcome(path)
    assert (report.verdict, report.decoded, codes(report)) == ("not-a-vae", (), ["not-a-model"])
    assert report.advice


@needs_torch
def test_bytes_that_vaehub_did_not_place_are_damage_whatever_they_decode_to(sound: Path) -> None:
    report = outcome(sound, changed=(sound,))
    assert report.verdict == "damaged"
    assert codes(report) == ["changed"]
    assert said(report) == [("fp32", "works", [])]


# Pairs


@needs_torch
def test_a_decoder_and_an_encoder_are_tested_together(tmp_path: Path) -> None:
    halves = [
        handmade.write(tmp_path / f"x_{half}.safetensors", half=half)
        for half in ("decoder", "encoder")
    ]
    report = outcome(*halves)
    assert report.half == "both"
    assert report.decoded[0].figures["round_trip"] > 20
    assert len(report.sha256) == 2
    assert (report.verdict, report.reasons) == ("works", ())


def test_of_a_pair_it_is_said_which_file_is_meant(tmp_path: Path) -> None:
    decoder = handmade.write(tmp_path / "x_decoder.safetensors", half="decoder")
    encoder = handmade.write(tmp_path / "x_encoder.safetensors", half="encoder")
    encoder.write_bytes(encoder.read_bytes()[:-8])
    report = outcome(decoder, encoder)
    assert (report.verdict, report.decoded) == ("damaged", ())
    assert [reason.code for reason in report.reasons] == ["no-encoder", "container"]
    assert report.reasons[0].message.startswith("x_decoder.safetensors: only the decoder is here")
    assert report.reasons[1].message.startswith("x_encoder.safetensors")


@needs_torch
def test_the_real_taef2_as_a_pair(shared_weights: Path) -> None:
    entry: Any = SimpleNamespace(
        id="taef2",
        full_name="vaehub/taef2",
        family="flux2",
        smoke=SmokeFacts("taesd", latent_channels=32, downscale=8),
    )
    files = [shared_weights / f"taef2_{half}.pth" for half in ("decoder", "encoder")]
    report = outcome(*files, entry=entry)
    assert (report.verdict, report.reasons) == ("works", ())
    assert (report.architecture, report.half) == ("taesd", "both")
    assert "flux2" in report.families
    assert report.decoded[0].figures["speaks_flux2"] > 0.6


# What is shown, and what is asked for


@needs_torch
def test_only_what_was_asked_for_is_shown(sound: Path) -> None:
    shown: list[str] = []

    def show(_: Subject, seen: Measured) -> None:
        shown.append(seen.dtype)

    report = outcome(sound, options=Options(device="cpu", dtypes=("bf16",), show=show))
    assert shown == ["bf16"]
    assert said(report) == [("bf16", "works", [])]
    assert "agrees" in report.decoded[0].figures


@needs_torch
def test_a_device_that_is_not_here_is_a_mistake_in_the_question(sound: Path) -> None:
    with pytest.raises(UsageError, match="torch knows no such device"):
        outcome(sound, options=Options(device="abacus"))


# Without torch


def test_without_torch_the_rest_is_still_looked_at(
    sound: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    report = outcome(sound)
    assert (report.verdict, codes(report), report.decoded) == ("untested", ["no-torch"], ())
    assert "torch is not installed; pip install 'vaehub[smoke]'" in report.reasons[0].message
    assert report.architecture == "autoencoder-kl"
    sound.write_bytes(sound.read_bytes()[:-100])
    assert outcome(sound).verdict == "damaged"


BROKEN = {
    "ImportError": "raise ImportError('libcudart.so.12: cannot open shared object file')",
    "OSError": "raise OSError('[WinError 126] c10.dll or one of its dependencies')",
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_torch_that_does_not_start_is_told(tmp_path: Path, sound: Path, kind: str) -> None:
    fake = tmp_path / "site" / "torch"
    fake.mkdir(parents=True)
    (fake / "__init__.py").write_text(BROKEN[kind])
    code = (
        "import sys; from pathlib import Path; from vaehub.smoke import testing as t\n"
        "path = Path(sys.argv[1])\n"
        "report = t.test(t.Subject('x', ((path, path.name),)), t.Options())\n"
        "print(report.verdict, report.reasons[-1].message)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, str(sound)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(fake.parent), str(ROOT)])},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ran.stdout.startswith("untested torch is installed but does not start ("), ran.stderr


def test_a_file_that_cannot_be_read_is_reported(tmp_path: Path) -> None:
    gone = tmp_path / "gone.safetensors"
    with pytest.raises(FileNotFoundError) as caught:
        outcome(gone)
    report = testing.broken(subject(gone), caught.value)
    assert (report.verdict, codes(report), report.paths) == ("untested", ["unreadable"], (gone,))
