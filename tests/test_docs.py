"""The docs tell the truth about the catalog and the command line, and lead somewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import reading_docs
from vaehub import api
from vaehub.cli import clicked, plain
from vaehub.cli.declared import Reading
from vaehub.settings import load

ROOT = Path(__file__).resolve().parents[1]
README, CHINESE = "README.md", "README.zh-CN.md"
PAGES = sorted(
    str(path.relative_to(ROOT))
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("ansible/*.md")]
)
TAKES_NAMES = {"info", "install", "uninstall", "verify"}


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def test_readme_table_is_in_step_with_the_catalog() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "make.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_readme_names_only_commands_that_exist() -> None:
    from vaehub.cli.table import COMMANDS

    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    block = readme.partition("## The commands people use most")[2].partition("```sh\n")[2]
    lines = [line.split() for line in block.partition("```")[0].splitlines() if line]
    assert lines
    assert {words[1] for words in lines} <= set(COMMANDS)


def read(arguments: list[str]) -> Reading | int:
    """Read a command line as the program does; a mistake in it is click's error."""
    return plain.read(arguments) or clicked.read(arguments)


@pytest.mark.parametrize("page", PAGES)
def test_every_command_in_the_docs_is_one_that_vaehub_reads(page: str) -> None:
    found = list(reading_docs.commands(text_of(page)))
    assert found or page not in {README, CHINESE, "docs/cli.md"}
    for arguments in found:
        read(arguments)


@pytest.mark.parametrize("page", PAGES)
def test_every_command_that_a_sentence_names_is_there(page: str) -> None:
    from vaehub.cli.table import COMMANDS

    assert set(re.findall(r"`vaehub ([a-z]+)", text_of(page))) <= set(COMMANDS)


@pytest.mark.parametrize("page", [README, CHINESE])
def test_every_vae_that_a_readme_names_is_in_the_catalog(page: str) -> None:
    named: set[str] = set()
    for arguments in reading_docs.commands(text_of(page)):
        reading = read(arguments)
        assert isinstance(reading, Reading), arguments
        if arguments[0] in TAKES_NAMES:
            options = reading.options
            named.update(options["names"] if "names" in options else (options["name"],))
    assert len(named) > 3
    for name in named:
        api.find(name, settings=load({}))


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    for path, anchor in reading_docs.links(text_of(page)):
        there = (ROOT / page).parent / path if path else ROOT / page
        assert there.exists(), path
        if anchor:
            assert anchor in reading_docs.anchors(there.read_text(encoding="utf-8")), (path, anchor)


def test_the_readmes_lead_to_each_other_at_the_top() -> None:
    for page, other in ((README, CHINESE), (CHINESE, README)):
        top = "\n".join(text_of(page).splitlines()[:4])
        assert (other, "") in reading_docs.links(top)


def test_the_table_of_vaes_is_not_kept_twice() -> None:
    chinese = text_of(CHINESE)
    assert (README, "the-vaes") in reading_docs.links(chinese)
    rows = [line for line in chinese.splitlines() if line.startswith("|")]
    ids = {entry.id for entry in api.list_entries(settings=load({}))}
    assert not [row for row in rows if ids & set(re.findall(r"`([^`]+)`", row))]


@pytest.mark.parametrize(("host", "login"), [("modelscope", False), ("liblib", True)])
def test_what_comes_from_hosts_in_china_is_what_the_catalog_says(host: str, login: bool) -> None:
    listed = set(re.findall(r"`([^`]+)`", reading_docs.between(text_of(CHINESE), host)))
    found = {
        entry.id: source.login
        for entry in api.list_entries(settings=load({}))
        for variant in entry.variants
        for artifact in variant.artifacts
        for source in artifact.sources
        if source.host == host
    }
    assert listed == set(found)
    assert set(found.values()) == {login}
