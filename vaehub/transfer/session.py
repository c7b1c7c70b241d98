"""One HTTP policy for everything: who we say we are, whom we trust, what we follow, what we log.

Knows requests, time-outs, redirects, credentials and how an API's small JSON answer is read.
Refuses to know any host: what a status *means* is said in :mod:`vaehub.hosts`. No query string, no
header and no body ever reaches a log or a message, for signed addresses carry their secret there.
"""

from __future__ import annotations

import json as json_module
import threading
import time
from typing import TYPE_CHECKING, Any

from vaehub import __version__, logs
from vaehub.errors import Offline, SourceUnreachable, SourceUnusable
from vaehub.settings import origin
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
from vaehub.transfer.reply import Closing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeVar

    import requests

    from vaehub.settings import Settings
    from vaehub.transfer.borrowed import Borrowed, Requests
    from vaehub.transfer.reply import Reply
    from vaehub.transfer.wire import Direct, Wire

    _Answered = TypeVar("_Answered", bound=Reply)

# Civitai sends a browser to HTML pages with status 200 where it would tell a program 401, and
# Cloudflare turns the defaults of HTTP libraries away; so: a name of our own, without their words.
USER_AGENT = f"vaehub/{__version__}"
CREDENTIAL_HEADERS = frozenset(
    {"authorization", "cookie", "proxy-authorization", "token", "x-api-key"}
)
_ALWAYS = {"User-Agent": USER_AGENT, "Accept": "*/*", "Accept-Encoding": "identity"}


class Session(Closing):
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
        self._wire: Wire | None = None
        self._requests: Requests | None = None
        self._lock = threading.Lock()

    @property
    def offline(self) -> bool:
        """Whether every request is forbidden."""
        return self.settings.offline

    def close(self) -> None:
        """Close the connections that are kept open."""
        for connections in (self._wire, self._requests):
            if connections is not None:
                connections.close()
        self._wire = self._requests = None

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
        return self._follow(
            method,
            url,
            headers,
            credentials,
            self._borrow,
            follow=follow,
            json=json,
            data=data,
        ).response

    def get(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        credentials: Mapping[str, str] | None = None,
    ) -> Reply:
        """Ask for bytes: a GET that follows redirects, over connections of our own.

        Where a proxy is set, requests is asked, which knows whether and how it is used.

        Args:
            url: as in :meth:`request`.
            headers: as in :meth:`request`.
            credentials: as in :meth:`request`.

        Returns:
            The answer, whatever its status; the caller closes it.

        Raises:
            Offline, SourceUnreachable, SourceUnusable: as in :meth:`request`.
        """
        from vaehub.transfer.wire import goes_through_a_proxy

        send = self._borrow if goes_through_a_proxy() else self._get
        return self._follow("GET", url, headers, credentials, send)

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
        follow: bool = True,
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
            follow: as in :meth:`request`.
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
                    method,
                    url,
                    headers=accept,
                    credentials=credentials,
                    json=json,
                    data=data,
                    follow=follow,
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

    def _follow(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        credentials: Mapping[str, str] | None,
        send: Callable[..., _Answered],
        *,
        follow: bool = True,
        **body: object,
    ) -> _Answered:
        """Send a request, and another one for each redirect; ``body`` goes along while it may."""
        if self.offline:
            raise Offline(
                f"{safe_url(url)} would be asked, and VAEHUB_OFFLINE forbids every request",
                hint="unset VAEHUB_OFFLINE (or `offline` in the configuration) to go online",
            )
        plain_http = self.settings.plain_http_origins
        check_address(url, plain_http_origins=plain_http)
        everywhere, secret = _split(headers, credentials)
        for _ in range(LONGEST_CHAIN + 1):
            self._refuse_beyond_mirrors(url)
            reply = send(method, url, headers={**everywhere, **secret}, **body)
            logs.debug("vaehub.http", "%s %s -> %d", method, safe_url(url), reply.status)
            location = reply.headers.get("Location")
            if not (follow and reply.status in REDIRECTS and location):
                return reply
            reply.close()
            hop = next_hop(
                method, url, reply.status, _as_utf8(location), plain_http_origins=plain_http
            )
            method, url = hop.method, hop.url
            if not hop.keep_credentials:
                secret = {}
            if not hop.keep_body:
                body = {}
        raise SourceUnusable(
            f"{safe_url(url)}: more than {LONGEST_CHAIN} redirects, so this is a loop"
        )

    def _refuse_beyond_mirrors(self, url: str) -> None:
        allowed = self.settings.allowed_origins
        if allowed is not None and origin(url) not in allowed:
            # Not Offline: another mirror may have the file itself.
            raise SourceUnusable(
                f"{safe_url(url)} would be asked, and only mirrors may be",
                hint="leave --offline out, or name a mirror that has the file itself",
            )

    def _get(self, method: str, url: str, *, headers: Mapping[str, str]) -> Direct:
        from vaehub.transfer.wire import Wire

        with self._lock:
            if self._wire is None:
                self._wire = Wire(self.patience)
            wire = self._wire
        return wire.get(url, {**_ALWAYS, **headers})

    def _borrow(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        json: object | None = None,
        data: Mapping[str, str] | None = None,
    ) -> Borrowed:
        from vaehub.transfer.borrowed import Requests

        with self._lock:
            if self._requests is None:
                self._requests = Requests(self.patience)
            borrowed = self._requests
        return borrowed.send(method, url, {**_ALWAYS, **headers}, json=json, data=data)


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
