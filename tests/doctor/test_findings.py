"""The table of findings: in the docs as in the code, and each of its rows is found by some test."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from vaehub.doctor import findings
from vaehub.doctor.findings import FINDINGS
from vaehub.errors import Drift, TargetError

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")


def test_the_docs_show_the_table() -> None:
    rows = [
        f"| `{code}` | {one.exit_code or 'note'} | {one.means} | {one.mends} |"
        for code, one in FINDINGS.items()
    ]
    section = PAGE.partition("### Will it work here?")[2].partition("\n## ")[0]
    shown = [line for line in section.splitlines() if re.match(r"\| `[a-z-]+` \|", line)]
    assert [line for line in shown if not line.startswith("| `--")] == rows


def test_no_row_is_there_that_nothing_finds() -> None:
    source = "".join(
        path.read_text(encoding="utf-8")
        for folder in ("vaehub/doctor", "vaehub/checking.py")
        for path in ([ROOT / folder] if folder.endswith(".py") else (ROOT / folder).glob("*.py"))
        if path.name != "findings.py"
    ) + (ROOT / "vaehub" / "receipts.py").read_text(encoding="utf-8")
    tests = "".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "tests" / "doctor").glob("test_*.py")
    )
    for code in FINDINGS:
        assert f'"{code}"' in source, f"nobody says {code}"
        assert f'"{code}"' in tests, f"no test finds {code}"


def test_a_code_that_is_not_in_the_table_is_a_bug() -> None:
    with pytest.raises(KeyError):
        findings.problem("no-such", "words")


def test_a_problem_is_as_grave_as_its_row() -> None:
    for code, one in FINDINGS.items():
        found = findings.problem(code, "words", where=Path("a"), hint="mend it")
        assert (found.code, found.message, found.where) == (code, "words", "a")
        assert found.hint == "mend it"
        assert found.blocking == (one.exit_code in {Drift.exit_code, TargetError.exit_code})


def test_the_target_comes_before_its_files_and_notes_do_not_count() -> None:
    note, file, target = (
        findings.problem(code, "") for code in ("duplicate", "damaged", "folder-not-usable")
    )
    assert findings.exit_code([]) == findings.exit_code([note]) == 0
    assert findings.exit_code([note, file]) == Drift.exit_code
    assert findings.exit_code([file, target]) == TargetError.exit_code
