"""Time whole processes in pairs, so that a machine whose speed drifts still gives fair ratios."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

LAUNCHER = Path(__file__).with_name("launch.py")
LONGEST = 900.0
"""Seconds, after which a command counts as hanging."""


@dataclass(frozen=True)
class Command:
    """A command, and what must be done before each run of it."""

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    clear: Sequence[Path] = ()
    """Files and folders that are removed before."""
    before: Callable[[], object] | None = None
    after: Callable[[], object] | None = None
    """Looks whether the work was done; raises :class:`Failed`."""
    report: Path | None = None
    """Where the command writes its own seconds, if those are to count instead of its wall time."""

    is_ours: bool = False

    @property
    def full_environment(self) -> dict[str, str]:
        """Nothing of the caller's environment but where programs lie."""
        return {"PATH": os.environ["PATH"], **self.environment}

    def make_ready(self) -> None:
        """Do what must be done before a run."""
        for path in (*self.clear, *([self.report] if self.report else [])):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        if self.before is not None:
            self.before()
        os.sync()  # what earlier runs wrote is on the disk, and takes nothing from this one


@dataclass(frozen=True)
class Run:
    """One finished run; seconds and bytes."""

    wall: float
    cpu: float
    peak: int


class Failed(Exception):
    """A command did not do its work; its figures would mean nothing."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name}: {why}")
        self.name = name


def run(command: Command) -> Run:
    """Run a command once.

    Raises:
        Failed: it did not do its work.
    """
    command.make_ready()
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", str(LAUNCHER), *command.argv],
        env=command.full_environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        told, words = process.communicate(timeout=LONGEST)
    except BaseException as error:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        if isinstance(error, subprocess.TimeoutExpired):
            raise Failed(command.name, f"not done after {LONGEST:.0f} s") from None
        raise
    if process.returncode:
        raise Failed(command.name, f"could not be started: {words.strip()[-500:]}")
    status, wall, cpu, peak = told.split()
    if int(status):
        raise Failed(command.name, f"ended with {status}: {words.strip()[-500:]}")
    if command.after is not None:
        command.after()
    seconds = float(command.report.read_text()) if command.report else float(wall)
    return Run(seconds, float(cpu), int(peak))


@dataclass(frozen=True)
class Paired:
    """Runs of two commands in turn: A B, B A, A B ..."""

    ours: Sequence[Run]
    theirs: Sequence[Run]

    def ratio(self, figure: Callable[[Run], float]) -> tuple[float, float, float]:
        """Give the ratio of the medians, and the smallest and largest ratio of a pair."""
        pairs = [figure(a) / figure(b) for a, b in zip(self.ours, self.theirs, strict=True)]
        medians = median(self.ours, figure) / median(self.theirs, figure)
        return medians, min(pairs), max(pairs)


def paired(ours: Command, theirs: Command, *, runs: int) -> Paired:
    """Run two commands in turn; who goes first changes with each pair.

    Raises:
        Failed: one of them did not do its work.
    """
    pairs = []
    for number in range(runs):
        if number % 2:
            b = run(theirs)
            a = run(ours)
        else:
            a = run(ours)
            b = run(theirs)
        pairs.append((a, b))
    return Paired([a for a, _ in pairs], [b for _, b in pairs])


def median(runs: Sequence[Run], figure: Callable[[Run], float]) -> float:
    """Give the median of a figure."""
    return statistics.median(figure(one) for one in runs)
