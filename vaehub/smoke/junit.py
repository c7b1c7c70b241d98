"""A smoke test's report as JUnit XML: one test case per VAE and precision. Writes no files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaehub.junit import Case, suite
from vaehub.smoke.report import CONDEMNED, WORDS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from vaehub.smoke.report import Decoded, Reason, SmokeReport


def junit(reports: Sequence[SmokeReport], *, asked: Collection[str] = ()) -> str:
    """Give the XML of several reports.

    Args:
        reports: One for each VAE.
        asked: The precisions that were asked for by name: what cannot do in fp16 has failed only
            where fp16 is among them, as for the exit code.
    """
    cases = [case for report in reports for case in _cases(report, asked)]
    return suite("vaehub smoke", cases, seconds=sum(report.seconds for report in reports))


def _cases(report: SmokeReport, asked: Collection[str]) -> Iterator[Case]:
    # What names and shapes show already concerns every precision; there may be no decode.
    found: Sequence[Decoded | SmokeReport] = report.decoded or [report]
    if report.condemned and not any(one.verdict in CONDEMNED for one in report.decoded):
        found = [report, *report.decoded]
    for one in found:
        where = [str(getattr(one, key)) for key in ("device", "dtype") if hasattr(one, key)]
        case = Case(report.name, " ".join(where) or "file", seconds=one.seconds)
        said = case._replace(message=WORDS[one.verdict], kind=one.verdict)
        if _has_failed(one, asked):
            reasons = _lines(tuple(dict.fromkeys((*one.reasons, *report.reasons))))
            yield said._replace(outcome="failure", lines=(*reasons, *_advice(report)))
        elif one.verdict == "untested" or getattr(one, "failed", False):
            yield said._replace(outcome="skipped", lines=_lines(one.reasons))
        else:
            yield case


def _has_failed(case: Decoded | SmokeReport, asked: Collection[str]) -> bool:
    return case.verdict in CONDEMNED or (getattr(case, "failed", False) and "fp16" in asked)


def _lines(reasons: Sequence[Reason]) -> list[str]:
    return [f"{one.code}: {one.message}" for one in reasons]


def _advice(report: SmokeReport) -> list[str]:
    return [f"{advice.ui}: {advice.what}" for advice in report.advice]
