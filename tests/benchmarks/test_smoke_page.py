"""The generated part of docs/smoke.md, and that nothing else of the page is touched."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="torch is not installed (vaehub[smoke])")
pytest.importorskip("numpy", reason="numpy is not installed (vaehub[smoke])")

from benchmarks import smoke_page
from tests.smoke_cases.case import Case, Told, Truth, outcome
from vaehub.smoke.report import Decoded, Reason, SmokeReport, Verdict

ROOT = Path(__file__).resolve().parents[2]


def told(truth: Truth, verdict: Verdict, *, cannot: str = "", code: str = "") -> Told:
    def never(_: Path) -> tuple[()]:
        raise AssertionError

    case = Case("one", "taef2", "what was done", truth, never, cannot_be_told=cannot)
    decoded = (Decoded("cpu", "fp32", verdict, figures={"round_trip": 23.0}),)
    reasons = (Reason(code, ""),) if code else ()
    report = SmokeReport("one", (), (), None, verdict, reasons, decoded=decoded)
    return Told(case, report, outcome(case, report))


def test_only_the_part_between_the_marks_is_replaced() -> None:
    page = f"before\n{smoke_page.BEGIN}old\n{smoke_page.END}\nafter\n"
    made = smoke_page.replaced(page, "new\n")
    assert made == f"before\n{smoke_page.BEGIN}new\n{smoke_page.END}\nafter\n"


def test_a_page_without_marks_is_left_alone() -> None:
    with pytest.raises(ValueError, match="matrix: begin"):
        smoke_page.replaced("a page", "new")


def test_misses_and_false_alarms_are_listed() -> None:
    cases = [
        told("sound", "damaged", code="flat"),
        told("damaged", "works"),
        told("damaged", "works", cannot="its hash shows it"),
    ]
    made = smoke_page.generated(cases, [], seconds=1)
    assert "- false alarm: one: damaged (flat)" in made
    assert "- miss: one: works (nothing)" in made
    assert "1 of 2" in made
    assert "its hash shows it" in made
    assert "23.0" in made


def test_what_passes_with_an_explanation_is_not_kept_quiet() -> None:
    made = smoke_page.generated([told("damaged", "works", cannot="why")], [], seconds=1)
    assert "1 that are not right pass" in made


def test_the_page_in_the_docs_has_its_marks() -> None:
    page = (ROOT / "docs" / "smoke.md").read_text(encoding="utf-8")
    assert smoke_page.BEGIN in page
    assert smoke_page.END in page
