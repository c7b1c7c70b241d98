"""Two mirrors, one of them ten times as fast as the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import peers
from benchmarks.servers import Paced

if TYPE_CHECKING:
    from benchmarks.bench import Bench

FAST, SLOW = 20_000_000, 2_000_000
CONNECTIONS = 4
"""What each mirror gives in all is that many times what it gives one connection."""


def measure(bench: Bench) -> None:
    """Measure against the floor of both together."""
    work = f"{bench.named()}, two mirrors, 4 x 20 and 4 x 2 MB/s"
    shares: list[float] = []
    with (
        Paced(bench.www, rate=FAST, total=CONNECTIONS * FAST) as fast,
        # Another address: aria2c counts connections by host name.
        Paced(bench.www, rate=SLOW, total=CONNECTIONS * SLOW, host="127.0.0.2") as slow,
    ):

        def before() -> None:
            fast.again()
            slow.again()

        def after() -> None:
            shares.append(slow.counts().received / bench.size)

        ours = bench.install(mirrors=f"{fast.base} {slow.base}", before=before, after=after)
        urls = [f"{server.base}/{bench.vae.path.name}" for server in (fast, slow)]
        theirs = peers.aria2(bench, urls, connections=CONNECTIONS, split=2 * CONNECTIONS)
        both = bench.compare(work, ours, theirs)
        runs = both.ours if both else bench.alone(work, ours)
        floor = bench.size / (CONNECTIONS * (FAST + SLOW))
        bench.against_floor(f"{work}: size / both together", runs, floor, 1.15)
    if shares:
        most = max(shares)
        bench.figure(f"{work}: share that came from the slow one", f"{most:.1%}")
        bench.expect(most <= 1, f"{work}: the slow one sent {most:.1%} of the file")
