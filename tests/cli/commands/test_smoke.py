"""``vaehub smoke``."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from tests.cli.conftest import run_process
from tests.cli.test_terminal import on_terminal
from tests.smoke import handmade
from tests.smoke.asking import needs_torch
from vaehub.cli import words

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Run

pytestmark = pytest.mark.usefixtures("one_thread")
CPU = ("--device", "cpu")


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    return handmade.write(tmp_path / "sound.safetensors")


@pytest.fixture
def faded(tmp_path: Path) -> Path:
    return handmade.write(tmp_path / "faded.safetensors", handmade.weights(gain=0.35))


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "page.safetensors"
    path.write_text("<html><title>Just a moment...</title></html>")
    return path


# What it says


@needs_torch
def test_a_sound_one_in_readable_text(run: Run, sound: Path) -> None:
    ran = run("smoke", sound, *CPU)
    assert (ran.code, ran.out) == (0, "")  # a report: stdout is no terminal
    lines = ran.err.splitlines()
    assert lines[:3] == [
        str(sound),
        "  verdict      works",
        "  what it is   autoencoder-kl, ldm keys, 4 latent channels, 2 x smaller",
    ]
    assert lines[3].startswith("  cpu fp32     works; round trip 24 dB, ")
    assert lines[4].startswith("  cpu bf16     works; round trip 24 dB, agrees with fp32 to ")
    assert len(lines) == 5


@needs_torch
def test_a_failed_one_says_why_and_what_to_do_once(run: Run, faded: Path) -> None:
    ran = run("smoke", faded, *CPU)
    assert ran.code == 8
    lines = ran.err.splitlines()
    assert lines[1] == "  verdict      washed out, or wrong factors"
    assert sum("of a picture's contrast 33% is left" in line for line in lines) == 1
    assert sum(line.startswith("  what to do") for line in lines) == 1
    assert len(set(lines)) == len(lines)
    assert "vaehub:" not in ran.err


def test_what_is_no_vae_needs_no_torch_to_be_told(run: Run, page: Path) -> None:
    ran = run("smoke", page)
    assert ran.code == 8
    assert ran.err.splitlines() == [
        str(page),
        "  verdict      not a VAE",
        "               page.safetensors: the host sent a page that checks for a browser "
        "(“Just a moment...”)",
        "  what to do   move it to the folder of its own kind; UIs list whatever lies here",
    ]


@needs_torch
def test_several_are_told_apart_and_one_that_fails_decides(
    run: Run, sound: Path, page: Path
) -> None:
    ran = run("smoke", page, sound, *CPU, "--dtype", "fp32")
    assert ran.code == 8
    assert [line for line in ran.err.splitlines() if line and line[0] != " "] == [
        *(str(page), str(sound)),
        "2 tested: 1 works; 1 not a VAE",
    ]
    assert ran.err.count("\n\n") == 2


@needs_torch
def test_half_precision_on_a_cpu_is_no_failure(run: Run, sound: Path) -> None:
    ran = run("smoke", sound, *CPU, "--dtype", "fp16")
    assert ran.code == 0
    assert "  verdict      cannot be tested here\n" in ran.err
    assert "  cpu fp16     cannot be tested here\n" in ran.err
    assert "a CPU takes minutes for one picture in fp16" in ran.err


def test_without_torch_a_hint_is_given_and_nothing_fails(
    run: Run, sound: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    ran = run("smoke", sound)
    assert ran.code == 0
    assert "pip install 'vaehub[smoke]' adds torch; the checks that need none" in ran.err
    assert "autoencoder-kl, ldm keys" in ran.err


@needs_torch
def test_quiet_says_nothing_of_a_sound_one_and_why_of_another(
    run: Run, sound: Path, faded: Path
) -> None:
    ran = run("smoke", sound, *CPU, "--dtype", "fp32", "--quiet")
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    ran = run("smoke", faded, *CPU, "--dtype", "fp32", "-q")
    assert (ran.code, ran.out) == (8, "")
    assert ran.err.splitlines()[0].startswith(f"vaehub: {faded}: of a picture's contrast 33%")


# JSON


@needs_torch
def test_json_of_a_sound_one(run: Run, sound: Path) -> None:
    ran = run("smoke", sound, *CPU, "--json")
    assert (ran.code, ran.err) == (0, "")
    said = ran.json
    assert list(said) == ["schema", "command", "ok", "results", "problems"]
    assert (said["schema"], said["command"], said["ok"]) == (1, "smoke", True)
    assert said["problems"] == []
    [result] = said["results"]
    assert (result["name"], result["verdict"], result["ok"]) == (str(sound), "works", True)
    assert result["paths"] == [str(sound)]
    assert [(one["device"], one["dtype"], one["verdict"]) for one in result["decoded"]] == [
        ("cpu", "fp32", "works"),
        ("cpu", "bf16", "works"),
    ]
    assert result["decoded"][0]["figures"]["round_trip"] > 20


@needs_torch
def test_json_of_one_that_fails(run: Run, faded: Path, sound: Path) -> None:
    ran = run("smoke", faded, sound, *CPU, "--dtype", "fp32", "--json")
    assert (ran.code, ran.err) == (8, "")
    said = ran.json
    assert said["ok"] is False
    assert [result["ok"] for result in said["results"]] == [False, True]
    [problem] = said["problems"]
    assert (problem["code"], problem["where"]) == ("smoke-washed-out", str(faded))
    assert problem["blocking"] is True


@needs_torch
def test_json_of_one_that_cannot_do_in_fp16(run: Run, tmp_path: Path) -> None:
    path = handmade.write(tmp_path / "vae.safetensors", handmade.weights(overflowing=True))
    ran = run("smoke", path, *CPU, "--dtype", "fp32", "--json")
    assert ran.code == 0
    said = ran.json
    assert said["ok"] is said["results"][0]["ok"] is True
    assert said["results"][0]["verdict"] == "not-in-fp16"
    assert [(one["code"], one["blocking"]) for one in said["problems"]] == [
        ("smoke-overflows-fp16", False)
    ]
    assert {advice["ui"] for advice in said["results"][0]["advice"]} >= {"ComfyUI", "Forge"}


@needs_torch
def test_nothing_else_is_on_stdout_and_infinite_figures_are_null(tmp_path: Path) -> None:
    def spoil(weights: handmade.Weights) -> None:
        weights["decoder.conv_in.bias"][0] = float("inf")

    path = handmade.write(tmp_path / "vae.safetensors", change=spoil)
    ran = run_process("smoke", path, *CPU, "--json")
    assert (ran.returncode, ran.stderr) == (8, "")

    def refuse(word: str) -> None:
        raise AssertionError(word)

    said = json.loads(ran.stdout, parse_constant=refuse)
    assert said["results"][0]["verdict"] == "damaged"


# Files that it writes


@needs_torch
def test_a_report_for_ci(run: Run, faded: Path, tmp_path: Path) -> None:
    report = tmp_path / "new" / "smoke.xml"
    assert run("smoke", faded, *CPU, "--junit", report).code == 8
    suite = ET.parse(report).getroot()
    assert (suite.attrib["tests"], suite.attrib["failures"]) == ("2", "2")
    assert list(report.parent.iterdir()) == [report]


def test_a_report_that_cannot_be_written(run: Run, page: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    ran = run("smoke", page, "--junit", tmp_path / "file" / "smoke.xml")
    assert ran.code == 7
    assert "--junit" in ran.err


@needs_torch
def test_pictures(run: Run, sound: Path, tmp_path: Path) -> None:
    pytest.importorskip("PIL", reason="Pillow is not installed (vaehub[smoke])")
    folder = tmp_path / "pictures"
    arguments = ("smoke", sound, *CPU, "--dtype", "fp32", "--images", folder)
    ran = run(*arguments)
    assert ran.code == 0
    assert ran.err.endswith(f"pictures are in {folder}\n")
    names = {path.name for path in folder.iterdir()}
    assert {"contact-sheet.png", "sound.safetensors-cpu-fp32-original.png"} <= names
    assert run(*arguments).code == 0
    (folder / "contact-sheet.png").write_text("a holiday")
    assert run(*arguments).code == 7
    assert (folder / "contact-sheet.png").read_text() == "a holiday"


# What is asked for


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ([], 2, "nothing to test"),
        (["--dtype", "fp16"], 2, "nothing to test"),
        (["FILE", "--dtype", "fp8"], 2, "--dtype 'fp8': there are fp32, bf16, fp16"),
        (["FILE", "--dtype", ","], 2, "--dtype"),
        (["gone.safetensors"], 2, "there is no file gone.safetensors"),
        (["FOLDER"], 2, "is a folder"),
        (["hous"], 4, "no VAE is called 'hous'; did you mean house"),
        (["house"], 4, "house is not installed in"),
        (["--nonsense"], 2, "--nonsense"),
        (["FILE", "--device"], 2, "--device"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_cannot_be_done(
    run: Run, catalog: Path, page: Path, target: Path, arguments: list[str], code: int, words: str
) -> None:
    places = {"FILE": str(page), "FOLDER": str(target)}
    ran = run("smoke", *(places.get(word, word) for word in arguments), "--to", target)
    assert ran.code == code, ran.err
    assert words in ran.err
    as_json = run("smoke", *(places.get(word, word) for word in arguments), "--json")
    assert as_json.code == code
    assert as_json.json["ok"] is False


@needs_torch
def test_a_device_that_is_not_here(run: Run, sound: Path) -> None:
    ran = run("smoke", sound, "--device", "cuda:99")
    assert ran.code == 2
    assert "--device cuda:99: not here; torch" in ran.err
    assert run("smoke", sound, "--device", "abacus").code == 2


@needs_torch
def test_all_that_is_installed(run: Run, catalog: Path, target: Path) -> None:
    ran = run("smoke", "--all", "--to", target, "--json")
    assert (ran.code, ran.json["results"]) == (0, [])


def test_nothing_installed_is_said(run: Run, target: Path) -> None:
    ran = run("smoke", "--all", "--to", target)
    assert ran.code == 0
    assert "nothing" in ran.err


@needs_torch
def test_it_reads_the_same_through_click(run: Run, sound: Path) -> None:
    assert run("smoke", "--dtype=fp32", "-qv", sound).code == 0


def test_help_has_examples(run: Run) -> None:
    ran = run("smoke", "--help")
    assert ran.code == 0
    for said in ("Examples", "--junit", "--images", "--dtype", "Exit code 8"):
        assert said in ran.out


# On a terminal


@needs_torch
@pytest.mark.skipif(sys.platform == "win32", reason="terminals of POSIX")
@pytest.mark.parametrize("columns", [80, 120])
def test_it_fits_the_terminal(tmp_path: Path, columns: int) -> None:
    path = handmade.write(tmp_path / "vae.safetensors", handmade.weights(overflowing=True))
    code, shown = on_terminal(
        *("smoke", path.name, *CPU, "--dtype", "fp32"),
        columns=columns,
        cwd=tmp_path,
        environ={"NO_COLOR": ""},
    )
    assert code == 0
    assert "\x1b[33mworks, but not in fp16\x1b[0m" in shown
    lines = shown.splitlines()
    assert max(words.width(line) for line in lines if "\x1b" not in line) <= columns
