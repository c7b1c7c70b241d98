"""``vaehub selftest``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.cli.conftest import Run


def test_every_check_passes_and_is_told(run: Run) -> None:
    ran = run("selftest", "--json")
    assert ran.code == 0, ran.out
    assert ran.err == ""
    assert all(check["passed"] for check in ran.json["results"])
    assert len(ran.json["results"]) > 10


def test_a_machine_without_loopback_is_told(run: Run, monkeypatch: object) -> None:
    ran = run("selftest")
    lines = ran.out.splitlines()
    assert all(line.startswith("ok ") for line in lines[:-1])
    total = len(lines) - 1
    assert lines[-1].startswith(f"{total} of {total} checks passed in ")
