"""Every command line in the recipes is one that vaehub reads, and does what the recipe says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

import vaehub
from tests.recipes import reading
from vaehub import provisioning
from vaehub.cli import clicked, plain
from vaehub.cli.declared import Reading
from vaehub.cli.table import COMMANDS
from vaehub.settings import load

if TYPE_CHECKING:
    from pathlib import Path

FILES = sorted(path for path in reading.ROOT.rglob("*") if path.is_file())
EXPANDED = "${arguments[@]}"
"""What the action's shell puts there; :mod:`tests.recipes.test_action` runs it."""


def test_there_is_a_command_in_each_kind_of_recipe() -> None:
    where = {name for name, _ in reading.commands()}
    assert where == {
        "Dockerfile",
        "docker-compose.yml",
        "fill.yaml",
        "comfyui.yaml",
        "action.yml",
        "user-data.yaml",
        "vaehub.yaml",
    }


@pytest.mark.parametrize(("where", "arguments"), reading.commands(), ids=lambda one: str(one)[:40])
def test_vaehub_reads_it(where: str, arguments: list[str]) -> None:
    assert arguments[0] in COMMANDS
    arguments = [word for word in arguments if word != EXPANDED]
    assert isinstance(plain.read(arguments) or clicked.read(arguments), Reading)


@pytest.mark.parametrize(
    "arguments", [words for where, words in reading.commands() if words[0] == "sync"], ids=str
)
def test_what_is_synced_is_never_locked_anew(arguments: list[str]) -> None:
    assert "--frozen" in arguments or EXPANDED in arguments
    assert "--lock" in arguments or EXPANDED in arguments


def test_the_versions_are_this_one() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in FILES)
    named = re.findall(r"vaehub(?:==|:)(\d[\w.]*)", text)
    assert len(named) > 5
    assert set(named) == {vaehub.__version__}


def test_the_manifest_can_be_locked_without_a_network(tmp_path: Path) -> None:
    settings = load({"VAEHUB_OFFLINE": "1", "VAEHUB_STORE": str(tmp_path / "store")})
    made = provisioning.lock(
        reading.ROOT / "vaehub.yaml", tmp_path / "vaehub.lock", settings=settings
    )
    assert set(made.lock.targets) == {"comfy", "webui"}
    to = [f"comfy={tmp_path}/ComfyUI", f"webui={tmp_path}/webui"]
    plan = provisioning.sync(
        lock=tmp_path / "vaehub.lock", to=to, dry_run=True, frozen=True, settings=settings
    )
    assert not plan.synced.failures
    assert len(plan.synced.brought) == 6


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_file_of_the_recipes_holds_a_token(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"(hf_[A-Za-z0-9]{8,}|_TOKEN\s*[=:]\s*['\"]?[A-Za-z0-9]{8,})", text)
