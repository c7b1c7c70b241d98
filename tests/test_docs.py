"""The docs tell the truth about the catalog."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_readme_table_is_in_step_with_the_catalog() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "make.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_readme_names_only_commands_that_exist() -> None:
    from vaehub.cli.table import COMMANDS

    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    block = readme.partition("## The commands people use most")[2].partition("```sh\n")[2]
    lines = [line.split() for line in block.partition("```")[0].splitlines() if line]
    assert lines
    assert {words[1] for words in lines} <= set(COMMANDS)
