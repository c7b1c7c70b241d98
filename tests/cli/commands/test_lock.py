"""``vaehub lock``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from jsonschema import Draft202012Validator

from tests import builders
from tests.cli.conftest import DATA, OTHER, locator, source
from tests.cli.test_imports import imported_by
from vaehub.loopback import LoopbackWorld
from vaehub.settings import TOKEN_VARIABLES

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Run

MANIFEST = "schema: 1\nvaes:\n  - house\n  - mine/locked\n"


@pytest.fixture
def box(tmp_path: Path, catalog: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "box"
    folder.mkdir()
    (folder / "vaehub.yaml").write_text(MANIFEST, encoding="utf-8")
    monkeypatch.chdir(folder)
    return folder


def short(data: bytes) -> str:
    return str(builders.artifact("x", data, [])["sha256"])[:12]


def test_it_says_what_came_went_and_changed(run: Run, box: Path, catalog: Path) -> None:
    ran = run("lock")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == (
        "+ mine/house@safetensors (house)\n"
        f"    house.safetensors: sha256 {short(DATA)}\n"
        "+ mine/locked@safetensors\n"
        f"    locked.safetensors: sha256 {short(OTHER)}\n"
        "wrote vaehub.lock: 2 VAEs\n"
    )
    written = (box / "vaehub.lock").read_bytes()
    ran = run("lock")
    assert (ran.code, ran.err) == (0, "vaehub.lock is up to date: 2 VAEs\n")
    assert (box / "vaehub.lock").read_bytes() == written
    entries = json.loads(catalog.read_text(encoding="utf-8"))["entries"]
    del entries["locked"]
    new = builders.safetensors_bytes(seed=3)
    entries["house"] = builders.entry({"house.safetensors": (new, [source("house.safetensors")])})
    builders.write_catalog(catalog, entries)
    (box / "vaehub.yaml").write_text(MANIFEST.replace("  - mine/locked\n", ""), encoding="utf-8")
    assert run("lock").err == (
        "~ mine/house@safetensors (house)\n"
        f"    house.safetensors: sha256 {short(DATA)} is {short(new)} now\n"
        "- mine/locked@safetensors\n"
        f"    locked.safetensors: was sha256 {short(OTHER)}\n"
        "  the catalog mine is another version now\n"
        "rewrote vaehub.lock: 1 VAE\n"
    )


def test_a_check_writes_nothing_and_ends_with_9(run: Run, box: Path) -> None:
    ran = run("lock", "--check")
    assert ran.code == 9
    assert "there is no lock vaehub.lock\n  hint: run `vaehub lock`" in ran.err
    assert "nothing was written: --check" in ran.err
    assert not (box / "vaehub.lock").exists()
    run("lock")
    before = (box / "vaehub.lock").read_bytes()
    assert run("lock", "--check").code == 0
    (box / "vaehub.yaml").write_text(MANIFEST + "policy: {foreign: allow}\n", encoding="utf-8")
    ran = run("lock", "--check")
    assert ran.code == 9
    assert "  the policy changed\n" in ran.err
    assert "vaehub.lock is not what the manifest and the catalogs mean now" in ran.err
    assert (box / "vaehub.lock").read_bytes() == before


def test_json(run: Run, box: Path) -> None:
    ran = run("lock", "--json")
    assert (ran.code, ran.err) == (0, "")
    (found,) = ran.json["results"]
    assert {key: found[key] for key in ("lock", "changed", "written", "around")} == {
        "lock": "vaehub.lock",
        "changed": True,
        "written": True,
        "around": [],
    }
    assert [(vae["name"], vae["entry"], vae["variant"]) for vae in found["vaes"]] == [
        ("house", "mine/house", "safetensors"),
        ("mine/locked", "mine/locked", "safetensors"),
    ]
    sha256 = builders.artifact("x", DATA, [])["sha256"]
    assert found["changes"][0] == {
        "kind": "added",
        "name": "house",
        "entry": "mine/house",
        "variant": "safetensors",
        "files": [{"file": "house.safetensors", "before": None, "after": sha256}],
        "what": [],
    }
    (box / "vaehub.lock").unlink()
    ran = run("lock", "--check", "--json")
    assert (ran.code, ran.json["ok"]) == (9, False)
    assert ran.json["results"][0]["written"] is False
    assert [problem["code"] for problem in ran.json["problems"]] == ["drift"]


def test_a_vae_in_two_variants_is_one(run: Run, box: Path, catalog: Path) -> None:
    two = builders.entry({"house.safetensors": (DATA, [source("house.safetensors")])})
    two["variants"]["safetensors"]["layout"] = "diffusers"
    other = builders.artifact("other.safetensors", OTHER, [source("other.safetensors")])
    two["variants"]["ldm"] = {"layout": "ldm", "artifacts": [other]}
    builders.write_catalog(catalog, {"two": two})
    text = "schema: 1\nvaes: [two]\ntargets: {a: {ui: forge}, b: {ui: comfyui}}\n"
    (box / "vaehub.yaml").write_text(text, encoding="utf-8")
    ran = run("lock", "--json")
    assert [vae["variant"] for vae in ran.json["results"][0]["vaes"]] == ["ldm", "safetensors"]
    assert run("lock").err == "vaehub.lock is up to date: 1 VAE\n"


def test_other_places(run: Run, box: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = tmp_path / "other" / "fleet.yaml"
    other.write_text(MANIFEST, encoding="utf-8")
    assert run("lock", "--manifest", other).code == 0
    assert (tmp_path / "other" / "vaehub.lock").is_file()
    assert run("lock", "--lock", tmp_path / "x.lock").code == 0
    assert (tmp_path / "x.lock").read_bytes() == (tmp_path / "other" / "vaehub.lock").read_bytes()


@pytest.mark.parametrize(
    ("manifest", "code", "said"),
    [
        ("schema: 1\n", 2, "vaehub.yaml:1: lacks vaes"),
        ("schema: 1\nvaes: [hous]\n", 4, "vaehub.yaml:2: no VAE is called 'hous'"),
        ("schema: 1\nvaes: [house]\npolicy: {hosts: [civitai]}\n", 2, "is on huggingface alone"),
    ],
)
def test_what_is_wrong_has_its_exit_code(
    run: Run, box: Path, manifest: str, code: int, said: str
) -> None:
    (box / "vaehub.yaml").write_text(manifest, encoding="utf-8")
    ran = run("lock")
    assert ran.code == code
    assert said in ran.err
    assert not (box / "vaehub.lock").exists()


def test_no_manifest_says_how_to_begin(run: Run, box: Path) -> None:
    (box / "vaehub.yaml").unlink()
    ran = run("lock")
    assert ran.code == 2
    assert "there is no manifest vaehub.yaml\n  hint: `vaehub add NAME` begins one" in ran.err


def test_the_schema_is_for_editors(run: Run) -> None:
    ran = run("lock", "--schema")
    assert ran.code == 0
    schema = json.loads(ran.out)
    Draft202012Validator.check_schema(schema)
    # It refers to nothing outside itself: this would fail to resolve.
    Draft202012Validator(schema).validate(
        {"schema": 1, "vaes": ["x"], "policy": {"mirrors": ["https://a"]}}
    )
    assert run("lock", "--schema", "--json").json["results"] == [schema]
    assert run("lock", "--schema", "--check").code == 2


def test_no_token_comes_out_anywhere(
    run: Run, box: Path, catalog: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = json.loads(catalog.read_text(encoding="utf-8"))["entries"]
    artifact = entries["house"]["variants"]["safetensors"]["artifacts"][0]
    del artifact["sha256"]
    artifact["evidence"] = "host"
    builders.write_catalog(catalog, entries)
    with LoopbackWorld() as world:
        world.publish("huggingface", locator("house.safetensors"), DATA, login=True)
        for name, value in world.environment(login=TOKEN_VARIABLES).items():
            monkeypatch.setenv(name, value)
        ran = run("lock", "-v")
        assert ran.code == 0, ran.err
        said = ran.out + ran.err + run("lock", "--json").out
        said += (box / "vaehub.lock").read_text(encoding="utf-8")
        assert any("authorization" in seen.headers for seen in world.seen("huggingface"))
        assert not [token for token in world.tokens.values() if token in said]
    assert short(DATA) in said


def test_a_lock_that_is_up_to_date_imports_no_http_library(run: Run, box: Path) -> None:
    assert run("lock").code == 0
    found = imported_by("lock")
    assert found & {"requests", "huggingface_hub", "torch", "click"} == set()
