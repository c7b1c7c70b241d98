"""Where in a target the files that we placed, and so their receipts, can lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaehub import staging
from vaehub.targets.layouts import layouts
from vaehub.targets.listing import walk

if TYPE_CHECKING:
    from pathlib import Path

    from vaehub.model import Target


def folders_of(target: Target) -> list[Path]:
    """Give the folders of a target that a file may have been placed into, each once."""
    layout = layouts()[target.layout]
    folders = [folder for slot in layout.slots for folder in layout.folders(target, slot)]
    return list(dict.fromkeys([*folders, *_beside_checkpoints(target)]))


def _beside_checkpoints(target: Target) -> list[Path]:
    """Find the folders of checkpoints into which we have placed VAEs: those with receipts."""
    rule = layouts()[target.layout].near_checkpoint
    if rule is None:
        return []
    root = target.root / rule.folder
    return [folder for folder, _ in walk(root) if (folder / staging.FOLDER).is_dir()]
