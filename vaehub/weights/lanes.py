"""Hand the same pieces of bytes to several workers, each in a thread of its own and in order.

hashlib and numpy let go of Python's lock, so that this costs no more time than the slowest worker
where there are cores enough. Memory: the few pieces that wait. Knows threads, and no tensor.
"""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

_WAITING = 4
"""Pieces of work that a worker may be behind."""


class Lane:
    """One worker: does what it is given, one after the other, until the context is left."""

    def __init__(self, name: str) -> None:
        self._jobs: queue.Queue[Callable[[], object] | None] = queue.Queue(_WAITING)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name=f"vaehub {name}", daemon=True)

    def __enter__(self) -> Lane:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None and self._error is None:
            self._error = error  # what waits need not be done any more
        self._jobs.put(None)
        self._thread.join()
        if error is None and self._error is not None:
            raise self._error

    def give(self, job: Callable[[], object]) -> None:
        """Queue a piece of work; waits while too many are queued."""
        self._jobs.put(job)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            if self._error is None:
                try:
                    job()
                except BaseException as error:  # raised where the context is left
                    self._error = error
