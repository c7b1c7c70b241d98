"""What the scripts of ``vaehub completion`` do in real shells."""

from __future__ import annotations

import os
import select
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import ROOT
from vaehub import hosts
from vaehub.cli.commands.completion import SHELLS
from vaehub.settings import config_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.cli.conftest import Run

pytestmark = pytest.mark.skipif(os.name != "posix", reason="shells of POSIX")
WAIT = 30.0


def needs(shell: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(shell) is None, reason=f"{shell} is not installed")


@pytest.fixture(autouse=True)
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a program called vaehub into PATH, and two folders and a file to stand among."""
    folder = tmp_path / "bin"
    folder.mkdir()
    path = folder / "vaehub"
    path.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m vaehub "$@"\n')
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    here = tmp_path / "here"
    (here / "Comfy UI").mkdir(parents=True)
    (here / "forge").mkdir()
    (here / "house.vae.pt").touch()
    monkeypatch.chdir(here)
    config_file().parent.mkdir(parents=True)
    config_file().write_text('[targets.comfy]\npath = "/ui"\n', encoding="utf-8")
    return path


def script(shell: str) -> str:
    return subprocess.run(
        ["vaehub", "completion", shell], capture_output=True, text=True, check=True
    ).stdout


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_is_the_file_of_the_package(shell: str, run: Run) -> None:
    file = ROOT / "vaehub" / "cli" / "shells" / f"vaehub.{shell}"
    ran = run("completion", shell)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == file.read_text(encoding="utf-8")
    (said,) = run("completion", shell, "--json").json["results"]
    assert (said["shell"], said["script"]) == (shell, ran.out)


def test_another_shell_is_told_which_there_are(run: Run) -> None:
    ran = run("completion", "tcsh")
    assert ran.code == 2
    assert "there is one for bash, zsh, fish" in ran.err


# bash, its function alone


def in_bash(*words: str) -> list[str]:
    """Call the function as bash would, with the words as they are."""
    lines = [
        script("bash"),
        f"COMP_WORDS=({shlex.join(['vaehub', *words])})",
        f"COMP_CWORD={len(words)}",
        "_vaehub",
        "printf '%s\\n' \"${COMPREPLY[@]}\"",
    ]
    done = subprocess.run(
        ["bash", "--norc", "-c", "\n".join(lines)], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return [line for line in done.stdout.splitlines() if line]


@needs("bash")
@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["unin"], ["uninstall"]),
        (["store", "g"], ["gc"]),
        (["install", "kl-f8-anime2"], ["kl-f8-anime2"]),
        (["install", "orangemix"], ["orangemix", "orangemixs"]),
        (["install", "clearvae@v2.2"], ["clearvae@v2.2", "clearvae@v2.2-aing"]),
        # As bash takes it apart, with @ among its COMP_WORDBREAKS.
        (["install", "clearvae", "@", "v2.2"], ["v2.2", "v2.2-aing"]),
        (["install", "vae-ft-ema-560000", "@", "s"], ["safetensors"]),
        (["install", "x", "--source", "hug"], ["huggingface"]),
        (["install", "x", "--source", "=", "hug"], ["huggingface"]),
        (["install", "x", "--source", "=", "modelsc"], ["modelscope"]),
        (["install", "x", "--source", "="], list(hosts.names())),
        (["install", "x", "--source=hug"], ["--source=huggingface"]),
        (["install", "x", "--to", "co"], ["comfy"]),
        (["install", "x", "--to", "fo"], ["forge"]),
        (["install", "x", "--to", "=", "fo"], ["forge"]),
        (["smoke", "house"], ["house.vae.pt"]),
        (["nothing", ""], []),
    ],
)
def test_the_function_of_bash(words: list[str], found: list[str]) -> None:
    assert in_bash(*words) == found


# All of them, as a person at a terminal


class Terminal:
    """A shell on a terminal, keys pressed, and what it shows."""

    def __init__(self, command: Sequence[str], start: str) -> None:
        import pty

        self._outer, inner = pty.openpty()
        self._process = subprocess.Popen(
            command,
            stdin=inner,
            stdout=inner,
            stderr=inner,
            env={**os.environ, "TERM": "dumb", "PS1": "$ "},
            start_new_session=True,
        )
        os.close(inner)
        self.shown = ""
        self.press(f"{start}\necho rea''dy\n")
        self.until("ready")

    def press(self, keys: str) -> None:
        os.write(self._outer, keys.encode())

    def until(self, text: str) -> str:
        """Wait for a text at the start of a line; give the rest of that line."""
        end = time.monotonic() + WAIT
        while time.monotonic() < end:
            for line in self.shown.replace("\r", "\n").splitlines(keepends=True):
                if line.startswith(text) and line.endswith("\n"):
                    return line.removeprefix(text).strip()
            if select.select([self._outer], [], [], 0.1)[0]:
                self.shown += os.read(self._outer, 65536).decode(errors="replace")
        raise AssertionError(f"no {text!r} in {self.shown!r}")

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._outer)


COMPLETED = [
    ("vaehub unins\t", "vaehub uninstall"),
    ("vaehub install clearvae@v2.2-a\t", "vaehub install clearvae@v2.2-aing"),
    ("vaehub install x --source hug\t", "vaehub install x --source huggingface"),
    ("vaehub install x --source=hug\t", "vaehub install x --source=huggingface"),
    ("vaehub install x --accept-l\t", "vaehub install x --accept-license"),
    ("vaehub install x --to comf\t", "vaehub install x --to comfy"),
    ("vaehub install x --to Com\t", "vaehub install x --to Comfy UI/"),
    ("vaehub install x --to=for\t", "vaehub install x --to=forge/"),
    ("vaehub smoke hou\t", "vaehub smoke house.vae.pt"),
    ("vaehub config set endpoints.hug\t", "vaehub config set endpoints.huggingface"),
]


def completed(terminal: Terminal, typed: str, number: int) -> str:
    # What is on the line is printed, not run: at its start (ctrl-A) comes an echo.
    terminal.press(f"{typed}\x01echo got-{number}: \r")
    return terminal.until(f"got-{number}:")


@needs("bash")
def test_bash_completes() -> None:
    terminal = Terminal(["bash", "--norc", "--noprofile", "-i"], 'eval "$(vaehub completion bash)"')
    try:
        for number, (typed, line) in enumerate(COMPLETED):
            assert completed(terminal, typed, number) == line
    finally:
        terminal.close()


@needs("zsh")
def test_zsh_completes() -> None:
    start = 'autoload -Uz compinit && compinit -u -D && eval "$(vaehub completion zsh)"'
    terminal = Terminal(["zsh", "-f", "-i"], f"unsetopt zle_bracketed_paste; bindkey -e; {start}")
    try:
        for number, (typed, line) in enumerate(COMPLETED):
            # The slash of a folder goes again when the cursor does.
            assert completed(terminal, typed, number) == line.rstrip("/")
    finally:
        terminal.close()


def in_fish(line: str) -> list[str]:
    done = subprocess.run(
        ["fish", "--no-config", "-c", f"vaehub completion fish | source; complete -C {line!r}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return [line.partition("\t")[0] for line in done.stdout.splitlines()]


@needs("fish")
@pytest.mark.parametrize(
    ("line", "found"),
    [
        *((typed.rstrip("\t"), line) for typed, line in COMPLETED),
        ("vaehub install orangemix", "orangemixs"),
        ("vaehub smoke --self --dtype fp32,bf", "fp32,bf16"),
    ],
)
def test_fish_completes(line: str, found: str) -> None:
    word = found.removeprefix(line.rpartition(" ")[0]).strip().replace(" ", "\\ ")
    assert word in [one.replace("Comfy UI", "Comfy\\ UI") for one in in_fish(line)]


@needs("fish")
def test_fish_says_what_each_is() -> None:
    done = subprocess.run(
        ["fish", "--no-config", "-c", "vaehub completion fish | source; complete -C 'vaehub unin'"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "uninstall\tRemove what vaehub installed, and nothing else.\n"


def test_the_scripts_are_in_the_wheel() -> None:
    folder = ROOT / "vaehub" / "cli" / "shells"
    assert {path.name for path in folder.iterdir()} == {f"vaehub.{shell}" for shell in SHELLS}
    assert isinstance(folder, Path)
