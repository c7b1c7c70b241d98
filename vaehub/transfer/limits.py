"""What all transfers of one run may use together: bytes a second, connections.

Knows time and counts; no sockets. Everything may be called from any thread.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PATIENCE = 0.05
"""Seconds; shorter debts are left to add up, since nobody sleeps that exactly."""
_LONGEST = 0.5
"""Seconds slept at once, so that somebody who is told to stop does so soon."""


class Limits:
    """A budget that several transfers share."""

    def __init__(
        self,
        *,
        rate: int | None = None,
        connections: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Set the limits; None stands for none.

        Args:
            rate: Bytes a second, of all connections together.
            connections: That are open at the same time.
            clock: Tells seconds.
        """
        self.rate = rate
        self.connections = connections
        self._clock = clock
        self._lock = threading.Lock()
        self._paid_until = clock()
        self._at: Counter[str] = Counter()
        self._slots = threading.Semaphore(connections) if connections is not None else None

    @property
    def owed(self) -> float:
        """Seconds that what has come takes longer at the rate than it took."""
        if self.rate is None:
            return 0.0
        with self._lock:
            return max(0.0, self._paid_until - self._clock())

    def spend(self, count: int, *, sleep: Callable[[float], None] = time.sleep) -> None:
        """Wait as long as these bytes take at the rate; call it before asking for more."""
        if self.rate is None:
            return
        with self._lock:
            now = self._clock()
            # What was not used is lost: a pause earns no burst.
            self._paid_until = max(self._paid_until, now) + count / self.rate
            debt = self._paid_until - now
        while debt > _PATIENCE:
            step = min(debt, _LONGEST)
            sleep(step)
            debt -= step

    @contextmanager
    def transfer(self, server: str) -> Iterator[None]:
        """Count a transfer from a server, so that the others leave it its share."""
        with self._lock:
            self._at[server] += 1
        try:
            yield
        finally:
            with self._lock:
                self._at[server] -= 1

    def share(self, server: str, ceiling: int) -> int:
        """Say how many connections each transfer from a server may have.

        Args:
            server: Its name, or a host's that has several.
            ceiling: That all transfers together may have to it.
        """
        with self._lock:
            transfers = max(1, self._at[server])
        if self.connections is not None:
            ceiling = min(ceiling, self.connections)
        return max(1, ceiling // transfers)

    @contextmanager
    def connection(self, *, unless: Callable[[], bool]) -> Iterator[bool]:
        """Hold one of the connections; waits for it.

        Args:
            unless: Asked now and then while waiting; True: wait no longer.

        Returns:
            False where the wait was given up.
        """
        if self._slots is None:
            yield True
            return
        while not self._slots.acquire(timeout=0.1):
            if unless():
                yield False
                return
        try:
            yield True
        finally:
            self._slots.release()
