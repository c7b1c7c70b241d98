"""Run the command line in this process or in one of its own, against small catalogs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests import builders
from vaehub.cli import main

ROOT = Path(__file__).resolve().parents[2]
DATA = builders.safetensors_bytes(seed=1)
OTHER = builders.safetensors_bytes(seed=2)
COMMIT = "c0ffee00" * 5


@dataclass(frozen=True)
class Ran:
    """What a command gave."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one object on stdout; fails where there is anything else."""
        return json.loads(self.out)


class Run(Protocol):
    def __call__(self, *arguments: str | Path) -> Ran: ...


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Give a function that runs a command in this process."""

    def run(*arguments: str | Path) -> Ran:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Ran(code, out, err)

    return run


def run_process(*arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "vaehub", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
        **{"capture_output": True, **options},
    )


def locator(name: str) -> dict[str, str | int]:
    """Give the place of a file at the fake Hugging Face."""
    return {"repo": "acme/vaes", "revision": COMMIT, "path": name}


def source(name: str, **needs: bool) -> dict[str, Any]:
    """Give a file's source as it stands in a catalog."""
    return {"huggingface": {**locator(name), **needs}}


@pytest.fixture(autouse=True, scope="session")
def _shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _compiled_once(_shared_cache: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the compiled curated catalog from test to test: making it takes half a second."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(_shared_cache))


@pytest.fixture
def catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a catalog of three entries and put it in force beside the curated one."""
    path = builders.write_catalog(
        tmp_path / "mine.yaml",
        {
            "house": builders.entry(
                {"house.safetensors": (DATA, [source("house.safetensors")])},
                title="House VAE",
                summary={"en": "Warm colours", "zh": "暖色"},
                family="test1",
                suits=["Test Model 1", "其他模型"],
                tags=["warm-test"],
                aliases=["home"],
                notes="A first line.\nA second one.",
            ),
            "locked": builders.entry(
                {"locked.safetensors": (OTHER, [source("locked.safetensors", gated=True)])},
                title="Locked VAE",
                summary={"en": "Behind terms", "zh": "需同意条款"},
                family="test2",
                license={
                    "id": "LicenseRef-Locked",
                    "source": "https://example.org/locked",
                    "accept": True,
                    "note": "Not for sale",
                },
            ),
        },
    )
    monkeypatch.setenv("VAEHUB_CATALOG", str(path))
    return path


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Give an empty plain folder to install into."""
    folder = tmp_path / "vaes"
    folder.mkdir()
    return folder
