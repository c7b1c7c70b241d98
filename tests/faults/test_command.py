"""The faults as a person at a command line sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.desk import DATA, LOCATORS, Desk, publish
from vaehub.cli.app import run as cli
from vaehub.loopback import samples

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def shell(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """Give a function that runs a command line and gives its exit code and all it printed."""
    path = desk.folder / "catalog.yaml"
    other = samples.safetensors(2)
    open_hosts = ("huggingface", "modelscope")
    publish(desk.world, *open_hosts)
    publish(desk.world, "civitai", data=other)
    entries = {
        "some-vae": samples.entry("x.safetensors", DATA, {h: LOCATORS[h] for h in open_hosts}),
        "paid-vae": samples.entry("y.safetensors", other, {"civitai": LOCATORS["civitai"]}),
    }
    path.write_text(samples.catalog("desk", entries), encoding="utf-8")
    monkeypatch.setenv("VAEHUB_CATALOG", str(path))

    def run(*words: str) -> tuple[int, str]:
        exit_code = cli([*words, "--to", str(desk.tree)])
        printed = capsys.readouterr()
        return exit_code, printed.out + printed.err

    return run


def test_the_command_reports_wrong_bytes_and_installs_from_the_next_source(
    desk: Desk, shell: Callable[..., tuple[int, str]]
) -> None:
    desk.world.faults("huggingface").flip_byte(200_000)
    exit_code, printed = shell("install", "some-vae")
    assert exit_code == 0
    assert desk.installed == DATA
    assert "sha256" in printed
    assert "huggingface" in printed


def test_the_command_ends_in_6_where_all_bytes_are_wrong(
    desk: Desk, shell: Callable[..., tuple[int, str]]
) -> None:
    before = samples.snapshot(desk.tree)
    desk.world.faults("huggingface").flip_byte(200_000)
    desk.world.faults("modelscope").flip_byte(200_000)
    exit_code, printed = shell("install", "some-vae")
    assert exit_code == 6
    assert "sha256" in printed
    assert samples.snapshot(desk.tree) == before


def test_the_command_ends_in_5_and_says_what_to_do_where_a_login_is_needed(
    desk: Desk, shell: Callable[..., tuple[int, str]]
) -> None:
    exit_code, printed = shell("install", "paid-vae")
    assert exit_code == 5
    assert "CIVITAI_TOKEN" in printed


def test_install_and_uninstall_leave_the_tree_as_it_was(
    desk: Desk, shell: Callable[..., tuple[int, str]]
) -> None:
    before = samples.snapshot(desk.tree)
    assert shell("install", "some-vae")[0] == 0
    assert desk.installed == DATA
    assert shell("uninstall", "some-vae")[0] == 0
    assert samples.snapshot(desk.tree) == before
