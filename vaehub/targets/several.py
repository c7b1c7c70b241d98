"""Several targets in one command: which of them are one and the same."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from vaehub.model import Target

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vaehub.errors import TargetError


def distinct(places: Iterable[Target | TargetError]) -> list[Target | TargetError]:
    """Keep each target once, under the first name that it was given.

    The same place by another spelling, or through a link, is the same target.
    """
    kept: dict[object, Target | TargetError] = {}
    for place in places:
        what = _identity(place) if isinstance(place, Target) else str(place)
        kept.setdefault(what, place)
    return list(kept.values())


def _identity(target: Target) -> object:
    try:
        stat = target.root.stat()
    except OSError:  # still to be made, or not to be looked at: its path is all there is
        return target.layout, os.path.realpath(target.root)
    return target.layout, stat.st_dev, stat.st_ino
