"""Time whole processes in pairs, so that a machine whose speed drifts still gives fair ratios."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path


@dataclass(frozen=True)
class Command:
    """A command, and what must be cleared away before each run of it."""

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str]
    clear: Sequence[Path] = ()


@dataclass(frozen=True)
class Run:
    """One finished run; seconds and bytes."""

    wall: float
    cpu: float
    peak: int


def run(command: Command) -> Run:
    """Run a command once.

    Raises:
        RuntimeError: it failed; its figures would mean nothing.
    """
    for path in command.clear:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    begun = time.perf_counter()
    process = subprocess.Popen(
        command.argv,
        env={"PATH": os.environ["PATH"], **command.environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    words = process.stderr.read().decode(errors="replace")
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begun
    process.stderr.close()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command.name} ended with {process.returncode}: {words[-500:]}")
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


@dataclass(frozen=True)
class Paired:
    """Runs of two commands in turn, A B A B ..."""

    ours: Sequence[Run]
    theirs: Sequence[Run]

    def ratio(self, figure: Callable[[Run], float]) -> tuple[float, float, float]:
        """Give the ratio of the medians, and the smallest and largest ratio of a pair."""
        pairs = [figure(a) / figure(b) for a, b in zip(self.ours, self.theirs, strict=True)]
        medians = median(self.ours, figure) / median(self.theirs, figure)
        return medians, min(pairs), max(pairs)


def paired(ours: Command, theirs: Command, *, runs: int) -> Paired:
    """Run two commands in turn, after one run of each that does not count."""
    run(ours)
    run(theirs)
    pairs = [(run(ours), run(theirs)) for _ in range(runs)]
    return Paired([a for a, _ in pairs], [b for _, b in pairs])


def median(runs: Sequence[Run], figure: Callable[[Run], float]) -> float:
    """Give the median of a figure."""
    return statistics.median(figure(one) for one in runs)
