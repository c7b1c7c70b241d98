"""SIGKILL at every stage of a sync: what the next run finds is enough to end as if nothing was."""

from __future__ import annotations

import random
import shutil
import signal
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests import builders, killing
from tests.provision.boxes import USERS
from vaehub import provisioning, settings

if TYPE_CHECKING:
    from pathlib import Path

    from vaehub.loopback import LoopbackWorld

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")

DATA = {name: builders.safetensors_bytes(1_500_000, seed=seed) for seed, name in enumerate("abc")}
OLD = builders.safetensors_bytes(3000, seed=99)
POINTS = 30
MANIFEST = """\
schema: 1
vaes: [a, b, c]
targets:
  one: {ui: folder, path: one}
  two: {ui: folder, path: two}
"""


def locator(name: str) -> dict[str, str]:
    return {"repo": "acme/vae", "revision": "0" * 40, "path": f"{name}.safetensors"}


class Box:
    """A folder with a manifest, run after run in processes of their own."""

    def __init__(self, folder: Path, world: LoopbackWorld) -> None:
        self.world, self.folder = world, folder
        files = {**DATA, "old": OLD}
        for name, data in files.items():
            world.publish("huggingface", locator(name), data)
        catalog = builders.write_catalog(
            folder / "mine.yaml",
            {
                name: {f"{name}.safetensors": (data, [{"huggingface": locator(name)}])}
                for name, data in files.items()
            },
        )
        (folder / "vaehub.yaml").write_text(MANIFEST)
        self.environment = {
            **world.environment(),
            "HOME": str(folder / "home"),
            "VAEHUB_STORE": str(folder / "store"),
            "VAEHUB_CATALOG": str(catalog),
            "HF_HUB_DISABLE_TELEMETRY": "1",
        }
        (folder / "home").mkdir()
        provisioning.lock(folder / "vaehub.yaml", settings=settings.load(self.environment))

    def run(self, *arguments: str, kill_at: int = 0) -> tuple[int, str]:
        done = killing.run(
            list(arguments), environment=self.environment, cwd=self.folder, kill_at=kill_at
        )
        return done.returncode, done.stderr

    def reset(self) -> None:
        """Go back to a box with one old VAE, which the lock does not name, and an empty store."""
        for name in ("one", "two", "store"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        for name in ("one", "two"):
            code, said = self.run("install", "old", "--to", str(self.folder / name))
            assert code == 0, said
            (self.folder / name / "mine.txt").write_bytes(USERS)
        self.world.requests.clear()

    def trees(self) -> dict[str, bytes]:
        return {
            path.relative_to(self.folder).as_posix(): path.read_bytes()
            for name in ("one", "two")
            for path in sorted((self.folder / name).rglob("*"))
            if path.is_file() and ".vaehub" not in path.parts
        }

    def sent(self) -> int:
        return self.world.bytes_sent("huggingface")

    def assert_nothing_is_half(self) -> None:
        for path, data in self.trees().items():
            name = path.rpartition("/")[2].partition(".")[0]
            assert data == {**DATA, "old": OLD, "mine": USERS}[name], path


@pytest.fixture
def box(tmp_path: Path, world: LoopbackWorld) -> Box:
    return Box(tmp_path, world)


def test_killed_at_each_file_system_event(box: Box) -> None:
    for _ in range(2):  # the first run also writes to the cache, once and for all
        box.reset()
        code, said = box.run("sync", "--frozen")
        assert code == 0, said
    events = int(said.rpartition("events: ")[2])
    wanted = box.trees()
    assert not any("old" in name for name in wanted)
    total = sum(map(len, DATA.values()))
    assert box.sent() == total
    killed = 0
    points = sorted({1 + round(i * (events - 1) / (POINTS - 1)) for i in range(POINTS)})
    for point in points:
        box.reset()
        code, said = box.run("sync", "--frozen", kill_at=point)
        killed += code == -signal.SIGKILL
        box.assert_nothing_is_half()
        done = {name for name in DATA if box.folder.joinpath("one", f"{name}.safetensors").exists()}
        before = box.sent()
        code, said = box.run("sync", "--frozen")
        assert code == 0, said
        assert box.trees() == wanted, point
        again = box.sent() - before
        assert again <= sum(len(DATA[name]) for name in DATA if name not in done), point
    assert killed == len(points) == POINTS


def test_killed_at_random_moments_of_the_download(box: Box) -> None:
    """One sync, killed again and again, ends with the right trees and few bytes fetched twice."""
    box.reset()
    box.world.faults("huggingface").slow(bytes_per_second=1_000_000)
    chance = random.Random(20261125)
    kills = 0
    for _ in range(30):
        process = killing.start(["sync", "--frozen"], environment=box.environment, cwd=box.folder)
        time.sleep(chance.uniform(0.1, 0.6))
        process.kill()
        kills += process.wait() == -signal.SIGKILL
        box.assert_nothing_is_half()
    box.world.faults("huggingface").clear()
    code, said = box.run("sync", "--frozen")
    assert code == 0, said
    assert set(box.trees()) == {
        "one/mine.txt", "two/mine.txt",
        *(f"{place}/{name}.safetensors" for place in ("one", "two") for name in DATA),
    }  # fmt: skip
    total = sum(map(len, DATA.values()))
    # What was on its way, and what was not flushed yet, when a kill came: less than a second's.
    assert box.sent() <= total + kills * 400_000
    assert kills >= 1
