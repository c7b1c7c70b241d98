"""A source that dies half-way, and another that goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import peers
from benchmarks.servers import Paced

if TYPE_CHECKING:
    from benchmarks.bench import Bench

RATE = 20_000_000


def measure(bench: Bench) -> None:
    """Measure the time, and how much was fetched twice."""
    work = f"{bench.named()}, 20 MB/s per connection, the first of two mirrors dies half-way"
    received: list[int] = []
    with (
        Paced(bench.www, rate=RATE, die_after=bench.size // 2) as dying,
        Paced(bench.www, rate=RATE, host="127.0.0.2") as other,
    ):

        def before() -> None:
            dying.again()
            other.again()

        def after() -> None:
            received.append(dying.counts().received + other.counts().received)

        ours = bench.install(mirrors=f"{dying.base} {other.base}", before=before, after=after)
        urls = [f"{server.base}/{bench.vae.path.name}" for server in (dying, other)]
        theirs = peers.aria2(bench, urls, connections=8, before=before)
        if bench.compare(work, ours, theirs) is None:
            bench.alone(work, ours)
    if received:
        bench.figure(f"{work}: bytes received / size, at most", f"{max(received) / bench.size:.3f}")
        bench.expect(
            all(0.98 * bench.size <= count <= 1.4 * bench.size for count in received),
            f"{work}: a file of {bench.size:,} bytes arrived with {received} bytes received",
        )
