"""``vaehub audit``."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from tests import killing
from tests.cli.conftest import ROOT, run_process
from tests.cli.test_imports import imported_by
from tests.provision.audits.box import Box, digest, flip

if TYPE_CHECKING:
    from tests.cli.conftest import Run


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Box:
    """A machine that is as its lock has it, and the working directory there."""
    box = Box(tmp_path)
    box.add("one")
    box.want("one")
    box.install("one")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VAEHUB_STORE", str(box.store.root))
    return box


def test_a_table_for_each_target(run: Run, box: Box) -> None:
    ran = run("audit")
    assert ran.code == 0
    assert ran.out == ""
    assert ran.err.splitlines() == [
        f"{box.comfy} (comfy)",
        "file             in the lock as           size  state",
        "one.safetensors  mine/one@safetensors  4.19 kB  ok",
        f"{box.web} (web)",
        "file             in the lock as           size  state",
        "one.safetensors  mine/one@safetensors  4.19 kB  ok",
    ]


def test_what_is_wrong_is_told_and_is_9(run: Run, box: Box) -> None:
    (box.vae / "one.safetensors").unlink()
    (box.vae / "mine.safetensors").write_bytes(b"12345")
    ran = run("audit", "--to", "web")
    assert ran.code == 9
    lines = ran.err.splitlines()
    assert lines[2].split() == ["one.safetensors", "mine/one@safetensors", "-", "missing"]
    assert lines[3].split() == ["mine.safetensors", "-", "5", "B", "foreign"]
    assert f"vaehub: {box.vae / 'one.safetensors'}: one.safetensors is not there" in ran.err
    assert "hint: vaehub sync" in ran.err
    quiet = run("audit", "--to", "web", "--quiet")
    assert quiet.code == 9
    assert "state" not in quiet.err
    assert "one.safetensors is not there" in quiet.err


def test_quick_and_deep(run: Run, box: Box) -> None:
    flip(box.vae / "one.safetensors")
    assert run("audit", "--quick").code == 0
    assert run("audit").code == 9


def test_foreign_models_that_are_allowed(run: Run, box: Box) -> None:
    (box.vae / "mine.safetensors").write_bytes(b"12345")
    assert run("audit").code == 9
    ran = run("audit", "--allow-foreign")
    assert ran.code == 0
    assert ran.err.splitlines()[-1] == "1 foreign file, which the policy allows"


def test_a_lock_without_anything(run: Run, box: Box) -> None:
    box.want()
    box.manifest.unlink()
    ran = run("audit", "--to", f"comfy={box.comfy}")
    assert ran.code == 9, "what vaehub placed there is too much"
    ran = run("audit", "--to", str(box.folder / "empty"))
    assert (ran.code, ran.err) == (0, f"the lock names nothing for {box.folder / 'empty'}\n")


def test_json(run: Run, box: Box) -> None:
    flip(box.vae / "one.safetensors")
    ran = run("audit", "--to", "web", "--json")
    assert ran.code == 9
    said = ran.json
    assert (said["command"], said["ok"]) == ("audit", False)
    assert [one["code"] for one in said["problems"]] == ["changed"]
    data = box.data["one.safetensors"]
    got = digest((box.vae / "one.safetensors").read_bytes())
    assert said["results"] == [
        {
            "target": str(box.web),
            "name": "web",
            "layout": "automatic1111",
            "path": str(box.vae / "one.safetensors"),
            "id": "one",
            "entry": "mine/one",
            "variant": "safetensors",
            "sha256": digest(data),
            "size": len(data),
            "converted": False,
            "got": {"sha256": got, "size": len(data)},
            "ok": False,
            "state": "changed",
        }
    ]


def test_json_of_what_the_lock_does_not_name(run: Run, box: Box) -> None:
    box.add("two")
    box.install("two", to=box.web)
    (box.vae / "mine.safetensors").write_bytes(b"12345")
    extra, foreign = run("audit", "--to", "web", "--json").json["results"][1:]
    assert (extra["state"], extra["entry"], extra["id"]) == ("extra", "mine/two", None)
    assert (foreign["state"], foreign["entry"], foreign["sha256"]) == ("foreign", None, None)
    assert foreign["got"] == {"sha256": None, "size": 5}


def test_reports(run: Run, box: Box) -> None:
    flip(box.vae / "one.safetensors")
    reports = box.folder / "reports"
    for _ in range(2):  # the second run writes over its own
        ran = run("audit", "--junit", reports / "a.xml", "--sarif", reports / "a.sarif")
        assert ran.code == 9
    suite = ET.parse(reports / "a.xml").getroot()
    assert (suite.attrib["tests"], suite.attrib["failures"]) == ("2", "2")
    [said] = json.loads((reports / "a.sarif").read_text(encoding="utf-8"))["runs"]
    assert [one["ruleId"] for one in said["results"]] == ["changed"] * 2
    assert sorted(path.name for path in reports.iterdir()) == ["a.sarif", "a.xml"]


@pytest.mark.parametrize("option", ["--junit", "--sarif"])
def test_a_report_takes_the_place_of_no_model(run: Run, box: Box, option: str) -> None:
    path = box.comfy_vae / "one.safetensors"
    (box.vae / "one.safetensors").unlink()
    ran = run("audit", option, path)
    assert ran.code == 7
    assert f"name another file with {option}" in ran.err
    assert "one.safetensors is not there" in ran.err, "what was found is told all the same"
    assert path.read_bytes() == box.data["one.safetensors"]


def test_the_lock_is_held_against_the_manifest(run: Run, box: Box) -> None:
    box.said["vaes"] = ["one", "two"]
    box.write()
    ran = run("audit")
    assert ran.code == 9
    assert "two is in the manifest, not in the lock" in ran.err
    assert "hint: vaehub lock" in ran.err


def test_mistakes(run: Run, box: Box) -> None:
    assert run("audit", "--to", "nowhere=x").code == 2
    assert run("audit", "--manifest", "no.yaml").code == 2
    box.lock.unlink()
    ran = run("audit")
    assert ran.code == 2
    assert "there is no lock vaehub.lock" in ran.err


@pytest.mark.skipif(os.name != "posix", reason="names of any bytes")
def test_a_name_that_is_no_text_is_told_all_the_same(box: Box) -> None:
    try:
        (box.vae / os.fsdecode(b"\xff.safetensors")).write_bytes(b"12345")
    except OSError:
        pytest.skip("this file system takes no such names")
    for arguments in ((), ("--json",)):
        assert run_process("audit", *arguments).returncode == 9


def test_what_an_audit_imports(box: Box) -> None:
    slow = {"torch", "numpy", "requests", "click", "http.client", "concurrent.futures"}
    ours = {"vaehub.provision.sarif", "vaehub.junit", "vaehub.weights"}
    assert imported_by("audit", "--quick") & (slow | ours) == set()
    box.manifest.unlink()
    found = imported_by("audit", "--quick", "--to", str(box.web))
    assert found & (slow | ours | {"yaml", "jsonschema", "zipfile"}) == set()


def test_a_killed_audit_leaves_everything_as_it_was(box: Box) -> None:
    flip(box.vae / "one.safetensors")
    (box.vae / "mine.safetensors").write_bytes(b"12345")
    report = box.folder / "a.sarif"
    report.write_text("")
    arguments = ["audit", "--sarif", str(report)]
    environment = {name: value for name, value in os.environ.items() if name != "PATH"}
    watched = (box.web, box.comfy)

    def now() -> list[tuple[object, ...]]:
        paths = [path for root in watched for path in sorted(root.rglob("*"))]
        stats = [(path, path.lstat()) for path in paths]
        return [(path, stat.st_mode, stat.st_ino, stat.st_size) for path, stat in stats]

    before = now()
    ran = killing.run(arguments, environment=environment, cwd=box.folder)
    assert ran.returncode == 9
    whole = report.read_bytes()
    count = int(ran.stderr.rpartition("events: ")[2])
    assert count
    for at in range(1, count + 1):
        report.write_text("")
        ran = killing.run(arguments, environment=environment, cwd=box.folder, kill_at=at)
        assert ran.returncode == -signal.SIGKILL
        assert now() == before
        assert report.read_bytes() in {b"", whole}


@pytest.mark.skipif(sys.platform != "linux", reason="tells by /proc what is being read")
def test_an_interrupt_is_130_and_does_not_wait(box: Box) -> None:
    box.add("large")
    path = box.vae / "large.safetensors"
    box.want("one", "large")
    path.touch()
    said = json.loads(box.lock.read_text())
    for vae in said["vaes"]:
        if vae["name"] == "large":
            vae["artifacts"][0]["size"] = 1 << 40
    box.lock.write_text(json.dumps(said))
    os.truncate(path, 1 << 40)  # a hole: nothing on the disk, and an hour to read
    process = subprocess.Popen(
        [sys.executable, "-m", "vaehub", "audit", "--to", "web"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    )
    opened = Path(f"/proc/{process.pid}/fd")
    try:
        while path not in {Path(os.path.realpath(one)) for one in opened.iterdir()}:
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "interrupted" in told
