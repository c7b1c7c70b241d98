"""``vaehub catalog``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Run


def test_the_curated_catalog_is_sound(run: Run) -> None:
    ran = run("catalog", "check", "--json")
    assert ran.code == 0
    assert [result["blocking"] for result in ran.json["results"]] == [0]
    assert not [problem for problem in ran.json["problems"] if problem["blocking"]]


def test_problems_come_with_file_and_line_on_stdout(run: Run, catalog: Path) -> None:
    text = catalog.read_text(encoding="utf-8")
    line = next(n for n, one in enumerate(text.splitlines(), 1) if '"family": "test1"' in one)
    catalog.write_text(text.replace('"family": "test1"', '"family": 1'), encoding="utf-8")
    ran = run("catalog", "check", catalog)
    assert ran.code == 3
    assert ran.out.startswith(f"{catalog}:{line}: ")
    assert ran.out.endswith(f"{catalog}: 1 problem\n")
    assert ran.err == ""
    assert run("catalog", "check", catalog, "--json").json["results"] == [
        {"file": str(catalog), "blocking": 1, "advisory": 0}
    ]


def test_without_a_file_the_catalogs_in_force_are_checked(run: Run, catalog: Path) -> None:
    files = [result["file"] for result in run("catalog", "check", "--json").json["results"]]
    assert len(files) == 2
    assert files[0].endswith("registry.yaml")
    assert files[1] == str(catalog)


def test_a_file_that_is_not_there(run: Run, tmp_path: Path) -> None:
    assert run("catalog", "check", tmp_path / "none.yaml").code == 3


def test_fmt_check_names_the_line_and_fmt_rewrites(run: Run, catalog: Path) -> None:
    before = catalog.read_bytes()
    ran = run("catalog", "fmt", "--check", catalog)
    assert ran.code == 3
    assert ran.err.startswith(f"vaehub: {catalog}:1: not in the canonical form")
    assert catalog.read_bytes() == before
    ran = run("catalog", "fmt", catalog)
    assert (ran.code, ran.err) == (0, f"rewrote {catalog}\n")
    assert catalog.read_bytes() != before
    ran = run("catalog", "fmt", "--check", catalog)
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert run("catalog", "fmt", catalog, "--json").json["results"] == [
        {"file": str(catalog), "changed": False}
    ]


def test_the_curated_catalog_is_canonical(run: Run) -> None:
    assert run("catalog", "fmt", "--check").code == 0


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_the_schema_is_json(run: Run, flags: list[str]) -> None:
    ran = run("catalog", "schema", *flags)
    assert ran.code == 0
    schema = ran.json["results"][0] if flags else json.loads(ran.out)
    assert schema["$schema"].startswith("https://json-schema.org/")
