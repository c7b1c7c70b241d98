"""The command line as a whole: help, usage, start-up, pipes, ^C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import vaehub
from tests.cli.conftest import DATA, ROOT, locator, run_process
from vaehub.cli.declared import Group
from vaehub.cli.table import COMMANDS, load
from vaehub.loopback import LoopbackWorld

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.conftest import Run

HEAVY = ("rich", "requests", "yaml", "jsonschema", "huggingface_hub", "torch")


def leaves() -> Iterator[str]:
    for name in COMMANDS:
        command = load(name)
        if isinstance(command, Group):
            yield from (f"{name} {sub}" for sub in command.commands)
        else:
            yield name


LEAVES = tuple(leaves())


def test_the_table_says_what_the_commands_say() -> None:
    for name, summary in COMMANDS.items():
        command = load(name)
        assert command.name == name
        assert len(summary) <= 64
        assert command.help.partition("\n")[0] == summary


@pytest.mark.parametrize("name", LEAVES)
def test_every_command_has_the_shared_options_and_examples(name: str, run: Run) -> None:
    ran = run(*name.split(), "--help")
    assert ran.code == 0
    assert ran.err == ""
    assert ran.out.startswith(f"Usage: vaehub {name}")
    for option in ("--json", "-q, --quiet", "-v, --verbose"):
        assert option in ran.out
    assert f"vaehub {name}" in ran.out.partition("\nExamples:\n")[2]


def test_the_help_lists_all_commands_with_their_summaries(run: Run) -> None:
    ran = run("--help")
    assert ran.code == 0
    for name, summary in COMMANDS.items():
        assert any(line.split() == [name, *summary.split()] for line in ran.out.splitlines()), name


def test_the_version(run: Run) -> None:
    assert run("--version").out == f"vaehub {vaehub.__version__}\n"


STARTS = st.sampled_from(
    [
        ["list"],
        ["search"],
        ["info"],
        ["verify"],
        ["uninstall"],
        ["store", "gc"],
        ["store", "path"],
        [],
    ]
)
WORDS = st.sampled_from(
    [
        "--json",
        "-q",
        "-v",
        "--to",
        "--tag",
        "--family",
        "--dry-run",
        "--deep",
        "--installed",
        "--",
        "-h",
        "--version",
        "list",
        "store",
        "house",
        "mine/house@safetensors",
        "house@",
        "@",
        "/",
        "*",
        "general",
        "sd1",
        ".",
    ]
)


@settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(start=STARTS, rest=st.lists(WORDS | st.text("ab@/.-暖 \x1b", max_size=8), max_size=5))
def test_no_command_line_ends_in_a_bug(
    start: list[str], rest: list[str], run: Run, catalog: Path
) -> None:
    arguments = [*start, *rest]
    ran = run(*arguments)
    assert ran.code in {0, 2, 4, 7, 9}
    before_dashes = arguments[: arguments.index("--")] if "--" in arguments else arguments
    is_help = ran.out.startswith("Usage:") or ran.out.startswith("vaehub ")
    if "--json" in before_dashes and not is_help:
        assert ran.json["ok"] == (ran.code == 0)
    if ran.code:
        assert ran.err or ran.out


@pytest.mark.parametrize(
    "arguments",
    [
        ("instal",),
        ("list", "--colour"),
        ("list", "--to", "--quiet"),
        ("info",),
        ("install", "x", "--source", "ftp"),
    ],
)
def test_usage_errors_exit_2_in_words_or_as_json(arguments: tuple[str, ...], run: Run) -> None:
    told = run(*arguments)
    assert told.code == 2
    assert told.out == ""
    assert told.err.startswith("Usage: vaehub")
    as_json = run(*arguments, "--json")
    assert as_json.code == 2
    assert as_json.err == ""
    assert as_json.json["ok"] is False
    assert [problem["code"] for problem in as_json.json["problems"]] == ["usage"]


def test_a_name_after_the_dashes_is_no_option(run: Run) -> None:
    ran = run("info", "--", "--json")
    assert ran.code == 4
    assert ran.err.startswith("vaehub: no VAE is called '--json'")


def test_a_wrong_environment_is_told_in_both_ways(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAEHUB_OFFLINE", "perhaps")
    assert run("list").code == 2
    assert run("list", "--json").json["problems"][0]["code"] == "usage"


def test_a_catalog_that_is_wrong_is_exit_3(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("schema: 1\ncatalog: {name: bad}\nentries: []\n", encoding="utf-8")
    monkeypatch.setenv("VAEHUB_CATALOG", str(path))
    ran = run("list")
    assert ran.code == 3
    assert f"{path}:" in ran.err


def test_list_on_a_pipe_imports_nothing_heavy(catalog: Path) -> None:
    assert run_process("list").returncode == 0  # compiles the catalogs, which takes PyYAML
    code = (
        "import sys; from vaehub.cli import main; code = main(['list']);"
        f"print(code, *[m for m in {HEAVY} if m in sys.modules], file=sys.stderr)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert ran.stderr == "0\n"
    assert "mine/house" in ran.stdout


def test_help_imports_no_command() -> None:
    code = (
        "import sys; from vaehub.cli import main; main(['--help']);"
        "print([m for m in sys.modules if m.startswith('vaehub.cli.commands')], file=sys.stderr)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert ran.stderr == "[]\n"


@pytest.mark.skipif(os.name != "posix", reason="pipes of POSIX")
@pytest.mark.parametrize("arguments", [["list"], ["list", "--json"], ["--help"]])
def test_a_reader_that_stops_reading_is_met_in_silence(arguments: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        ran = run_process(*arguments, stdout=writer, stderr=subprocess.PIPE, capture_output=False)
    finally:
        os.close(writer)
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.skipif(os.name != "posix", reason="pipes of POSIX")
def test_an_install_goes_on_when_nobody_reads_what_it_says(catalog: Path, target: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with LoopbackWorld() as world, pytest.MonkeyPatch.context() as patch:
        world.publish("huggingface", locator("house.safetensors"), DATA)
        for name, value in world.environment().items():
            patch.setenv(name, value)
        ran = run_process(
            "install", "house", "--to", target, "-v",
            stdout=writer, stderr=writer, capture_output=False,
        )  # fmt: skip
    os.close(writer)
    assert ran.returncode == 0
    assert (target / "house.safetensors").read_bytes() == DATA


@pytest.mark.skipif(not os.access("/dev/full", os.W_OK), reason="there is no /dev/full")
@pytest.mark.parametrize("arguments", [["list"], ["list", "--json"]])
def test_a_full_disk_behind_stdout_is_told(arguments: list[str]) -> None:
    with open("/dev/full", "w", encoding="utf-8") as full:  # noqa: PTH123
        ran = run_process(*arguments, stdout=full, stderr=subprocess.PIPE, capture_output=False)
    assert ran.returncode == 7
    assert "No space left" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_interrupting_an_install_exits_130_and_says_how_to_go_on(
    flags: list[str], catalog: Path, target: Path
) -> None:
    with LoopbackWorld() as world:
        world.publish("huggingface", locator("house.safetensors"), DATA)
        world.faults("huggingface").stall(after=1000)
        process = subprocess.Popen(
            [sys.executable, "-m", "vaehub", "install", "house", "--to", target, "-v", *flags],
            env={
                **os.environ,
                **world.environment(),
                "PYTHONPATH": str(ROOT),
                "PYTHONUNBUFFERED": "1",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        seen = []
        for line in process.stderr:  # until the bytes have begun to come
            seen.append(line)
            if "cdn" in line or ("-> 200" in line and "GET" in line):
                break
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130, (seen, err)
    assert "Traceback" not in "".join(seen) + err
    words = "interrupted; run the same command again to go on from the bytes already here"
    if flags:
        assert json.loads(out)["problems"][0] == {
            "code": "interrupted",
            "message": words,
            "where": None,
            "blocking": True,
            "hint": None,
        }
    else:
        assert out == ""
        assert err.endswith(f"vaehub: {words}\n")
    assert not (target / "house.safetensors").exists()


def test_a_mistyped_command_is_guessed(run: Run) -> None:
    ran = run("instal")
    assert ran.code == 2
    assert "No such command 'instal'. Did you mean 'install'?" in ran.err
    assert "Did you mean" not in run("nosuch").err


def test_the_commands_of_a_group_are_told_in_whole_sentences(run: Run) -> None:
    told = " ".join(run("targets", "--help").out.split())
    assert "Give a UI or a folder a name, which --to, VAEHUB_TO and `target` then take." in told
