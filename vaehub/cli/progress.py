"""Show a transfer to a person: a bar on a terminal, plain lines elsewhere, notes to scripts.

Each class is a :class:`vaehub.transfer.listener.Listener`. Everything goes to stderr.
"""

from __future__ import annotations

import sys
import threading
import time
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

from vaehub.cli import terminal, words
from vaehub.cli.redaction import redact
from vaehub.model import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.progress import Progress, Task, TaskID

    from vaehub.transfer.listener import Listener

_EVERY_SECONDS = 10.0
_EVERY_PERCENT = 10


class Collected:
    """Shows nothing and keeps the notes, for ``--json`` and ``--quiet``."""

    def __init__(self) -> None:
        self.notes: list[Problem] = []

    def started(self, artifact_name: str, total: int | None, done: int) -> None:
        """Ignore that a transfer begins."""

    def advanced(self, artifact_name: str, done: int) -> None:
        """Ignore how far it is."""

    def finished(self, artifact_name: str) -> None:
        """Ignore that it ended."""

    def note(self, message: str) -> None:
        """Keep a note as an advisory problem."""
        self.notes.append(Problem("note", message, blocking=False))


class Lines:
    """Writes a line at the start, now and then, and at the end: for logs and plain terminals."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._running: dict[str, _Run] = {}

    def started(self, artifact_name: str, total: int | None, done: int) -> None:
        """Say what comes, how big it is, and what is here already."""
        with self._lock:
            before = self._running.get(artifact_name)
            self._running[artifact_name] = _Run(self._clock(), total, done)
        if before is not None and before.is_like(total, done):
            return
        here = f", {words.size(done)} already here" if done else ""
        of_size = words.size(total) if total is not None else "of unknown size"
        self._say(f"{artifact_name}: {of_size}{here}")

    def advanced(self, artifact_name: str, done: int) -> None:
        """Say how far it is, every 10 % or every 10 seconds."""
        with self._lock:
            run = self._running.get(artifact_name)
            if run is None or not run.is_due(self._clock(), done):
                return
            text = run.describe(self._clock())
        self._say(f"{artifact_name}: {text}")

    def finished(self, artifact_name: str) -> None:
        """Say how much came and how long it took."""
        with self._lock:
            run = self._running.pop(artifact_name, None)
        if run is not None:
            took = words.duration(self._clock() - run.began)
            self._say(f"{artifact_name}: done, {words.size(run.done)} in {took}")

    def note(self, message: str) -> None:
        """Show a note."""
        self._say(message)

    def _say(self, text: str) -> None:
        terminal.mention(f"vaehub: {redact(text)}")


class _Run:
    """How far one transfer is and what was last said of it."""

    def __init__(self, now: float, total: int | None, done: int) -> None:
        self.began = self._said_at = now
        self._total = total
        self._first = self._said = self.done = done

    def is_like(self, total: int | None, done: int) -> bool:
        return self._total == total and self.done == done

    def is_due(self, now: float, done: int) -> bool:
        self.done = done
        if done < self._said:  # a host started over
            self._first, self._said = done, done
        if done == self._total:
            return False  # the end says so itself
        due = now - self._said_at >= _EVERY_SECONDS or (
            self._total is not None
            and (done - self._said) * 100 >= self._total * _EVERY_PERCENT > 0
        )
        if due:
            self._said_at, self._said = now, done
        return due

    def describe(self, now: float) -> str:
        seconds = max(now - self.began, 1e-3)
        speed = max(0.0, (self.done - self._first) / seconds)
        share = f"{100 * self.done // self._total} %, " if self._total else ""
        text = f"{share}{words.done_of_total(self.done, self._total)}, {words.size(speed)}/s"
        if self._total is not None and speed > 0:
            text += f", {words.duration((self._total - self.done) / speed)} left"
        return text


class Bars:
    """Draws one bar a file; made by :func:`_bars`, which also ends the drawing."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def started(self, artifact_name: str, total: int | None, done: int) -> None:
        """Begin a bar, or begin it anew where another source takes over."""
        self._progress.start()  # not before: a question may come first
        task = self._tasks.get(artifact_name)
        if task is None:
            name = words.clean(artifact_name)
            self._tasks[artifact_name] = self._progress.add_task(name, total=total, completed=done)
        else:
            self._progress.reset(task, total=total, completed=done)

    def advanced(self, artifact_name: str, done: int) -> None:
        """Move a bar."""
        if artifact_name in self._tasks:
            self._progress.update(self._tasks[artifact_name], completed=done)

    def finished(self, artifact_name: str) -> None:
        """Let a bar stand as it ended."""
        if artifact_name in self._tasks:
            self._progress.stop_task(self._tasks[artifact_name])

    def note(self, message: str) -> None:
        """Show a note above the bars."""
        self._progress.console.print(
            words.clean(f"vaehub: {redact(message)}"), markup=False, highlight=False
        )


def choose(*, silent: bool) -> AbstractContextManager[Listener]:
    """Choose how progress is shown, by what stderr is and what the user asked for."""
    if silent:
        return nullcontext(Collected())
    if terminal.is_live(sys.stderr):
        return _bars()
    return nullcontext(Lines())


@contextmanager
def _bars() -> Iterator[Listener]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn
    from rich.table import Column
    from rich.text import Text

    class Figures(ProgressColumn):
        """Bytes, speed and time left in the units of the rest of vaehub."""

        max_refresh = 0.5

        def render(self, task: Task) -> Text:
            total = None if task.total is None else int(task.total)
            parts = [words.done_of_total(int(task.completed), total)]
            if task.speed:
                parts.append(f"{words.size(task.speed)}/s")
            if task.time_remaining is not None and not task.finished:
                parts.append(f"{words.duration(task.time_remaining)} left")
            return Text("  ".join(parts))

    name = Column(no_wrap=True, overflow="ellipsis", ratio=1)
    progress = Progress(
        TextColumn("{task.description}", markup=False, table_column=name),
        BarColumn(bar_width=20),
        Figures(table_column=Column(no_wrap=True)),
        console=Console(stderr=True),
        expand=True,
    )
    try:
        yield Bars(progress)
    finally:
        progress.stop()
