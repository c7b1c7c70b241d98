"""The table, and the page that it stands in."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

METHOD = Path(__file__).with_name("method.md")
_HEAD = ("work", "against", "ours, s", "theirs, s", "ratio", "CPU, s", "peak, MB", "at most", "")


@dataclass(frozen=True)
class Row:
    """One line of the table, all in words."""

    work: str
    against: str = ""
    ours: str = ""
    theirs: str = ""
    ratio: str = ""
    cpu: str = ""
    peak: str = ""
    goal: str = ""
    verdict: str = ""

    def __str__(self) -> str:
        cells = (self.work, self.against, self.ours, self.theirs, self.ratio)
        return "| " + " | ".join((*cells, self.cpu, self.peak, self.goal, self.verdict)) + " |"


def seconds(value: float) -> str:
    """Put seconds into words: three digits that mean something."""
    return f"{value:.3f}" if value < 1 else f"{value:.2f}"


def in_bytes(size: int) -> str:
    """Put a size into words."""
    return f"{size / 1e9:.3g} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def text(
    *,
    command: str,
    product: str,
    size: int,
    runs: int,
    rows: Sequence[Row],
    notes: Sequence[str],
    peers: Mapping[str, Path],
) -> str:
    """Write the page.

    Args:
        command: That made it.
        product: What of ours was measured.
        size: Of the file, where the row names no other.
        runs: Pairs of each row.
        rows: The table.
        notes: What was not measured, and why.
        peers: Further programs whose versions are to be named.
    """
    reached = [row.verdict for row in rows if row.verdict]
    lines = [
        "# Performance",
        "",
        f"Made by `{command}` on {datetime.now(timezone.utc):%Y-%m-%d}: {_machine()}. "
        f"Measured was {product}. File: {size:,} random bytes, where a row names no other size. "
        f"Medians of {runs} pairs, where a row names no other number. "
        f"{reached.count('reached')} of {len(reached)} goals reached.",
        "",
        "| " + " | ".join(_HEAD) + " |",
        "|" + "---|" * len(_HEAD),
        *(str(row) for row in rows),
        "",
        *(f"- {note}" for note in dict.fromkeys(notes)),
        *([""] if notes else []),
        METHOD.read_text(encoding="utf-8").strip(),
        "",
        "Versions: " + "; ".join(_versions(peers)) + ".",
        "",
    ]
    return "\n".join(lines)


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.machine()}, "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    )


def _versions(peers: Mapping[str, Path]) -> list[str]:
    found = []
    for program in ("curl", "wget", "aria2c", "nginx"):
        path = shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin")
        if path is not None:
            flag = "-v" if program == "nginx" else "--version"
            done = subprocess.run([path, flag], capture_output=True, text=True, check=False)
            first = (done.stdout or done.stderr).splitlines()[0]
            found.append(first.partition(" (")[0].strip().rstrip("."))
    for name, folder in peers.items():
        asking = f"import importlib.metadata as m; print(m.version({name!r}))"
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            done = subprocess.run(
                [str(folder / "python"), "-c", asking], capture_output=True, text=True, check=True
            )
            found.append(f"{name} {done.stdout.strip()}")
    return found
