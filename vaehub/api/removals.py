"""Uninstall VAEs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaehub.api.common import given, installed, places_of
from vaehub.model import Target

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from vaehub.api.common import To
    from vaehub.catalog import Catalogs
    from vaehub.settings import Settings
    from vaehub.uninstalling import Removed


def uninstall(
    names: str | Iterable[str],
    *,
    to: To = None,
    settings: Settings | None = None,
    catalogs: Catalogs | None = None,
) -> list[Removed]:
    """Remove what vaehub placed under these names, and nothing else.

    All files are looked at before the first is removed.

    Raises:
        EntryNotFound, EntryAmbiguous: as for :func:`find`.
        NamingError: the entry is not installed in that target.
        FileInTheWay: a file's bytes are no longer those that vaehub placed; it is left alone.
        TargetNotUsable: the target cannot be read or written.
    """
    [(_, outcome)] = uninstall_each(names, to=[to], settings=settings, catalogs=catalogs)
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def uninstall_each(
    names: str | Iterable[str],
    *,
    to: Sequence[To],
    settings: Settings | None = None,
    catalogs: Catalogs | None = None,
) -> list[tuple[Target | None, list[Removed] | Exception]]:
    """Remove what vaehub placed under these names in each of several targets.

    All files of all targets are looked at before the first is removed; an error of one target
    keeps none of the others.

    Returns:
        For each target, or None for a place that cannot be one, what was done or why nothing was.

    Raises:
        TargetNotUsable: the only target that was named cannot be one.
    """
    from vaehub import uninstalling

    settings, catalogs = given(settings, catalogs)
    wanted = [names] if isinstance(names, str) else list(names)
    places = places_of(to, None, settings)
    targets = [place for place in places if isinstance(place, Target)]
    done = iter(
        uninstalling.uninstall_each(
            wanted, [(target, installed(target)) for target in targets], catalogs
        )
    )
    return [(place, next(done)) if isinstance(place, Target) else (None, place) for place in places]
