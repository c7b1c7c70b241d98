"""Read the recipes: their files, the command lines in them, and the linters that there are."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests import reading_docs

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2] / "recipes"
DOCKERFILES = sorted((ROOT / "docker").glob("Dockerfile*"))
COMPOSE = ROOT / "docker" / "docker-compose.yml"
MANIFESTS = sorted((ROOT / "kubernetes").glob("*.yaml"))
ACTION = ROOT / "github-actions" / "action.yml"
WORKFLOW = ROOT / "github-actions" / "workflow.yml"
USER_DATA = ROOT / "cloud-init" / "user-data.yaml"
_CALL = re.compile(r"\bvaehub\"? [a-z]")
_CONTINUED = re.compile(r"\\\n(?:#.*\n)*")


def linter(name: str, package: str) -> str:
    """Give the path of a linter, or skip."""
    beside = str(Path(sys.executable).parent)
    found = shutil.which(name, path=f"{beside}{os.pathsep}{os.environ['PATH']}")
    if found is None:
        pytest.skip(f"{name} is not here (pip install {package})")
    return found


def documents(path: Path) -> list[Any]:
    """Read a YAML file of one or several documents."""
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


def instructions(path: Path) -> list[tuple[str, str]]:
    """Give the instructions of a Dockerfile: their word in upper case, and the rest of the line."""
    lines = [
        line
        for line in _CONTINUED.sub(" ", path.read_text(encoding="utf-8")).splitlines()
        if line.strip() and not line.startswith("#")
    ]
    words = (line.partition(" ") for line in lines)
    return [(word.upper(), " ".join(rest.split())) for word, _, rest in words]


def in_shell(script: str) -> Iterator[list[str]]:
    """Give what stands after ``vaehub`` in each command of a script."""
    # By lines: the words of other programs may go on over several.
    lines = _CONTINUED.sub(" ", script).splitlines()
    joined = "\n".join(line for line in lines if _CALL.search(line))
    yield from reading_docs.commands(f"```sh\n{joined}\n```\n")


def containers(path: Path) -> Iterator[dict[str, Any]]:
    """Give the containers of Kubernetes manifests, those of inits first."""
    for document in documents(path):
        spec = document["spec"].get("template", {}).get("spec", {})
        yield from (*spec.get("initContainers", ()), *spec.get("containers", ()))


def steps() -> list[dict[str, Any]]:
    """Give the steps of the composite action."""
    [action] = documents(ACTION)
    found = action["runs"]["steps"]
    assert isinstance(found, list)
    return found


def written_files() -> dict[str, dict[str, Any]]:
    """Give the files that cloud-init writes, by their paths."""
    [data] = documents(USER_DATA)
    return {file["path"]: file for file in data["write_files"]}


def commands() -> list[tuple[str, list[str]]]:
    """Give every command line of vaehub in the recipes, and where it stands."""
    found: list[tuple[str, list[str]]] = []
    for path in DOCKERFILES:
        for word, rest in instructions(path):
            if word == "RUN":
                script = re.sub(r"--mount=\S+ ", "", rest)
                found += [(path.name, each) for each in in_shell(script)]
    [compose] = documents(COMPOSE)
    found.append((COMPOSE.name, compose["services"]["vaes"]["command"]))
    found += [
        (path.name, container["args"])
        for path in MANIFESTS
        for container in containers(path)
        if container["name"] == "vaehub"
    ]
    for step in steps():
        found += [(ACTION.name, each) for each in in_shell(step.get("run", ""))]
    script = written_files()["/usr/local/bin/vaehub-sync"]["content"]
    found += [(USER_DATA.name, each) for each in in_shell(script)]
    manifest = (ROOT / "vaehub.yaml").read_text(encoding="utf-8")
    found += [("vaehub.yaml", words.split()) for words in re.findall(r"`vaehub ([^`]+)`", manifest)]
    return found
