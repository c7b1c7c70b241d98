"""Over https, as fast as nginx sends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import peers
from benchmarks.servers import make_certificate

if TYPE_CHECKING:
    from benchmarks.bench import Bench


def measure(bench: Bench) -> None:
    """Measure against curl."""
    work = f"{bench.named()}, https"
    certificate = make_certificate(bench.work)
    trusting = {
        name: str(certificate.path)
        for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE")
    }
    with bench.nginx(certificate) as server:
        url = f"{server.base}/{bench.vae.path.name}"
        ours = bench.install(mirrors=server.base, environment=trusting)
        for then in ("", "sha256sum", "openssl dgst -sha256"):
            bench.compare(work, ours, peers.curl(bench, url, then=then, environment=trusting))
