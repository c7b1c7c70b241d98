"""``vaehub install --convert safetensors``, as a person and as a script see it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from tests import builders
from tests.cli.conftest import locator, source
from tests.converting.samples import checkpoint
from vaehub.loopback import LoopbackWorld

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.conftest import Run

PICKLE = checkpoint()
SHA256 = hashlib.sha256(PICKLE).hexdigest()


@pytest.fixture(autouse=True)
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[LoopbackWorld]:
    path = builders.write_catalog(
        tmp_path / "mine.yaml", {"old": {"old.vae.pt": (PICKLE, [source("old.vae.pt")])}}
    )
    monkeypatch.setenv("VAEHUB_CATALOG", str(path))
    with LoopbackWorld() as world:
        world.publish("huggingface", locator("old.vae.pt"), PICKLE)
        for name, value in world.environment().items():
            monkeypatch.setenv(name, value)
        yield world


def test_the_report_names_what_it_was_made_of(run: Run, target: Path) -> None:
    ran = run("install", "old", "--to", target, "--convert", "safetensors")
    assert ran.code == 0, ran.err
    assert str(target / "old.vae.safetensors") in ran.err
    assert f"    made of old.vae.pt, sha256 {SHA256}" in ran.err.splitlines()
    again = run("install", "old", "--to", target, "--convert=safetensors")
    assert "was already installed" in again.err


def test_the_same_in_json(run: Run, target: Path) -> None:
    ran = run("install", "old", "--to", target, "--convert", "safetensors", "--json")
    [file] = ran.json["results"][0]["files"]
    assert file["path"] == str(target / "old.vae.safetensors")
    assert file["converted_from"] == {"name": "old.vae.pt", "size": len(PICKLE), "sha256": SHA256}
    assert (
        file["sha256"] == hashlib.sha256((target / "old.vae.safetensors").read_bytes()).hexdigest()
    )


def test_without_it_nothing_is_converted(run: Run, target: Path) -> None:
    [file] = run("install", "old", "--to", target, "--json").json["results"][0]["files"]
    assert file["converted_from"] is None
    assert (target / "old.vae.pt").read_bytes() == PICKLE


def test_another_form_is_a_usage_error(run: Run, target: Path) -> None:
    ran = run("install", "old", "--to", target, "--convert", "gguf")
    assert ran.code == 2
    assert "safetensors" in ran.err
