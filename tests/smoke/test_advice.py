"""What is advised."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from vaehub.smoke.advice import FOR, IN_FP32, for_report
from vaehub.smoke.report import CONDEMNED, Decoded, Reason, SmokeReport, Verdict

REPORT = SmokeReport("a", (Path("a.safetensors"),), (), None, "works")


@pytest.mark.parametrize("verdict", get_args(Verdict))
def test_whoever_is_told_of_a_fault_is_told_what_to_do(verdict: Verdict) -> None:
    assert bool(FOR[verdict]) == (verdict in CONDEMNED or verdict == "not-in-fp16")
    assert for_report(verdict, REPORT) == FOR[verdict]
    assert all(advice.ui and advice.what for advice in FOR[verdict])


def test_every_ui_has_a_way_out_of_fp16() -> None:
    uis = [advice.ui for advice in IN_FP32]
    assert uis == ["AUTOMATIC1111", "Forge", "SD.Next", "ComfyUI", "diffusers"]


def test_nobody_is_sent_to_reinstall_a_file_that_is_what_it_was() -> None:
    golden = Decoded("cuda:0", "fp32", "damaged", (Reason("golden", "it differs", "damaged"),))
    [advice] = for_report("damaged", REPORT._replace(decoded=(golden,)))
    assert "--device cpu" in advice.what
    weights = REPORT._replace(reasons=(Reason("weights-nan", "NaN", "damaged"),), decoded=(golden,))
    assert for_report("damaged", weights) == FOR["damaged"]
