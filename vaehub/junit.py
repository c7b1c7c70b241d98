"""JUnit XML, which every CI shows: a suite of cases.

The dialect is that of Jenkins and GitLab (`testsuite`, `testcase`, `failure`, `skipped`). Knows
nothing of what was tested, and writes no files.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, NamedTuple
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Sequence

MARK = b"<testsuite"
"""What such a file has near its beginning."""
# What XML 1.0 has no way to write.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Case(NamedTuple):
    """One test case."""

    group: str
    """What CI systems call a class."""
    name: str
    outcome: Literal["passed", "failure", "skipped"] = "passed"
    message: str = ""
    """In a word or two, where it did not pass."""
    kind: str = ""
    """The same as a code."""
    lines: Sequence[str] = ()
    """The reasons; what there is to say of a case that passed."""
    seconds: float = 0.0


def suite(name: str, cases: Sequence[Case], *, seconds: float) -> str:
    """Give the XML of a suite.

    Args:
        name: Of the suite.
        cases: Its cases.
        seconds: What all of it took.
    """
    element = ET.Element("testsuite", name=name)
    for case in cases:
        _add(element, case)
    outcomes = [case.outcome for case in cases]
    element.set("tests", str(len(cases)))
    element.set("failures", str(outcomes.count("failure")))
    element.set("skipped", str(outcomes.count("skipped")))
    element.set("errors", "0")
    element.set("time", f"{seconds:.3f}")
    ET.indent(element)
    text = ET.tostring(element, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'


def _add(suite: ET.Element, case: Case) -> None:
    element = ET.SubElement(
        suite,
        "testcase",
        classname=_clean(case.group),
        name=_clean(case.name),
        time=f"{case.seconds:.3f}",
    )
    if case.outcome != "passed":
        said = ET.SubElement(element, case.outcome, message=_clean(case.message), type=case.kind)
    elif case.lines:
        said = ET.SubElement(element, "system-out")
    else:
        return
    said.text = _clean("\n".join(case.lines))


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)
