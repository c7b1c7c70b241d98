"""A smoke test's report as JUnit XML, which every CI shows: one test case per VAE and precision.

The dialect is that of Jenkins and GitLab (`testsuite`, `testcase`, `failure`, `skipped`). Writes no
files.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from vaehub.smoke.report import CONDEMNED, WORDS

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from vaehub.smoke.report import Decoded, Reason, SmokeReport, Verdict

# What XML 1.0 has no way to write.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(reports: Sequence[SmokeReport], *, asked: Collection[str] = ()) -> str:
    """Give the XML of several reports.

    Args:
        reports: One for each VAE.
        asked: The precisions that were asked for by name: what cannot do in fp16 has failed only
            where fp16 is among them, as for the exit code.
    """
    suite = ET.Element("testsuite", name="vaehub smoke")
    failures = skipped = count = 0
    for report in reports:
        # What names and shapes show already concerns every precision; there may be no decode.
        cases: Sequence[Decoded | SmokeReport] = report.decoded or [report]
        if report.condemned and not any(one.verdict in CONDEMNED for one in report.decoded):
            cases = [report, *report.decoded]
        for case in cases:
            count += 1
            element = _case(suite, report, case)
            if _has_failed(case, asked):
                failures += 1
                reasons = dict.fromkeys((*case.reasons, *report.reasons))
                _say(element, "failure", case.verdict, (*reasons, *_advice(report)))
            elif case.verdict == "untested" or getattr(case, "failed", False):
                skipped += 1
                _say(element, "skipped", case.verdict, case.reasons)
    suite.set("tests", str(count))
    suite.set("failures", str(failures))
    suite.set("skipped", str(skipped))
    suite.set("errors", "0")
    suite.set("time", f"{sum(report.seconds for report in reports):.3f}")
    ET.indent(suite)
    text = ET.tostring(suite, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'


def _has_failed(case: Decoded | SmokeReport, asked: Collection[str]) -> bool:
    return case.verdict in CONDEMNED or (getattr(case, "failed", False) and "fp16" in asked)


def _case(suite: ET.Element, report: SmokeReport, case: Decoded | SmokeReport) -> ET.Element:
    where = [str(getattr(case, key)) for key in ("device", "dtype") if hasattr(case, key)]
    name = " ".join(where) or "file"
    return ET.SubElement(
        suite,
        "testcase",
        classname=_clean(report.name),
        name=_clean(name),
        time=f"{case.seconds:.3f}",
    )


def _say(element: ET.Element, tag: str, verdict: Verdict, reasons: Sequence[Reason | str]) -> None:
    said = ET.SubElement(element, tag, message=WORDS[verdict], type=verdict)
    lines = [one if isinstance(one, str) else f"{one.code}: {one.message}" for one in reasons]
    said.text = _clean("\n".join(lines))


def _advice(report: SmokeReport) -> list[str]:
    return [f"{advice.ui}: {advice.what}" for advice in report.advice]


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("�", text)
