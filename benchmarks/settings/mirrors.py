"""Two mirrors: one of them ten times as fast as the other, and both as fast."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import peers
from benchmarks.servers import Paced

if TYPE_CHECKING:
    from benchmarks.bench import Bench

CONNECTIONS = 4
"""What each mirror gives in all is that many times what it gives one connection."""


def measure(bench: Bench) -> None:
    """Measure against the floor of both together."""
    _measure(bench, 20, 2, goal=1.15)
    if not bench.quick:
        _measure(bench, 20, 20)


def _measure(bench: Bench, first: int, second: int, *, goal: float | None = None) -> None:
    """Measure with two mirrors; so many MB/s for each connection to one and to the other."""
    work = f"{bench.named()}, two mirrors, 4 x {first} and 4 x {second} MB/s"
    rates = [first * 1_000_000, second * 1_000_000]
    shares: list[float] = []
    with (
        Paced(bench.www, rate=rates[0], total=CONNECTIONS * rates[0]) as fast,
        # Another address: aria2c counts connections by host name.
        Paced(bench.www, rate=rates[1], total=CONNECTIONS * rates[1], host="127.0.0.2") as slow,
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
        floor = bench.size / (CONNECTIONS * sum(rates))
        bench.against_floor(f"{work}: size / both together", runs, floor, goal)
    if shares:
        most = max(shares)
        bench.figure(f"{work}: share that came from the second", f"{most:.1%}")
        bench.expect(most <= 1, f"{work}: the second sent {most:.1%} of the file")
