"""SIGKILL at each step of a conversion: nothing under the final name, or all of it."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

import pytest

from tests import killing
from tests.converting.samples import checkpoint, put
from tests.trees import snapshot
from vaehub.converting import convert

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")


def test_killed_at_each_file_system_event(tmp_path: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    path = put(folder, checkpoint(), name="house.pt")
    out = folder / "house.safetensors"
    environment = {"HOME": str(tmp_path), "VAEHUB_STORE": str(tmp_path / "store")}
    killing.run(["list"], environment=environment, cwd=tmp_path)  # compiles the catalog once
    whole = killing.run(["convert", str(path)], environment=environment, cwd=tmp_path)
    assert whole.returncode == 0, whole.stderr
    wanted = out.read_bytes()
    out.unlink()
    before = snapshot(folder)
    events = int(whole.stderr.rpartition("events: ")[2])
    assert events >= 4
    for point in range(1, events + 1):
        done = killing.run(
            ["convert", str(path)], environment=environment, cwd=tmp_path, kill_at=point
        )
        assert done.returncode == -signal.SIGKILL
        assert not out.exists() or out.read_bytes() == wanted
        convert(path)
        assert out.read_bytes() == wanted
        out.unlink()
        leftovers = snapshot(folder)
        assert leftovers == before, (point, set(leftovers) - set(before))
