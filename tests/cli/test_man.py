"""The man page says what the commands say, and every reader of man pages takes it."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from tests.cli.conftest import ROOT
from tests.cli.test_plain import LEAVES
from tests.test_settings import ALL_VARIABLES
from vaehub.cli import man
from vaehub.cli.declared import SHARED, Option

PAGE = ROOT / "docs" / "vaehub.1"
READERS = {
    "mandoc": ["mandoc", "-Tlint"],
    "groff": ["groff", "-ww", "-z", "-man", "-Tutf8"],
    "man": ["man", "--warnings", "--local-file"],
}


def test_it_is_in_step_with_the_commands() -> None:
    assert PAGE.read_text(encoding="utf-8") == man.page(), (
        "python -m vaehub.cli.man > docs/vaehub.1"
    )


@pytest.mark.parametrize("reader", READERS)
def test_its_readers_have_nothing_to_say_against_it(reader: str) -> None:
    if shutil.which(reader) is None:
        pytest.skip(f"{reader} is not installed")
    done = subprocess.run(
        [*READERS[reader], str(PAGE)], capture_output=True, text=True, check=False, timeout=60
    )
    if reader == "man" and "minimized" in done.stdout:
        pytest.skip("man is a stand-in here")
    said = done.stderr + (done.stdout if reader == "mandoc" else "")
    assert (done.returncode, said) == (0, "")


def test_it_reads_as_it_should() -> None:
    if shutil.which("groff") is None:
        pytest.skip("groff is not installed")
    done = subprocess.run(
        ["groff", "-man", "-Tascii", "-P-c", str(PAGE)], capture_output=True, text=True, check=True
    )
    shown = re.sub(".\b", "", done.stdout)  # bold by striking twice
    assert "vaehub list --json | jq -r '.results[].id'\n" in shown
    assert "vaehub targets add comfy ~/ComfyUI --default\n" in shown
    assert re.search(r"`vaehub\s+targets`", shown)
    assert re.search(r"^ +9 +Something installed differs\.$", shown, re.MULTILINE)


def test_everything_that_is_declared_is_there() -> None:
    page = PAGE.read_text(encoding="utf-8").replace(r"\-", "-").replace(r"\(ti", "~")
    for name, leaf in LEAVES.items():
        section = page.partition(f'.SS "\\fBvaehub {name}\\fR')[2].partition("\n.S")[0]
        for parameter in leaf.parameters:
            if isinstance(parameter, Option) and parameter not in SHARED:
                assert f"\\fB{parameter.spellings[-1]}\\fR" in section, (name, parameter)
    page = page.replace(r"\fB", "")
    for variable in ALL_VARIABLES:
        assert re.search(rf"\b{variable}\b", page), variable


@pytest.mark.parametrize(
    ("text", "roff"),
    [
        (".hidden", [r"\&.hidden"]),
        ("'quoted'", [r"\&\(aqquoted\(aq"]),
        (r"a\b", [r"a\eb"]),
        ("--to ~/x^2", [r"\-\-to \(ti/x\(ha2"]),
        ("straße", [r"stra\[u00DF]e"]),
        ("word " * 20, ["word " * 13 + "word", "word " * 5 + "word"]),
    ],
)
def test_no_text_is_taken_for_a_request(text: str, roff: list[str]) -> None:
    assert list(man._filled(text)) == roff
