"""SIGKILL half-way, then the same command again."""

from __future__ import annotations

import contextlib
import os
import signal
import statistics
import subprocess
import time
from typing import TYPE_CHECKING

from benchmarks.measure import Failed, run
from benchmarks.servers import Paced

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.bench import Bench

RATE = 20_000_000
LEAST_SECONDS = 2.0
"""Which a whole download must take, so that half-way is a moment that can be met."""
ATTEMPTS = 3
GOAL = 0.85
ABSURD = 0.3
"""So little cannot be the loss of the last moments: nothing is gone on with."""


def measure(bench: Bench) -> None:
    """Measure which share of what was on the disk is not asked for again."""
    work = f"{bench.named()}, killed half-way and run again: share of the bytes on disk kept"
    rate = min(RATE, int(bench.size / 8 / LEAST_SECONDS))
    shares = []
    with Paced(bench.www, rate=rate) as server:
        for _ in range(bench.runs):
            try:
                on_disk = _kill_half_way(bench, server)
                server.again()
                run(bench.install(mirrors=server.base, keep=True))
            except Failed as error:
                bench.fault(f"{work}: {error}")
                return
            again = server.counts().received
            shares.append((bench.size - again) / on_disk)
            bench.expect(
                bench.size - on_disk <= again <= bench.size,
                f"{work}: with {on_disk:,} bytes on disk, {again:,} were received again",
            )
    bench.expect(min(shares) > ABSURD, f"{work}: {min(shares):.0%}")
    share = statistics.median(shares)
    spread = f"{share:.0%} ({min(shares):.0%} to {max(shares):.0%})"
    bench.figure(work, spread, f"at least {GOAL:.0%}", reached=share >= GOAL)


def _kill_half_way(bench: Bench, server: Paced) -> int:
    """Start an install and kill it; says how many bytes of the file are on the disk then."""
    command = bench.install(mirrors=server.base)
    for _ in range(ATTEMPTS):
        command.make_ready()
        process = subprocess.Popen(
            command.argv, env=command.full_environment, stdin=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 120
        while _on_disk(bench.store) < bench.size // 2 and process.poll() is None:
            if time.monotonic() > deadline:
                process.kill()
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        ended = process.wait()
        os.sync()
        if on_disk := min(_on_disk(bench.store), bench.size):
            return on_disk
        if ended:
            raise Failed(command.name, f"ended with {ended} before it had half of the file")
        # It was whole before anybody looked: on a busy machine, whoever waits may wake up late.
    raise Failed(command.name, f"was not met half-way in {ATTEMPTS} attempts")


def _on_disk(store: Path) -> int:
    """Count the blocks that the partial takes, which says more than any notes on it."""
    sizes = [0]
    for path in (store / "partial").glob("*.part"):
        with contextlib.suppress(FileNotFoundError):  # whole, and moved
            sizes.append(path.stat().st_blocks * 512)
    return max(sizes)
