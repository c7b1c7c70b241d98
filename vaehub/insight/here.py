"""What vaehub has on this machine: installed files by receipt, and blobs of the store.

Reads receipts and names of blobs, and no file of weights. Whether a file still is what its receipt
says is asked of its size, time and inode alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vaehub import receipts, targets
from vaehub.nearby import known_targets
from vaehub.store import Store
from vaehub.targets.places import folders_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from vaehub.model import Receipt
    from vaehub.settings import Settings


class Here(NamedTuple):
    """By sha256, what is on this machine."""

    installed: Mapping[str, tuple[Receipt, ...]]
    """Files whose receipts hold, as far as can be told without reading them."""
    blobs: Mapping[str, Path]
    """Of the store."""

    def path_of(self, sha256: str) -> Path | None:
        """Give a file that should hold these bytes."""
        placed = self.installed.get(sha256)
        return placed[0].path if placed else self.blobs.get(sha256)

    def all(self) -> tuple[str, ...]:
        """Give all digests."""
        return tuple(dict.fromkeys((*self.installed, *self.blobs)))


def look_around(settings: Settings) -> Here:
    """Look at the targets that are known, and into the store."""
    folders: list[Path] = []
    for target in known_targets(settings):
        if target.layout in targets.layouts():
            folders += folders_of(target)
    installed: dict[str, tuple[Receipt, ...]] = {}
    for folder in dict.fromkeys(folders):
        for receipt in receipts.read(folder):
            if _holds(receipt):
                installed[receipt.sha256] = (*installed.get(receipt.sha256, ()), receipt)
    return Here(installed, {path.name: path for path in Store(settings.store).blobs()})


def _holds(receipt: Receipt) -> bool:
    try:
        return receipts.stat_matches(receipt, receipt.path.stat())
    except OSError:
        return False
