"""GET over connections of our own: quick to start, and the body straight into a buffer.

The standard library's client makes the connection, sends the request and reads the head of the
answer; the body is received from its socket, with no copy in between. Connections are kept open for
the next request. Knows sockets, TLS and certificates; refuses to know proxies, redirects and what
a status means.
"""

from __future__ import annotations

import http.client
import io
import os
import select
import socket
import ssl
import sys
import threading
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from vaehub.errors import SourceUnusable
from vaehub.settings import origin
from vaehub.transfer.failures import NoWay, invalid_address, invalid_header, unreachable
from vaehub.transfer.reply import Closing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vaehub.transfer.patience import Patience

_KEPT = 32
"""Idle connections to one origin that are kept open."""
_SAFE = "!#$%&'()*+,/:;=?@[]~"
"""What stays as it is in an address: percent signs too, for the rest is quoted already."""
_AT_ONCE = io.DEFAULT_BUFFER_SIZE
"""Bytes that the reader of the head may have taken from the body."""


def goes_through_a_proxy() -> bool:
    """Tell whether any proxy is set; whether it is used for a host is for requests to say."""
    named = {name.lower() for name, value in os.environ.items() if value} - {"no_proxy"}
    if any(name.endswith("_proxy") for name in named):
        return True
    platform: str = sys.platform
    if platform not in {"darwin", "win32"}:
        return False
    from urllib.request import getproxies  # asks the system

    return bool(getproxies())


class Wire:
    """Connections of our own; may be used from any thread."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._idle: dict[str, list[http.client.HTTPConnection]] = {}
        self._lock = threading.Lock()
        self._context: ssl.SSLContext | None = None

    def close(self) -> None:
        """Close the connections that are kept open."""
        with self._lock:
            kept, self._idle = self._idle, {}
        for connections in kept.values():
            for connection in connections:
                connection.close()

    def get(self, url: str, headers: Mapping[str, str]) -> Direct:
        """Send a GET, and give the answer with its body still unread; follows no redirect.

        Raises:
            SourceUnreachable: no answer: no connection, no certificate, time-out.
            SourceUnusable: the address or a header is not valid.
        """
        try:
            parts = urlsplit(url)
            target = quote(parts.path or "/", safe=_SAFE)
            if parts.query:
                target = f"{target}?{quote(parts.query, safe=_SAFE)}"
            while True:
                connection = self._take(url)
                was_idle = connection is not None
                if connection is None:
                    connection = self._connect(url)
                channel = connection.sock
                try:
                    _send(connection, target, headers, url)
                    response = connection.getresponse()
                except BaseException as error:
                    connection.close()
                    # The server had hung up on it while it was idle.
                    if was_idle and isinstance(error, ConnectionError):
                        continue
                    raise
                return Direct(self, connection, channel, response, url)
        except (http.client.InvalidURL, ValueError) as error:
            if isinstance(error, ssl.SSLError):  # of which some are ValueErrors too
                raise unreachable(url, error) from None
            raise invalid_address(url) from None
        except (http.client.HTTPException, OSError) as error:
            raise unreachable(url, error) from None

    def keep(self, url: str, connection: http.client.HTTPConnection) -> None:
        """Keep a connection, whose answer has come whole, for the next request."""
        with self._lock:
            idle = self._idle.setdefault(origin(url), [])
            if connection.sock is not None and len(idle) < _KEPT:
                idle.append(connection)
                return
        connection.close()

    def _take(self, url: str) -> http.client.HTTPConnection | None:
        while True:
            with self._lock:
                idle = self._idle.get(origin(url))
                if not idle:
                    return None
                connection = idle.pop()
            # Nothing was asked, so whatever can be read is the end of it.
            if not _readable(connection.sock, 0):
                return connection
            connection.close()

    def _connect(self, url: str) -> http.client.HTTPConnection:
        parts = urlsplit(url)
        host = parts.hostname or ""
        if not host.isascii():
            host = host.encode("idna").decode("ascii")
        connection: http.client.HTTPConnection
        if parts.scheme == "https":
            connection = http.client.HTTPSConnection(
                host, parts.port, timeout=self._patience.connect, context=self._trusted()
            )
        else:
            connection = http.client.HTTPConnection(
                host, parts.port, timeout=self._patience.connect
            )
        try:
            connection.connect()
        except (TimeoutError, ConnectionError, socket.gaierror, ssl.SSLError):
            raise
        except OSError as error:
            raise NoWay from error
        connection.sock.settimeout(self._patience.read)
        return connection

    def _trusted(self) -> ssl.SSLContext:
        """Trust those whom requests trusts: the user's certificates, else certifi's."""
        with self._lock:
            if self._context is None:
                named = next(filter(None, map(os.environ.get, _CERTIFICATES)), None)
                if named is None:
                    import certifi

                    named = certifi.where()
                is_folder = os.path.isdir(named)  # noqa: PTH112 (as it stands there)
                try:
                    self._context = ssl.create_default_context(
                        cafile=None if is_folder else named, capath=named if is_folder else None
                    )
                except OSError:
                    raise SourceUnusable(
                        f"the certificates to trust cannot be read: {named}",
                        hint=f"check {' and '.join(_CERTIFICATES)}",
                    ) from None
                # As browsers and curl say it; there are hosts that turn others away.
                self._context.set_alpn_protocols(["http/1.1"])
            return self._context


_CERTIFICATES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


def _send(
    connection: http.client.HTTPConnection, target: str, headers: Mapping[str, str], url: str
) -> None:
    connection.putrequest("GET", target, skip_accept_encoding=True)
    try:
        for name, value in headers.items():
            connection.putheader(name, value)
    except ValueError:  # also of what is not Latin-1
        raise invalid_header(url) from None
    connection.endheaders()


class Direct(Closing):
    """An answer over a connection of ours; see :class:`vaehub.transfer.reply.Reply`."""

    def __init__(
        self,
        wire: Wire,
        connection: http.client.HTTPConnection,
        channel: socket.socket,
        response: http.client.HTTPResponse,
        url: str,
    ) -> None:
        self.url = url
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers  # type: ignore[assignment]
        self._wire = wire
        self._connection: http.client.HTTPConnection | None = connection
        self._channel = channel
        self._response = response
        self._left = None if response.chunked else response.length
        """Bytes still to come; None: nobody has said."""
        self._is_ahead = True
        """Whether the reader of the head may hold some of the body."""
        if self._left == 0:
            self._finish()

    def receive_into(self, buffer: memoryview) -> int:
        """Receive what is there; see :class:`vaehub.transfer.reply.Reply`."""
        if self._connection is None:
            return 0
        if self._left is not None:
            buffer = buffer[: self._left]
        try:
            count = self._receive_into(buffer)
            if not count and self._left:
                raise ConnectionResetError
        except (http.client.HTTPException, OSError) as error:
            self.close()
            # What TLS says of a connection that ends early is no word on its certificate.
            broke = isinstance(error, ssl.SSLError) and not isinstance(error, TimeoutError)
            raise unreachable(self.url, ConnectionResetError() if broke else error) from None
        if self._left is not None:
            self._left -= count
        if not count or self._left == 0:
            self._finish()
        return count

    def _receive_into(self, buffer: memoryview) -> int:
        if self._response.chunked:
            data = self._response.read1(len(buffer))
        elif self._is_ahead:
            data = self._response.fp.read1(len(buffer))
            self._is_ahead = len(buffer) < _AT_ONCE
        else:
            return self._channel.recv_into(buffer)
        buffer[: len(data)] = data
        return len(data)

    def has_more(self, seconds: float) -> bool:
        """Wait for more; see :class:`vaehub.transfer.reply.Reply`."""
        if seconds <= 0 or self._connection is None or self._response.chunked:
            return False
        try:
            return _readable(self._channel, seconds)
        except (OSError, ValueError):  # closed meanwhile: who reads on is told so
            return False

    def close(self) -> None:
        """Let go of it."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._response.close()
            connection.close()

    def _finish(self) -> None:
        """Let the connection serve the next request: everything has come."""
        connection, self._connection = self._connection, None
        assert connection is not None
        self._response.close()
        self._wire.keep(self.url, connection)


def _readable(channel: socket.socket, seconds: float) -> bool:
    """Wait until something can be received, or the other side has hung up."""
    if isinstance(channel, ssl.SSLSocket) and channel.pending():
        return True
    if hasattr(select, "poll"):  # select() knows no descriptors beyond 1024
        waiting = select.poll()
        waiting.register(channel, select.POLLIN)
        return bool(waiting.poll(seconds * 1000))
    return bool(select.select([channel], [], [], seconds)[0])
