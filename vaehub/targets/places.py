"""Where in a target the files that we placed, and so their receipts, can lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaehub.targets import checkpoints
from vaehub.targets.layouts import layouts

if TYPE_CHECKING:
    from pathlib import Path

    from vaehub.model import Target


def folders_of(target: Target) -> list[Path]:
    """Give the folders of a target that a file may have been placed into, each once."""
    layout = layouts()[target.layout]
    folders = [layout.folder(target, slot) for slot in layout.slots]
    return list(dict.fromkeys([*folders, *checkpoints.folders_with_vaes(target)]))
