"""As fast as nginx sends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import peers

if TYPE_CHECKING:
    from benchmarks.bench import Bench


def measure(bench: Bench) -> None:
    """Measure against everybody."""
    work = f"{bench.named()}, unthrottled"
    with bench.nginx() as server:
        url = f"{server.base}/{bench.vae.path.name}"
        ours = bench.install(mirrors=server.base)
        plain = peers.curl(bench, url)
        bench.compare(work, ours, plain, 1.3)
        bench.compare(f"{work}: the transfer alone", bench.transfer(server.base), plain, 1.15)
        bench.compare(work, ours, peers.curl(bench, url, then="sha256sum"), 0.45)
        openssl = peers.curl(bench, url, then="openssl dgst -sha256")
        bench.compare(work, ours, openssl)
        bench.compare(work, ours, peers.wget(bench, url))
        bench.compare(work, ours, peers.aria2(bench, [url], connections=16))
        checked = peers.aria2(bench, [url], connections=16, checksum=True)
        bench.compare(work, ours, checked, 0.45)
        bench.compare(work, ours, peers.pooch(bench, url))
        bench.compare(work, ours, peers.comfy(bench, url), 0.6)
        work += ", from a Hub"
        ours = bench.install(hub=server.base)
        bench.compare(work, ours, peers.hub(bench, "hf", server.base), 0.5)
        bench.compare(work, ours, peers.hub(bench, "hf_transfer", server.base))
        bench.compare(work, ours, plain)
