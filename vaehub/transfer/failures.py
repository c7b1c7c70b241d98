"""Say in words why a connection failed.

Knows the exceptions of requests and urllib3 by kind only: their texts hold the whole address with
its query, where a signed address carries its secret, so no text of theirs is ever passed on.
"""

from __future__ import annotations

from vaehub.errors import SourceUnreachable
from vaehub.transfer.addresses import safe_url


def unreachable(url: str, error: BaseException) -> SourceUnreachable:
    """Say in words why no answer, or no whole answer, came from an address."""
    import requests
    import urllib3

    place = safe_url(url)
    chain = _causes(error)

    def has(*kinds: type[BaseException]) -> bool:
        return any(isinstance(cause, kinds) for cause in chain)

    if has(requests.exceptions.ProxyError, urllib3.exceptions.ProxyError):
        return SourceUnreachable(
            f"{place}: the proxy does not answer",
            hint="check HTTPS_PROXY, HTTP_PROXY and NO_PROXY",
        )
    if has(requests.exceptions.SSLError, urllib3.exceptions.SSLError):
        return SourceUnreachable(
            f"{place}: the certificate is not trusted, or the connection is not TLS",
            hint="behind a company proxy, name its certificates in REQUESTS_CA_BUNDLE",
        )
    if has(urllib3.exceptions.NameResolutionError):
        return SourceUnreachable(
            f"{place}: the name of the host could not be looked up",
            hint="check the network and the name",
        )
    if has(ConnectionRefusedError):
        return SourceUnreachable(f"{place}: nobody listens there (connection refused)")
    # A subclass of the time-outs, whatever kept the connection from being made.
    if has(urllib3.exceptions.NewConnectionError):
        return SourceUnreachable(f"{place}: no way leads there from here")
    if has(requests.exceptions.Timeout, urllib3.exceptions.TimeoutError, TimeoutError):
        return SourceUnreachable(f"{place}: no answer in time")
    return SourceUnreachable(f"{place}: the connection broke")


def _causes(error: BaseException) -> list[BaseException]:
    """Walk from an exception to what caused it, as requests and urllib3 wrap one another."""
    found: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting:
        item = waiting.pop()
        if not isinstance(item, BaseException) or any(item is known for known in found):
            continue
        found.append(item)
        waiting += [item.__cause__, item.__context__, getattr(item, "reason", None), *item.args]
    return found
