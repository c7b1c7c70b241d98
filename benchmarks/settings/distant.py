"""A server 50 ms away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import peers
from benchmarks.servers import delayed

if TYPE_CHECKING:
    from benchmarks.bench import Bench

ROUND_TRIP = 0.05
LINK = 125e6
WINDOW = 3 << 20
"""Bytes: what Linux's default of 6 MiB for a receive buffer leaves for the window."""


def measure(bench: Bench) -> None:
    """Measure against one connection, and against several."""
    work = f"{bench.named()}, 50 ms round trip"
    with (
        bench.nginx() as server,
        delayed(server.base, round_trip=ROUND_TRIP, rate=LINK, window=WINDOW) as base,
    ):
        url = f"{base}/{bench.vae.path.name}"
        ours = bench.install(mirrors=base)
        bench.compare(work, ours, peers.curl(bench, url, then="openssl dgst -sha256"), 0.55)
        bench.compare(work, ours, peers.aria2(bench, [url], connections=8), 1.0)
