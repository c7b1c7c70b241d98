"""``vaehub selftest``."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

    from tests.cli.conftest import Run


def test_every_check_passes_and_is_told(run: Run) -> None:
    ran = run("selftest")
    assert ran.code == 0, ran.err
    assert ran.out == ""
    lines = ran.err.splitlines()
    assert all(line.startswith("ok ") for line in lines[:-1])
    total = len(lines) - 1
    assert total > 10
    assert lines[-1].startswith(f"{total} of {total} checks passed in ")


def test_a_machine_that_gives_no_folder_fails_and_is_told_why(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/no/such/folder")
    ran = run("selftest")
    assert ran.code == 1
    assert ran.err.startswith("FAILED  a temporary folder")
    assert "\nvaehub: a temporary folder" in ran.err
    assert "/no/such/folder" in ran.err
    said = run("selftest", "--json").json
    assert said["ok"] is False
    assert [check["passed"] for check in said["results"]] == [False]
    assert [problem["code"] for problem in said["problems"]] == ["selftest"]
