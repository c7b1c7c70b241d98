"""How things look on a terminal: a real one, of a given width."""

from __future__ import annotations

import os
import re
import struct
import subprocess
import sys
from types import MappingProxyType
from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import DATA, ROOT, locator
from vaehub import api
from vaehub.cli import words
from vaehub.loopback import LoopbackWorld

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

if sys.platform == "win32":
    pytest.skip("terminals of POSIX", allow_module_level=True)

import fcntl
import pty
import termios

_STYLE = re.compile(r"\x1b\[[0-9;]*m")
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def on_terminal(
    *arguments: str | Path,
    columns: int = 80,
    typed: str = "",
    environ: Mapping[str, str] = MappingProxyType({}),
    cwd: Path | None = None,
) -> tuple[int, str]:
    """Run a command on a terminal of its own and give its exit code and what it wrote."""
    outer, inner = pty.openpty()
    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", **environ}
    if "NO_COLOR" in environ and not environ["NO_COLOR"]:
        del environ["NO_COLOR"]
    process = subprocess.Popen(
        [sys.executable, "-m", "vaehub", *map(str, arguments)],
        env=environ,
        cwd=cwd,
        stdin=inner,
        stdout=inner,
        stderr=inner,
    )
    os.close(inner)
    os.write(outer, typed.encode())
    written = b""
    while True:
        try:
            chunk = os.read(outer, 65536)
        except OSError:  # how Linux says that the other side is closed
            break
        if not chunk:
            break
        written += chunk
    os.close(outer)
    return process.wait(timeout=60), written.decode("utf-8").replace("\r\n", "\n")


@pytest.mark.parametrize("columns", [80, 120, 160])
def test_the_list_fits_the_terminal(columns: int, catalog: Path) -> None:
    code, shown = on_terminal("list", columns=columns)
    assert code == 0
    lines = shown.splitlines()
    assert max(words.width(line) for line in lines) <= columns
    ids = [line.split()[0] for line in lines[1:]]
    assert "kl-f8-anime2" in ids
    assert "mine/house" in ids
    heading = lines[0].split()
    assert heading[:3] == ["id", "family", "suits"]
    assert "installed" in heading
    assert ("license" in heading) == (columns >= 120)


@pytest.mark.parametrize("columns", [80, 100, 160])
def test_no_two_families_look_the_same(columns: int) -> None:
    """What must match the checkpoint can be told apart also where it is cut."""
    families = [entry.family for entry in api.list_entries()]
    heading, *lines = on_terminal("list", columns=columns)[1].splitlines()
    start = words.width(heading.partition("family")[0])
    end = words.width(heading.partition("suits")[0])
    shown = [line[start:end].strip() for line in lines]
    assert len(set(zip(families, shown, strict=True))) == len(set(families)) == len(set(shown))


def test_models_are_cut_between_two_of_them(catalog: Path) -> None:
    _, shown = on_terminal("list", "--family", "sdxl", columns=100)
    assert re.search(r"^sdxl-vae +sdxl +SDXL, (\S.*, )?… ", shown, re.MULTILINE)


@pytest.mark.parametrize(
    ("environ", "coloured"),
    [
        ({"NO_COLOR": ""}, True),
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": "", "TERM": "dumb"}, False),
    ],
)
def test_colours_are_used_where_they_are_welcome(
    environ: dict[str, str], coloured: bool, catalog: Path
) -> None:
    _, shown = on_terminal("list", "--family", "test1", environ=environ)
    assert bool(_STYLE.search(shown)) == coloured
    assert "mine/house" in shown


def test_long_texts_are_wrapped_between_words(catalog: Path) -> None:
    _, shown = on_terminal("info", "kl-f8-anime2")
    notes = shown.partition("\n  notes ")[2].partition("\n  installed ")[0].splitlines()
    assert len(notes) > 2
    assert max(words.width(line) for line in notes[1:]) <= 80
    assert all(line.startswith(" " * 15) for line in notes[1:])
    _, shown = on_terminal("list", "--family", "nonsense")
    lines = shown.splitlines()
    assert max(len(line) for line in lines) <= 80
    assert lines[1].startswith("  hint: there are: ")
    assert all(line.startswith("        ") for line in lines[2:])


def install(world: LoopbackWorld, target: Path, **environ: str) -> tuple[int, str]:
    world.publish("huggingface", locator("house.safetensors"), DATA)
    return on_terminal(
        "install", "house", "--to", target, environ={**world.environment(), **environ}
    )


def test_a_terminal_gets_a_bar(catalog: Path, target: Path) -> None:
    with LoopbackWorld() as world:
        code, shown = install(world, target)
    assert code == 0
    assert "\x1b[?25h" in shown  # the cursor is shown again
    plain = _CONTROL.sub("", shown)
    assert re.search(r"house\.safetensors +━+ 4\.19 kB of 4\.19 kB", plain)
    assert f"house@safetensors installed in {target} (folder)" in plain
    assert (target / "house.safetensors").read_bytes() == DATA


def test_a_dumb_terminal_gets_lines(catalog: Path, target: Path) -> None:
    with LoopbackWorld() as world:
        code, shown = install(world, target, TERM="dumb")
    assert code == 0
    assert "\x1b" not in shown
    assert "vaehub: house.safetensors: done, 4.19 kB in " in shown


def test_a_license_is_asked_for_before_any_bar(catalog: Path, target: Path) -> None:
    with LoopbackWorld() as world:
        world.publish("huggingface", locator("locked.safetensors"), DATA)
        code, shown = on_terminal(
            "install", "locked", "--to", target, typed="n\n", environ=world.environment()
        )
        assert world.requests == []
    assert code == 5
    assert "Do you accept it? (asked once on this machine) [y/N] " in shown
    assert "\x1b[?25l" not in shown
