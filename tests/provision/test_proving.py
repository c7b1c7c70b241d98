"""What the policy wants proved is proved, once."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.provision.boxes import Fleet
from vaehub import receipts

if TYPE_CHECKING:
    from pathlib import Path

    from vaehub.loopback import LoopbackWorld

POLICY = "  smoke: {dtypes: [fp32], device: cpu}\n"


@pytest.fixture
def fleet(tmp_path: Path, world: LoopbackWorld, shared_weights: Path, one_thread: None) -> Fleet:
    pytest.importorskip("torch")
    fleet = Fleet(tmp_path, world)
    decoder = (shared_weights / "taef2_decoder.pth").read_bytes()
    smoke = {"architecture": "taesd", "latent_channels": 32, "downscale": 8, "fp16": "ok"}
    fleet.add(
        "tiny", {"taef2_decoder.pth": decoder}, slot="vae-approx", family="flux2", smoke=smoke
    )
    return fleet


def test_each_vae_is_tested_once_whatever_the_targets(fleet: Fleet) -> None:
    targets = "  a: {ui: folder, path: a}\n  b: {ui: folder, path: b}\n"
    fleet.want("tiny", targets=targets, policy=POLICY)
    done = fleet.sync()
    assert [report.verdict for report in done.reports] == ["works"]
    for folder in ("a", "b"):
        receipt = receipts.find(fleet.folder / folder / "taef2_decoder.pth")
        assert receipt is not None
        assert receipt.smoke is not None
        assert receipt.smoke["verdict"] == "works"
    assert fleet.sync().reports == (), "the verdict is on record"


def test_another_precision_is_tested_when_it_is_asked_for(fleet: Fleet) -> None:
    targets = "  a: {ui: folder, path: a}\n"
    fleet.want("tiny", targets=targets, policy=POLICY)
    fleet.sync()
    fleet.want("tiny", targets=targets, policy=POLICY.replace("[fp32]", "[fp32, bf16]"))
    [report] = fleet.sync().reports
    assert {one.dtype for one in report.decoded} == {"fp32", "bf16"}


def test_a_bad_one_is_tested_once_for_all_targets(fleet: Fleet) -> None:
    targets = "  a: {ui: folder, path: a}\n  b: {ui: folder, path: b}\n"
    fleet.want("one", targets=targets, policy=POLICY)
    assert len(fleet.sync().reports) == 1


def test_nothing_is_tested_on_request(fleet: Fleet) -> None:
    fleet.want("tiny", targets="  a: {ui: folder, path: a}\n", policy=POLICY)
    assert fleet.sync(smoke=False).reports == ()


def test_what_cannot_be_a_vae_is_condemned(fleet: Fleet) -> None:
    fleet.want("one", targets="  a: {ui: folder, path: a}\n", policy=POLICY)
    [report] = fleet.sync().reports
    assert report.condemned
    [again] = fleet.sync().reports
    assert again.condemned, "a bad verdict is no proof"


def test_without_torch_nothing_is_proved(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    fleet.want("tiny", targets="  a: {ui: folder, path: a}\n", policy=POLICY)
    [report] = fleet.sync().reports
    assert report.verdict == "untested"
