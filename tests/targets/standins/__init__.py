"""Stand-ins for the UIs: what each would list of a tree, written anew from how its code does it.

A module per UI. ``listed(root)`` gives the names in its list of VAEs, and for each the files that
it would load under that name; ``opened(root)`` gives all files that it would load under any name,
also those that it looks for without listing them. They know nothing of vaehub's layouts: a test
holds the two against each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from tests.targets.standins import (
    a1111,
    comfyui,
    folder,
    fooocus,
    forge,
    invokeai,
    sdnext,
    stabilitymatrix,
    swarmui,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Listed = dict[str, "tuple[Path, ...]"]


class StandIn(Protocol):
    """What a module of this package offers."""

    def listed(self, root: Path) -> Listed: ...

    def opened(self, root: Path) -> set[Path]: ...


STAND_INS: Mapping[str, StandIn] = {
    "automatic1111": a1111,
    "forge": forge,
    "reforge": a1111,  # the same code, as far as files go
    "sdnext": sdnext,
    "comfyui": comfyui,
    "invokeai": invokeai,
    "fooocus": fooocus,
    "swarmui": swarmui,
    "stabilitymatrix": stabilitymatrix,
    "folder": folder,
}
