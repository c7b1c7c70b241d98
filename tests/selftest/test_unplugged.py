"""The self-test on a machine with nothing but loopback: as root or not, with torch or without."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import vaehub
from vaehub.selftest.checks import CHECKS

ROOT = Path(vaehub.__file__).parents[1]
UNPLUGGED = ["unshare", "--map-root-user", "--net", "sh", "-c", 'ip link set lo up && exec "$@"']
USERS = {"as root": [], "as a plain user": ["unshare", "--user"]}
"""Whoever is mapped to nobody may do nothing that only root may; its own files stay its own."""
TELL = "import os, socket; print(os.geteuid(), [name for _, name in socket.if_nameindex()])"
RUN = "import sys; from vaehub.cli import main; sys.exit(main(['selftest', '--json']))"


@pytest.mark.parametrize("torch", ["with torch", "without torch"])
@pytest.mark.parametrize("user", USERS)
def test_the_self_test_passes_unplugged(tmp_path: Path, user: str, torch: str) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "TMPDIR": str(tmp_path),
        "PYTHONPATH": str(ROOT),
    }

    def python(code: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*UNPLUGGED, "-", *USERS[user], sys.executable, "-c", code],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    try:
        seen = python(TELL)
    except OSError as error:
        pytest.skip(f"this system cannot be unplugged: {error}")
    if seen.returncode:
        pytest.skip(f"this system cannot be unplugged: {seen.stderr}")
    assert seen.stdout.endswith(" ['lo']\n")
    assert seen.stdout.startswith("0 ") == (user == "as root")

    done = python(
        RUN if torch == "with torch" else f"import sys; sys.modules['torch'] = None; {RUN}"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    checks = json.loads(done.stdout)["results"]
    assert [check["name"] for check in checks if not check["passed"]] == []
    assert [check["name"] for check in checks] == list(CHECKS)
    [decoded] = [each["detail"] for each in checks if each["name"] == "an installed VAE decodes"]
    assert list(tmp_path.iterdir()) == [], "something was left behind"
    if torch == "without torch":
        assert "not decoded: torch is not installed" in decoded
    else:
        pytest.importorskip("torch", reason="torch is not installed (vaehub[smoke])")
        assert "fp32 on" in decoded
