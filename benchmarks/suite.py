"""Measure vaehub against what people use today, and write docs/performance.md.

Whole processes, in pairs; each ratio is ours over theirs, so that below 1 is faster. A peer that is
not installed is named as such and never guessed.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measure import Command, median, paired, run
from benchmarks.servers import Paced, nginx

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "performance.md"
BIN = Path(sys.executable).parent
RATE = 20_000_000
CONNECTIONS = 8


@dataclass
class Bench:
    """Where everything lies, and what was found."""

    work: Path
    size: int
    runs: int
    rows: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.www = self.work / "www"
        self.file = self.www / "vae.safetensors"
        self.store, self.target = self.work / "store", self.work / "target"
        self.out = self.work / "out"
        digest = _make_file(self.file, self.size)
        (self.www / "sha256").mkdir()
        (self.www / "sha256" / digest).hardlink_to(self.file)
        self.digest = digest
        catalog = {
            "schema": 1,
            "catalog": {"name": "bench", "title": "Benchmark"},
            "entries": {
                "vae": {
                    "title": "Random bytes",
                    "family": "sd1",
                    "license": {"id": "MIT"},
                    "variants": {
                        "safetensors": {
                            "artifacts": [
                                {
                                    "name": "vae.safetensors",
                                    "size": self.size,
                                    "sha256": digest,
                                    "evidence": "single",
                                    "sources": [{"http": {"url": "https://bench.invalid/vae"}}],
                                }
                            ]
                        }
                    },
                }
            },
        }
        self.catalog = self.work / "catalog.yaml"
        self.catalog.write_text(json.dumps(catalog))

    def vaehub(self, *arguments: str, base: str, keep: bool = False) -> Command:
        """Give a vaehub command that downloads from ``base``."""
        return Command(
            "vaehub " + arguments[0],
            [str(BIN / "vaehub"), *arguments],
            {
                "HOME": str(self.work),
                "VAEHUB_STORE": str(self.store),
                "VAEHUB_CATALOG": str(self.catalog),
                "VAEHUB_MIRRORS": base,
            },
            () if keep else (self.store, self.target),
        )

    def install(self, base: str, *, keep: bool = False) -> Command:
        """Give the install of the file, from nothing."""
        return self.vaehub("install", "vae", "--to", str(self.target), "-q", base=base, keep=keep)

    def peer(self, name: str, line: str) -> Command | None:
        """Give a shell line of a peer's, or note that it is not installed."""
        program = line.split()[0]
        if shutil.which(program) is None:
            self.notes.append(f"{name}: `{program}` is not installed, not measured")
            return None
        return Command(
            name, ["sh", "-c", line], {"HOME": str(self.work)}, (self.out, _aria2(self.out))
        )

    def compare(
        self, work: str, ours: Command, theirs: Command | None, target: float | None
    ) -> None:
        """Measure a pair and add its row."""
        if theirs is None:
            return
        both = paired(ours, theirs, runs=self.runs)
        ratio, low, high = both.ratio(lambda one: one.wall)
        cpu, _, _ = both.ratio(lambda one: one.cpu)
        peak = median(both.ours, lambda one: one.peak) / 1e6
        goal = f"{target:g}" if target is not None else ""
        said = "" if target is None else ("reached" if ratio <= target else "not reached")
        self.rows.append(
            f"| {work} | {theirs.name} | {median(both.ours, lambda one: one.wall):.2f} | "
            f"{median(both.theirs, lambda one: one.wall):.2f} | {ratio:.2f} ({low:.2f} to "
            f"{high:.2f}) | {cpu:.2f} | {peak:.0f} | {goal} | {said} |"
        )
        sys.stderr.write(self.rows[-1] + "\n")

    def figure(self, work: str, value: str, target: str, *, reached: bool) -> None:
        """Add a row that is not a pair."""
        said = "reached" if reached else "not reached"
        self.rows.append(f"| {work} | | | | {value} | | | {target} | {said} |")
        sys.stderr.write(self.rows[-1] + "\n")


def unthrottled(bench: Bench) -> None:
    """As fast as nginx sends."""
    with nginx(bench.www, bench.work) as base:
        url = f"{base}/vae.safetensors"
        out = bench.out
        ours = bench.install(base)
        for name, line, target in (
            ("curl -o, which verifies nothing", f"curl -s -o {out} {url}", 1.3),
            ("curl, then sha256sum", f"curl -s -o {out} {url} && sha256sum {out}", 0.45),
            ("wget, which verifies nothing", f"wget -q -O {out} {url}", None),
            (
                "aria2c -x16 --checksum",
                f"aria2c -q -x16 -s16 --file-allocation=none --checksum=sha-256={bench.digest} "
                f"-d {out.parent} -o {out.name} {url}",
                0.45,
            ),
        ):
            bench.compare("unthrottled", ours, bench.peer(name, line), target)


def throttled(bench: Bench) -> None:
    """20 MB/s for each connection, paced by the kernel."""
    with Paced(bench.www, bytes_per_second=RATE) as server:
        url = f"{server.base}/vae.safetensors"
        out = bench.out
        aria2 = f"aria2c -q -x8 -s8 --file-allocation=none -d {out.parent} -o {out.name} {{}} {url}"
        ours = bench.install(server.base)
        work = "20 MB/s per connection"
        bench.compare(
            work, ours, bench.peer("aria2c -x8, which verifies nothing", aria2.format("")), 1.0
        )
        checked = aria2.format(f"--checksum=sha-256={bench.digest}")
        bench.compare(work, ours, bench.peer("aria2c -x8 --checksum", checked), 0.7)
        floor = bench.size / (CONNECTIONS * RATE)
        wall = median([run(ours) for _ in range(bench.runs)], lambda one: one.wall)
        bench.figure(
            f"{work}, against size / ({CONNECTIONS} x rate)",
            f"{wall / floor:.2f}",
            "1.15",
            reached=wall / floor <= 1.15,
        )


def killed(bench: Bench) -> None:
    """SIGKILL half-way, then again."""
    shares = []
    for _ in range(bench.runs):
        with Paced(bench.www, bytes_per_second=RATE // 2) as server:
            command = bench.install(server.base)
            for path in command.clear:
                shutil.rmtree(path, ignore_errors=True)
            process = subprocess.Popen(
                command.argv, env={"PATH": os.environ["PATH"], **command.environment}
            )
            while server.sent < bench.size // 2 and process.poll() is None:
                time.sleep(0.005)
            process.send_signal(signal.SIGKILL)
            process.wait()
            time.sleep(0.3)
            before = server.sent
            run(bench.install(server.base, keep=True))
            kept = bench.size - (server.sent - before)
            shares.append(kept / min(before, bench.size))
    share = sorted(shares)[len(shares) // 2]
    bench.figure(
        "killed half-way and run again: share of the bytes sent so far that is kept",
        f"{share:.0%} ({min(shares):.0%} to {max(shares):.0%})",
        "85 %",
        reached=share >= 0.85,
    )


def startup(bench: Bench) -> None:
    """What it costs to start."""
    ours = bench.vaehub("list", base="http://127.0.0.1:9", keep=True)
    environment = {"HOME": str(bench.work)}
    for name, argv, target in (
        ("python -c pass", [sys.executable, "-c", "pass"], 5.0),
        ("pip --version", [sys.executable, "-m", "pip", "--version"], 0.5),
        ("hf --help", [str(BIN / "hf"), "--help"], 0.12),
    ):
        if not Path(argv[0]).exists():
            bench.notes.append(f"{name}: not installed, not measured")
            continue
        bench.compare("`vaehub list`", ours, Command(name, argv, environment), target)


def nothing_to_do(bench: Bench) -> None:
    """A second install, against hashing the file again."""
    with nginx(bench.www, bench.work) as base:
        run(bench.install(base))
        again = bench.install(base, keep=True)
        hashing = bench.peer("sha256sum of the file", f"sha256sum {bench.target}/vae.safetensors")
        bench.compare("second install, nothing to do", again, hashing, None)


SETTINGS: dict[str, Callable[[Bench], None]] = {
    "unthrottled": unthrottled,
    "throttled": throttled,
    "killed": killed,
    "startup": startup,
    "nothing-to-do": nothing_to_do,
}


def page(bench: Bench, *, command: str) -> str:
    """Write the page."""
    versions = []
    for program in ("curl", "wget", "aria2c", "nginx"):
        with contextlib.suppress(OSError):
            path = shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin") or program
            flag = "-v" if program == "nginx" else "--version"
            done = subprocess.run([path, flag], capture_output=True, text=True, check=False)
            versions.append((done.stdout or done.stderr).splitlines()[0].strip())
    lines = [
        "# Performance",
        "",
        f"Made by `{command}` on {datetime.now(timezone.utc):%Y-%m-%d}. "
        f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}, "
        f"Python {platform.python_version()}; server and client share the machine, over loopback, "
        f"so quote the ratios and not the seconds. File: {bench.size:,} random bytes. "
        f"Medians of {bench.runs} paired runs (A B A B) of whole processes: start-up, download, "
        "sha256, fsync and placing are all in ours. A ratio is ours over theirs, with the smallest "
        "and the largest of a pair.",
        "",
        "| work | against | ours, s | theirs, s | ratio | CPU ratio | our peak, MB | at most | |",
        "|---|---|---|---|---|---|---|---|---|",
        *bench.rows,
        "",
        *(f"- {note}" for note in bench.notes),
        *([""] if bench.notes else []),
        "Versions: " + "; ".join(versions) + ".",
        "",
    ]
    return "\n".join(lines)


def _aria2(path: Path) -> Path:
    return path.with_name(path.name + ".aria2")


def _make_file(path: Path, size: int) -> str:
    """Write a valid safetensors file of random bytes; gives its sha256."""
    path.parent.mkdir(parents=True)
    count = size - 8 - 128
    tensor = {"dtype": "U8", "shape": [count], "data_offsets": [0, count]}
    header = json.dumps({"noise": tensor}).encode().ljust(128)
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for piece in (len(header).to_bytes(8, "little"), header):
            file.write(piece)
            digest.update(piece)
        while count:
            piece = os.urandom(min(1 << 20, count))
            file.write(piece)
            digest.update(piece)
            count -= len(piece)
    return digest.hexdigest()


def main(argv: list[str] | None = None) -> int:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(prog="benchmarks/run", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a small file, one pair, no page")
    parser.add_argument("--only", action="append", choices=SETTINGS, help="this setting only")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--size", type=int, default=334_641_164)
    parser.add_argument("--work", type=Path, help="where to work; on the disk to be measured")
    options = parser.parse_args(argv)
    size, runs = (40_000_000, 1) if options.quick else (options.size, options.runs)
    with tempfile.TemporaryDirectory(dir=options.work, prefix="vaehub-bench-") as work:
        bench = Bench(Path(work), size, runs)
        for name in options.only or SETTINGS:
            try:
                SETTINGS[name](bench)
            except FileNotFoundError as error:
                bench.notes.append(f"{name}: {error}, not measured")
        command = " ".join(["benchmarks/run", *(argv if argv is not None else sys.argv[1:])])
        text = page(bench, command=command)
    if options.quick or options.only:
        sys.stdout.write(text)
    else:
        PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
