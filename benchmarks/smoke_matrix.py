"""Hold what `vaehub smoke` says of the labelled cases against what is true of them.

Usage: python -m benchmarks.smoke_matrix [--quick] [--only PATTERN]

Runs every case of tests/smoke_cases, one after the other, each in a folder of its own that is gone
afterwards, and writes the generated part of docs/smoke.md. With an option it writes nothing but its
findings. Ends with 1 where there is a miss or a false alarm.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from benchmarks import smoke_page
from tests.smoke_cases.table import all_cases, tell_alone

if TYPE_CHECKING:
    from tests.smoke_cases.case import Case, Told

PAGE = Path(__file__).resolve().parents[1] / "docs" / "smoke.md"
WRONG = ("miss", "false alarm", "told otherwise")


def chosen(*, quick: bool, only: str) -> list[Case]:
    return [
        case
        for case in all_cases()
        if not (quick and case.is_large) and re.search(only, case.name, re.IGNORECASE)
    ]


def run(cases: list[Case]) -> list[Told]:
    told = []
    for number, case in enumerate(cases, start=1):
        began = time.monotonic()
        if case.lacking:
            print(f"{number}/{len(cases)} {case.name}: left out, {case.lacking}", flush=True)
            continue
        one = tell_alone(case)
        told.append(one)
        print(
            f"{number}/{len(cases)} {one.outcome}: {case.name}: {one.report.verdict} "
            f"({', '.join(sorted(one.codes)) or 'nothing to say'}; "
            f"{time.monotonic() - began:.1f} s)",
            flush=True,
        )
    return told


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="leave out those of full size")
    parser.add_argument("--only", default="", metavar="PATTERN", help="cases whose names match")
    given = parser.parse_args()
    # Other programs on the same cores slow torch's threads tenfold: each waits for the others.
    torch.set_num_threads(1)
    cases = chosen(quick=given.quick, only=given.only)
    began = time.monotonic()
    told = run(cases)
    made = smoke_page.generated(told, cases, seconds=time.monotonic() - began)
    if given.quick or given.only:
        print(f"\n{made}")
    else:
        before = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(smoke_page.replaced(before, made), encoding="utf-8")
        print(f"{PAGE.name} written")
    return 1 if any(one.outcome in WRONG for one in told) else 0


if __name__ == "__main__":
    sys.exit(main())
