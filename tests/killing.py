"""Run vaehub in a process of its own and kill it with SIGKILL where the test says.

Run as a script: ``python killing.py N ARG...`` counts the process's own file-system events (opening
for writing, renaming, linking, removing, making folders, changing modes) through an audit hook and
kills itself at the N-th, before the event happens; 0 never kills and prints the count. The product
knows nothing of this.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_EVENTS = {"os.rename", "os.link", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "os.truncate"}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


def run(
    arguments: list[str], *, environment: Mapping[str, str], cwd: Path, kill_at: int = 0
) -> subprocess.CompletedProcess[str]:
    """Run ``vaehub ARGUMENTS``, killed at an event, or to the end."""
    return subprocess.run(
        [sys.executable, __file__, str(kill_at), *arguments],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": _ROOT, **environment},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def start(
    arguments: list[str], *, environment: Mapping[str, str], cwd: Path
) -> subprocess.Popen[bytes]:
    """Start ``vaehub ARGUMENTS`` and leave it running, for a kill by the clock."""
    return subprocess.Popen(
        [sys.executable, "-m", "vaehub", *arguments],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": _ROOT, **environment},
        cwd=cwd,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


_ROOT = str(Path(__file__).resolve().parents[1])


def _main() -> int:
    kill_at, arguments = int(sys.argv[1]), sys.argv[2:]
    seen = 0

    def hook(event: str, args: tuple[Any, ...]) -> None:
        nonlocal seen
        writing = event == "open" and isinstance(args[2], int) and args[2] & _WRITING
        if event not in _EVENTS and not writing:
            return
        if event == "open" and str(args[0]).endswith((".pyc", ".py")):
            return
        seen += 1
        if seen == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    from vaehub.cli import main

    sys.dont_write_bytecode = True
    sys.addaudithook(hook)
    code = main(arguments)
    sys.stderr.write(f"events: {seen}")
    return code


if __name__ == "__main__":
    sys.exit(_main())
