"""JUnit XML, read back as a CI system does; what a smoke test makes of it: tests/smoke."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from vaehub.junit import MARK, Case, suite

CASES = (
    Case("a", "passed", seconds=1.5),
    Case("a", "said", lines=("a word",)),
    Case("b", "failed", "failure", "wrong", "code", ("why", "what to do")),
    Case("b", "skipped", "skipped", "untested", "no-torch", ("no torch",)),
)


def test_what_became_of_each_case() -> None:
    text = suite("vaehub", CASES, seconds=2)
    assert MARK in text.encode()[:100]
    element = ET.fromstring(text.encode())
    assert element.attrib == {
        "name": "vaehub",
        "tests": "4",
        "failures": "1",
        "skipped": "1",
        "errors": "0",
        "time": "2.000",
    }
    passed, said, failed, skipped = element
    assert passed.attrib == {"classname": "a", "name": "passed", "time": "1.500"}
    assert list(passed) == []
    assert [(one.tag, one.text) for one in said] == [("system-out", "a word")]
    assert [(one.tag, one.attrib, one.text) for one in failed] == [
        ("failure", {"message": "wrong", "type": "code"}, "why\nwhat to do")
    ]
    assert [(one.tag, one.text) for one in skipped] == [("skipped", "no torch")]


@given(st.text(), st.text(), st.text())
def test_no_text_breaks_it(group: str, name: str, line: str) -> None:
    text = suite("vaehub", [Case(group, name, "failure", line, "code", (line,))], seconds=0)
    element = ET.fromstring(text.encode())
    assert [one.tag for one in element.iter()] == ["testsuite", "testcase", "failure"]
