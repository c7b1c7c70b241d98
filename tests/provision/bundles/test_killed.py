"""SIGKILL at every stage of ``bundle create`` and ``bundle install``, and then again."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests import killing
from tests.builders import safetensors_bytes
from tests.provision.bundles.making import Machine, bundle_bytes, lock_of, sha256
from tests.trees import snapshot
from vaehub.cli import main

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")

FILES = {
    f"{name}.safetensors": safetensors_bytes(300_000, seed=at) for at, name in enumerate("abc")
}
LOCK = lock_of(FILES)
POINTS = 24


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return bundle_bytes(LOCK, FILES, tmp_path_factory.mktemp("made"))


class Box(Machine):
    """A machine with an AUTOMATIC1111 tree that has a file of the user's."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.tree = folder / "webui"
        for name in ("webui.py", "modules/sd_vae.py", "models/VAE/mine.safetensors"):
            path = self.tree / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("the user's own")

    def here(self) -> int:
        """Count the bytes that have come, into the store or on their way there."""
        partial = self.folder / "store" / "partial"
        coming = [path.stat().st_size for path in partial.glob("?" * 64 + ".part")]
        return sum(coming) + sum(map(len, self.blobs().values()))

    def visible(self) -> dict[str, bytes | str]:
        """Give the tree without vaehub's own notes."""
        return {
            name: content
            for name, content in snapshot(self.tree).items()
            if ".vaehub" not in name.split("/")
        }

    def install(
        self, bundle: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> Any:
        """Run it to the end, in this process; gives what it says of the bundle."""
        for name, value in self.environment.items():
            monkeypatch.setenv(name, value)
        capsys.readouterr()
        assert main(["bundle", "install", str(bundle), "--to", str(self.tree), "--json"]) == 0
        return json.loads(capsys.readouterr().out)["results"][0]


def complete(box: Box, before: dict[str, bytes | str]) -> None:
    placed = {f"models/VAE/{name}": content for name, content in FILES.items()}
    assert box.visible() == {**before, **placed}
    assert box.blobs() == {sha256(content): content for content in FILES.values()}


def test_an_install_killed_at_each_file_system_event(
    tmp_path: Path,
    data: bytes,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    bundle = tmp_path / "vae.tar"
    bundle.write_bytes(data)

    def run(box: Box, kill_at: int) -> subprocess.CompletedProcess[str]:
        arguments = ["bundle", "install", str(bundle), "--to", str(box.tree), "--json"]
        return killing.run(arguments, environment=box.environment, cwd=box.folder, kill_at=kill_at)

    whole = Box(tmp_path / "whole")
    before = whole.visible()
    done = run(whole, 0)
    assert done.returncode == 0, done.stderr
    complete(whole, before)
    events = int(done.stderr.rpartition("events: ")[2])
    read = json.loads(done.stdout)["results"][0]["read"]
    assert read > len(data)

    points = sorted({1 + round(i * (events - 1) / (POINTS - 1)) for i in range(POINTS)})
    assert len(points) == POINTS
    halfway = 0
    for point in points:
        box = Box(tmp_path / f"box-{point}")
        assert run(box, point).returncode == -signal.SIGKILL
        seen = box.visible()
        assert {name: seen[name] for name in before} == before
        for name in seen.keys() - before.keys():
            assert seen[name] == FILES[name.rpartition("/")[2]], "a file of half a size"
        here = box.here()
        halfway += 0 < here < sum(map(len, FILES.values()))
        again = box.install(bundle, monkeypatch, capsys)
        complete(box, before)
        assert again["read"] == read - here, point
        partial = box.folder / "store" / "partial"
        assert not partial.exists() or not list(partial.iterdir())
    assert halfway > 3


def test_an_install_from_a_pipe_killed_at_random_bytes(
    tmp_path: Path,
    data: bytes,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Killed again and again while more and more of it has come through the pipe."""
    box = Box(tmp_path / "box")
    before = box.visible()
    chance = random.Random(20261125)
    for upto in sorted(chance.sample(range(len(data)), 10)):
        process = subprocess.Popen(
            [sys.executable, "-m", "vaehub", "bundle", "install", "-", "--to", str(box.tree)],
            env={"PYTHONPATH": killing._ROOT, **box.environment},
            cwd=box.folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        assert process.stdin is not None
        process.stdin.write(data[:upto])
        process.stdin.flush()
        wanted = sum(
            max(0, min(len(content), upto - data.index(content))) for content in FILES.values()
        )
        deadline = time.monotonic() + 30
        while box.here() < wanted - (1 << 16) and time.monotonic() < deadline:
            time.sleep(0.01)
        process.kill()
        assert process.wait() == -signal.SIGKILL
        process.stdin.close()
        assert box.visible() == before
    here = box.here()
    assert here > len(data) // 3
    bundle = tmp_path / "vae.tar"
    bundle.write_bytes(data)
    again = box.install(bundle, monkeypatch, capsys)
    complete(box, before)
    assert again["read"] < len(data) - here + 8192


def test_a_create_killed_at_each_file_system_event(tmp_path: Path, data: bytes) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "vaehub.lock").write_text(LOCK.text(), encoding="utf-8")
    out = folder / "vae.tar"
    machine = Machine(tmp_path / "machine")
    machine.put(*FILES.values())

    def run(kill_at: int) -> subprocess.CompletedProcess[str]:
        return killing.run(
            ["bundle", "create", "-o", "vae.tar"],
            environment=machine.environment,
            cwd=folder,
            kill_at=kill_at,
        )

    assert run(0).returncode == 0  # remembers that the lock is sound
    out.unlink()
    done = run(0)
    assert out.read_bytes() == data
    events = int(done.stderr.rpartition("events: ")[2])
    assert events > 4
    for point in range(1, events + 1):
        out.unlink()
        assert run(point).returncode == -signal.SIGKILL
        assert not out.exists() or out.read_bytes() == data
        again = run(0)
        assert again.returncode == 0, again.stderr
        assert out.read_bytes() == data
        left = {path.name for path in folder.iterdir()}
        if "is this very bundle" in again.stderr:
            left = {name for name in left if not name.endswith(".part")}
        assert left == {"vae.tar", "vaehub.lock"}


def test_a_create_killed_at_random_moments(tmp_path: Path) -> None:
    files = {f"{name}.safetensors": safetensors_bytes(8_000_000, seed=9) for name in "ab"}
    lock = lock_of(files)
    machine = Machine(tmp_path / "machine")
    machine.put(*files.values())
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "vaehub.lock").write_text(lock.text(), encoding="utf-8")
    machine.create(tmp_path / "right.tar", lock)
    right = (tmp_path / "right.tar").read_bytes()
    chance = random.Random(20261126)
    for _ in range(12):
        process = killing.start(
            ["bundle", "create", "-o", "vae.tar"], environment=machine.environment, cwd=folder
        )
        time.sleep(chance.uniform(0.05, 0.4))
        process.kill()
        process.wait()
        assert not (folder / "vae.tar").exists() or (folder / "vae.tar").read_bytes() == right
    machine.create(folder / "vae.tar", lock)
    assert (folder / "vae.tar").read_bytes() == right
