"""Which addresses may be asked, and where a redirect leads.

Pure: knows the rules of redirects, plain http and credentials, and touches no socket.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urldefrag, urljoin, urlsplit

from vaehub.errors import SourceUnusable
from vaehub.settings import origin

if TYPE_CHECKING:
    from collections.abc import Collection

REDIRECTS = frozenset({301, 302, 303, 307, 308})
LONGEST_CHAIN = 10


class Hop(NamedTuple):
    """The request that a redirect asks for."""

    method: str
    url: str
    keep_body: bool
    keep_credentials: bool


def safe_url(url: str) -> str:
    """Give the address without user name, query and fragment: fit for logs and messages.

    Signed addresses carry their secret in the query; ``?…`` stands for whatever was cut.
    """
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "an address that is not valid"
    if ":" in host:
        host = f"[{host}]"
    return f"{parts.scheme}://{host}{port}{parts.path}{'?…' if parts.query else ''}"


def is_loopback(url: str) -> bool:
    """Tell whether the address names this machine."""
    host = (urlsplit(url).hostname or "").lower()
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def same_origin(first: str, second: str) -> bool:
    """Tell whether scheme, host and port agree.

    By the whole origin and never by suffix: ``b2.civitai.com`` is storage, ``civitai.com`` the API,
    and the storage answers 400 or 403 to the API's token.
    """
    return origin(first) == origin(second)


def check_address(
    url: str, *, plain_http_origins: Collection[str], came_from: str | None = None
) -> None:
    """Refuse an address that is not https, unless the user named it with plain http.

    Args:
        url: where the next request would go.
        plain_http_origins: origins that the user named with plain http.
        came_from: the address that redirected here, where one did.

    Raises:
        SourceUnusable: the address is not http(s), holds a user name, or would go in plain text.
    """
    try:
        parts = urlsplit(url)
        named = origin(url)
    except ValueError:
        raise SourceUnusable(f"{safe_url(url)}: the address is not valid") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise SourceUnusable(f"{safe_url(url)}: not an http(s) address")
    if parts.username is not None or parts.password is not None:
        raise SourceUnusable(f"{safe_url(url)}: the address holds a user name; refused")
    if parts.scheme == "https" or named in plain_http_origins:
        return
    # A stand-in server on this machine hands on to its own storage on another port. Nobody on the
    # way can read that; an https host that redirects into this machine is another matter.
    within_this_machine = is_loopback(url) and (
        any(is_loopback(known) for known in plain_http_origins)
        if came_from is None
        else urlsplit(came_from).scheme == "http" and is_loopback(came_from)
    )
    if not within_this_machine:
        by = f", to which {safe_url(came_from)} redirects," if came_from else ""
        raise SourceUnusable(
            f"{safe_url(url)}{by} is plain http: anybody on the way could read and change it",
            hint="only an endpoint or a mirror that you set yourself may use plain http",
        )


def next_hop(
    method: str, url: str, status: int, location: str, *, plain_http_origins: Collection[str]
) -> Hop:
    """Decide which request follows a redirect.

    Raises:
        SourceUnusable: the redirect leads to an address that may not be asked.
    """
    try:
        target = urldefrag(urljoin(url, location)).url
    except ValueError:
        raise SourceUnusable(f"{safe_url(url)} redirects to an address that is not valid") from None
    check_address(target, plain_http_origins=plain_http_origins, came_from=url)
    # RFC 9110, 15.4: 303 always turns into a GET; 301 and 302 do so for POST, as browsers do.
    becomes_get = (status == 303 and method != "HEAD") or (
        status in {301, 302} and method == "POST"
    )
    return Hop(
        method="GET" if becomes_get else method,
        url=target,
        keep_body=not becomes_get,
        keep_credentials=same_origin(url, target),
    )
