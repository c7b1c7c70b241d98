"""``vaehub lock --from-folder``, ``--from-workflow``, ``--from-settings``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import DATA
from tests.provision.importing import samples
from tests.targets import uis
from tests.trees import snapshot

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Run


@pytest.fixture
def here(tmp_path: Path, catalog: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "here"
    (folder / "heap").mkdir(parents=True)
    (folder / "heap" / "orangemix.vae.pt").write_bytes(DATA)
    (folder / "heap" / "own.safetensors").write_bytes(b"own")
    nodes = [samples.loader(7, "house.safetensors"), samples.loader(8, "sdxl_vae.safetensors")]
    (folder / "w.json").write_text(json.dumps(samples.ui_workflow(*nodes)), encoding="utf-8")
    monkeypatch.chdir(folder)
    return folder


def test_it_says_what_was_recognised_and_what_was_not(run: Run, here: Path) -> None:
    ran = run("lock", "--from-folder", "heap", "--from-workflow", "w.json")

    assert (ran.code, ran.out) == (0, "")
    lines = ran.err.splitlines()
    at = lines.index("mine/house: orangemix.vae.pt, by its sha256")
    assert lines[at : at + 3] == [
        "mine/house: orangemix.vae.pt, by its sha256",
        "    from heap/orangemix.vae.pt, w.json, node 7 VAELoader",
        "made vaehub.yaml: 1 VAE",
    ]
    assert "wrote vaehub.lock: 1 VAE" in lines
    assert (
        "vaehub: note: w.json, node 8 VAELoader: sdxl_vae.safetensors may be sdxl-vae or "
        "sdxl-vae-fp16-fix: its name fits 2 files"
    ) in lines
    assert any("own.safetensors (3 B, sha256 " in line for line in lines)
    assert (here / "vaehub.yaml").read_text(encoding="utf-8").splitlines()[-1] == (
        "  - mine/house  # from heap/orangemix.vae.pt, and 1 more"
    )
    again = run("lock", "--from-folder", "heap").err
    assert "vaehub.yaml names all of them already" in again
    assert "vaehub.lock is up to date: 1 VAE" in again


def test_json(run: Run, here: Path) -> None:
    uis.grow(here / "ui", uis.COMFYUI)
    (here / "ui" / "models" / "vae" / "a.safetensors").write_bytes(DATA)
    ran = run("lock", "--json", "--from-folder", "ui", "--from-workflow", "w.json")

    assert ran.code == 0
    assert ran.json["ok"]
    (result,) = ran.json["results"]
    assert result["written"]
    assert result["manifest_written"]
    assert result["added"] == [{"name": "mine/house", "targets": []}]
    assert result["targets"] == {"comfyui": {"ui": "comfyui", "path": "ui"}}
    assert [(item["file"], item["by"], item["entry"]) for item in result["recognised"]] == [
        ("a.safetensors", "sha256", "mine/house")
    ]
    assert [item["file"] for item in result["unsure"]] == ["sdxl_vae.safetensors"]
    assert result["unknown"] == []
    (problem,) = ran.json["problems"]
    assert (problem["code"], problem["blocking"]) == ("not-sure", False)
    assert problem["hint"] == (
        "say which one it is: vaehub add sdxl-vae, or vaehub add sdxl-vae-fp16-fix"
    )


def test_strict_makes_problems_of_what_is_left(run: Run, here: Path) -> None:
    before = snapshot(here)
    ran = run("lock", "--json", "--strict", "--from-folder", "heap", "--from-workflow", "w.json")

    assert ran.code == 4
    assert [(problem["code"], problem["blocking"]) for problem in ran.json["problems"]] == [
        ("not-sure", True),
        ("not-recognised", True),
        ("entry-not-found", True),
    ]
    assert "2 of 3 cannot be taken" in ran.json["problems"][-1]["message"]
    assert [item["file"] for item in ran.json["results"][0]["recognised"]] == ["orangemix.vae.pt"]
    assert snapshot(here) == before


def test_nothing_recognised_is_nothing_to_lock(run: Run, here: Path) -> None:
    (here / "heap" / "orangemix.vae.pt").unlink()
    before = snapshot(here)
    ran = run("lock", "--from-folder", "heap")

    assert ran.code == 4
    assert "there is nothing to lock" in ran.err
    assert snapshot(here) == before


def test_check_in_ci(run: Run, here: Path) -> None:
    before = snapshot(here)
    ran = run("lock", "--check", "--from-folder", "heap")
    assert ran.code == 9
    assert "vaehub.yaml does not name all that was recognised" in ran.err
    assert snapshot(here) == before

    run("lock", "--from-folder", "heap")
    assert run("lock", "--check", "--from-folder", "heap").code == 0
    (here / "vaehub.lock").unlink()
    ran = run("lock", "--check", "--from-folder", "heap")
    assert ran.code == 9
    assert "there is no lock" in ran.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--strict",), "goes with --from-folder"),
        (("--schema", "--from-folder", "heap"), "goes with no other option"),
        (("--from-workflow", "heap/own.safetensors"), "is neither JSON nor a PNG"),
        (("--from-settings", "w.json", "--from-workflow", "nowhere"), "cannot read"),
    ],
)
def test_what_makes_no_sense_is_usage(
    run: Run, here: Path, arguments: tuple[str, ...], said: str
) -> None:
    ran = run("lock", *arguments)

    assert ran.code == 2
    assert said in ran.err


def test_no_secret_of_an_address_is_told(run: Run, here: Path) -> None:
    model = {
        "name": "house.safetensors",
        "url": "https://user:pw@example.org/x?token=hf_secretsecret",
        "directory": "vae",
        "hash": "f" * 64,
    }
    nodes = [samples.loader(7, "house.safetensors", models=[model])]
    (here / "w.json").write_text(json.dumps(samples.ui_workflow(*nodes)), encoding="utf-8")
    said = ""
    for more in ((), ("--json",), ("-v",)):
        ran = run("lock", "--from-folder", "heap", "--from-workflow", "w.json", *more)
        said += ran.out + ran.err
    for path in (here / "vaehub.yaml", here / "vaehub.lock"):
        said += path.read_text(encoding="utf-8")

    assert "house" in said
    assert "secretsecret" not in said
    assert "pw@" not in said
