"""What names and shapes tell of files of full size; needs no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.smoke_cases import structural
from tests.smoke_cases.case import Case, outcome, reasons, tell
from vaehub.smoke.report import Reason, SmokeReport

if TYPE_CHECKING:
    from pathlib import Path

    from vaehub.smoke.report import Verdict

CASES = list(structural.cases())


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_what_is_said_is_true(case: Case, tmp_path: Path) -> None:
    told = tell(case, tmp_path)
    assert told.outcome == "right", (told.report.verdict, reasons(told.report))
    assert not told.report.decoded


def test_names_are_unique() -> None:
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("truth", "cannot", "verdict", "code", "expected"),
    [
        ("sound", "", "works", "", "right"),
        ("sound", "", "damaged", "", "false alarm"),
        ("sound", "", "untested", "", "miss"),
        ("damaged", "", "damaged", "nan", "right"),
        ("damaged", "", "works", "nan", "miss"),
        ("damaged", "its hash", "works", "", "cannot be told"),
        ("damaged", "its hash", "not-a-vae", "nan", "told otherwise"),
        ("damaged", "", "wrong-family", "nan", "told otherwise"),
        ("too large for fp16", "", "damaged", "", "false alarm"),
    ],
)
def test_outcomes(truth: str, cannot: str, verdict: Verdict, code: str, expected: str) -> None:
    def never(_: Path) -> tuple[()]:
        raise AssertionError

    case = Case("", "", "", truth, never, codes=frozenset(), cannot_be_told=cannot)  # type: ignore[arg-type]
    said = (Reason(code, ""),) if code else ()
    report = SmokeReport("", (), (), None, verdict, reasons=said)
    assert outcome(case, report) == expected
