"""Remember which targets have received installs: what lies there need not be downloaded again.

One small record each in the user's state folder, the newest alone. That a target stands here says
nothing of what it holds; its receipts do.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from vaehub import ledger
from vaehub.model import Target

if TYPE_CHECKING:
    from pathlib import Path

_KEPT = 64
"""Targets; who installs into a new folder each day does not want to look through all of them."""


def note(state: Path, target: Target) -> None:
    """Remember a target; a state folder that cannot be written loses no more than that."""
    folder = _folder(state)
    with contextlib.suppress(OSError):
        if not ledger.exists(folder, target.root):
            ledger.write(folder, target.root, {"layout": target.layout})
            ledger.keep_newest(folder, _KEPT)


def read(state: Path) -> list[Target]:
    """Give the targets that received installs, by path."""
    return [
        Target(record["layout"], root)
        for root, record in ledger.read(_folder(state))
        if isinstance(record.get("layout"), str)
    ]


def _folder(state: Path) -> Path:
    return state / "targets"
