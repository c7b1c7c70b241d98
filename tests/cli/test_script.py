"""The end of the process: quick, and with nothing lost."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path


def run(
    code: str, *arguments: str, stdout: int | None = subprocess.PIPE
) -> subprocess.CompletedProcess[str]:
    """Run some code with these arguments as the command line's, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )


PLAIN = "from vaehub.cli import script\nscript()\n"


@pytest.mark.parametrize(
    ("arguments", "code"), [(["--version"], 0), (["info", "nobody-has-this"], 4), (["--nope"], 2)]
)
def test_the_process_ends_with_the_exit_code(arguments: list[str], code: int) -> None:
    assert run(PLAIN, *arguments).returncode == code


def test_all_that_was_written_arrives() -> None:
    ran = run(f"import sys\nsys.stdout.write('before\\n')\n{PLAIN}", "list", "--json")
    assert ran.stdout.startswith("before\n{")
    assert ran.stdout.endswith("}\n")


def test_what_is_to_be_done_at_exit_is_done() -> None:
    ran = run(f"import atexit\natexit.register(print, 'last words')\n{PLAIN}", "--version")
    assert ran.stdout.endswith("last words\n")
    assert ran.returncode == 0


def test_a_thread_is_waited_for() -> None:
    code = (
        "import threading, time\n"
        "threading.Thread(target=lambda: (time.sleep(0.2), print('done'))).start()\n"
    )
    assert run(code + PLAIN, "--version").stdout.endswith("done\n")


def test_a_thread_of_no_matter_is_not_waited_for() -> None:
    code = (
        "import threading, time\n"
        "threading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n"
    )
    assert run(code + PLAIN, "--version").returncode == 0


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")  # noqa: PTH110
def test_output_that_cannot_be_written_is_an_error() -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        ran = run(PLAIN, "list", stdout=full)
    finally:
        os.close(full)
    assert ran.returncode != 0
    assert ran.stderr


def test_python_m_does_the_same(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "vaehub", "info", "nobody-has-this"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 4
