"""HTTP plumbing: many origins on loopback, one thread that accepts, one per connection.

Knows sockets, keep-alive and how to send a body badly on purpose. Knows nothing of any host's
protocol: an origin is a function from :class:`Request` to :class:`Response`.
"""

from __future__ import annotations

import contextlib
import json
import selectors
import socket
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vaehub.loopback.content import Content

_CHUNK = 1 << 18
_PAUSE = 0.02


@dataclass(frozen=True)
class Request:
    """One request as it came in."""

    origin: str
    """Role of the origin that got it: ``civitai api``, ``civitai storage``."""
    method: str
    path: str
    """Without query, percent-decoded."""
    raw_query: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes

    @property
    def query(self) -> dict[str, str]:
        """The query as a mapping; of a repeated name the last stands."""
        return dict(parse_qsl(self.raw_query, keep_blank_values=True))

    @property
    def bearer(self) -> str | None:
        """The token of an ``Authorization: Bearer`` header."""
        kind, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if kind.lower() == "bearer" else None


@dataclass
class Delivery:
    """How a body goes over the wire; the default is: as it should."""

    cut_after: int | None = None
    """Bytes of the body after which the connection ends."""
    stall: float = 0.0
    """Seconds of silence before the connection ends where it was cut."""
    rate: int | None = None
    """Bytes a second."""
    chunked: bool = False
    """No Content-Length."""
    hang_up: bool = False
    """End the connection without a word."""


@dataclass
class Response:
    """One answer."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    window: tuple[Content, int, int] | None = None
    """Stands for the body: a content, the first byte and the number of bytes."""
    delivery: Delivery = field(default_factory=Delivery)

    @property
    def length(self) -> int:
        """Bytes of the body."""
        return self.window[2] if self.window else len(self.body)

    def read(self, start: int, length: int) -> bytes:
        """Give a piece of the body."""
        if self.window is None:
            return self.body[start : start + length]
        content, first, total = self.window
        return content.read(first + start, min(length, total - start))


@dataclass
class Seen:
    """One request that an origin got, and what it answered."""

    origin: str
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    """Names in lower case."""
    status: int
    """0 where the connection was ended without an answer."""
    sent: int = 0
    """Bytes of the body that were sent."""

    @property
    def range(self) -> str | None:
        """The Range header."""
        return self.headers.get("range")


def json_response(status: int, value: object, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with JSON."""
    body = json.dumps(value, ensure_ascii=False).encode()
    return Response(
        status, {"Content-Type": "application/json; charset=utf-8"} | {**(headers or {})}, body
    )


def text_response(
    status: int, text: str, content_type: str = "text/plain; charset=utf-8"
) -> Response:
    """Answer with text."""
    return Response(status, {"Content-Type": content_type}, text.encode())


def redirect(status: int, location: str, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with a redirect."""
    body = f"Found. Redirecting to {location.partition('?')[0]}".encode()
    return Response(
        status, {"Location": location, "Content-Type": "text/plain"} | {**(headers or {})}, body
    )


class Server:
    """All origins of a world: started together, stopped together, nothing left behind."""

    def __init__(self, record: Callable[[Request, Seen], Response | None]) -> None:
        self._record = record
        """Called before each answer; may replace it."""
        self._respond: dict[str, Callable[[Request], Response]] = {}
        self._listeners: dict[str, socket.socket] = {}
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._lock = threading.Lock()
        self._accepting: threading.Thread | None = None
        self._wake: socket.socket | None = None
        self.stopping = threading.Event()
        self.failures: list[Exception] = []
        """Errors of the fake hosts themselves."""

    def add(self, role: str, respond: Callable[[Request], Response]) -> None:
        """Name an origin; it gets its port at :meth:`start`."""
        self._respond[role] = respond

    def url(self, role: str) -> str:
        """Give an origin's base URL, without a trailing slash."""
        return f"http://127.0.0.1:{self._listeners[role].getsockname()[1]}"

    def start(self) -> None:
        """Bind every origin to a free port of 127.0.0.1 and begin to answer.

        Raises:
            OSError: this machine gives no such ports.
        """
        try:
            for role in self._respond:
                self._listeners[role] = socket.create_server(("127.0.0.1", 0), backlog=64)
        except OSError:
            for listener in self._listeners.values():
                listener.close()
            raise
        self._wake, woken = socket.socketpair()
        self._accepting = threading.Thread(target=self._accept, args=(woken,), name="loopback")
        self._accepting.start()

    def stop(self) -> None:
        """End every connection and wait for every thread."""
        self.stopping.set()
        if self._wake is None or self._accepting is None:
            return
        self._wake.close()
        self._accepting.join()
        with self._lock:
            threads = list(self._connections.values())
            for connection in self._connections:
                with contextlib.suppress(OSError):  # the client was faster
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()

    def _accept(self, woken: socket.socket) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(woken, selectors.EVENT_READ, None)
            for role, listener in self._listeners.items():
                selector.register(listener, selectors.EVENT_READ, role)
            while not self.stopping.is_set():
                for key, _ in selector.select():
                    if key.data is not None:
                        self._take(self._listeners[key.data], key.data)
        for end in (woken, *self._listeners.values()):
            end.close()

    def _take(self, listener: socket.socket, role: str) -> None:
        connection, address = listener.accept()
        thread = threading.Thread(
            target=self._serve, args=(connection, address, role), name=f"loopback {role}"
        )
        with self._lock:
            self._connections[connection] = thread
        thread.start()

    def _serve(self, connection: socket.socket, address: Any, role: str) -> None:
        try:
            _Connection(connection, address, self, role)
        except OSError:  # the client hung up, or stop() did
            pass
        finally:
            with self._lock:
                del self._connections[connection]
                connection.close()

    def answer(self, request: Request) -> tuple[Response, Seen]:
        """Ask the origin for its answer and put the request on record."""
        try:
            response = self._respond[request.origin](request)
        except Exception as error:  # kept for stop(): a fake host must not fail in silence
            self.failures.append(error)
            response = text_response(500, "the fake host failed")
        seen = Seen(
            request.origin,
            request.method,
            request.path,
            request.raw_query,
            request.headers,
            0 if response.delivery.hang_up else response.status,
        )
        replaced = self._record(request, seen)
        if replaced is not None:
            response = replaced
            seen.status = replaced.status
        return response, seen


class _Connection(BaseHTTPRequestHandler):
    """One kept-alive connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def __init__(self, connection: socket.socket, address: Any, server: Server, role: str) -> None:
        self._owner = server
        self._role = role
        super().__init__(connection, address, server)  # type: ignore[arg-type]

    def version_string(self) -> str:
        return "loopback"

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the world keeps a record."""

    def _answer(self) -> None:
        parts = urlsplit(self.path)
        request = Request(
            origin=self._role,
            method=self.command,
            path=unquote(parts.path),
            raw_query=parts.query,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(int(self.headers.get("Content-Length") or 0)),
        )
        response, seen = self._owner.answer(request)
        if response.delivery.hang_up:
            self.close_connection = True
            return
        self._send_head(response)
        if request.method != "HEAD":
            self._send_body(response, seen)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815 - the base class's names

    def _send_head(self, response: Response) -> None:
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        if response.delivery.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(response.length))
        self.end_headers()

    def _send_body(self, response: Response, seen: Seen) -> None:
        delivery = response.delivery
        end = response.length
        stop = end if delivery.cut_after is None else min(end, delivery.cut_after)
        is_cut = stop < end
        if is_cut:
            self.close_connection = True
        piece = _CHUNK if delivery.rate is None else max(1, int(delivery.rate * _PAUSE))
        for start in range(0, stop, piece):
            data = response.read(start, min(piece, stop - start))
            # Counted before it leaves: who has got the bytes must find them on record.
            seen.sent += len(data)
            if delivery.chunked:
                data = b"%x\r\n%b\r\n" % (len(data), data)
            self.wfile.write(data)
            if delivery.rate is not None and self._owner.stopping.wait(_PAUSE):
                self.close_connection = True
                return
        if is_cut:
            self._owner.stopping.wait(delivery.stall)
        elif delivery.chunked:
            self.wfile.write(b"0\r\n\r\n")
