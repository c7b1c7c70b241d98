"""The JUnit report, read back as a CI system does; without torch."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from vaehub.smoke.junit import junit
from vaehub.smoke.report import Advice, Decoded, Reason, SmokeReport

NAN = Reason("not-finite", "NaN from decoder.mid on", "damaged")
WORKS = SmokeReport(
    *("house", (Path("house.safetensors"),), ("0" * 64,), "mine/house", "works"),
    decoded=(
        Decoded("cpu", "fp32", "works", seconds=1.25),
        Decoded("cpu", "bf16", "works", seconds=0.5),
    ),
    seconds=2.0,
)


def cases(*reports: SmokeReport, asked: tuple[str, ...] = ()) -> list[tuple[str, str, str]]:
    """Give class, name and outcome of each case, and hold the counts against them."""
    suite = read(*reports, asked=asked)
    found = []
    for case in suite.findall("testcase"):
        outcomes = [child.tag for child in case]
        assert len(outcomes) <= 1
        found.append((case.attrib["classname"], case.attrib["name"], "".join(outcomes)))
    assert int(suite.attrib["tests"]) == len(found)
    assert int(suite.attrib["failures"]) == sum(one[2] == "failure" for one in found)
    assert int(suite.attrib["skipped"]) == sum(one[2] == "skipped" for one in found)
    assert suite.attrib["errors"] == "0"
    return found


def read(*reports: SmokeReport, asked: tuple[str, ...] = ()) -> ET.Element:
    suite = ET.fromstring(junit(reports, asked=asked).encode("utf-8"))
    assert suite.tag == "testsuite"
    return suite


def test_a_case_for_each_vae_and_precision() -> None:
    other = WORKS._replace(name="other", decoded=WORKS.decoded[:1])
    assert cases(WORKS, other) == [
        ("house", "cpu fp32", ""),
        ("house", "cpu bf16", ""),
        ("other", "cpu fp32", ""),
    ]
    suite = read(WORKS, other)
    assert [case.attrib["time"] for case in suite] == ["1.250", "0.500", "1.250"]
    assert suite.attrib["time"] == "4.000"


def test_nothing_tested_is_an_empty_suite() -> None:
    assert cases() == []


def test_a_failure_says_why_and_what_to_do() -> None:
    damaged = WORKS._replace(
        verdict="damaged",
        reasons=(Reason("prefix", "every name begins with vae."),),
        advice=(Advice("any", "install it again"),),
        decoded=(WORKS.decoded[0]._replace(verdict="damaged", reasons=(NAN,)),),
    )
    assert cases(damaged) == [("house", "cpu fp32", "failure")]
    [failure] = read(damaged).iter("failure")
    assert failure.attrib == {"message": "damaged", "type": "damaged"}
    assert failure.text is not None
    assert failure.text.splitlines() == [
        "not-finite: NaN from decoder.mid on",
        "prefix: every name begins with vae.",
        "any: install it again",
    ]


def test_what_was_never_decoded_is_one_case() -> None:
    report = WORKS._replace(
        verdict="not-a-vae", reasons=(Reason("unknown", "a LoRA", "not-a-vae"),), decoded=()
    )
    assert cases(report) == [("house", "file", "failure")]


def test_what_names_and_shapes_show_fails_though_every_decode_works() -> None:
    report = WORKS._replace(
        verdict="damaged", reasons=(Reason("changed", "other bytes", "damaged"),)
    )
    assert cases(report) == [
        ("house", "file", "failure"),
        ("house", "cpu fp32", ""),
        ("house", "cpu bf16", ""),
    ]


def test_what_cannot_be_tested_is_skipped_with_the_reason() -> None:
    refused = Decoded("cpu", "fp16", "untested", (Reason("unsupported", "minutes", "untested"),))
    assert cases(WORKS._replace(decoded=(*WORKS.decoded, refused)))[-1] == (
        *("house", "cpu fp16"),
        "skipped",
    )
    no_torch = WORKS._replace(
        verdict="untested", reasons=(Reason("no-torch", "no torch", "untested"),), decoded=()
    )
    assert cases(no_torch) == [("house", "file", "skipped")]
    [skipped] = read(no_torch).iter("skipped")
    assert skipped.text == "no-torch: no torch"


@pytest.mark.parametrize(("asked", "outcome"), [((), "skipped"), (("fp16",), "failure")])
def test_fp16_fails_only_where_the_exit_code_says_so_too(
    asked: tuple[str, ...], outcome: str
) -> None:
    report = WORKS._replace(
        verdict="not-in-fp16",
        decoded=(
            Decoded("cuda:0", "fp32", "not-in-fp16"),
            Decoded("cuda:0", "fp16", "not-in-fp16"),
        ),
    )
    assert [one[2] for one in cases(report, asked=asked)] == ["", outcome]
    assert report.has_failed(asked) == (outcome == "failure")


@pytest.mark.parametrize(
    "hostile",
    ['"><failure/>', "a & b <c>", "]]>", "\x1b[31mred\x1b[0m", "nul\0", "\ud800", "\ufffe", "中文"],
)
def test_no_name_and_no_message_breaks_the_report(hostile: str) -> None:
    report = WORKS._replace(
        name=hostile,
        verdict="damaged",
        decoded=(
            WORKS.decoded[0]._replace(
                verdict="damaged", reasons=(Reason("x", hostile, "damaged"),)
            ),
        ),
    )
    [case] = read(report).findall("testcase")
    [failure] = case
    allowed = hostile.encode("utf-8", "replace").decode().isprintable()
    if allowed and hostile.isascii():
        assert case.attrib["classname"] == hostile
        assert failure.text == f"x: {hostile}"
    assert "\x1b" not in case.attrib["classname"]
