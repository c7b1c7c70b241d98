"""``vaehub mirror``: what it says, in text and in JSON, and how it ends."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import DATA, OTHER, Run, locator
from tests.provision.mirrors.building import digest
from vaehub import provisioning
from vaehub.provision.manifest import manifest_of

if TYPE_CHECKING:
    from pathlib import Path

    from vaehub.loopback import LoopbackWorld


@pytest.fixture
def lock(
    tmp_path: Path, catalog: Path, world: LoopbackWorld, monkeypatch: pytest.MonkeyPatch
) -> Path:
    world.publish("huggingface", locator("house.safetensors"), DATA)
    world.publish("huggingface", locator("locked.safetensors"), OTHER)
    monkeypatch.chdir(tmp_path)
    return written(tmp_path, "house")


def written(folder: Path, *names: str) -> Path:
    asked = {"schema": 1, "vaes": list(names)}
    path = folder / "vaehub.lock"
    provisioning.lock_of(manifest_of(asked, path=folder / "vaehub.yaml"), path)
    return path


def test_it_says_what_it_has_made(run: Run, lock: Path, tmp_path: Path) -> None:
    ran = run("mirror", tmp_path / "srv")
    assert ran.code == 0
    assert "a mirror of 1 file" in ran.err
    assert f"sha256/{digest(DATA)}" in ran.err
    assert "VAEHUB_MIRRORS" in ran.err
    shutil.rmtree(tmp_path / "srv")
    assert "from the store, verified" in run("mirror", tmp_path / "srv").err
    assert "as it was before" in run("mirror", tmp_path / "srv").err
    assert run("mirror", tmp_path / "srv", "-q").err == ""


def test_json_has_each_file(run: Run, lock: Path, tmp_path: Path) -> None:
    said = run("mirror", tmp_path / "srv", "--lock", lock, "--json").json
    assert said["ok"]
    [result] = said["results"]
    assert result["folder"] == str(tmp_path / "srv")
    assert result["path"] == f"sha256/{digest(DATA)}"
    assert result["vaes"] == ["mine/house@safetensors"]
    assert result["status"] == "mirrored"
    assert result["changed"]
    assert result["licenses"] == [{"id": "MIT", "source": "https://example.org/license"}]
    [result] = run("mirror", tmp_path / "srv", "--json").json["results"]
    assert (result["status"], result["changed"], result["source"]) == ("present", False, None)


def test_pruning_is_told(run: Run, lock: Path, tmp_path: Path) -> None:
    run("mirror", tmp_path / "srv")
    (tmp_path / "other").mkdir()
    empty = written(tmp_path / "other")
    ran = run("mirror", tmp_path / "srv", "--lock", empty, "--prune")
    assert f"removed sha256/{digest(DATA)}" in ran.err
    assert not (tmp_path / "srv" / "sha256" / digest(DATA)).exists()


def test_a_license_that_asks_ends_it_with_5(
    run: Run, lock: Path, tmp_path: Path, world: LoopbackWorld
) -> None:
    written(tmp_path, "house", "locked")
    ran = run("mirror", tmp_path / "srv", "--json")
    assert ran.code == 5
    assert [problem["code"] for problem in ran.json["problems"]] == ["license-not-accepted"]
    assert [result["name"] for result in ran.json["results"]] == ["house.safetensors"]


def test_what_cannot_be_had_is_named(
    run: Run, lock: Path, tmp_path: Path, world: LoopbackWorld
) -> None:
    world.faults("huggingface").status(404)
    ran = run("mirror", tmp_path / "srv")
    assert ran.code == 5
    assert "vaehub: house.safetensors: its only source failed" in ran.err
    assert json.loads((tmp_path / "srv" / "index.json").read_text())["files"] == []


def test_without_a_lock_it_says_how_to_make_one(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = run("mirror", "srv")
    assert ran.code == 2
    assert "vaehub lock" in ran.err
    assert not (tmp_path / "srv").exists()


def test_a_file_of_the_users_ends_it_with_7(run: Run, lock: Path, tmp_path: Path) -> None:
    (tmp_path / "index.json").write_text("{}")
    ran = run("mirror", tmp_path)
    assert ran.code == 7
    assert (tmp_path / "index.json").read_text() == "{}"


def test_a_source_that_failed_before_another_one_served_is_told(
    run: Run, lock: Path, tmp_path: Path, world: LoopbackWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAEHUB_MIRRORS", world.mirror)  # which holds nothing
    said = run("mirror", tmp_path / "srv", "--json").json
    assert said["ok"]
    [problem] = [one for one in said["problems"] if one["code"] == "source-gone"]
    assert not problem["blocking"]
    assert world.mirror in problem["where"]
