"""Requests through the library of that name: for APIs, for their bodies, and wherever a proxy is.

Knows how requests is kept from doing what it was not asked to: to follow redirects, keep cookies,
read ``~/.netrc``. Refuses to know policies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import requests
import urllib3

from vaehub.transfer.failures import (
    invalid_address,
    invalid_header,
    unreachable,
    unusable_proxy,
)
from vaehub.transfer.reply import Closing

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

    from vaehub.transfer.patience import Patience

_KEPT = 32
"""Connections to one host that are kept open for the next request."""


class Requests:
    """Connections that requests looks after; may be used from any thread."""

    def __init__(self, patience: Patience) -> None:
        self._session = _new_session()
        self._timeout = (patience.connect, patience.read)

    def close(self) -> None:
        """Close the connections that are kept open."""
        self._session.close()

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        *,
        json: object | None = None,
        data: Mapping[str, str] | None = None,
    ) -> Borrowed:
        """Send one request, and give the answer with its body still unread; follows no redirect.

        Raises:
            SourceUnreachable: no answer: no connection, no certificate, time-out.
            SourceUnusable: the address or a header is not valid.
        """
        try:
            response = self._session.request(
                method,
                url,
                headers=dict(headers),
                json=json,
                data=dict(data) if data is not None else None,
                allow_redirects=False,
                stream=True,
                timeout=self._timeout,
            )
        except requests.exceptions.InvalidHeader:
            raise invalid_header(url) from None
        except requests.exceptions.InvalidSchema:
            # The address itself was checked: what is left is a SOCKS proxy without PySocks.
            raise unusable_proxy(url, socks=True) from None
        except requests.exceptions.InvalidProxyURL:
            raise unusable_proxy(url, socks=False) from None
        except (requests.exceptions.InvalidURL, ValueError):
            raise invalid_address(url) from None
        except (requests.exceptions.RequestException, OSError) as error:
            # `from None`: the text of these exceptions holds the whole address with its query.
            raise unreachable(url, error) from None
        return Borrowed(response)


def _new_session() -> requests.Session:
    from http.cookiejar import DefaultCookiePolicy

    class OneHop(requests.Session):
        """A session of which each request is a single hop."""

        def get_redirect_target(self, resp: requests.Response) -> str | None:
            # requests would read the redirect's whole body to prepare a hop that we never take.
            return None

    session = OneHop()
    # Several files at once, each over several connections: those beyond are opened, and not kept.
    for scheme in ("https://", "http://"):
        session.mount(scheme, requests.adapters.HTTPAdapter(pool_maxsize=_KEPT))
    session.headers.clear()
    # Cookies know no ports and go to subdomains: none are kept. The empty auth keeps requests from
    # ~/.netrc, while proxies and certificates still come from the environment.
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.auth = _no_auth
    return session


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


class Borrowed(Closing):
    """An answer that requests brought."""

    def __init__(self, response: requests.Response) -> None:
        self.response = response

    @property
    def url(self) -> str:
        """What was asked; may hold a secret."""
        return str(self.response.url)

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.response.status_code

    @property
    def headers(self) -> Mapping[str, str]:
        """Looked up without regard to case."""
        return self.response.headers

    def receive_into(self, buffer: memoryview) -> int:
        """Receive what is there; see :class:`vaehub.transfer.reply.Reply`."""
        try:
            # read1 hands on what is there, and waits for no more.
            data = self.response.raw.read1(len(buffer), decode_content=False)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise unreachable(self.url, error) from None
        buffer[: len(data)] = data
        return len(data)

    def has_more(self, seconds: float) -> bool:
        """Wait for more; see :class:`vaehub.transfer.reply.Reply`."""
        raw = self.response.raw
        if seconds <= 0 or raw.closed:  # closed: this was the last of it
            return False
        try:
            # Whatever has a file descriptor will do.
            return urllib3.util.wait_for_read(cast("socket.socket", raw), seconds)
        except (OSError, ValueError):  # closed meanwhile: who reads on is told so
            return False

    def close(self) -> None:
        """Let go of it."""
        self.response.close()
