"""Several processes that want the same file share one download; a dead one's bytes are taken up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.builders import safetensors_bytes, write_catalog
from vaehub.store import Store
from vaehub.transfer.partial import peek

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vaehub.loopback import LoopbackWorld

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")

ROOT = Path(__file__).resolve().parents[1]
NAME = "shared.safetensors"
LOCATOR = {"repo": "acme/vae", "revision": "0" * 40, "path": NAME}
SMALL = safetensors_bytes(3_000_000, seed=8)
LARGE = safetensors_bytes(40_000_000, seed=9)
"""Fetched by several connections."""


class Room:
    """A store, and processes that install the same file into folders of their own."""

    def __init__(self, folder: Path, world: LoopbackWorld) -> None:
        self.folder = folder
        self.world = world
        self.processes: list[subprocess.Popen[str]] = []
        self.environment = {
            **world.environment(),
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "HOME": str(folder),
            "VAEHUB_STORE": str(folder / "store"),
        }
        self.partial = Store(folder / "store").partial("0" * 64)

    def publish(self, data: bytes) -> None:
        self.world.publish("huggingface", LOCATOR, data)
        catalog = write_catalog(
            self.folder / "mine.yaml", {"shared": {NAME: (data, [{"huggingface": LOCATOR}])}}
        )
        self.environment["VAEHUB_CATALOG"] = str(catalog)

    def start(self, target: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "vaehub", "install", "shared", "--to", str(self.path(target))],
            env=self.environment,
            cwd=self.folder,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.processes.append(process)
        return process

    def path(self, target: str) -> Path:
        return self.folder / target

    def installed(self, target: str) -> bytes:
        return (self.path(target) / NAME).read_bytes()

    def wait_for_bytes(self, count: int) -> None:
        """Wait until so many bytes of the file are here."""
        for _ in range(2000):
            for path in self.partial.parent.glob("*.part"):
                if (peek(path) or 0) >= count:
                    return
            time.sleep(0.01)
        raise AssertionError("the bytes did not come")

    @property
    def sent(self) -> int:
        """Bytes of the file that the host has sent, without the answers about it."""
        return sum(seen.sent for seen in self.world.requests if seen.sent > 4096)


@pytest.fixture
def room(tmp_path: Path, world: LoopbackWorld) -> Iterator[Room]:
    room = Room(tmp_path, world)
    yield room
    for process in room.processes:
        process.kill()
        process.communicate()


def wait_until_said(process: subprocess.Popen[str], words: str) -> str:
    """Read what a process says until it says that; gives the lines so far."""
    assert process.stderr is not None
    said = ""
    for line in process.stderr:
        said += line
        if words in line:
            return said
    raise AssertionError(f"it never said {words!r}: {said}")


def test_those_who_wait_see_how_far_it_is_and_take_over_from_the_dead(room: Room) -> None:
    room.publish(SMALL)
    room.world.faults("huggingface").stall(1_000_000, times=1)
    first = room.start("first")
    room.wait_for_bytes(1_000_000)
    second, third = room.start("second"), room.start("third")
    for process in (second, third):
        wait_until_said(process, f"{NAME}: another vaehub is downloading it")
        assert "3.00 MB, 1.00 MB already here" in wait_until_said(process, "already here")
    first.send_signal(signal.SIGKILL)
    for process in (second, third):
        _, said = process.communicate(timeout=60)
        assert process.returncode == 0, said
        assert f"{NAME}: done, 3.00 MB" in said
    assert room.installed("second") == room.installed("third") == SMALL
    assert not room.path("first").exists() or list(room.path("first").glob("*.*")) == []
    assert room.sent == len(SMALL)


def test_the_bytes_of_several_connections_are_taken_over(room: Room) -> None:
    room.publish(LARGE)
    room.world.faults("huggingface").slow(10_000_000)
    first = room.start("first")
    room.wait_for_bytes(10_000_000)
    second = room.start("second")
    wait_until_said(second, "another vaehub is downloading it")
    first.send_signal(signal.SIGKILL)
    first.wait()
    kept = max(peek(path) or 0 for path in room.partial.parent.glob("*.part"))
    assert kept >= 10_000_000
    room.world.faults("huggingface").clear()
    before = room.sent
    _, said = second.communicate(timeout=60)
    assert second.returncode == 0, said
    assert room.installed("second") == LARGE
    # A piece that is split leaves bytes on their way that nobody reads any more.
    assert room.sent - before <= len(LARGE) - kept + 4_000_000


def test_three_that_begin_at_once_download_one_file(room: Room) -> None:
    room.publish(SMALL)
    for number in range(3):
        room.start(f"target-{number}")
    for number, process in enumerate(room.processes):
        _, said = process.communicate(timeout=60)
        assert process.returncode == 0, said
        assert room.installed(f"target-{number}") == SMALL
    assert room.sent == len(SMALL)
