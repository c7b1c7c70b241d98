"""One HTTP policy for everything: who we say we are, whom we trust, what we follow, what we log.

Knows requests, time-outs, redirects, credentials and how an API's small JSON answer is read.
Refuses to know any host: what a status *means* is said in :mod:`vaehub.hosts`. No query string, no
header and no body ever reaches a log or a message, for signed addresses carry their secret there.
"""

from __future__ import annotations

import json as json_module
import logging
import threading
import time
from typing import TYPE_CHECKING, Any

from vaehub import __version__
from vaehub.errors import Offline, SourceUnreachable, SourceUnusable
from vaehub.transfer.addresses import (
    LONGEST_CHAIN,
    REDIRECTS,
    check_address,
    next_hop,
    safe_url,
)
from vaehub.transfer.failures import unreachable
from vaehub.transfer.limits import Limits
from vaehub.transfer.patience import PASSING, PATIENT, Patience, retry_after

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    import requests

    from vaehub.settings import Settings

log = logging.getLogger("vaehub.http")

# Civitai sends a browser to HTML pages with status 200 where it would tell a program 401, and
# Cloudflare turns the defaults of HTTP libraries away; so: a name of our own, without their words.
USER_AGENT = f"vaehub/{__version__}"
CREDENTIAL_HEADERS = frozenset(
    {"authorization", "cookie", "proxy-authorization", "token", "x-api-key"}
)

_KEPT = 32
"""Connections to one host that are kept open for the next request."""


class Session:
    """Ask hosts over HTTP under one policy, from any thread. Use as a context manager."""

    def __init__(
        self,
        settings: Settings,
        *,
        patience: Patience = PATIENT,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.settings = settings
        self.patience = patience
        self.sleep = sleep
        self.limits = Limits(rate=settings.limit_rate, connections=settings.max_connections)
        self._requests: requests.Session | None = None
        self._lock = threading.Lock()

    @property
    def offline(self) -> bool:
        """Whether every request is forbidden."""
        return self.settings.offline

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections that are kept open."""
        if self._requests is not None:
            self._requests.close()
            self._requests = None

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        credentials: Mapping[str, str] | None = None,
        json: object | None = None,
        data: Mapping[str, str] | None = None,
        follow: bool = True,
    ) -> requests.Response:
        """Send a request and give the answer with its body still unread.

        Args:
            method: the HTTP method.
            url: https, or plain http to an origin that the user named.
            headers: go to every hop (``Range``, ``Accept``).
            credentials: dropped for good at the first change of scheme, host or port.
            json: a body to send as JSON.
            data: a body to send as a form.
            follow: follow redirects.

        Returns:
            The answer, whatever its status; the caller closes it.

        Raises:
            Offline: ``VAEHUB_OFFLINE`` is set.
            SourceUnreachable: no answer: no connection, no certificate, time-out.
            SourceUnusable: a redirect loop, or an address that may not be asked.
        """
        if self.offline:
            raise Offline(
                f"{safe_url(url)} would be asked, and VAEHUB_OFFLINE forbids every request",
                hint="unset VAEHUB_OFFLINE (or `offline` in the configuration) to go online",
            )
        plain_http = self.settings.plain_http_origins
        check_address(url, plain_http_origins=plain_http)
        everywhere, secret = _split(headers, credentials)
        for _ in range(LONGEST_CHAIN + 1):
            response = self._send(
                method, url, headers={**everywhere, **secret}, json=json, data=data
            )
            location = response.headers.get("Location")
            if not (follow and response.status_code in REDIRECTS and location):
                return response
            response.close()
            hop = next_hop(
                method,
                url,
                response.status_code,
                _as_utf8(location),
                plain_http_origins=plain_http,
            )
            method, url = hop.method, hop.url
            if not hop.keep_credentials:
                secret = {}
            if not hop.keep_body:
                json = data = None
        raise SourceUnusable(
            f"{safe_url(url)}: more than {LONGEST_CHAIN} redirects, so this is a loop"
        )

    def json(
        self,
        method: str,
        url: str,
        *,
        what: str,
        headers: Mapping[str, str] | None = None,
        credentials: Mapping[str, str] | None = None,
        json: object | None = None,
        data: Mapping[str, str] | None = None,
        ceiling: int = 8 * 1024 * 1024,
    ) -> tuple[int, Any]:
        """Ask an API and read its small JSON answer, trying again where that can help.

        Args:
            method: the HTTP method.
            url: as in :meth:`request`.
            what: the answer in words, for messages: ``Civitai's record of version 28569``.
            headers: as in :meth:`request`.
            credentials: as in :meth:`request`.
            json: as in :meth:`request`.
            data: as in :meth:`request`.
            ceiling: more bytes than that are refused.

        Returns:
            The status and the parsed body; None for an error's body that is not JSON.

        Raises:
            Offline: ``VAEHUB_OFFLINE`` is set.
            SourceUnreachable: no answer after all attempts.
            SourceUnusable: a page or other nonsense where JSON should be.
        """
        accept = {"Accept": "application/json", **(headers or {})}
        failures = 0
        while True:
            try:
                with self.request(
                    method, url, headers=accept, credentials=credentials, json=json, data=data
                ) as response:
                    status = response.status_code
                    body = _read(response, ceiling=ceiling, what=what)
            except SourceUnreachable:
                failures += 1
                pause = self.patience.wait(failures)
                if pause is None:
                    raise
            else:
                if status not in PASSING:
                    return status, _parse(status, response.headers, body, what=what, url=url)
                failures += 1
                pause = self.patience.wait(failures, retry_after=retry_after(response.headers))
                if pause is None:
                    return status, _parse(status, response.headers, body, what=what, url=url)
            self.sleep(pause)

    def _send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        json: object | None,
        data: Mapping[str, str] | None,
    ) -> requests.Response:
        import requests

        with self._lock:
            if self._requests is None:
                self._requests = _new_requests_session()
            connections = self._requests
        try:
            response = connections.request(
                method,
                url,
                headers=dict(headers),
                json=json,
                data=dict(data) if data is not None else None,
                allow_redirects=False,
                stream=True,
                timeout=(self.patience.connect, self.patience.read),
            )
        except requests.exceptions.InvalidHeader:
            raise SourceUnusable(
                f"{safe_url(url)}: a header for it is not valid",
                hint="a token may have been copied with a blank or a line break in it",
            ) from None
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, ValueError):
            raise SourceUnusable(f"{safe_url(url)}: the address is not valid") from None
        except (requests.exceptions.RequestException, OSError) as error:
            # `from None`: the text of these exceptions holds the whole address with its query.
            raise unreachable(url, error) from None
        log.debug("%s %s -> %d", method, safe_url(url), response.status_code)
        return response


def _new_requests_session() -> requests.Session:
    from http.cookiejar import DefaultCookiePolicy

    import requests

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
    session.headers.update(
        {"User-Agent": USER_AGENT, "Accept": "*/*", "Accept-Encoding": "identity"}
    )
    # Cookies know no ports and go to subdomains: none are kept. The empty auth keeps requests from
    # ~/.netrc, while proxies and certificates still come from the environment.
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.auth = _no_auth
    return session


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _split(
    headers: Mapping[str, str] | None, credentials: Mapping[str, str] | None
) -> tuple[dict[str, str], dict[str, str]]:
    everywhere: dict[str, str] = {}
    secret = dict(credentials or {})
    for name, value in (headers or {}).items():
        (secret if name.lower() in CREDENTIAL_HEADERS else everywhere)[name] = value
    return everywhere, secret


def _as_utf8(location: str) -> str:
    """Undo the Latin-1 in which http.client decodes headers; hosts send UTF-8 file names."""
    try:
        return location.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return location


def _read(response: requests.Response, *, ceiling: int, what: str) -> bytes:
    import requests

    body = bytearray()
    try:
        for chunk in response.iter_content(64 * 1024):
            body += chunk
            if len(body) > ceiling:
                raise SourceUnusable(
                    f"{what}: {safe_url(response.url)} sends more than {ceiling:,} bytes"
                )
    except (requests.exceptions.RequestException, OSError) as error:
        raise unreachable(response.url, error) from None
    return bytes(body)


def _parse(status: int, headers: Mapping[str, str], body: bytes, *, what: str, url: str) -> Any:
    place = safe_url(url)
    if headers.get("cf-mitigated", "").lower() == "challenge":
        raise SourceUnusable(
            f"{what}: {place} asks for a proof that a browser is there (Cloudflare's challenge)",
            hint="try again later, or from another network",
        )
    try:
        return json_module.loads(body)
    except (ValueError, RecursionError):
        if status >= 300 or status == 204:
            return None
    kind = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    is_page = kind == "text/html" or body.lstrip()[:1] == b"<"
    got = "a web page" if is_page else "something else"
    raise SourceUnusable(
        f"{what}: {place} answers with {got} where JSON should be",
        hint="a login page, a captive portal or a proxy may stand in between",
    )
