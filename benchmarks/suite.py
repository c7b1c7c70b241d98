"""Measure vaehub against what people use today, and write docs/performance.md.

Whole processes, in pairs; each ratio is ours over theirs, so that below 1 is faster. A peer that is
not installed is named as such and never guessed. Ends with 1 where a command of ours fails, or
where what was counted cannot be true; never for being slow.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks import page, peers, product
from benchmarks.bench import Bench
from benchmarks.servers import NotHere
from benchmarks.settings import SETTINGS

PAGE = product.ROOT / "docs" / "performance.md"
QUICK_SIZE = 24_000_000
"""More than what is fetched over one connection."""


def main(argv: list[str] | None = None) -> int:
    """Measure, and write the page."""
    options = _parser().parse_args(argv)
    size, runs = (QUICK_SIZE, 1) if options.quick else (options.size, options.runs)
    with tempfile.TemporaryDirectory(dir=options.work, prefix="vaehub-bench-") as folder:
        work = Path(folder)
        notes: list[str] = []
        measured = _product(options, work, notes)
        bench = Bench(
            work,
            size,
            runs,
            measured,
            peers=options.peers.absolute() if options.peers else None,
            quick=options.quick,
            notes=notes,
        )
        for name in options.only or SETTINGS:
            try:
                SETTINGS[name](bench)
            except NotHere as error:
                bench.notes.append(f"{name}: {error}, not measured")
        text = page.text(
            command=" ".join(["benchmarks/run", *shown(sys.argv[1:] if argv is None else argv)]),
            product=measured.words,
            size=size,
            runs=runs,
            rows=bench.rows,
            notes=bench.notes,
            peers=peers.folders(bench),
        )
    if options.quick or options.only or bench.faults:
        sys.stdout.write(text)
    else:
        PAGE.write_text(text, encoding="utf-8")
    for fault in bench.faults:
        sys.stderr.write(f"FAULT: {fault}\n")
    return 1 if bench.faults else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="benchmarks/run", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="a small file, one pair, no page: does it all work?"
    )
    parser.add_argument(
        "--only", action="append", choices=SETTINGS, metavar="NAME", help=", ".join(SETTINGS)
    )
    parser.add_argument("--runs", type=int, default=5, help="pairs of each row")
    parser.add_argument("--size", type=int, default=334_641_164, help="of the file, in bytes")
    parser.add_argument("--work", type=Path, help="where to work; on the disk to be measured")
    parser.add_argument(
        "--peers",
        type=Path,
        help="a folder with virtual environments: hf, hf_transfer, pooch, comfy-cli, torch",
    )
    parser.add_argument(
        "--venv",
        type=Path,
        help="measure the vaehub in this environment; else a wheel is built and installed anew",
    )
    return parser


def _product(options: argparse.Namespace, work: Path, notes: list[str]) -> product.Product:
    if options.venv is not None:
        return product.in_environment(options.venv, words="vaehub as installed in `--venv`")
    if options.quick:
        return product.from_checkout()
    built = product.from_wheel(work)
    if isinstance(built, product.Product):
        return built
    notes.append(f"no wheel could be built and installed: {built}")
    return product.from_checkout()


def shown(argv: list[str]) -> list[str]:
    """Give the arguments without the places of this machine."""
    shown: list[str] = []
    for word in argv:
        option, equals, _ = word.partition("=")
        if shown and shown[-1] in {"--work", "--peers", "--venv"}:
            shown.append("DIR")
        elif equals and option in {"--work", "--peers", "--venv"}:
            shown.append(f"{option}=DIR")
        else:
            shown.append(word)
    return shown


if __name__ == "__main__":
    sys.exit(main())
