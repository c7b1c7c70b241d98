"""What smoke tests remember of a file, and what later ones are held against."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from tests.smoke import handmade
from tests.smoke.asking import QUICK, codes, needs_torch, outcome, said
from vaehub.model import SmokeFacts
from vaehub.smoke import records

if TYPE_CHECKING:
    from pathlib import Path

    from vaehub.smoke.report import SmokeReport
    from vaehub.smoke.testing import Options

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    return handmade.write(tmp_path / "vae.safetensors")


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


@needs_torch
def test_the_same_weights_in_another_file_are_held_against_what_they_gave(
    tmp_path: Path, sound: Path
) -> None:
    weights = "a" * 64
    options = remembering(tmp_path, weights=lambda sha256: weights)
    first = outcome(sound, options=options)
    assert set(records.recall_golden(tmp_path / "state", weights)) == {"32"}
    # The same tensors, and a file with another sha256.
    data = sound.read_bytes()
    length = int.from_bytes(data[:8], "little")
    other = tmp_path / "other.safetensors"
    other.write_bytes(
        (length + 8).to_bytes(8, "little") + data[8 : 8 + length] + b" " * 8 + data[8 + length :]
    )
    second = outcome(other, options=options)
    assert second.sha256 != first.sha256
    assert second.decoded[0].figures["golden"] > 80
    for record in (tmp_path / "state" / "smoke").glob("*.json"):
        record.unlink()
    [kept] = (tmp_path / "state" / "smoke" / "weights").iterdir()
    tampered_with = json.loads(kept.read_text())
    tampered_with["golden"]["32"]["thumbnails"]["natural"][5] += 0.5
    kept.write_text(json.dumps(tampered_with))
    assert outcome(other, options=options).verdict == "damaged"
    # Where nobody knows their fingerprint, nothing is held against it.
    assert outcome(other, options=remembering(tmp_path / "elsewhere")).verdict == "works"
