"""Show a transfer to a person: a bar on a terminal, plain lines elsewhere, notes to scripts.

Each class is a :class:`vaehub.transfer.listener.Listener`. Everything goes to stderr.
"""

from __future__ import annotations

import sys
import threading
import time
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

from vaehub import lang
from vaehub.cli import terminal, words
from vaehub.cli.redaction import redact
from vaehub.cli.tally import Tally
from vaehub.model import Problem
from vaehub.transfer.listener import Silent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import RenderableType
    from rich.progress import Progress, Task, TaskID

    from vaehub.cli.tally import Gauge
    from vaehub.transfer.listener import Listener

_EVERY_SECONDS = 10.0
_EVERY_PERCENT = 10


class Collected(Silent):
    """Shows nothing and keeps the notes, for ``--json`` and ``--quiet``."""

    def __init__(self) -> None:
        self.notes: list[Problem] = []

    def note(self, message: str) -> None:
        """Keep a note as an advisory problem."""
        self.notes.append(Problem("note", message, blocking=False))


class Lines:
    """Writes a line at the start, now and then, and at the end: for logs and plain terminals.

    Of several files each has a line where it starts and ends, and the lines in between are about
    all of them together.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._tally = Tally(clock=clock)
        self._lock = threading.Lock()
        self._said: dict[str, _Said] = {}

    def planned(self, artifact_name: str, total: int | None) -> None:
        """Count on a file."""
        with self._lock:
            self._tally.plan(artifact_name, total)

    def started(self, artifact_name: str, total: int | None, done: int) -> None:
        """Say what comes, how big it is, and what is here already."""
        with self._lock:
            before = self._tally.start(artifact_name, total, done)
            self._said[artifact_name] = _Said(self._tally.now, done)
        if before is not None and (before.total, before.done) == (total, done):
            return
        here = f", {words.size(done)} already here" if done else ""
        of_size = words.size(total) if total is not None else "of unknown size"
        self._say(f"{artifact_name}: {of_size}{here}")

    def advanced(self, artifact_name: str, done: int) -> None:
        """Say how far it is, every 10 % or every 10 seconds."""
        with self._lock:
            gauge = self._tally.advance(artifact_name, done)
            if gauge is None:
                return
            who = artifact_name
            if self._tally.all is not None:
                gauge, who = self._tally.all, ""
            now = self._tally.now
            if not self._said.setdefault(who, _Said(gauge.began, 0)).is_due(now, gauge):
                return
            share = f"{gauge.percent} %, " if gauge.total else ""
            text = f"{who or self._tally.counts}: {share}{gauge.describe(now)}"
        self._say(text)

    def finished(self, artifact_name: str) -> None:
        """Say how much came and how long it took."""
        with self._lock:
            gauge = self._tally.finish(artifact_name)
        if gauge is not None:
            took = words.duration(self._tally.now - gauge.began)
            self._say(f"{artifact_name}: done, {words.size(gauge.done)} in {took}")

    def abandoned(self, artifact_name: str) -> None:
        """Count on a file no more; why is told at the end."""
        with self._lock:
            gauge = self._tally.abandon(artifact_name)
        if gauge is not None:
            self._say(f"{artifact_name}: given up")

    def note(self, message: str) -> None:
        """Show a note."""
        self._say(message)

    def _say(self, text: str) -> None:
        terminal.mention(f"vaehub: {lang.tell(redact(text))}")


class _Said:
    """When something was last said, and of how many bytes."""

    def __init__(self, now: float, done: int) -> None:
        self._when, self._done = now, done

    def is_due(self, now: float, gauge: Gauge) -> bool:
        if gauge.done < self._done:  # a host started over
            self._done = gauge.done
        if gauge.done == gauge.total:
            return False  # the end says so itself
        came = gauge.done - self._done
        tenth = gauge.total is not None and came * 100 >= gauge.total * _EVERY_PERCENT > 0
        if not tenth and now - self._when < _EVERY_SECONDS:
            return False
        self._when, self._done = now, gauge.done
        return True


class Bars:
    """Draws a bar for each file that is under way, and one for all; made by :func:`_bars`."""

    def __init__(self, progress: Progress, tally: Tally) -> None:
        self._progress = progress
        self._tally = tally
        self._lock = threading.Lock()
        self._rows: dict[str, TaskID] = {}
        self._all: TaskID | None = None

    def planned(self, artifact_name: str, total: int | None) -> None:
        """Count on a file."""
        with self._lock:
            self._tally.plan(artifact_name, total)

    def started(self, artifact_name: str, total: int | None, done: int) -> None:
        """Begin a bar, or begin it anew where another source takes over."""
        self._progress.start()  # not before: a question may come first
        with self._lock:
            self._tally.start(artifact_name, total, done)
            self._draw(artifact_name)

    def advanced(self, artifact_name: str, done: int) -> None:
        """Move a bar."""
        with self._lock:
            if self._tally.advance(artifact_name, done) is not None:
                self._draw(artifact_name)

    def finished(self, artifact_name: str) -> None:
        """Let a bar stand as it ended; of several files only the line of all stays."""
        with self._lock:
            gauge = self._tally.finish(artifact_name)
            row = self._rows.pop(artifact_name, None)
            if gauge is None or row is None:
                return
            if self._tally.all is None:
                self._progress.stop_task(row)
                return
            self._progress.remove_task(row)
            self._draw_all()
            took = words.duration(self._tally.now - gauge.began)
        self._print(lang.tell(f"{artifact_name}: done, {words.size(gauge.done)} in {took}"))

    def abandoned(self, artifact_name: str) -> None:
        """Take a bar away, where there are others; why it ended is told at the end."""
        with self._lock:
            self._tally.abandon(artifact_name)
            row = self._rows.pop(artifact_name, None)
            if row is None or self._tally.all is None:
                return
            self._progress.remove_task(row)
            self._draw_all()
        self._print(lang.tell(f"{artifact_name}: given up"))

    def note(self, message: str) -> None:
        """Show a note above the bars."""
        self._print(f"vaehub: {lang.tell(redact(message))}")

    def _print(self, text: str) -> None:
        self._progress.console.print(words.clean(text), markup=False, highlight=False)

    def _draw(self, name: str) -> None:
        gauge = self._tally.running[name]
        self._draw_all()
        row = self._rows.get(name)
        if row is None:
            row = self._rows[name] = self._progress.add_task(words.clean(name), gauge=gauge)
        self._progress.update(row, total=gauge.total, completed=gauge.done, gauge=gauge)

    def _draw_all(self) -> None:
        gauge = self._tally.all
        if gauge is None:
            return
        if self._all is None:
            self._all = self._progress.add_task("", gauge=gauge)
        self._progress.update(
            self._all,
            description=lang.tell(self._tally.counts),
            total=gauge.total,
            completed=gauge.done,
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
    from rich.constrain import Constrain
    from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn
    from rich.table import Column
    from rich.text import Text

    tally = Tally()
    console = Console(stderr=True)

    class LeavingRoom(Progress):
        """Leaves room for the ``^C`` that a terminal writes there, which would break the line."""

        def get_renderables(self) -> Iterator[RenderableType]:
            for each in super().get_renderables():
                yield Constrain(each, max(1, console.width - len("^C")))

    class Figures(ProgressColumn):
        """Bytes, speed and time left in the units of the rest of vaehub."""

        max_refresh = 0.5

        def render(self, task: Task) -> Text:
            gauge: Gauge = task.fields["gauge"]
            if task.finished or task.stop_time is not None:
                return Text(lang.tell(words.done_of_total(gauge.done, gauge.total)))
            figures = gauge.describe(tally.now, between="\n").split("\n")
            return Text("  ".join(map(lang.tell, figures)))

    name = Column(no_wrap=True, overflow="ellipsis", ratio=1)
    progress = LeavingRoom(
        TextColumn("{task.description}", markup=False, table_column=name),
        BarColumn(bar_width=20),
        Figures(table_column=Column(no_wrap=True)),
        console=console,
        expand=True,
    )
    try:
        yield Bars(progress, tally)
    finally:
        progress.stop()
