"""A server of one folder that paces each connection, and counts what its clients received.

Run as a script, by :class:`benchmarks.servers.Paced`: a process of its own, so that its work is not
mixed up with that of whoever measures. It prints its address, then answers the lines it is given:
``counts`` with the bytes received by clients and the number of requests, ``again`` by counting from
zero and serving again where it had died. It ends with its standard input.

The kernel paces (``SO_MAX_PACING_RATE``): nginx's ``limit_rate`` gives every new request a second's
worth for free, so that a client with many small ranges would cheat. What it paces waits in the
socket's buffer; so only what the client acknowledged counts, and not what was written.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import re
import socket
import struct
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SO_MAX_PACING_RATE = 47
SIOCOUTQ = 0x5411
TCP_CLOSE = 7
CHUNK = 256 << 10
CAPPED_CHUNK = 64 << 10
LATE = 0.02
"""Seconds that threads may wake up too late without slowing down the whole."""


class Budget:
    """Bytes a second that all connections share."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._free = time.monotonic()
        self._lock = threading.Lock()

    def spend(self, count: int) -> None:
        """Wait for the turn of so many bytes."""
        with self._lock:
            begin = max(self._free, time.monotonic() - LATE)
            self._free = begin + count / self._rate
        time.sleep(max(0.0, begin - time.monotonic()))


class State:
    """What all connections share."""

    def __init__(self, www: Path, *, rate: int, total: int | None, die_after: int | None) -> None:
        self.www = www
        self.rate = rate
        self.budget = Budget(total) if total else None
        self.die_after = die_after
        self.lock = threading.Lock()
        self.live: set[Handler] = set()
        self.closed = self.requests = 0
        self.dead = False

    def counts(self) -> tuple[int, int]:
        """Give the bytes that clients received, and the number of requests."""
        with self.lock:
            return self.closed + sum(one.received() for one in self.live), self.requests

    def reset(self) -> None:
        """Count from zero."""
        with self.lock:
            self.closed = self.requests = 0
            self.dead = False
            for one in self.live:
                one.discounted = one.written


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    state: State

    def setup(self) -> None:
        super().setup()
        self.written = self.discounted = 0
        self.connection.setsockopt(socket.SOL_SOCKET, SO_MAX_PACING_RATE, self.state.rate)
        with self.state.lock:
            self.state.live.add(self)

    def finish(self) -> None:
        dead = self.state.dead
        if not dead:
            self._drain()
        with contextlib.suppress(OSError):
            super().finish()
        if dead:  # a reset, and not an orderly end
            option = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, option)
        with self.state.lock:
            self.state.live.discard(self)
            self.state.closed += self.received()
            if dead:  # at once: what is still in the buffer goes on being sent until then
                self.connection.close()

    def received(self) -> int:
        """Say how many bytes of bodies the client has."""
        return max(0, self.written - self._unacknowledged() - self.discounted)

    def do_GET(self) -> None:
        with self.state.lock:
            self.state.requests += 1
        path = self.state.www / self.path.lstrip("/")
        if not path.is_file():
            self.send_error(404)
            return
        size = path.stat().st_size
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        start = int(found[1]) if found else 0
        end = min(int(found[2]) + 1, size) if found and found[2] else size
        if start >= end:
            self.send_error(416)
            return
        self.send_response(206 if found else 200)
        self.send_header("Content-Length", str(end - start))
        self.send_header("Accept-Ranges", "bytes")
        if found:
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{size}")
        self.end_headers()
        if self.command == "HEAD":
            return
        try:
            with path.open("rb") as file:
                self._send(file.fileno(), start, end)
        except OSError:
            self.close_connection = True

    do_HEAD = do_GET  # noqa: N815  # the name is the base class's

    def _send(self, file: int, at: int, end: int) -> None:
        state, budget = self.state, self.state.budget
        while at < end:
            count = min(CAPPED_CHUNK if budget else CHUNK, end - at)
            if budget:
                budget.spend(count)
            if state.dead:
                raise ConnectionAbortedError
            done = os.sendfile(self.connection.fileno(), file, at, count)
            if not done:
                raise ConnectionAbortedError
            at += done
            with state.lock:
                self.written += done
            if state.die_after is not None and state.counts()[0] >= state.die_after:
                state.dead = True

    def _unacknowledged(self) -> int:
        try:
            answer = fcntl.ioctl(self.connection.fileno(), SIOCOUTQ, bytes(4))
        except OSError:
            return 0
        return int(struct.unpack("i", answer)[0])

    def _drain(self) -> None:
        """Wait until the client has everything, or is gone."""
        deadline = time.monotonic() + 30
        while self._unacknowledged() and time.monotonic() < deadline:
            info = self.connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
            if info[0] == TCP_CLOSE:
                return
            time.sleep(0.005)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """The listening socket; one thread for each connection."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is nothing to tell."""


class Life:
    """The server from its start to its death, again and again on the same port."""

    def __init__(self, state: State, host: str) -> None:
        self.state = state
        self.address = (host, 0)
        self.running: Server | None = None
        self.begin()

    def begin(self) -> None:
        """Serve, unless that is being done."""
        if self.running is not None:
            return
        handler = type("Bound", (Handler,), {"state": self.state})
        server = Server(self.address, handler)
        self.address = (self.address[0], server.server_address[1])
        self.running = server
        threading.Thread(target=self._serve, args=(server,), daemon=True).start()

    def _serve(self, server: Server) -> None:
        threading.Thread(target=self._watch, args=(server,), daemon=True).start()
        server.serve_forever(poll_interval=0.01)
        server.server_close()
        for one in list(self.state.live):
            with contextlib.suppress(OSError):
                one.connection.shutdown(socket.SHUT_RD)  # who waits for a request ends
        self.running = None

    def _watch(self, server: Server) -> None:
        while not self.state.dead:
            time.sleep(0.01)
        server.shutdown()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("www", type=Path)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--rate", type=int, required=True)
    parser.add_argument("--total", type=int)
    parser.add_argument("--die-after", type=int)
    options = parser.parse_args()
    state = State(options.www, rate=options.rate, total=options.total, die_after=options.die_after)
    life = Life(state, options.host)
    print(f"http://{life.address[0]}:{life.address[1]}", flush=True)
    for line in sys.stdin:
        if line.strip() == "again":
            while state.dead and life.running is not None:
                time.sleep(0.01)
            state.reset()
            life.begin()
        print(*state.counts(), flush=True)


if __name__ == "__main__":
    main()
