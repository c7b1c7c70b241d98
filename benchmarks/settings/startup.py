"""What it costs to start."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from benchmarks.measure import Command

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.bench import Bench

RUNS = 15
"""At least: these are short, and so they vary."""


def measure(bench: Bench) -> None:
    """Measure the commands that everybody runs, against an empty Python and other tools."""
    environment = {"HOME": str(bench.home)}
    product = bench.product
    python = str(product.python)
    nothing = Command("python -c pass", [python, "-c", "pass"], environment)
    pip = _pip(bench, environment)
    for word, theirs, goal in (
        ("list", nothing, 5.0),
        ("list", pip, 0.5),
        ("list", _hf(bench, environment), 0.12),
        ("--version", nothing, None),
        ("--help", nothing, None),
    ):
        # Without the catalog of the benchmark: only what comes with vaehub.
        ours = Command(
            f"vaehub {word}", [*product.argv, word], {**product.environment, **environment}
        )
        runs = max(RUNS, bench.runs)
        bench.compare(f"`vaehub {word}`", ours, theirs, goal, runs=runs)


def _pip(bench: Bench, environment: dict[str, str]) -> Command | None:
    argv = [str(bench.product.python), "-m", "pip", "--version"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        bench.notes.append("pip --version: not installed, not measured")
        return None
    version = done.stdout.partition(" from ")[0]
    return Command(f"pip --version ({version})", argv, environment)


def _hf(bench: Bench, environment: dict[str, str]) -> Command | None:
    candidates: list[Path] = [bench.product.bin / "hf"]
    if bench.peers is not None:
        candidates.insert(0, bench.peers / "hf" / "bin" / "hf")
    for path in candidates:
        if path.exists():
            quiet = {"HF_HUB_DISABLE_UPDATE_CHECK": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
            return Command("hf --help", [str(path), "--help"], {**environment, **quiet})
    bench.notes.append("hf --help: not installed, not measured")
    return None
