"""A real process that is killed in the middle: the next one asks only for what is missing."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.weights.files import safetensors
from vaehub import settings as settings_module
from vaehub.model import Artifact, Source
from vaehub.transfer.fetch import fetch
from vaehub.transfer.session import Session

if TYPE_CHECKING:
    from vaehub.loopback import LoopbackWorld

DATA = safetensors(random.Random(7).randbytes(300_000))
ARTIFACT = Artifact("vae.safetensors", (), size=len(DATA), sha256=hashlib.sha256(DATA).hexdigest())


def run(partial: Path, base: str) -> None:
    """Fetch as a process of its own does; also what the child below runs."""
    settings = settings_module.load({"VAEHUB_MIRRORS": base})
    with Session(settings) as session:
        fetch(
            ARTIFACT,
            partial,
            [Source("mirror", {"base": base})],
            session=session,
            settings=settings,
        )


def test_a_killed_download_is_gone_on_with(world: LoopbackWorld, tmp_path: Path) -> None:
    partial = tmp_path / "x.part"
    world.publish("mirror", {}, DATA)
    world.faults("mirror").stall(100_000)
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.transfer.test_killed", str(partial), world.mirror],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    try:
        while not (partial.exists() and partial.stat().st_size == 100_000):
            assert child.poll() is None
            time.sleep(0.01)
    finally:
        child.kill()
        child.wait()
    assert partial.with_name("x.part.json").exists()
    run(partial, world.mirror)
    assert partial.read_bytes() == DATA
    assert world.requests[-1].range == "bytes=100000-"
    assert world.bytes_sent("mirror") == len(DATA)


if __name__ == "__main__":
    run(Path(sys.argv[1]), sys.argv[2])
