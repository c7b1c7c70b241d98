"""Loopback origins that answer many connections at once, and count what they send to each.

Where :mod:`tests.transfer.scripted` answers one request after the other, these answer all at the
same time. An answer may be given piece by piece, and wait in between for something to happen: so
that a test says what comes before what, and no clock does.
"""

from __future__ import annotations

import contextlib
import math
import select
import socket
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.transfer.scripted import Request, ranged, receive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import pytest

    Pieces = Iterable[bytes | None]
    Answering = Callable[[Request], "bytes | Pieces"]

PIECE = 8 * 1024
_BLINK = 0.01


class Gauge:
    """Counts answers on their way, as a client does: one that it has hung up on is none."""

    def __init__(self) -> None:
        self.most = 0
        """That were on their way at the same time."""
        self._lock = threading.Lock()
        self._held: set[socket.socket] = set()

    def begin(self, connection: socket.socket) -> None:
        """Count an answer.

        Its client may have hung up on others a moment ago, which whoever serves those need not have
        seen yet.
        """
        with self._lock:
            self._held = {one for one in self._held if not has_gone(one)} | {connection}
            self.most = max(self.most, len(self._held))

    def end(self, connection: socket.socket) -> None:
        """Count it no more."""
        with self._lock:
            self._held.discard(connection)


def has_gone(connection: socket.socket) -> bool:
    """Tell whether the client has hung up; waits for nothing."""
    try:
        readable = select.select([connection], [], [], 0)[0]
        return bool(readable) and not connection.recv(1, socket.MSG_PEEK)
    except (OSError, ValueError):  # reset, or closed here
        return True


@dataclass
class Given:
    """One request, and what was sent in answer to it."""

    request: Request
    body: int = 0
    """Bytes of the body that were sent."""
    status: int = 0


@dataclass
class Origin:
    """One origin.

    An answer is its bytes, or pieces of it, the head first; there None stands for a moment of
    waiting, which ends when the client hangs up.
    """

    answer: Answering
    gauge: Gauge = field(default_factory=Gauge)
    given: list[Given] = field(default_factory=list)
    url: str = ""

    def __post_init__(self) -> None:
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        # Little is on its way unseen: what a client has not read is not counted as sent.
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16 * 1024)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._start(self._accept)

    @property
    def requests(self) -> list[Request]:
        """Give the requests so far."""
        return [given.request for given in self.given]

    @property
    def sent(self) -> int:
        """Count the bytes of the file that were sent."""
        return sum(given.body for given in self.given if given.status in {200, 206})

    def close(self) -> None:
        """End every answer, and wait for every thread."""
        self._stopping.set()
        with contextlib.suppress(OSError), socket.create_connection(self._listener.getsockname()):
            pass
        for thread in list(self._threads):
            thread.join()
        self._listener.close()

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stopping.is_set():
            connection, _ = self._listener.accept()
            if self._stopping.is_set():
                connection.close()
                return
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):  # the client hung up: part of many tests
            connection.settimeout(5)
            request = receive(connection)
            if request is None:
                return
            given = Given(request)
            self.given.append(given)
            self._send(connection, given)
            with contextlib.suppress(TimeoutError):
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):
                    pass

    def _send(self, connection: socket.socket, given: Given) -> None:
        answer = self.answer(given.request)
        pieces = iter(pieces_of(answer) if isinstance(answer, bytes) else answer)
        self.gauge.begin(connection)
        try:
            for piece in pieces:
                if piece is None:
                    if self._is_over(connection):
                        return
                    continue
                if not given.status:
                    given.status = int(piece.split(b" ", 2)[1])
                else:
                    # Counted before it leaves: who has got the bytes must find them counted.
                    given.body += len(piece)
                    if given.request.first_byte + given.body == given.request.end:
                        self.gauge.end(connection)
                self._push(connection, piece)
        finally:
            self.gauge.end(connection)

    def _push(self, connection: socket.socket, piece: bytes) -> None:
        rest = memoryview(piece)
        while rest:
            if self._stopping.is_set():
                raise OSError
            if select.select([], [connection], [], _BLINK)[1]:
                rest = rest[connection.send(rest) :]

    def _is_over(self, connection: socket.socket) -> bool:
        select.select([connection], [], [], _BLINK)
        return has_gone(connection) or self._stopping.is_set()


def pieces_of(answer: bytes, *, piece: int = PIECE) -> Iterator[bytes]:
    """Give the head of an answer, and then its body in pieces."""
    head, end, body = answer.partition(b"\r\n\r\n")
    yield head + end
    for at in range(0, len(body), piece):
        yield body[at : at + piece]


def honest(data: bytes) -> Callable[[Request], bytes]:
    """Serve a file."""
    return lambda request: ranged(data, request)


def silent(request: Request) -> Iterator[bytes | None]:
    """Accept, and never answer."""
    return waiting(lambda: False)


def waiting(until: Callable[[], bool]) -> Iterator[None]:
    """Wait for something to happen."""
    while not until():
        yield None


def quiet(
    data: bytes, *, after: int, until: Callable[[], bool] = lambda: False
) -> Callable[[Request], Iterator[bytes | None]]:
    """Serve a file, and fall silent in each answer after so many bytes of its body."""

    def answer(request: Request) -> Iterator[bytes | None]:
        count = 0
        for index, piece in enumerate(pieces_of(ranged(data, request))):
            if index and count >= after and not until():
                yield from waiting(until)
            count += len(piece) if index else 0
            yield piece

    return answer


def slow(data: bytes, *, blinks: int = 1) -> Callable[[Request], Iterator[bytes | None]]:
    """Serve a file with a pause after each piece."""

    def answer(request: Request) -> Iterator[bytes | None]:
        for piece in pieces_of(ranged(data, request)):
            yield piece
            for _ in range(blinks):
                yield None

    return answer


def dripping(
    data: bytes, *, after: int, until: Callable[[], bool]
) -> Callable[[Request], Iterator[bytes | None]]:
    """Serve a file, but from so many bytes of each answer on very slowly, until something happens.

    So slow that it could go on for a minute, and never silent.
    """

    def answer(request: Request) -> Iterator[bytes | None]:
        count = 0
        for index, piece in enumerate(pieces_of(ranged(data, request))):
            while index and count >= after and piece and not until():
                yield piece[:4]
                yield None
                piece = piece[4:]
            count += len(piece) if index else 0
            yield piece

    return answer


@contextlib.contextmanager
def origins(*answers: Answering, into: list[Origin] | None = None) -> Iterator[list[Origin]]:
    """Run one origin for each answer; they share a gauge.

    ``into`` is filled with them, for answers that wait for what another one did.
    """
    gauge = Gauge()
    running = [] if into is None else into
    running += [Origin(answer, gauge) for answer in answers]
    try:
        yield running
    finally:
        for origin in running:
            origin.close()


KIB = 1024
FOREVER = 1e9
SAMPLE = 4 * KIB
ON_ITS_WAY = 48 * KIB
"""Bytes of one connection that may have been sent, and that nobody reads any more."""


def make_small(patch: pytest.MonkeyPatch) -> None:
    """Scale sizes and times down, so that some hundred KB are fetched as some hundred MB are.

    Time alone lets no further source join; a test that wants one to says when.
    """
    for module, constants in _SMALL.items():
        for name, value in constants.items():
            patch.setattr(f"vaehub.transfer.{module}.{name}", value)
    connect = socket.socket.connect

    def narrow(self: socket.socket, address: Any) -> None:
        self.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 * KIB)
        connect(self, address)

    patch.setattr(socket.socket, "connect", narrow)


_SMALL: dict[str, dict[str, float]] = {
    "joining": {
        "HASTE": FOREVER,
        "APART": 0.0,
        "LONG": math.inf,
        "LONG_BEFORE_A_MIRROR": math.inf,
        "LONG_FOR_A_MIRROR": math.inf,
    },
    "jury": {"SAMPLE": SAMPLE},
    "crew": {
        "WORTH_IT": 32 * KIB,
        "STALLED": FOREVER,
        "RATE_OVER": 0.05,
        "CHUNK": 4 * KIB,
        "_TICK": 0.01,
    },
    "segments": {
        "SMALLEST": 16 * KIB,
        "SMALLEST_AFAR": 16 * KIB,
        "LARGEST": 64 * KIB,
        "TINIEST": 8 * KIB,
    },
    "lane": {"WINDOW": 0.05, "FIRST_WINDOW": 0.05, "SOON": 0.0},
}
