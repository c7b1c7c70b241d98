"""What the functions of the face share: what they are given, and where they are to work."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vaehub import settings as settings_module
from vaehub.errors import TargetError
from vaehub.model import Target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vaehub.catalog import Catalogs
    from vaehub.model import Receipt
    from vaehub.settings import Settings

    To = str | Path | Target | None
    """A UI's root, a folder, or a target that was found; None: as the command line finds it."""


def given(settings: Settings | None, catalogs: Catalogs | None) -> tuple[Settings, Catalogs]:
    """Give the user's settings and catalogs where the caller gave none.

    Raises:
        CatalogError: a catalog cannot be read.
    """
    from vaehub.catalog import load_catalogs

    settings = settings or settings_module.load()
    return settings, catalogs or load_catalogs(settings)


def find_target(
    to: To = None, *, settings: Settings | None = None, cwd: Path | None = None
) -> Target:
    """Find where an install would go.

    Raises:
        TargetNotUsable: ``to`` cannot be a target.
    """
    from vaehub import targets

    if isinstance(to, Target):
        return to
    settings = settings or settings_module.load()
    return targets.find_target(to, settings=settings, cwd=cwd or Path.cwd())


def find_targets(
    to: Sequence[To], *, settings: Settings | None = None, cwd: Path | None = None
) -> list[Target | TargetError]:
    """Find where an install into several targets would go, each of them once.

    Returns:
        In their order each target, or why what was named cannot be one.
    """
    from vaehub.targets import several

    settings = settings or settings_module.load()
    found: list[Target | TargetError] = []
    for one in to:
        try:
            found.append(find_target(one, settings=settings, cwd=cwd))
        except TargetError as error:
            found.append(error)
    return several.distinct(found)


def places_of(
    to: Sequence[To], checkpoint: str | Path | None, settings: Settings
) -> Sequence[Target | TargetError]:
    """Find the targets that the caller named, or around a checkpoint; each once.

    Raises:
        TargetNotUsable: the only one that was named cannot be a target.
    """
    if checkpoint is not None and not any(one is not None for one in to):
        from vaehub.targets import checkpoints

        around = checkpoints.target_around(checkpoint, cwd=Path.cwd())
        if around is not None:
            return [around]
    if len(to) < 2:
        return [find_target(*to, settings=settings)]
    return find_targets(to, settings=settings)


def installed(target: Target) -> list[Receipt]:
    """List what vaehub has placed in a target.

    Raises:
        TargetNotUsable: the target's folder cannot be read.
    """
    from vaehub import receipts
    from vaehub.targets.places import folders_of

    return [receipt for folder in folders_of(target) for receipt in receipts.read(folder)]
