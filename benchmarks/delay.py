"""A proxy that puts a round trip of some milliseconds between a client and a server.

Run as a script, by :func:`benchmarks.servers.delayed`; prints its address, ends with its standard
input. Every byte is handed on unchanged, half a round trip after it came. What a distant server
costs besides is played too, or a single connection would be as fast as eight: a round trip to
connect, a window that begins with ten segments and doubles with each round trip up to what Linux
grants a connection by default, and one link that all connections share.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import socket
import sys
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Coroutine

CHUNK = 64 << 10
FIRST_WINDOW = 10 * 1448


class Window:
    """How many bytes may be on their way in one direction of one connection."""

    def __init__(self, most: int) -> None:
        self.size, self.most, self.away = min(FIRST_WINDOW, most), most, 0
        self._changed = asyncio.Event()

    async def room(self) -> int:
        """Wait until there is room, and say how much."""
        while self.away >= self.size:
            self._changed.clear()
            await self._changed.wait()
        return self.size - self.away

    def acknowledged(self, count: int) -> None:
        """Note that so many bytes have arrived, as their sender now knows."""
        self.away -= count
        self.size = min(self.most, self.size + count)
        self._changed.set()


class Link:
    """What the connections share."""

    def __init__(self, rate: float) -> None:
        self._rate, self._free = rate, 0.0

    def sent(self, now: float, count: int) -> float:
        """Say when so many bytes, put on the link now, have all left."""
        self._free = max(now, self._free) + count / self._rate
        return self._free


class Way:
    """One direction of one connection."""

    def __init__(self, delay: float, window: Window, link: Link, *, opened: float) -> None:
        self.delay, self.window, self.link, self.opened = delay, window, link, opened
        self._queue: deque[tuple[float, bytes]] = deque()
        self._filled = asyncio.Event()

    async def read(self, source: socket.socket) -> None:
        """Take what comes, until its end."""
        loop = asyncio.get_running_loop()
        while True:
            room = await self.window.room()
            data = await loop.sock_recv(source, min(CHUNK, room))
            now = max(loop.time(), self.opened)
            self.window.away += len(data)
            self._queue.append((self.link.sent(now, len(data)) + self.delay, data))
            self._filled.set()
            if not data:
                return

    async def write(self, sink: socket.socket) -> None:
        """Hand it on when it is due."""
        loop = asyncio.get_running_loop()
        while True:
            while not self._queue:
                self._filled.clear()
                await self._filled.wait()
            due, data = self._queue.popleft()
            if (pause := due - loop.time()) > 0:
                await asyncio.sleep(pause)
            if not data:
                sink.shutdown(socket.SHUT_WR)
                return
            await loop.sock_sendall(sink, data)
            loop.call_later(self.delay, self.window.acknowledged, len(data))


async def serve(client: socket.socket, options: argparse.Namespace, down: Link, up: Link) -> None:
    """Carry one connection to its end."""
    loop = asyncio.get_running_loop()
    delay = options.round_trip / 2
    # The client is connected already; what it says now would have had to wait for the handshake.
    opened = loop.time() + options.round_trip
    with client, socket.socket() as server:
        for one in (client, server):
            one.setblocking(False)
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await loop.sock_connect(server, (options.host, options.port))
        there = Way(delay, Window(options.window), up, opened=opened)
        back = Way(delay, Window(options.window), down, opened=0.0)
        works: list[Coroutine[None, None, None]] = [
            there.read(client),
            there.write(server),
            back.read(server),
            back.write(client),
        ]
        tasks = [asyncio.ensure_future(work) for work in works]
        # Whoever breaks off ends both directions.
        done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in pending:
            task.cancel()
        await asyncio.gather(*done, *pending, return_exceptions=True)


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("--round-trip", type=float, required=True)
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--window", type=int, required=True)
    options = parser.parse_args()
    loop = asyncio.get_running_loop()
    down, up = Link(options.rate), Link(options.rate)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        listener.setblocking(False)
        print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        ended = loop.run_in_executor(None, sys.stdin.read)
        running: set[asyncio.Task[None]] = set()
        while not ended.done():
            accepting = asyncio.ensure_future(loop.sock_accept(listener))
            await asyncio.wait({accepting, ended}, return_when=asyncio.FIRST_COMPLETED)
            if not accepting.done():
                accepting.cancel()
                break
            task = asyncio.ensure_future(serve(accepting.result()[0], options, down, up))
            running.add(task)
            task.add_done_callback(running.discard)
        for task in running:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*running, return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(main())
