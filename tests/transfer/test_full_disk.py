"""A disk that is full in the middle, for real: a small file system in memory.

What is run in a process of its own sees that file system, and nobody else does.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.transfer.bench import DATA, SIZE, Bench
from tests.transfer.helping import Told
from tests.transfer.origins import KIB, ON_ITS_WAY, make_small, origins, slow
from vaehub.errors import DiskFull
from vaehub.transfer.partial import peek

ROOM = 2 * 1024 * KIB
PRIVATE = ["unshare", "--map-root-user", "--mount"]
MOUNT = 'mount -t tmpfs -o size="$1" vaehub "$2" && shift 2 && exec "$@"'


def can_mount(folder: Path) -> bool:
    """Tell whether this system lets us have a file system of our own."""
    try:
        done = subprocess.run(
            [*PRIVATE, "sh", "-c", MOUNT, "sh", str(ROOM), str(folder), "true"],
            capture_output=True,
            check=False,
        )
    except OSError:
        return False
    return done.returncode == 0


def test_a_disk_that_fills_up_costs_nothing_that_was_on_it(tmp_path: Path) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    if not can_mount(folder):
        pytest.skip("this system lets nobody mount a file system of their own")
    command = [sys.executable, "-m", "tests.transfer.test_full_disk", str(folder)]
    with origins(slow(DATA, blinks=2)) as (server,):
        done = subprocess.run(
            [*PRIVATE, "sh", "-c", MOUNT, "sh", str(ROOM), str(folder), *command, server.url],
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        kept = int(done.stdout)
        assert kept >= SIZE // 4
        assert server.gauge.most > 1
        again = [given for given in server.given if given.request.target == "/again/vae"]
        assert sum(given.body for given in again) <= SIZE - kept + ON_ITS_WAY


class Filling(Told):
    """Takes all space that is left, once some of the file has come and is noted."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.filler = folder / "filler"

    def advanced(self, artifact_name: str, done: int) -> None:
        noted = peek(self.filler.with_name("x.part")) or 0
        if noted < SIZE // 4 or self.filler.exists():
            return
        with self.filler.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass


@dataclass
class Elsewhere:
    """A server of another process."""

    url: str


def main(folder: Path, url: str) -> None:
    """What the process of its own does: until it is full, and again with room."""
    patch = pytest.MonkeyPatch()
    make_small(patch)
    patch.setattr("vaehub.transfer.crew.JOURNAL_EVERY", 0.0)
    bench = Bench(folder)
    bench.told = filling = Filling(folder)
    with pytest.raises(DiskFull):
        bench.run(Elsewhere(f"{url}/first"))
    filling.filler.unlink()
    bench.told = Told()
    got = bench.run(Elsewhere(f"{url}/again"))
    assert bench.path.read_bytes() == DATA
    sys.stdout.write(str(got.resumed_from))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
