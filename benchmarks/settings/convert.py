"""What a conversion takes, against copying the file.

A copy reads, writes and leaves the rest to the system. A conversion hashes what it reads and what
it writes as well, and flushes the result; so the copy that is flushed is there as well.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measure import Command, Failed, median
from benchmarks.page import in_bytes, seconds

if TYPE_CHECKING:
    from benchmarks.bench import Bench

SCRIPT = Path(__file__).resolve().parents[1] / "scripts" / "random_checkpoint.py"
GOAL = 3
MOST = 60
"""MB."""
LONGEST = 60
"""Seconds that a change of precision may take."""


def measure(bench: Bench) -> None:
    """Measure time and memory of a conversion of an SD1 VAE, with and without a cast."""
    widths = "32,64,64,64" if bench.quick else "128,256,512,512"
    folder = bench.work / "convert"
    folder.mkdir()
    checkpoint, out, copy = (folder / name for name in ("vae.ckpt", "out.safetensors", "copy"))
    subprocess.run(
        [str(bench.product.python), str(SCRIPT), str(checkpoint), widths],
        env={**bench.product.environment, "HOME": str(folder)},
        check=True,
    )
    work = f"convert a .ckpt of {in_bytes(checkpoint.stat().st_size)}"

    def ours(*options: str) -> Command:
        return bench.vaehub(
            *("convert", str(checkpoint), "-o", str(out), "-q", *options),
            clear=(out,),
            after=lambda: _must_be_there(out),
        )

    cp = Command("cp", ["cp", str(checkpoint), str(copy)], clear=(copy,))
    both = bench.compare(work, ours(), cp, GOAL)
    flushed = Command(
        "cp, then sync of the copy",
        ["sh", "-c", 'cp "$0" "$1" && sync "$1"', str(checkpoint), str(copy)],
        clear=(copy,),
    )
    bench.compare(work, ours(), flushed)
    bench.peak(f"{work}: largest peak", both.ours if both else [], MOST)
    for dtype in ("bf16", "fp16"):
        runs = bench.alone(f"{work} to {dtype}", ours("--dtype", dtype))
        if runs:
            took = median(runs, lambda one: one.wall)
            bench.figure(
                f"{work} to {dtype}, without torch and numpy",
                f"{seconds(took)} s",
                f"{LONGEST} s",
                reached=took <= LONGEST,
            )
        bench.peak(f"{work} to {dtype}: largest peak", runs, MOST)


def _must_be_there(path: Path) -> None:
    """Look whether a result is there.

    Raises:
        Failed: it is not.
    """
    if not path.is_file() or not path.stat().st_size:
        raise Failed("vaehub convert", f"{path.name} is not there")
