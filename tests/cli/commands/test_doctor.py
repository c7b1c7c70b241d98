"""``vaehub doctor``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.doctor.uis import Ui, vae
from vaehub import settings
from vaehub.cli import words

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Run
    from vaehub.loopback import LoopbackWorld

ALONE = "--no-network"


@pytest.fixture
def ui(tmp_path: Path) -> Ui:
    return Ui(tmp_path)


def test_all_is_well(run: Run, ui: Ui) -> None:
    vae(ui.folder() / "house.safetensors")
    ran = run("doctor", "--to", ui.root, ALONE)
    assert (ran.code, ran.out) == (0, "")  # a report: stdout is no terminal
    lines = ran.err.splitlines()
    assert lines[0] == f"AUTOMATIC1111  {ui.root}"
    assert lines[1].startswith(f"  folders      {ui.folder()}: ")
    assert lines[2] == f"               {ui.root / 'models' / 'VAE-taesd'}: not there yet"
    assert lines[3].split("  ")[0] == "file"
    assert "listed as in AUTOMATIC1111" in lines[3]
    assert lines[4].split() == [
        *("house.safetensors", "house.safetensors", "autoencoder-kl"),
        *(words.size((ui.folder() / "house.safetensors").stat().st_size).split()),
        "ok",
    ]
    assert lines[-1] == "1 file can be used"
    assert "vaehub:" not in ran.err


def test_what_is_wrong_and_what_mends_it(run: Run, ui: Ui) -> None:
    path = vae(ui.folder() / "house.sft")
    vae(ui.folder() / "sound.safetensors")
    ran = run("doctor", "--to", ui.root, ALONE)
    assert ran.code == 9
    named = path.with_suffix(".safetensors")
    at = ran.err.splitlines().index("models/VAE/house.sft")
    assert ran.err.splitlines()[at + 1 : at + 3] == [
        "  problem      AUTOMATIC1111 does not list .sft files in models/VAE [not-listed]",
        f"  to mend it   mv {path} {named}",
    ]
    assert ran.err.splitlines()[-1] == "1 file can be used, 1 cannot"
    path.rename(named)  # as it says
    assert run("doctor", "--to", ui.root, ALONE).code == 0


def test_quiet_says_only_what_blocks(run: Run, ui: Ui) -> None:
    vae(ui.folder() / "a.safetensors", seed=1)
    vae(ui.folder() / "b.safetensors", seed=1)
    ran = run("doctor", "--to", ui.root, ALONE, "--quiet")
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    vae(ui.folder() / "c.sft")
    ran = run("doctor", "--to", ui.root, ALONE, "-q")
    assert ran.code == 9
    assert ran.err.count("vaehub:") == 1
    assert ran.err.startswith(f"vaehub: {ui.folder() / 'c.sft'}: AUTOMATIC1111 does not list")


def test_json(run: Run, ui: Ui) -> None:
    path = vae(ui.folder() / "house.sft")
    ran = run("doctor", "--to", ui.root, ALONE, "--json")
    assert (ran.code, ran.err) == (9, "")
    said = ran.json
    assert (said["command"], said["ok"]) == ("doctor", False)
    target, machine = said["results"]
    assert (target["kind"], machine["kind"]) == ("target", "machine")
    assert (target["layout"], target["ui"], target["ok"]) == (
        *("automatic1111", "AUTOMATIC1111"),
        False,
    )
    [file] = target["files"]
    assert file["path"] == str(path)
    assert (file["state"], file["problems"], file["listed_as"]) == (
        *("not-listed", ["not-listed"]),
        None,
    )
    assert (file["architecture"], file["layout"]) == ("autoencoder-kl", "ldm")
    assert [folder["state"] for folder in target["folders"] if folder["own"]] == ["there", "absent"]
    assert machine["ok"]
    assert {host["state"] for host in machine["hosts"]} == {"not asked"}
    [problem] = said["problems"]
    assert (problem["code"], problem["where"], problem["blocking"]) == (
        *("not-listed", str(path)),
        True,
    )
    assert problem["hint"].startswith("mv ")


def test_the_keys_are_those_of_the_docs(run: Run, ui: Ui) -> None:
    from tests.test_tables import CLI_PAGE

    vae(ui.folder() / "house.safetensors")
    target, machine = run("doctor", "--to", ui.root, ALONE, "--json").json["results"]
    section = CLI_PAGE.partition("### Will it work here?")[2].partition("\n## ")[0]
    keys = {*target, *machine, *target["files"][0], *target["folders"][0], *machine["hosts"][0]}
    for key in keys:
        assert f"`{key}`" in section, key


def test_a_target_that_cannot_be_used(run: Run, tmp_path: Path) -> None:
    ran = run("doctor", "--to", tmp_path / "gone", ALONE, "--json")
    assert ran.code == 7
    assert [problem["code"] for problem in ran.json["problems"]] == ["folder-missing"]
    file = tmp_path / "file"
    file.touch()
    ran = run("doctor", "--to", file, ALONE)
    assert ran.code == 7
    assert "[target-not-usable]" in ran.err


def test_hosts_and_tokens_without_a_word_of_the_token(
    run: Run, ui: Ui, world: LoopbackWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    environ = world.environment(login=settings.TOKEN_VARIABLES)
    environ["VAEHUB_GITHUB_ENDPOINT"] = "http://127.0.0.1:9"
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HTTPS_PROXY", "http://ann:s3cr3t@proxy.example:8080")
    ran = run("doctor", "--to", ui.root)
    assert ran.code == 0  # another source may serve
    lines = [line for line in ran.err.splitlines() if line.startswith("  civitai")]
    assert lines[0].startswith("  civitai      reachable in ")
    assert lines[0].endswith("; token: CIVITAI_TOKEN")
    assert "  github       unreachable; at http://127.0.0.1:9" in ran.err
    assert "[host-unreachable]" in ran.err
    assert "  proxy        http://proxy.example:8080 for https" in ran.err
    secrets = (*world.tokens.values(), "s3cr3t", "ann")
    assert not any(secret in ran.err + ran.out for secret in secrets)


def test_what_takes_a_while_is_said(run: Run, ui: Ui, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vaehub.cli.commands.doctor._WORTH_SAYING", 1)
    vae(ui.folder() / "a.safetensors", seed=1)
    vae(ui.folder() / "b.safetensors", seed=2)
    assert "hashing 2 files (" in run("doctor", "--to", ui.root, ALONE).err
    assert "hashing" not in run("doctor", "--to", ui.root, ALONE, "-q").err
    assert run("doctor", "--to", ui.root, ALONE, "--json").err == ""


@pytest.mark.skipif(sys.platform == "win32", reason="terminals of POSIX")
@pytest.mark.parametrize("columns", [80, 160])
def test_it_fits_a_terminal_and_commands_stay_whole(ui: Ui, columns: int) -> None:
    from tests.cli.test_terminal import on_terminal

    long = vae(ui.folder() / ("a-long-name-" * 8 + "x.sft"))
    vae(ui.folder() / "style.safetensors", {"lora_unet_x.lora_up.weight": (4, 4)})
    code, shown = on_terminal("doctor", "--to", ui.root, ALONE, columns=columns)
    assert code == 9
    commands = [line for line in shown.splitlines() if line.startswith("  to mend it   mv ")]
    assert commands == [f"  to mend it   mv {long} {long.with_suffix('.safetensors')}"]
    paths = (str(ui.root), str(settings.load().store))
    others = [
        line
        for line in shown.splitlines()
        if line not in commands and "a-long-name-" * 8 not in line and not _holds(line, paths)
    ]
    assert max(words.width(line) for line in others) <= columns


def _holds(line: str, paths: tuple[str, ...]) -> bool:
    """Tell whether a line holds a path, which is never broken."""
    return any(path in line for path in paths)


def test_it_writes_no_cache(run: Run, ui: Ui, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    assert run("doctor", "--to", ui.root, ALONE).code == 0
    assert not (home / "cache").exists()
