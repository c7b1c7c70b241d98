"""What each UI writes into its pictures: one reader for each, and one table.

The first that finds its own words is believed. Knows no catalog.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaehub.insight.makers import comfyui, fooocus, infotext, invokeai, swarmui
from vaehub.insight.makers.said import Named, Said

if TYPE_CHECKING:
    from collections.abc import Callable

    from vaehub.insight.pictures import Picture

__all__ = ["READERS", "Named", "Said", "read"]

READERS: tuple[Callable[[Picture], Said | None], ...] = (
    swarmui.read,
    invokeai.read,
    fooocus.read,
    infotext.read,
    comfyui.read,
)
"""Those with words of their own first: savers for ComfyUI write AUTOMATIC1111's line beside the
graph."""


def read(picture: Picture) -> Said | None:
    """Give what the UI that made a picture says of its VAE; None where no UI left a word."""
    said = [found for reader in READERS if (found := reader(picture)) is not None]
    # A line that names no VAE says less than a graph that does.
    return next((one for one in said if one.vaes), said[0] if said else None)
