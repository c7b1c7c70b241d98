"""``vaehub config``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from vaehub.settings import config_file

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Run

TOKEN = "t0ken-that-must-not-show"


def test_set_says_where_and_get_reads_it_back(run: Run) -> None:
    ran = run("config", "set", "limit_rate", "5MB")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == f"limit_rate = 5MB stands in {config_file()}\n"
    assert run("config", "set", "limit_rate", "5MB").err.startswith("limit_rate = 5MB stood alread")
    assert run("config", "get", "limit_rate").out == "5MB\n"
    assert (
        run("config", "unset", "limit_rate").err == f"limit_rate is taken out of {config_file()}\n"
    )
    assert run("config", "unset", "limit_rate").err == f"limit_rate is not in {config_file()}\n"
    ran = run("config", "get", "limit_rate")
    assert (ran.code, ran.out, ran.err) == (0, "", "vaehub: note: limit_rate is not set\n")


def test_get_prints_several_values_one_a_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAEHUB_MIRRORS", "https://a.example https://b.example")
    assert run("config", "get", "mirrors").out == "https://a.example\nhttps://b.example\n"
    assert run("config", "get", "offline").out == "false\n"


def test_list_shows_who_says_so(run: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIVITAI_TOKEN", TOKEN)
    run("config", "set", "max_connections", "4")
    ran = run("config", "list")
    rows = [line.split() for line in ran.out.splitlines()]
    assert rows[0] == ["key", "value", "from"]
    assert ["max_connections", "4", "file"] in rows
    assert ["store", str(home / "store"), "VAEHUB_STORE"] in rows
    assert ["offline", "false", "default"] in rows
    assert ["target", "-", "-"] in rows
    assert ["token.civitai", "set", "CIVITAI_TOKEN"] in rows
    assert ran.out.endswith(f"the file: {config_file()}\n")
    assert TOKEN not in ran.out


def test_list_says_that_there_is_no_file_yet(run: Run) -> None:
    assert run("config", "list").out.endswith("(not there yet)\n")


def test_json(run: Run) -> None:
    (said,) = run("config", "set", "offline", "yes", "--json").json["results"]
    assert said == {"key": "offline", "value": True, "changed": True, "file": str(config_file())}
    results = run("config", "list", "--json").json["results"]
    assert {
        "key": "offline",
        "value": True,
        "origin": "file",
        "where": str(config_file()),
    } in results
    (got,) = run("config", "get", "max_connections", "--json").json["results"]
    assert got == {"key": "max_connections", "value": None, "origin": "default", "where": None}


def test_a_variable_that_comes_first_is_a_note(run: Run, home: Path) -> None:
    ran = run("config", "set", "store", home / "other")
    assert ran.code == 0
    assert (
        "vaehub: note: VAEHUB_STORE is set, and comes before what the file says of store" in ran.err
    )
    (problem,) = run("config", "unset", "store", "--json").json["problems"]
    assert (problem["code"], problem["blocking"]) == ("overruled", False)


@pytest.mark.parametrize("flags", [[], ["--json"], ["-v"]])
def test_a_token_is_refused_and_not_repeated(flags: list[str], run: Run) -> None:
    ran = run("config", "set", "civitai_token", TOKEN, *flags)
    assert ran.code == 2
    assert "vaehub login" in ran.out + ran.err
    assert TOKEN not in ran.out + ran.err
    assert not config_file().exists()


def test_mistakes_are_exit_2(run: Run) -> None:
    assert run("config", "set", "storr", "/x").code == 2
    assert run("config", "get", "storr").code == 2
    assert run("config", "unset", "storr").code == 2
    assert run("config", "set", "store").code == 2
    assert run("config", "set", "store", "/x", "/y").code == 2
    assert not config_file().exists()
