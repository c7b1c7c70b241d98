"""Which other VAE of the catalog would do where one does not hold in fp16.

Pure: knows entries and reports.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaehub.smoke.judge import SPEAKS
from vaehub.smoke.report import Advice

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vaehub.model import Entry
    from vaehub.smoke.report import SmokeReport

MOST = 3


def with_alternatives(report: SmokeReport, entries: Iterable[Entry]) -> SmokeReport:
    """Name what to install instead, where the catalog has something that holds in fp16.

    Args:
        report: What was found.
        entries: Those of all catalogs.
    """
    if report.verdict != "not-in-fp16":
        return report
    known = list(entries)
    own = next((entry for entry in known if entry.full_name == report.entry), None)
    family = own.family if own is not None else _spoken(report)
    names = [
        entry.id if entry.catalog == "vaehub" else entry.full_name
        for entry in known
        if entry.family == family
        and entry.full_name != report.entry
        and entry.slot == (own.slot if own is not None else "vae")
        and entry.smoke is not None
        and entry.smoke.fp16 == "ok"
    ]
    if not names:
        return report
    what = f"or take one that holds in fp16: `vaehub install {names[0]}`"
    if len(names) > 1:
        what += f" ({', '.join(names[1:MOST])})"
    return report._replace(advice=(*report.advice, Advice("any", what)))


def _spoken(report: SmokeReport) -> str | None:
    """Say whose latents it speaks, by what it decoded."""
    figures = {
        name.removeprefix("speaks_"): value
        for one in report.decoded
        for name, value in one.figures.items()
        if name.startswith("speaks_")
    }
    best = max(figures, key=lambda family: figures[family], default=None)
    return best if best is not None and figures[best] >= SPEAKS else None
