"""All cases, and what keeps their files from filling a disk."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.smoke_cases import full, shipped, structural, taef2
from tests.smoke_cases.case import Case, Told, tell

if TYPE_CHECKING:
    from collections.abc import Iterator


def all_cases() -> Iterator[Case]:
    """Give every case, the quick ones first."""
    yield from structural.cases()
    yield from shipped.cases()
    yield from taef2.cases()
    yield from full.cases()


def tell_alone(case: Case) -> Told:
    """Make a case in a folder of its own, test it, and delete it."""
    with tempfile.TemporaryDirectory(prefix="vaehub-case-") as folder:
        return tell(case, Path(folder))
