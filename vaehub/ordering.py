"""From what the user said, names and places, to jobs; and back to what became of each.

Knows which names lead to which variants and which places are which targets, and counts a target
once however often it was named. Installs nothing; :mod:`vaehub.batch` does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vaehub.errors import NamingError, TargetError
from vaehub.model import Target
from vaehub.planning import Order

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vaehub.catalog import Catalogs
    from vaehub.outcome import InstallResult
    from vaehub.planning import Options
    from vaehub.settings import Settings
    from vaehub.transfer.listener import Listener


class Attempt(NamedTuple):
    """What became of one name in one target."""

    name: str | None
    """None where the error is about a place, whatever was to go there."""
    target: Target | None
    """None where the name leads nowhere, or the place cannot be a target."""
    outcome: InstallResult | Exception


def install_each(
    names: Sequence[str],
    places: Callable[[], Sequence[Target | TargetError]],
    *,
    options: Options,
    settings: Settings,
    catalogs: Catalogs,
    listener: Listener,
) -> list[Attempt]:
    """Install each name into each target.

    Args:
        names: Ids, aliases, full names, file names; what is there twice counts once.
        places: Gives the targets, and why others cannot be any; not asked for where no name leads
            anywhere.
        options: What the user said beyond that.
        settings: The user's settings.
        catalogs: What the names mean.
        listener: Told of progress.

    Returns:
        Name by name what was done in each target, or the error that stopped it. A name that leads
        nowhere stands there once, and so does a place that cannot be a target.
    """
    from vaehub import batch
    from vaehub.transfer.session import Session

    asked = {name: _order(name, catalogs) for name in names}
    orders = [order for order in asked.values() if isinstance(order, Order)]
    there = places() if orders else ()
    targets = [place for place in there if isinstance(place, Target)]
    jobs = [batch.Job(order, target) for order in orders for target in targets]
    done: list[InstallResult | Exception] = []
    if jobs:
        with Session(settings) as session:
            done = batch.install_all(
                jobs, settings=settings, session=session, listener=listener, options=options
            )
    outcomes = iter(done)
    attempts = []
    for name, order in asked.items():
        if isinstance(order, NamingError):
            attempts.append(Attempt(name, None, order))
            continue
        for place in there:
            if isinstance(place, Target):
                attempts.append(Attempt(name, place, next(outcomes)))
            elif order is orders[0]:
                attempts.append(Attempt(None, None, place))
    return attempts


def _order(name: str, catalogs: Catalogs) -> Order | NamingError:
    try:
        entry, variant = catalogs.resolve(name)
    except NamingError as error:
        return error
    return Order(name, entry, variant, named="@" in name or variant != entry.default)
