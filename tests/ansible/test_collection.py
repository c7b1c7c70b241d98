"""The collection holds together: its documentation, its role, its playbooks, old Pythons."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.ansible.control import COLLECTION, Control, needs_ansible

pytestmark = needs_ansible

MODULES = ("audit", "smoke", "sync", "vae")
ROLE = COLLECTION / "roles" / "provision"
OLDEST = (3, 7)
"""The oldest Python on a host that the oldest ansible-core of meta/runtime.yml takes."""


def documents(name: str) -> Any:
    return yaml.safe_load((COLLECTION / name).read_text(encoding="utf-8"))


def test_every_module_is_documented(control: Control) -> None:
    names = [f"vaehub.vaehub.{name}" for name in MODULES]
    played = control.start("ansible-doc", "--json", *names).end()
    assert played.code == 0, played.output
    told = json.loads(played.output[played.output.index("{") :])
    assert set(told) == set(names)
    for name in names:
        doc = told[name]["doc"]
        assert {"check_mode", "diff_mode", "platform"} == set(doc["attributes"])
        assert all(option["description"] for option in doc["options"].values())
        assert told[name]["examples"]
        assert {"problems", "rc"} < set(told[name]["return"])


def test_the_modules_are_those_of_the_action_group() -> None:
    found = sorted(path.stem for path in (COLLECTION / "plugins" / "modules").glob("*.py"))
    assert found == sorted(MODULES)
    assert documents("meta/runtime.yml")["action_groups"]["all"] == list(MODULES)


def test_the_documentation_is_that_of_the_options(control: Control) -> None:
    """Run Ansible's own check of modules, which imports them and compares."""
    python = str(control.programs / "python")
    code = "import ansible_test, antsibull_docs_parser, voluptuous; print(ansible_test.__path__[0])"
    where = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    if where.returncode != 0:
        pytest.skip(f"Ansible's check of modules cannot run: {where.stderr.splitlines()[-1]}")
    tool = Path(where.stdout.strip()) / "_util" / "controller" / "sanity" / "validate-modules"
    collection = ("--collection", "ansible_collections/vaehub/vaehub")
    done = subprocess.run(
        [
            *(python, tool / "validate.py", "--format", "json", "--arg-spec", *collection),
            *("--collection-version", "1.0.0", "plugins/modules"),
        ],
        cwd=control.installed,
        env={**control.environment, "PYTHONPATH": str(tool)},
        capture_output=True,
        text=True,
        check=False,
    )
    found = {
        (name, error["code"], error["msg"])
        for name, said in json.loads(done.stdout).items()
        for error in said["errors"]
    }
    ignored = (COLLECTION / "tests" / "sanity" / "ignore-2.19.txt").read_text(encoding="utf-8")
    left = {
        (name, code, message)
        for name, code, message in found
        if f"{name} validate-modules:{code}" not in ignored
    }
    assert left == set()
    assert found != set(), "the check has looked at nothing"


@pytest.mark.parametrize("path", sorted((COLLECTION / "plugins").rglob("*.py")), ids=str)
def test_what_runs_on_hosts_is_read_by_old_pythons(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=OLDEST)
    imported = {
        name.name if isinstance(node, ast.Import) else str(node.module)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in node.names
    }
    assert not [name for name in imported if name.split(".")[0] == "vaehub"]


def test_the_role_documents_all_its_variables() -> None:
    options = documents("roles/provision/meta/argument_specs.yml")["argument_specs"]["main"]
    defaults = documents("roles/provision/defaults/main.yml")
    assert {key: option["default"] for key, option in options["options"].items()} == defaults
    assert all(option["description"] for option in options["options"].values())
    internal = set(documents("roles/provision/vars/main.yml"))
    used = {
        name
        for path in ROLE.rglob("*.yml")
        for name in re.findall(r"\bvaehub_\w+", path.read_text(encoding="utf-8"))
    }
    registered = {
        name
        for path in (ROLE / "tasks").glob("*.yml")
        for name in re.findall(r"register: (vaehub_\w+)", path.read_text(encoding="utf-8"))
    }
    assert used - internal - registered - {"vaehub_report"} == set(defaults)


def test_what_is_written_of_the_role_names_its_variables() -> None:
    known = set(documents("roles/provision/defaults/main.yml")) | {"vaehub_report"}
    for name in ("fleet", "host"):
        text = (COLLECTION / "playbooks" / f"{name}.yml").read_text(encoding="utf-8")
        known |= set(re.findall(r"\{\{ (vaehub_\w+)", text))
    for page in (COLLECTION / "README.md", COLLECTION.parent / "docs" / "provisioning.md"):
        named = set(re.findall(r"\bvaehub_\w+", page.read_text(encoding="utf-8")))
        assert named
        assert named <= known


@pytest.mark.parametrize("name", ["fleet", "host"])
def test_the_playbooks_are_read(control: Control, name: str) -> None:
    played = control.play(f"vaehub.vaehub.{name}", "--syntax-check", "-i", "localhost,")
    assert played.code == 0, played.output


def test_an_unknown_value_of_the_role_is_refused(control: Control) -> None:
    said = control.write("wrong.json", {"vaehub_smoke": "perhaps"})
    arguments = ("-i", "localhost,", "-c", "local", "-e", f"@{said}")
    played = control.play("vaehub.vaehub.fleet", *arguments)
    assert played.code != 0
    assert "value of vaehub_smoke must be one of: lock, always, never" in played.output


def test_the_built_collection_holds_nothing_else(control: Control) -> None:
    (archive,) = (control.folder / "built").glob("*.tar.gz")
    with tarfile.open(archive) as built:
        names = set(built.getnames())
    allowed = re.compile(r"(meta|plugins|roles|playbooks|tests)(/|$)|README\.md|MANIFEST|FILES")
    assert not [name for name in names if not allowed.match(name) or "cache" in name]
    assert "plugins/modules/vae.py" in names
