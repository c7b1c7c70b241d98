"""A plain folder: nothing lists it, and whoever looks into it finds everything."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def listed(root: Path) -> dict[str, tuple[Path, ...]]:
    return {}


def opened(root: Path) -> set[Path]:
    return {path for path in root.rglob("*") if path.is_file()}
