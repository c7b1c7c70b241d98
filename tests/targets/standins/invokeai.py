"""InvokeAI: a database of what was added through it; what lies in folders does not count."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def listed(root: Path) -> dict[str, tuple[Path, ...]]:
    return {}


def opened(root: Path) -> set[Path]:
    return set()
