"""Say in words why a connection failed.

Knows exceptions by kind only: the texts of those of requests and urllib3 hold the whole address,
with its query, where a signed address carries its secret, so no text of theirs is ever passed on.
"""

from __future__ import annotations

import socket
import ssl
import sys

from vaehub.errors import SourceUnreachable, SourceUnusable
from vaehub.transfer.addresses import safe_url


class NoWay(OSError):
    """No connection could be made, for a reason that has no name of its own."""


def unreachable(url: str, error: BaseException) -> SourceUnreachable:
    """Say in words why no answer, or no whole answer, came from an address."""
    place = safe_url(url)
    chain = _causes(error)

    def has(*kinds: type[BaseException] | str) -> bool:
        known = tuple(kind for name in kinds for kind in _kind(name))
        return any(isinstance(cause, known) for cause in chain)

    if has("requests:ProxyError", "urllib3:ProxyError", "socks:ProxyError"):
        return SourceUnreachable(
            f"{place}: the proxy does not answer",
            hint="check HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY",
        )
    if has(ssl.SSLError, "requests:SSLError", "urllib3:SSLError") and not has(TimeoutError):
        return SourceUnreachable(
            f"{place}: the certificate is not trusted, or the connection is not TLS",
            hint="behind a company proxy, name its certificates in REQUESTS_CA_BUNDLE",
        )
    if has(socket.gaierror, "urllib3:NameResolutionError"):
        return SourceUnreachable(
            f"{place}: the name of the host could not be looked up",
            hint="check the network and the name",
        )
    if has(ConnectionRefusedError):
        return SourceUnreachable(f"{place}: nobody listens there (connection refused)")
    # A subclass of the time-outs, whatever kept the connection from being made.
    if has(NoWay, "urllib3:NewConnectionError"):
        return SourceUnreachable(f"{place}: no way leads there from here")
    if has(TimeoutError, "requests:Timeout", "urllib3:TimeoutError"):
        return SourceUnreachable(f"{place}: no answer in time")
    return SourceUnreachable(f"{place}: the connection broke")


def invalid_address(url: str) -> SourceUnusable:
    """Say that nothing can be asked at an address."""
    return SourceUnusable(f"{safe_url(url)}: the address is not valid")


def unusable_proxy(url: str, *, socks: bool) -> SourceUnusable:
    """Say that the proxy which is set for an address cannot be used; it may hold a password."""
    like = "HTTPS_PROXY=http://127.0.0.1:7890"
    if socks:
        return SourceUnusable(
            f"{safe_url(url)}: the proxy that is set speaks SOCKS, which needs one more package",
            hint=f"pip install 'vaehub[socks]', or name the proxy's http address: {like}",
        )
    return SourceUnusable(
        f"{safe_url(url)}: the address of the proxy that is set is not valid",
        hint=f"check HTTPS_PROXY, HTTP_PROXY and ALL_PROXY; one looks like {like}",
    )


def invalid_header(url: str) -> SourceUnusable:
    """Say that a header, which may hold a secret, cannot be sent."""
    return SourceUnusable(
        f"{safe_url(url)}: a header for it is not valid",
        hint="a token may have been copied with a blank or a line break in it",
    )


def _kind(kind: type[BaseException] | str) -> tuple[type[BaseException], ...]:
    """Give an exception of a library; none where that was never imported, and so raised none."""
    if not isinstance(kind, str):
        return (kind,)
    library, _, name = kind.partition(":")
    module = sys.modules.get(f"{library}.exceptions") or sys.modules.get(library)
    return (getattr(module, name),) if module is not None else ()


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
