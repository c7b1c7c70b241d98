"""The reports of an audit for CI: JUnit and SARIF, read back as those that take them do."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urljoin, urlsplit
from xml.etree import ElementTree as ET

import pytest
from jsonschema import Draft202012Validator

from tests.provision.audits.box import Box, flip
from vaehub.junit import MARK as JUNIT_MARK
from vaehub.provision.findings import FINDINGS
from vaehub.provision.junit import junit
from vaehub.provision.sarif import MARK, sarif

if TYPE_CHECKING:
    from pathlib import Path

ODD = "ü 中 %41 #?.safetensors"


@pytest.fixture
def box(tmp_path: Path) -> Box:
    """A machine on which much is wrong."""
    box = Box(tmp_path)
    for name in ("one", "two", "three", "four"):
        box.add(name)
    box.want("one", "two", "three", "four")
    box.install("one", "two", "three", "four")
    box.add("more")
    box.install("more", to=box.web)
    flip(box.vae / "one.safetensors")  # and so the other one, to which it is linked
    (box.vae / "two.safetensors").unlink()
    (box.vae / "three.safetensors").rename(box.vae / "renamed.safetensors")
    (box.vae / ODD).write_bytes(b"12345")
    (box.vae / ".vaehub" / "four.safetensors.json").write_text("{")
    (box.comfy_vae / "dangling.safetensors").symlink_to("nowhere")
    box.said["vaes"] = ["one", "two", "three", "five", "six"]
    box.write()
    return box


# JUnit


def cases(box: Box, **options: Any) -> dict[tuple[str, str], str]:
    text = junit(box.audit(**options), seconds=1.5)
    assert JUNIT_MARK in text.encode()[:200]
    suite = ET.fromstring(text.encode())
    assert suite.attrib["name"] == "vaehub audit"
    assert suite.attrib["time"] == "1.500"
    found = {}
    for case in suite:
        outcome = "".join(one.tag for one in case)
        kind = "".join(one.attrib.get("type", "") for one in case)
        found[case.attrib["classname"], case.attrib["name"]] = f"{outcome} {kind}".strip()
    assert len(found) == int(suite.attrib["tests"])
    assert int(suite.attrib["failures"]) == sum(one.startswith("fail") for one in found.values())
    return found


def test_a_case_for_each_file_of_the_lock_and_for_each_other_finding(box: Box) -> None:
    assert cases(box) == {
        ("comfy", "models/vae/dangling.safetensors"): "system-out",
        ("comfy", "models/vae/four.safetensors"): "",
        ("comfy", "models/vae/one.safetensors"): "failure changed",
        ("comfy", "models/vae/three.safetensors"): "",
        ("comfy", "models/vae/two.safetensors"): "",
        ("lock", "five is in the manifest, not in the lock"): "failure not-locked",
        ("lock", "six is in the manifest, not in the lock"): "failure not-locked",
        ("lock", "four is in the lock, not in the manifest"): "failure not-wanted",
        ("web", f"models/VAE/{ODD}"): "failure foreign",
        ("web", "models/VAE/.vaehub/four.safetensors.json"): "system-out",
        ("web", "models/VAE/four.safetensors"): "system-out",
        ("web", "models/VAE/more.safetensors"): "failure extra",
        ("web", "models/VAE/one.safetensors"): "failure changed",
        ("web", "models/VAE/three.safetensors"): "failure renamed",
        ("web", "models/VAE/two.safetensors"): "failure missing",
    }


def test_a_foreign_file_that_is_allowed_is_no_case(box: Box) -> None:
    assert ("web", f"models/VAE/{ODD}") not in cases(box, allow_foreign=True)


def test_a_failure_says_what_is_wrong_and_what_to_do(box: Box) -> None:
    suite = ET.fromstring(junit(box.audit("web"), seconds=0).encode())
    [text] = [one.text for one in suite.iter("failure") if one.attrib["type"] == "missing"]
    assert text is not None
    first, second = text.splitlines()
    assert first.startswith("missing: two.safetensors is not there; expected 4,192 bytes with")
    assert second == "vaehub sync"


# SARIF


def _object(required: str, **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "required": required.split(),
        "additionalProperties": False,
        "properties": properties,
    }


TEXT = {"type": "string", "minLength": 1}
COUNT = {"type": "integer", "minimum": 0}
MESSAGE = _object("text", text=TEXT, markdown=TEXT)
LEVEL = {"enum": ["none", "note", "warning", "error"]}
LOCATION = _object("uri", uri={**TEXT, "pattern": r"^[!-~]+$"}, uriBaseId=TEXT)
# What the specification asks of the objects that we write, and of no other.
SHAPE = _object(
    "version runs",
    **{"$schema": {"pattern": r"^https://docs\.oasis-open\.org/sarif/.*schema-2\.1\.0\.json$"}},
    version={"const": "2.1.0"},
    runs={
        "type": "array",
        "items": _object(
            "tool",
            tool=_object(
                "driver",
                driver=_object(
                    "name",
                    name=TEXT,
                    version=TEXT,
                    semanticVersion={"pattern": r"^\d+\.\d+\.\d+"},
                    rules={
                        "type": "array",
                        "uniqueItems": True,
                        "items": _object(
                            "id",
                            id=TEXT,
                            name={"pattern": "^[A-Z][A-Za-z]+$"},
                            shortDescription=MESSAGE,
                            fullDescription=MESSAGE,
                            help=MESSAGE,
                            defaultConfiguration=_object("level", level=LEVEL),
                        ),
                    },
                ),
            ),
            automationDetails=_object("", id=TEXT),
            invocations={
                "type": "array",
                "items": _object(
                    "executionSuccessful", executionSuccessful={"type": "boolean"}, exitCode=COUNT
                ),
            },
            originalUriBaseIds={
                "type": "object",
                "additionalProperties": _object("uri", uri={"pattern": "^file:///[!-~]*/$"}),
            },
            columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
            results={
                "type": "array",
                "items": _object(
                    "message",
                    ruleId=TEXT,
                    ruleIndex=COUNT,
                    level=LEVEL,
                    message=MESSAGE,
                    locations={
                        "type": "array",
                        "minItems": 1,
                        "items": _object(
                            "physicalLocation",
                            physicalLocation=_object(
                                "artifactLocation",
                                artifactLocation=LOCATION,
                                region=_object(
                                    "startLine", startLine={"type": "integer", "minimum": 1}
                                ),
                            ),
                        ),
                    },
                    partialFingerprints={
                        "type": "object",
                        "additionalProperties": {"type": "string"},
                    },
                    properties={"type": "object"},
                ),
            },
        ),
    },
)


def log(box: Box, *to: str, **options: Any) -> dict[str, Any]:
    text = sarif(box.audit(*to, **options), lock=box.lock)
    assert MARK in text.encode()[:200]
    said = json.loads(text)
    Draft202012Validator(SHAPE).validate(said)
    [run] = said["runs"]
    assert isinstance(run, dict)
    return run


def test_each_finding_with_its_rule_its_level_and_its_place(box: Box) -> None:
    run = log(box)
    rules = run["tool"]["driver"]["rules"]
    found = set()
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        [location] = result["locations"]
        place = location["physicalLocation"]["artifactLocation"]
        found.add((result["level"], result["ruleId"], place["uriBaseId"], unquote(place["uri"])))
    assert found == {
        ("error", "changed", "comfy", "models/vae/one.safetensors"),
        ("error", "changed", "web", "models/VAE/one.safetensors"),
        ("error", "extra", "web", "models/VAE/more.safetensors"),
        ("error", "foreign", "web", f"models/VAE/{ODD}"),
        ("error", "missing", "web", "models/VAE/two.safetensors"),
        ("error", "renamed", "web", "models/VAE/three.safetensors"),
        ("error", "not-locked", "LOCK", "vaehub.yaml"),
        ("error", "not-wanted", "LOCK", "vaehub.lock"),
        ("note", "not-installed-by-vaehub", "web", "models/VAE/four.safetensors"),
        ("warning", "receipt-damaged", "web", "models/VAE/.vaehub/four.safetensors.json"),
        ("warning", "unreadable", "comfy", "models/vae/dangling.safetensors"),
    }
    assert run["invocations"] == [{"executionSuccessful": True, "exitCode": 9}]


def test_an_address_leads_to_the_file(box: Box) -> None:
    run = log(box)
    for result in run["results"]:
        [location] = result["locations"]
        place = location["physicalLocation"]["artifactLocation"]
        base = run["originalUriBaseIds"][place["uriBaseId"]]["uri"]
        path = unquote(urlsplit(urljoin(base, place["uri"])).path)
        gone = result["ruleId"] in {"missing", "renamed"}
        assert os.path.lexists(path) is not gone, path


def test_what_the_manifest_lacks_has_a_line(box: Box) -> None:
    result, _ = [one for one in log(box)["results"] if one["ruleId"] == "not-locked"]
    [location] = result["locations"]
    assert location["physicalLocation"]["region"] == {"startLine": 1}


def test_what_was_expected_and_what_is_there_are_properties(box: Box) -> None:
    [result] = [one for one in log(box, "web")["results"] if one["ruleId"] == "changed"]
    said = result["properties"]
    assert said["expectedSize"] == said["size"] == 4192
    assert said["expectedSha256"] != said["sha256"]
    assert (said["entry"], said["variant"]) == ("mine/one", "safetensors")


def test_the_rules_are_the_table_and_name_no_place(box: Box) -> None:
    driver = log(box)["tool"]["driver"]
    assert [rule["id"] for rule in driver["rules"]] == list(FINDINGS)
    assert str(box.folder) not in json.dumps(driver)
    assert not re.search(r'"/|file:', json.dumps(driver))
    levels = {rule["id"]: rule["defaultConfiguration"]["level"] for rule in driver["rules"]}
    assert {code for code, level in levels.items() if level == "error"} == {
        code for code, finding in FINDINGS.items() if finding.blocking
    }


def prints(run: dict[str, Any]) -> dict[str, str]:
    found = {}
    for result in run["results"]:
        [location] = result["locations"]
        place = location["physicalLocation"]["artifactLocation"]
        [print_] = result["partialFingerprints"].values()
        found[print_] = f"{result['ruleId']} {place['uri']}"
    assert len(found) == len(run["results"])
    return found


def test_a_finding_has_the_same_fingerprint_in_each_run_and_wherever_it_is(box: Box) -> None:
    first = log(box)
    assert log(box) == first
    before = prints(first)
    path = box.vae / "one.safetensors"
    path.chmod(0o644)
    path.write_bytes(b"changed again")
    (box.vae / "four.safetensors").unlink()
    after = prints(log(box))
    assert {before[one] for one in before.keys() - after.keys()} == {
        "not-installed-by-vaehub models/VAE/four.safetensors"
    }
    assert {after[one] for one in after.keys() - before.keys()} == {
        "missing models/VAE/four.safetensors"
    }


def test_targets_without_names_are_told_apart(box: Box) -> None:
    other = box.folder / "other"
    (other / "modules").mkdir(parents=True)
    for name in ("webui.py", "modules/sd_vae.py"):
        (other / name).touch()
    box.manifest.unlink()
    run = log(box, str(box.web), str(other))
    assert set(run["originalUriBaseIds"]) == {"LOCK", "automatic1111", "automatic1111-2"}
    prints(run)


def test_a_file_outside_the_target_has_its_whole_address(tmp_path: Path) -> None:
    box = Box(tmp_path)
    box.add("one")
    text = f"web:\n  base_path: {box.web}\n  is_default: true\n  vae: models/VAE\n"
    (box.comfy / "extra_model_paths.yaml").write_text(text, encoding="utf-8")
    box.vae.mkdir()
    box.want("one")
    [result] = log(box, "comfy")["results"]
    [location] = result["locations"]
    assert location["physicalLocation"]["artifactLocation"] == {
        "uri": (box.vae / "one.safetensors").as_uri()
    }


def test_nothing_wrong_is_a_run_without_results(tmp_path: Path) -> None:
    box = Box(tmp_path)
    box.add("one")
    box.want("one")
    box.install("one")
    run = log(box)
    assert run["results"] == []
    assert run["invocations"] == [{"executionSuccessful": True, "exitCode": 0}]


@pytest.mark.skipif(os.name != "posix", reason="names of any bytes")
def test_a_name_that_is_no_text_breaks_neither_report(box: Box) -> None:
    name = os.fsdecode(b"\xff\xfe.safetensors")
    try:
        (box.vae / name).write_bytes(b"12345")
    except OSError:
        pytest.skip("this file system takes no such names")
    found = box.audit()
    text = sarif(found, lock=box.lock)
    text.encode("utf-8")
    assert "models/VAE/%FF%FE.safetensors" in text
    ET.fromstring(junit(found, seconds=0).encode("utf-8"))
