"""How much memory an install takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.servers import Paced
from benchmarks.settings.throttled import RATE

if TYPE_CHECKING:
    from benchmarks.bench import Bench


def measure(bench: Bench) -> None:
    """Measure the largest peak of all runs, whole process."""
    what = f"{bench.named()}, largest peak of an install"
    unpinned = bench.unpinned(bench.vae, "unpinned")
    with bench.nginx() as server:
        work = f"{what}, from a mirror, unthrottled"
        bench.peak(work, bench.alone(work, bench.install(mirrors=server.base)), 60)
        work = f"{what}, from a Hub"
        bench.peak(work, bench.alone(work, bench.install(hub=server.base)), 60)
        # Neither the catalog nor the Hub's addresses tell what the bytes must be, so the Hub's own
        # client has to be imported and asked.
        work = f"{what}, huggingface_hub imported"
        bench.peak(work, bench.alone(work, bench.install(file=unpinned, hub=server.plain)), 95)
        bench.expect(server.api_was_asked(), f"{work}: it was not needed, so that says nothing")
    with Paced(bench.www, rate=RATE) as paced:
        work = f"{what}, from a mirror, 20 MB/s per connection"
        bench.peak(work, bench.alone(work, bench.install(mirrors=paced.base)), 60)
