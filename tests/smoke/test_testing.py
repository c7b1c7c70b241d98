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

from tests.smoke import handmade
from vaehub.errors import UsageError
from vaehub.model import SmokeFacts
from vaehub.smoke import records, testing
from vaehub.smoke.testing import Options, Subject

if TYPE_CHECKING:
    from vaehub.smoke.decoding import Measured
    from vaehub.smoke.report import SmokeReport

needs_torch = pytest.mark.skipif(
    bool(testing.missing()), reason="torch is not installed (vaehub[smoke])"
)
pytestmark = pytest.mark.usefixtures("one_thread")
ROOT = Path(__file__).resolve().parents[2]
QUICK = Options(device="cpu", dtypes=("fp32",))


def subject(*paths: Path, entry: Any = None, **known: Any) -> Subject:
    return Subject(paths[0].name, tuple((path, path.name) for path in paths), entry, **known)


def outcome(*paths: Path, options: Options = QUICK, **known: Any) -> SmokeReport:
    return testing.test(subject(*paths, **known), options)


def codes(report: SmokeReport) -> list[str]:
    return [reason.code for reason in report.reasons]


def said(report: SmokeReport) -> list[tuple[str, str, list[str]]]:
    return [(one.dtype, one.verdict, [r.code for r in one.reasons]) for one in report.decoded]


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


# What is remembered


def remembering(tmp_path: Path, **changes: Any) -> Options:
    return QUICK._replace(state=tmp_path / "state", **changes)


@needs_torch
def test_the_second_run_agrees_with_the_first(tmp_path: Path, sound: Path) -> None:
    first = outcome(sound, options=remembering(tmp_path))
    assert "golden" not in first.decoded[0].figures
    second = outcome(sound, options=remembering(tmp_path))
    assert second.verdict == "works"
    assert second.decoded[0].figures["golden"] > 80
    record = records.recall(tmp_path / "state", first.sha256[0])
    assert record is not None
    assert record.verdict == "works"
    assert record.decoded == (("cpu", "fp32", "works"),)


def tampered(tmp_path: Path, report: SmokeReport, change: Any) -> None:
    path = tmp_path / "state" / "smoke" / f"{report.sha256[0]}.json"
    record = json.loads(path.read_text())
    for golden in record["golden"].values():
        change(golden)
    path.write_text(json.dumps(record))


@needs_torch
def test_a_machine_that_computes_differently_is_told(tmp_path: Path, sound: Path) -> None:
    def shift(golden: Any) -> None:
        golden["thumbnails"]["natural"][5] += 0.5

    tampered(tmp_path, outcome(sound, options=remembering(tmp_path)), shift)
    report = outcome(sound, options=remembering(tmp_path))
    assert report.verdict == "damaged"
    assert said(report) == [("fp32", "damaged", ["golden"])]
    message = report.decoded[0].reasons[0].message
    assert "the driver, this build of torch or the GPU computes wrongly" in message
    [advice] = report.advice
    assert advice.what.startswith("test it with --device cpu")
    # What was seen this time does not take the place of what was sound.
    assert outcome(sound, options=remembering(tmp_path)).verdict == "damaged"


@needs_torch
def test_a_damaged_record_is_made_anew(tmp_path: Path, sound: Path) -> None:
    tampered(tmp_path, outcome(sound, options=remembering(tmp_path)), dict.clear)
    assert outcome(sound, options=remembering(tmp_path)).verdict == "works"
    third = outcome(sound, options=remembering(tmp_path))
    assert third.decoded[0].figures["golden"] > 80


@needs_torch
def test_what_it_decodes_to_may_be_known_from_elsewhere(tmp_path: Path, sound: Path) -> None:
    outcome(sound, options=remembering(tmp_path))
    [record] = (tmp_path / "state" / "smoke").iterdir()
    goldens = json.loads(record.read_text())["golden"]
    assert set(goldens) == {"32"}
    report = outcome(sound, options=QUICK._replace(goldens=goldens))
    assert report.decoded[0].figures["golden"] > 80
    goldens["32"]["moments"]["flat"][0] += 1
    assert outcome(sound, options=QUICK._replace(goldens=goldens)).verdict == "damaged"


@needs_torch
def test_under_another_name_it_decodes_to_something_else_and_that_is_no_fault(
    tmp_path: Path, sound: Path
) -> None:
    def entry(family: str, factor: float) -> Any:
        facts = SmokeFacts("autoencoder-kl", scaling_factor=factor)
        return SimpleNamespace(id="x", full_name="mine/x", family=family, smoke=facts)

    options = remembering(tmp_path)
    for known in (None, entry("sd1", 1.0), entry("sdxl", 1.0), entry("sdxl", 0.9), None):
        report = outcome(sound, options=options, entry=known)
        assert "golden" not in codes(report)
        assert all("golden" not in reasons for _, _, reasons in said(report))


@needs_torch
def test_a_decoder_keeps_what_it_gave_with_each_encoder(tmp_path: Path) -> None:
    decoder = handmade.write(tmp_path / "x_decoder.safetensors", half="decoder")
    one = handmade.write(tmp_path / "x_encoder.safetensors", half="encoder")

    def dim(weights: handmade.Weights) -> None:
        weights["encoder.conv_out.weight"] = [
            0.8 * value for value in weights["encoder.conv_out.weight"]
        ]

    other = handmade.write(tmp_path / "y_encoder.safetensors", half="encoder", change=dim)
    for files in ((decoder, one), (decoder, other), (decoder,), (decoder, one)):
        assert outcome(*files, options=remembering(tmp_path)).verdict == "works"


@needs_torch
def test_that_it_cannot_be_tested_now_says_nothing_against_what_was_seen(
    tmp_path: Path, sound: Path
) -> None:
    report = outcome(sound, options=remembering(tmp_path))
    outcome(sound, options=remembering(tmp_path, dtypes=("fp16",)))
    record = records.recall(tmp_path / "state", report.sha256[0])
    assert record is not None
    assert record.verdict == "works"


def test_what_is_condemned_unseen_is_remembered_where_its_sha256_is_known(tmp_path: Path) -> None:
    path = tmp_path / "vae.safetensors"
    path.write_bytes(b"<html>")
    outcome(path, options=remembering(tmp_path), sha256=("1" * 64,))
    record = records.recall(tmp_path / "state", "1" * 64)
    assert record is not None
    assert (record.verdict, record.decoded) == ("not-a-vae", ())


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
