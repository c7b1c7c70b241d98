"""What it costs to write down which bytes are here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.servers import Paced
from benchmarks.settings.throttled import RATE

if TYPE_CHECKING:
    from benchmarks.bench import Bench


def measure(bench: Bench) -> None:
    """Measure the transfer with a journal against that without."""
    with Paced(bench.www, rate=RATE) as server:
        bench.compare(
            f"{bench.named()}, 20 MB/s per connection: transfer with a journal",
            bench.transfer(server.base),
            bench.transfer(server.base, journal=False),
            1.03,
        )
    with bench.nginx() as fast:
        bench.compare(
            f"{bench.named()}, unthrottled: transfer with a journal",
            bench.transfer(fast.base),
            bench.transfer(fast.base, journal=False),
        )
