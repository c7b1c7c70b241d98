"""Recognise a UI by what lies in its folder.

Evidence is ranked: a UI's own code outweighs a folder of checkpoints, and that one a folder of
VAEs, which may as well be a plain folder that happens to have the name. Names are compared letter
by letter also where the file system does not: ``models/VAE`` and ``models/vae`` are different UIs.
Forks share most of their code: what one of them lacks tells it from the others.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from vaehub.errors import TargetNotUsable
from vaehub.targets.layouts import layouts

if TYPE_CHECKING:
    from pathlib import Path

    from vaehub.targets.layouts import Layout

ANY = 1
"""Enough where the user named the folder."""
CLEAR = 2
"""Enough to take a folder for a UI's although nobody named it."""


def detect(root: Path, *, at_least: int = ANY) -> Layout | None:
    """Say which UI's root a folder is.

    Args:
        root: The folder.
        at_least: How strong the evidence must be.

    Returns:
        The layout with the strongest evidence, and the most of it; None where there is none.

    Raises:
        TargetNotUsable: two layouts have equal claims.
    """
    claims: list[tuple[tuple[int, ...], Layout]] = []
    for layout in layouts().values():
        strengths = [
            evidence.strength
            for evidence in layout.evidence
            if all(_has(root, marker) for marker in evidence.all)
            and not any(_has(root, marker) for marker in evidence.none)
        ]
        if strengths and max(strengths) >= at_least:
            claims.append((tuple(sorted(strengths, reverse=True)), layout))
    if not claims:
        return None
    best = max(strengths for strengths, _ in claims)
    winners = [layout for strengths, layout in claims if strengths == best]
    if len(winners) > 1:
        titles = " and ".join(layout.title for layout in winners)
        folders = " or ".join(str(root / layout.slots["vae"].folder) for layout in winners)
        raise TargetNotUsable(
            f"{root} looks like {titles} alike", hint=f"name the VAE folder with --to: {folders}"
        )
    return winners[0]


def _has(root: Path, marker: str) -> bool:
    # Every start looks for some thirty markers in each folder above: a Path takes longer to make
    # than the system to answer.
    there = os.path.isdir if marker.endswith("/") else os.path.isfile
    if not there(f"{root}{os.sep}{marker}"):
        return False
    try:
        current = root
        for part in marker.rstrip("/").split("/"):
            if part not in os.listdir(current):  # noqa: PTH208  # names, not paths
                return False
            current = current / part
    except OSError:  # what nobody lets us see is no evidence
        return False
    return True
