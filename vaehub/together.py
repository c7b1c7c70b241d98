"""Do several things at the same time, and stop all of them when the person says so.

Threads and not processes: what we wait for is the wire. Knows nothing of what is done.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")
if TYPE_CHECKING:
    Job = Callable[[Callable[[], bool]], T]
    """Is given a function that says whether to stop now."""

GRACE = 5.0
"""Seconds for the others to write down how far they are, once the person wants to stop."""


def run_together(jobs: Sequence[Job[T]], *, at_once: int) -> list[T | BaseException]:
    """Run jobs, several at once, each to its end whatever becomes of the others.

    A single job runs in the caller's own thread. When the person presses Ctrl-C, running jobs are
    told to stop; one that does not end in time is left behind, and ends with the process.

    Args:
        jobs: What to do; begun in this order.
        at_once: How many at the same time, at most.

    Returns:
        What each job returned or raised, in their order.

    Raises:
        KeyboardInterrupt: the person wants to stop.
    """
    outcomes: dict[int, T | BaseException] = {}
    waiting = iter(enumerate(jobs))
    changed = threading.Condition()
    stopped = threading.Event()
    running = 0

    def work() -> None:
        nonlocal running
        while True:
            with changed:
                index, job = (-1, None) if stopped.is_set() else next(waiting, (-1, None))
                if job is None:
                    return
                running += 1
            try:
                outcome: T | BaseException = job(stopped.is_set)
            except BaseException as error:
                outcome = error
            with changed:
                outcomes[index] = outcome
                running -= 1
                changed.notify_all()

    if len(jobs) < 2:
        work()
    else:
        try:
            for _ in jobs[:at_once]:
                threading.Thread(target=work, daemon=True).start()
            with changed:
                while len(outcomes) < len(jobs):
                    changed.wait(0.2)  # on Windows a wait without an end hears no Ctrl-C
        except KeyboardInterrupt:
            stopped.set()
            with changed:
                changed.wait_for(lambda: not running, timeout=GRACE)
            raise
    for outcome in outcomes.values():
        if isinstance(outcome, KeyboardInterrupt):
            raise outcome
    return [outcomes[index] for index in range(len(jobs))]
