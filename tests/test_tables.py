"""The tables of the package belong together: what stands in one stands in the others."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from vaehub import errors, hosts, settings
from vaehub.cli.clicked import EXIT_CODES
from vaehub.cli.declared import Command, Group
from vaehub.cli.table import COMMANDS, load
from vaehub.errors import SourceUnusable, VaehubError
from vaehub.targets import layouts

if TYPE_CHECKING:
    from vaehub.loopback import LoopbackWorld

ROOT = Path(__file__).resolve().parents[1]
CLI_PAGE = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
PAGES = {
    path.name: path.read_text(encoding="utf-8")
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"))
    if path.name != "CHANGELOG.md"
}
PSEUDO_HOST = "mirror"
"""Comes from the user's settings; a catalog cannot name it."""
WITHOUT_ENDPOINT = {"http"}
"""Each source names its own server."""
MADE_FROM: dict[str, dict[str, str | int]] = {
    "huggingface": {"repo": "acme/vae", "revision": "main", "path": "a.safetensors"},
    "civitai": {"model": 1, "version": 2},
    "liblib": {"version": "0" * 32},
    "modelscope": {"repo": "acme/vae", "revision": "master", "path": "a.safetensors"},
    "github": {"repo": "acme/vae", "tag": "v1", "asset": "a.safetensors"},
    "http": {"url": "https://files.example/a.safetensors"},
    "mirror": {},
}


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    import json

    from vaehub.catalog import schema_text

    loaded = json.loads(schema_text())
    assert isinstance(loaded, dict)
    return loaded


# Hosts


def test_a_catalog_can_name_every_host_and_no_other(schema: dict[str, Any]) -> None:
    assert set(hosts.names()) == set(schema["$defs"]["source"]["properties"])
    assert PSEUDO_HOST not in hosts.names()


def test_every_locator_in_the_schema_may_ask_for_a_login(schema: dict[str, Any]) -> None:
    for name in hosts.names():
        assert {"login", "gated"} <= set(schema["$defs"][name]["properties"]), name


@pytest.mark.parametrize("name", [*hosts.names(), PSEUDO_HOST])
def test_every_host_satisfies_the_protocol(name: str) -> None:
    host = hosts.get(name)
    for function in ("label", "page", "locate", "explain"):
        assert callable(getattr(host, function)), function


def test_no_other_host_is_known() -> None:
    with pytest.raises(SourceUnusable, match=r"no host 'dropbox'; it knows civitai, github"):
        hosts.get("dropbox")


def test_every_host_with_an_endpoint_has_a_variable() -> None:
    with_endpoint = set(hosts.names()) - WITHOUT_ENDPOINT
    assert set(settings.DEFAULT_ENDPOINTS) == with_endpoint
    assert set(settings.ENDPOINT_VARIABLES) == with_endpoint
    assert set(settings.TOKEN_VARIABLES) <= with_endpoint


def test_every_host_is_spoken_on_loopback(world: LoopbackWorld) -> None:
    assert set(MADE_FROM) == {*hosts.names(), PSEUDO_HOST}
    for name, locator in MADE_FROM.items():
        world.publish(name, locator, b"bytes")
        assert world.faults(name) is not None
    environment = world.environment(login=settings.TOKEN_VARIABLES)
    variables = {names[0] for names in settings.TOKEN_VARIABLES.values()}
    assert set(environment) == {
        *settings.ENDPOINT_VARIABLES.values(),
        *variables,
        "VAEHUB_MIRRORS",
    }
    found = settings.load(environment)
    assert set(found.user_endpoints) == set(settings.ENDPOINT_VARIABLES)
    assert len(found.mirrors) == 2


@pytest.mark.parametrize("name", hosts.names())
def test_every_host_is_a_documented_module(name: str) -> None:
    assert importlib.import_module(f"vaehub.hosts.{name}").__doc__


# Layouts


@pytest.mark.parametrize("name", layouts())
def test_every_layout_is_in_the_docs(name: str) -> None:
    layout = layouts()[name]
    rows = [line for line in CLI_PAGE.splitlines() if line.startswith(f"| {layout.title}")]
    assert len(rows) == 1, f"docs/cli.md has no row for {layout.title!r}"
    for slot in layout.slots.values():
        assert (f"`{slot.folder}`" if slot.folder != "." else "the folder itself") in rows[0]


def test_the_slots_of_a_catalog_are_those_of_the_layouts(schema: dict[str, Any]) -> None:
    slots = set(schema["$defs"]["entry"]["properties"]["slot"]["enum"])
    assert slots == {slot for layout in layouts().values() for slot in layout.slots}
    assert all("vae" in layout.slots for layout in layouts().values())


# Commands


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_module_and_a_place_in_the_docs(name: str) -> None:
    command = load(name)
    assert isinstance(command, (Command, Group))
    assert command.name == name
    names = [name]
    if isinstance(command, Group):
        names = [f"{name} {sub}" for sub in command.commands]
        assert [leaf.name for leaf in command.commands.values()] == names
    table = CLI_PAGE.partition("## Commands")[2].partition("\n## ")[0]
    for full in names:
        assert re.search(rf"`{full}[ `\[]", table), f"docs/cli.md has no {full!r}"


def test_every_module_of_a_command_is_in_the_table() -> None:
    folder = ROOT / "vaehub" / "cli" / "commands"
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    assert modules == set(COMMANDS)


# Settings and exit codes in the docs


@pytest.mark.parametrize(
    "variable",
    [
        "VAEHUB_TO",
        "VAEHUB_STORE",
        "VAEHUB_CONFIG",
        "VAEHUB_CATALOG",
        "VAEHUB_OFFLINE",
        "VAEHUB_MIRRORS",
        *settings.ENDPOINT_VARIABLES.values(),
        *(name for names in settings.TOKEN_VARIABLES.values() for name in names),
    ],
)
def test_every_variable_is_in_the_docs(variable: str) -> None:
    assert f"`{variable}`" in CLI_PAGE


def test_no_variable_is_in_the_docs_that_nobody_reads() -> None:
    source = (ROOT / "vaehub" / "settings.py").read_text(encoding="utf-8")
    for variable in set(re.findall(r"\bVAEHUB_[A-Z_]+\b", "".join(PAGES.values()))):
        assert f'"{variable}"' in source, variable


def test_every_exit_code_is_in_the_docs() -> None:
    kinds: list[type[VaehubError]] = [errors.VaehubError, *errors.VaehubError.__subclasses__()]
    section = CLI_PAGE.partition("## Exit codes")[2].partition("\n## ")[0]
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", section, re.MULTILINE)}
    assert listed == {0, 130, *(kind.exit_code for kind in kinds)}
    assert listed == {int(code) for code in re.findall(r"(?<![\w])(\d+) ", EXIT_CODES)}
