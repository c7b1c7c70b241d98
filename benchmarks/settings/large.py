"""A file of 2 GB, as fast as nginx sends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import peers

if TYPE_CHECKING:
    from benchmarks.bench import Bench

SIZE = 2_000_000_000
RUNS = 3


def measure(bench: Bench) -> None:
    """Measure time, and the memory that it takes."""
    if bench.quick:
        bench.notes.append("large: left out of the short form")
        return
    file = bench.publish("large", SIZE)
    work = f"{bench.named(SIZE)}, unthrottled"
    with bench.nginx() as server:
        url = f"{server.base}/{file.path.name}"
        ours = bench.install(file=file, mirrors=server.base)
        runs = min(RUNS, bench.runs)
        seen = []
        for then in ("", "sha256sum"):
            theirs = peers.curl(bench, url, then=then, file=file)
            both = bench.compare(work, ours, theirs, runs=runs, warm=False)
            seen += list(both.ours) if both else []
        bench.peak(f"{work}: largest peak", seen, 60)
