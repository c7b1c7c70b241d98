"""SIGKILL at every stage of an install: the UI's folder stays untouched or is complete."""

from __future__ import annotations

import hashlib
import random
import signal
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests import killing
from tests.builders import safetensors_bytes, write_catalog
from vaehub import api, settings

if TYPE_CHECKING:
    from pathlib import Path

    from vaehub.loopback import LoopbackWorld

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")

NAME = "killed.safetensors"
LOCATOR = {"repo": "acme/vae", "revision": "0" * 40, "path": NAME}
DATA = safetensors_bytes(3_000_000, seed=7)
POINTS = 40


class Box:
    """A machine with an AUTOMATIC1111 tree, a store and a catalog, for one run after another."""

    def __init__(self, folder: Path, world: LoopbackWorld) -> None:
        self.world = world
        self.tree = folder / "webui"
        (self.tree / "models" / "VAE").mkdir(parents=True)
        (self.tree / "models" / "VAE" / "mine.safetensors").write_bytes(b"the user's own")
        (self.tree / "webui.py").write_text("")
        (self.tree / "modules").mkdir()
        (self.tree / "modules" / "sd_vae.py").write_text("")
        self.catalog = write_catalog(
            folder / "mine.yaml", {"killed": {NAME: (DATA, [{"huggingface": LOCATOR}])}}
        )
        self.environment = {
            **world.environment(),
            "HOME": str(folder),
            "VAEHUB_STORE": str(folder / "store"),
            "XDG_STATE_HOME": str(folder / "state"),
            "VAEHUB_CATALOG": str(self.catalog),
            "HF_HUB_DISABLE_TELEMETRY": "1",
        }
        self.before = self.visible()

    @property
    def arguments(self) -> list[str]:
        return ["install", "killed", "--to", str(self.tree)]

    def install(self) -> None:
        api.install("killed", to=self.tree, settings=settings.load(self.environment))

    def uninstall(self) -> None:
        api.uninstall("killed", to=self.tree, settings=settings.load(self.environment))

    def visible(self) -> dict[str, bytes]:
        """All files but vaehub's own notes, which no UI lists."""
        return {
            str(path.relative_to(self.tree)): path.read_bytes()
            for path in sorted(self.tree.rglob("*"))
            if path.is_file() and ".vaehub" not in path.parts
        }

    def everything(self) -> list[str]:
        return sorted(str(path.relative_to(self.tree)) for path in self.tree.rglob("*"))

    def assert_untouched_or_complete(self) -> None:
        seen = self.visible()
        placed = seen.pop(f"models/VAE/{NAME}", None)
        assert seen == self.before
        assert placed in (None, DATA)


@pytest.fixture
def box(tmp_path: Path, world: LoopbackWorld) -> Box:
    world.publish("huggingface", LOCATOR, DATA)
    return Box(tmp_path, world)


@pytest.fixture
def events(box: Box) -> int:
    """Count the file-system events of a healthy install with nothing stored, then put all back."""
    killing.run(["list"], environment=box.environment, cwd=box.tree)  # compiles the catalogs once
    whole = killing.run(box.arguments, environment=box.environment, cwd=box.tree)
    assert whole.returncode == 0, whole.stderr
    box.uninstall()
    return int(whole.stderr.rpartition("events: ")[2])


def test_killed_at_each_file_system_event(box: Box, events: int, tmp_path: Path) -> None:
    tree_before = box.everything()
    points = sorted({1 + round(i * (events - 1) / (POINTS - 1)) for i in range(POINTS)})
    assert len(points) >= 10, "an install makes fewer file-system events than that?"
    killed = 0
    for point in points:
        box.environment["VAEHUB_STORE"] = str(tmp_path / f"store-{point}")
        box.environment["XDG_STATE_HOME"] = str(tmp_path / f"state-{point}")  # also written to once
        done = killing.run(box.arguments, environment=box.environment, cwd=box.tree, kill_at=point)
        killed += done.returncode == -signal.SIGKILL
        box.assert_untouched_or_complete()

        box.install()
        assert box.visible() == {**box.before, f"models/VAE/{NAME}": DATA}, point

        box.uninstall()
        assert box.everything() == tree_before, point
    assert killed == len(points)


def test_killed_at_random_moments_of_the_download(box: Box, tmp_path: Path) -> None:
    """One install, killed again and again, ends with the right file and few bytes fetched twice."""
    rounds = 30
    box.world.faults("huggingface").slow(bytes_per_second=1_500_000)
    chance = random.Random(20261122)
    kills = 0
    for _ in range(rounds):
        process = killing.start(box.arguments, environment=box.environment, cwd=box.tree)
        time.sleep(chance.uniform(0.05, 0.7))
        process.kill()
        kills += process.wait() == -signal.SIGKILL
        box.assert_untouched_or_complete()
    box.world.faults("huggingface").clear()
    box.install()
    assert box.visible() == {**box.before, f"models/VAE/{NAME}": DATA}
    assert kills >= 1
    assert hashlib.sha256(DATA).hexdigest() in {
        path.name for path in (tmp_path / "store").rglob("*")
    }
