"""20 MB/s for each connection, paced by the kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import peers
from benchmarks.servers import Paced

if TYPE_CHECKING:
    from benchmarks.bench import Bench

RATE = 20_000_000
CONNECTIONS = 8


def measure(bench: Bench) -> None:
    """Measure against who also uses several connections, and against the floor."""
    work = f"{bench.named()}, 20 MB/s per connection"
    received: list[int] = []
    with Paced(bench.www, rate=RATE) as server:
        url = f"{server.base}/{bench.vae.path.name}"
        ours = bench.install(
            mirrors=server.base,
            before=server.again,
            after=lambda: received.append(server.counts().received),
        )
        theirs = peers.aria2(bench, [url], connections=CONNECTIONS)
        first = bench.compare(work, ours, theirs, 1.0)
        checked = peers.aria2(bench, [url], connections=CONNECTIONS, checksum=True)
        both = bench.compare(work, ours, checked, 0.7) or first
        runs = both.ours if both else bench.alone(work, ours)
        floor = bench.size / (CONNECTIONS * RATE)
        bench.against_floor(f"{work}: size / ({CONNECTIONS} x rate)", runs, floor, 1.15)
    if received:
        most = max(received) / bench.size
        bench.figure(f"{work}: bytes received / size, at most", f"{most:.3f}")
        bench.expect(
            all(bench.size <= count <= 1.25 * bench.size for count in received),
            f"{work}: a file of {bench.size:,} bytes arrived with {received} bytes received",
        )
