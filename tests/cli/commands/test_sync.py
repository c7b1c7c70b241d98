"""``vaehub sync``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import DATA, OTHER, locator
from tests.trees import snapshot
from vaehub.loopback import LoopbackWorld, samples

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.conftest import Run

MANIFEST = """\
schema: 1
vaes: [house]
targets:
  webui: {ui: automatic1111, path: webui}
  comfy: {ui: comfyui, path: comfy}
"""


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, catalog: Path) -> Iterator[LoopbackWorld]:
    with LoopbackWorld() as world:
        world.publish("huggingface", locator("house.safetensors"), DATA)
        world.publish("huggingface", locator("locked.safetensors"), OTHER)
        for name, value in world.environment().items():
            monkeypatch.setenv(name, value)
        yield world


@pytest.fixture
def box(tmp_path: Path, world: LoopbackWorld, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a manifest and its two UIs, which is the working directory."""
    samples.tree(tmp_path / "box" / "webui", "automatic1111")
    samples.tree(tmp_path / "box" / "comfy", "comfyui")
    (tmp_path / "box" / "vaehub.yaml").write_text(MANIFEST)
    monkeypatch.chdir(tmp_path / "box")
    return tmp_path / "box"


def test_it_says_what_was_done_and_then_that_nothing_is_to_do(run: Run, box: Path) -> None:
    ran = run("sync")
    assert (ran.code, ran.out) == (0, "")
    lines = ran.err.splitlines()
    assert "vaehub.lock was made anew" in lines
    assert f"webui: {box / 'webui'} (automatic1111)" in lines
    assert sum(line.startswith("house ") and line.endswith("installed") for line in lines) == 2
    assert run("sync").err.splitlines() == [
        f"comfy: {box / 'comfy'} (comfyui) is as the lock says: 1 VAE",
        f"webui: {box / 'webui'} (automatic1111) is as the lock says: 1 VAE",
    ]
    assert run("sync", "-q").err == ""


def test_json(run: Run, box: Path) -> None:
    said = run("sync", "--json").json
    assert said["ok"]
    assert [(one["name"], one["layout"], one["status"]) for one in said["results"]] == [
        ("comfy", "comfyui", "installed"),
        ("webui", "automatic1111", "installed"),
    ]
    [file] = said["results"][1]["files"]
    assert file["path"] == str(box / "webui" / "models" / "VAE" / "house.safetensors")
    again = run("sync", "--json").json
    assert [(one["status"], one["changed"]) for one in again["results"]] == [("present", False)] * 2


def test_a_dry_run_writes_nothing(run: Run, box: Path) -> None:
    before = snapshot(box)
    said = run("sync", "--dry-run", "--json").json
    assert {one["status"] for one in said["results"]} == {"planned"}
    assert snapshot(box) == before
    assert "would be fetched" in run("sync", "--dry-run").err


def test_frozen_ends_with_9(run: Run, box: Path) -> None:
    ran = run("sync", "--frozen")
    assert ran.code == 9
    assert "vaehub lock" in ran.err
    assert run("sync").code == 0
    assert run("sync", "--frozen").code == 0
    (box / "vaehub.yaml").write_text(MANIFEST.replace("[house]", "[house, locked]"))
    ran = run("sync", "--frozen", "--json")
    assert (ran.code, ran.json["problems"][0]["code"]) == (9, "drift")


def test_what_is_extra_goes_and_what_is_damaged_is_mended(run: Run, box: Path) -> None:
    run("sync")
    models = box / "webui" / "models" / "VAE"
    house = models / "house.safetensors"
    house.chmod(0o644)
    house.write_bytes(DATA[:77])
    (box / "vaehub.yaml").write_text(MANIFEST.replace("[house]", "[house]\n# and no more"))
    ran = run("sync")
    assert ran.code == 0
    assert f"what stood at {house} was damaged; it is now" in ran.err
    (box / "vaehub.yaml").write_text(MANIFEST.replace("[house]", "[]"))
    said = run("sync", "--json").json
    assert [one["status"] for one in said["results"]] == ["removed", "removed"]
    assert not house.exists()


def test_a_partial_report_and_the_exit_code_of_what_failed(
    run: Run, box: Path, world: LoopbackWorld
) -> None:
    world.reset()
    (box / "vaehub.yaml").write_text(MANIFEST.replace("[house]", "[house, locked]"))
    ran = run("sync", "--json")
    assert ran.code == 5
    assert {one["id"] for one in ran.json["results"]} == {"house"}
    codes = [problem["code"] for problem in ran.json["problems"]]
    assert (
        "license-not-accepted" in codes
        or "login-required" in codes
        or "no-source-delivered" in codes
    )


def test_a_wrong_manifest_names_file_and_line(run: Run, box: Path) -> None:
    (box / "vaehub.yaml").write_text(MANIFEST.replace("vaes:", "vae:"))
    ran = run("sync")
    assert ran.code == 2
    assert "vaehub.yaml:2" in ran.err


def test_the_only_mistake_is_told_once_and_has_its_own_code(run: Run, box: Path) -> None:
    (box / "vaehub.yaml").write_text(MANIFEST.replace("comfyui", "comfy"))
    assert run("sync").err.count("targets.comfy.ui") == 1
    assert run("sync", "--json").json["problems"][1]["code"] == "schema-value"


def test_offline_is_told_as_what_it_is(run: Run, box: Path) -> None:
    ran = run("sync", "--offline")
    assert ran.code == 5
    assert "leave --offline out" in ran.err


def test_a_folder_with_neither_says_how_to_begin(
    run: Run, catalog: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = run("sync")
    assert ran.code == 2
    assert "vaehub lock" in ran.err
