"""Remove what was placed: which files a name means, and whether they still are what we placed.

Looks at all files of all targets before the first one goes. Two UIs may share a folder through a
link: a file that both have is removed once, and counts for both.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from vaehub import observe, receipts
from vaehub.errors import FileInTheWay, NamingError, VaehubError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vaehub.catalog import Catalogs
    from vaehub.model import Receipt, Target


class Removed(NamedTuple):
    """What an uninstall did with one placed file."""

    receipt: Receipt
    status: str
    """``removed``, or ``gone`` where somebody else had removed it."""


def uninstall_each(
    names: Sequence[str], places: Sequence[tuple[Target, list[Receipt]]], catalogs: Catalogs
) -> list[list[Removed] | Exception]:
    """Remove what these names mean from each target, as far as it may be removed there.

    Args:
        names: Ids, aliases, full names, each optionally ``@variant``.
        places: Targets, each with all its receipts.
        catalogs: What the names mean.

    Returns:
        For each target what was done, or why nothing was: then it is as it was.
    """
    chosen: list[list[Receipt] | Exception] = []
    for target, here in places:
        try:
            chosen.append(_choose(names, target, here, catalogs))
        except (VaehubError, OSError) as error:
            chosen.append(error)
    statuses: dict[str, str] = {}
    return [_remove(each, statuses) if isinstance(each, list) else each for each in chosen]


def matching(name: str, here: Sequence[Receipt], catalogs: Catalogs) -> list[Receipt]:
    """Give the receipts that a name means, also of entries that left the catalog since.

    Raises:
        EntryNotFound, EntryAmbiguous: the name leads nowhere.
    """
    bare, _, variant = name.strip().casefold().partition("@")
    try:
        entry, _ = catalogs.resolve(bare)
    except NamingError:
        found = [receipt for receipt in here if bare in (receipt.entry, _id(receipt))]
        if not found:
            raise
    else:
        found = [receipt for receipt in here if receipt.entry == entry.full_name]
    return [receipt for receipt in found if variant in ("", receipt.variant)]


def _choose(
    names: Sequence[str], target: Target, here: Sequence[Receipt], catalogs: Catalogs
) -> list[Receipt]:
    chosen: list[Receipt] = []
    for name in names:
        found = matching(name, here, catalogs)
        if not found:
            raise NamingError(
                f"{name} is not installed in {target}",
                hint="`vaehub list --installed` shows what is; name another place with --to",
            )
        chosen += [receipt for receipt in found if receipt not in chosen]
    for receipt in chosen:
        if receipt.path.exists() and not observe.is_unchanged(receipt):
            raise FileInTheWay(
                f"{receipt.path} is no longer what vaehub placed there: its bytes have changed",
                hint="it was not touched; delete it yourself if you do not need it",
            )
    return chosen


def _remove(chosen: Sequence[Receipt], statuses: dict[str, str]) -> list[Removed] | Exception:
    done = []
    try:
        for receipt in chosen:
            real = os.path.realpath(receipt.path)
            if real not in statuses:
                gone = not receipt.path.exists()
                receipts.unplace(receipt)
                statuses[real] = "gone" if gone else "removed"
            done.append(Removed(receipt, statuses[real]))
    except (VaehubError, OSError) as error:
        return error
    return done


def _id(receipt: Receipt) -> str:
    return receipt.entry.partition("/")[2]
