"""A raw loopback server for the ugly cases: each request is answered by a function of the test."""

from __future__ import annotations

import contextlib
import socket
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


@dataclass(frozen=True)
class Request:
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def first_byte(self) -> int:
        """The N of ``Range: bytes=N-`` and ``bytes=N-M``; 0 without one."""
        return int(self._range[0])

    @property
    def end(self) -> int | None:
        """One more than the M of ``Range: bytes=N-M``."""
        return int(self._range[1]) + 1 if self._range[1] else None

    @property
    def _range(self) -> tuple[str, str]:
        first, _, last = self.headers.get("range", "bytes=0-").removeprefix("bytes=").partition("-")
        return first, last


@dataclass
class Scripted:
    """One origin; every answer ends its connection."""

    answer: Callable[[Request], bytes]
    requests: list[Request] = field(default_factory=list)
    url: str = ""

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def close(self) -> None:
        # Woken by a connection: closing a listener does not end a waiting accept() everywhere.
        address = self._listener.getsockname()
        self._stopping = True
        with contextlib.suppress(OSError), socket.create_connection(address):
            pass
        self._thread.join()
        self._listener.close()

    _stopping = False

    def _run(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            with connection:
                if self._stopping:
                    return
                with contextlib.suppress(OSError):  # the client hung up: part of many tests
                    request = receive(connection)
                    if request is not None:
                        self.requests.append(request)
                        connection.sendall(self.answer(request))
                        connection.shutdown(socket.SHUT_WR)
                        while connection.recv(65536):
                            pass


def receive(connection: socket.socket) -> Request | None:
    """Read one request; None where the client says nothing, or speaks TLS."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return None
        data += piece
        if data[:1] == b"\x16":  # TLS is spoken to a server that speaks none
            connection.sendall(reply(400))
            return None
    head, _, body = data.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    headers = {}
    for line in rest:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    while len(body) < int(headers.get("content-length", 0)):
        body += connection.recv(65536)
    method, target, _ = first.split(" ", 2)
    return Request(method, target, headers, body)


@contextlib.contextmanager
def serving(*answers: Callable[[Request], bytes]) -> Iterator[list[Scripted]]:
    """Run one origin for each answer."""
    servers = [Scripted(answer) for answer in answers]
    try:
        yield servers
    finally:
        for server in servers:
            server.close()


def reply(
    status: int,
    body: bytes = b"",
    *,
    length: int | None = None,
    close: bool = False,
    **headers: str,
) -> bytes:
    """Spell an answer; ``length`` lies about the body, ``close`` leaves its length out."""
    lines = [f"HTTP/1.1 {status} Spoken", "Connection: close"]
    if not close:
        lines.append(f"Content-Length: {len(body) if length is None else length}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def ranged(data: bytes, request: Request, *, upto: int | None = None) -> bytes:
    """Serve a file with honest ranges; ``upto`` cuts the connection at that byte of the file."""
    start = request.first_byte
    part = data[start : request.end]
    sent = part if upto is None else part[: max(0, upto - start)]
    if "range" not in request.headers:
        return reply(200, sent, length=len(data))
    last = start + len(part) - 1
    return reply(206, sent, length=len(part), Content_Range=f"bytes {start}-{last}/{len(data)}")
