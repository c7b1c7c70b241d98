"""How far downloads are, each and all together: bytes, speed, time left.

Pure, but for the clock it is given. Prints nothing.
"""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

from vaehub.cli import words

if TYPE_CHECKING:
    from collections.abc import Callable

WINDOW = 10.0
"""Seconds over which the speed is measured: what was true before says little of what is to come."""
_BETWEEN = 0.2
"""Seconds between two samples."""
_EARLY = 0.3
"""Seconds, before which a speed says nothing."""
STALLED = 5.0
"""Seconds without a byte, after which a number for the speed would be a lie."""


class Gauge:
    """How far one thing is."""

    def __init__(self, now: float, *, total: int | None, done: int) -> None:
        self.began = now
        self.total = total
        self.done = done
        self._samples = deque([(now, done)])
        self._moved = now

    def advance(self, now: float, done: int) -> None:
        """Note how many bytes are done now; fewer than before where a host starts over."""
        if done < self.done:
            self.jump(done)
            return
        if done > self.done:
            self._moved = now
        self.done = done
        if now - self._samples[-1][0] >= _BETWEEN:
            self._samples.append((now, done))
        while len(self._samples) > 2 and now - self._samples[1][0] >= WINDOW:
            self._samples.popleft()

    def jump(self, done: int) -> None:
        """Set the bytes done without taking the difference for speed."""
        shift = done - self.done
        self._samples = deque((when, before + shift) for when, before in self._samples)
        self.done = done

    def speed(self, now: float) -> float:
        """Give bytes a second, over the last seconds; 0 where it is too early to say."""
        when, before = self._samples[0]
        return max(0.0, (self.done - before) / (now - when)) if now - when >= _EARLY else 0.0

    def is_stalled(self, now: float) -> bool:
        """Tell whether nothing has come for long."""
        return now - self._moved >= STALLED

    def left(self, now: float) -> float | None:
        """Give the seconds that the rest takes at this speed; None where nobody can say."""
        speed = self.speed(now)
        if self.total is None or not speed or self.is_stalled(now) or self.done > self.total:
            return None
        return (self.total - self.done) / speed

    def describe(self, now: float, *, between: str = ", ") -> str:
        """Put it into words: ``60.0 MB of 100 MB, 10.0 MB/s, 4 s left``."""
        parts = [words.done_of_total(self.done, self.total)]
        if self.is_stalled(now):
            parts.append(f"nothing for {words.duration(now - self._moved)}")
        elif speed := self.speed(now):
            parts.append(f"{words.size(speed)}/s")
        left = self.left(now)
        if left is not None and self.done != self.total:
            parts.append(f"{words.duration(left)} left")
        return between.join(parts)

    @property
    def percent(self) -> int | None:
        """How much of it is done, in whole percent; None where nobody knows the total."""
        return 100 * self.done // self.total if self.total else None


class Tally:
    """How far several downloads are."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sizes: dict[str, int | None] = {}
        """Of everything that was planned or begun, and not given up."""
        self._done: dict[str, int] = {}
        self._ended: set[str] = set()
        self.running: dict[str, Gauge] = {}
        self.all: Gauge | None = None
        """All together; only where several are planned."""

    @property
    def now(self) -> float:
        """Seconds, on the clock."""
        return self._clock()

    @property
    def counts(self) -> str:
        """How many files there are, in words: ``2 of 5 files``."""
        return f"{len(self._ended)} of {words.count(len(self._sizes), 'file')}"

    def plan(self, name: str, total: int | None) -> None:
        """Count on a file."""
        self._sizes[name] = total
        if self.all is None:
            self.all = Gauge(self.now, total=None, done=0)
        self._sum_up()

    def start(self, name: str, total: int | None, done: int) -> Gauge | None:
        """Begin a file; gives what was known of it before, where it began already."""
        self._ended.discard(name)
        before = self.running.get(name)
        self.running[name] = Gauge(self.now, total=total, done=done)
        self._sizes[name] = total if total is not None else self._sizes.get(name)
        self._done[name] = done
        self._sum_up()
        return before

    def advance(self, name: str, done: int) -> Gauge | None:
        """Note how far a file is; gives None where it was never begun."""
        gauge = self.running.get(name)
        if gauge is None:
            return None
        gauge.advance(self.now, done)
        came = done - self._done[name]
        self._done[name] = done
        if self.all is not None:
            self.all.advance(self.now, self.all.done + came)
        return gauge

    def finish(self, name: str) -> Gauge | None:
        """End a file; gives what is known of it, where it was begun."""
        gauge = self.running.pop(name, None)
        if name in self._sizes:
            self._ended.add(name)
            if gauge is None:  # somebody else had brought it before it could begin
                self._done[name] = self._sizes[name] or 0
                self._sum_up()
        return gauge

    def abandon(self, name: str) -> Gauge | None:
        """Count on a file no more; gives what is known of it, where it was begun."""
        gauge = self.running.pop(name, None)
        if name not in self._ended:
            self._sizes.pop(name, None)
            self._done.pop(name, None)
            self._sum_up()
        return gauge

    def _sum_up(self) -> None:
        if self.all is None:
            return
        sizes = list(self._sizes.values())
        known = [size for size in sizes if size is not None]
        self.all.total = sum(known) if len(known) == len(sizes) else None
        self.all.jump(sum(self._done.values()))
