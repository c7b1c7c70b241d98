"""What identifying a file takes, against sha256sum of it: one that is known, and one that is not.

The latter is hashed, and some thousand of its numbers are held against other VAEs. Where one is
near, and only there, fingerprints are made: another hash of all bytes, two of half of them, and two
roundings, beside the file's own hash on as many cores as there are. The roundings want numpy, which
the product's environment may have or not: --venv says which that is.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measure import Command
from benchmarks.page import in_bytes

if TYPE_CHECKING:
    from benchmarks.bench import Bench

SCRIPT = Path(__file__).resolve().parents[1] / "scripts" / "random_checkpoint.py"
GOAL = 1.3
MOST = 100
"""MB."""


def measure(bench: Bench) -> None:
    """Measure time and memory of an identification of an SD1 VAE, from an empty cache each time."""
    widths = "32,64,64,64" if bench.quick else "128,256,512,512"
    folder = bench.work / "identify"
    folder.mkdir()
    checkpoint = folder / "vae.ckpt"
    unknown = folder / "unknown.safetensors"
    environment = {**bench.product.environment, "HOME": str(folder)}
    for command in (
        [str(bench.product.python), str(SCRIPT), str(checkpoint), widths],
        [*bench.product.argv, "convert", str(checkpoint), "-o", str(unknown), "-q"],
    ):
        subprocess.run(command, env=environment, check=True, capture_output=True)
    size = in_bytes(unknown.stat().st_size)
    cache = folder / "cache"

    def ours(path: Path, *options: str) -> Command:
        return bench.vaehub(
            *("identify", str(path), "-q", "--json", *options),
            environment={"XDG_CACHE_HOME": str(cache)},
            before=lambda: _forget(cache),
        )

    def theirs(path: Path) -> Command:
        return Command("sha256sum", ["sha256sum", str(path)])

    work = f"identify {in_bytes(bench.vae.size)} that the catalog knows"
    both = bench.compare(work, ours(bench.vae.path), theirs(bench.vae.path), GOAL)
    bench.peak(f"{work}: largest peak", both.ours if both else [], MOST)
    work = f"identify {size} that nobody knows"
    both = bench.compare(work, ours(unknown), theirs(unknown), GOAL)
    bench.peak(f"{work}: largest peak", both.ours if both else [], MOST)
    bench.compare(f"{work}, with its fingerprint", ours(unknown, "--hashes"), theirs(unknown))


def _forget(cache: Path) -> None:
    """Forget digests and fingerprints; the compiled catalog stays, as it does for everybody."""
    for name in ("digests", "fingerprints"):
        for path in cache.rglob(name):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
