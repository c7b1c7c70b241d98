"""What the quick commands do not import: each of these takes longer than the command itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import ROOT
from vaehub import api, receipts
from vaehub.model import Receipt

if TYPE_CHECKING:
    from pathlib import Path

LOOKING = {"vaehub.adopted", "vaehub.digests", "vaehub.nearby"}
"""What looks for bytes on this machine; nothing does where none are wanted."""
HEAVY = {
    "asyncio",
    "concurrent.futures",
    "difflib",
    "email",
    "http.client",
    "huggingface_hub",
    "jsonschema",
    "keyring",
    "logging",
    "multiprocessing",
    "pickletools",
    "requests",
    "rich",
    "tomli",
    "tomllib",
    "torch",
    "urllib3",
    "yaml",
    "zipfile",
    "vaehub.bringing",
    "vaehub.catalog.read",
    "vaehub.smoke.testing",
    "vaehub.transfer.fetch",
    "vaehub.weights",
}
LIGHT = (
    HEAVY
    | {"click", "dataclasses", "inspect", "platform", "platformdirs", "shutil", "tempfile"}
    | LOOKING
)
"""What a plain command line leaves out besides; click and what it brings along above all."""
CODE = (
    "import json, sys\n"
    "from vaehub.cli import main\n"
    "code = main(sys.argv[1:])\n"
    "print(json.dumps([code, sorted(sys.modules)]), file=sys.stderr)\n"
)


def imported_by(*arguments: str, code: int = 0) -> set[str]:
    """Run a command in a process of its own and give the modules that it imported."""
    ran = subprocess.run(
        [sys.executable, "-c", CODE, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    ended, modules = json.loads(ran.stderr.splitlines()[-1])
    assert ended == code, ran.stderr
    return set(modules)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--version"],
        ["--help"],
        ["list", "--help"],
        ["list"],
        ["list", "--json"],
        ["search", "anime"],
        ["info", "kl-f8-anime2"],
        ["verify"],
        ["store", "path"],
        ["adopt", "--list"],
        ["adopt", "--dry-run", "."],
    ],
    ids=" ".join,
)
def test_a_quick_command_imports_nothing_heavy(arguments: list[str]) -> None:
    imported_by("list")  # compiles the catalog, which takes PyYAML
    assert imported_by(*arguments) & HEAVY == set()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--version"],
        ["list"],
        ["list", "--family", "sdxl", "--json"],
        ["search", "anime"],
        ["verify"],
        ["store", "path"],
    ],
    ids=" ".join,
)
def test_a_plain_command_line_imports_next_to_nothing(arguments: list[str]) -> None:
    imported_by("list")
    assert imported_by(*arguments) & LIGHT == set()


def test_looking_at_a_file_that_is_no_vae_imports_no_torch(tmp_path: Path) -> None:
    path = tmp_path / "page.safetensors"
    path.write_bytes(b"")
    found = imported_by("smoke", str(path), code=8)
    assert "vaehub.smoke.testing" in found
    assert found & {"torch", "numpy", "PIL", "requests", "click"} == set()


def test_a_look_at_a_folder_imports_neither_torch_nor_an_http_library(tmp_path: Path) -> None:
    imported_by("list")
    found = imported_by("doctor", "--to", str(tmp_path), "--no-network")
    assert "vaehub.doctor.examining" in found
    assert found & {"torch", "diffusers", "numpy", "requests", "huggingface_hub", "click"} == set()


def test_a_plan_imports_nothing_heavy(tmp_path: Path) -> None:
    imported_by("list")
    found = imported_by("install", "kl-f8-anime2", "--dry-run", "--to", str(tmp_path))
    assert found & HEAVY == set()


def test_an_install_with_nothing_to_do_imports_nothing_heavy(tmp_path: Path) -> None:
    imported_by("list")
    entry, variant = api.find("vaehub/kl-f8-anime2")
    [artifact] = variant.artifacts
    assert artifact.size is not None
    assert artifact.sha256 is not None
    path = tmp_path / artifact.name
    path.touch()
    os.truncate(path, artifact.size)  # a hole: size, time and inode are all that is looked at
    path.with_name(".vaehub").mkdir()
    stat = path.stat()
    receipts.write(
        Receipt(
            path=path,
            entry=entry.full_name,
            variant=variant.name,
            sha256=artifact.sha256,
            size=artifact.size,
            evidence=artifact.evidence,
            source="store",
            method="copy",
            license=entry.license.id,
            mtime_ns=stat.st_mtime_ns,
            inode=stat.st_ino,
            installed_at="2026-01-01T00:00:00+00:00",
        )
    )
    found = imported_by("install", "kl-f8-anime2", "--to", str(tmp_path))
    assert found & (HEAVY | LOOKING) == set()
    assert imported_by("verify", "--to", str(tmp_path)) & HEAVY == set()


def test_identifying_a_file_needs_neither_torch_nor_a_network(tmp_path: Path) -> None:
    from tests.weights import autoencoders

    path = autoencoders.write(tmp_path / "some.safetensors", autoencoders.numbers())
    modules = imported_by("identify", str(path), "-q")
    assert "vaehub.weights.fingerprint" in modules
    assert not modules & {"torch", "diffusers", "requests", "urllib3", "huggingface_hub", "click"}
