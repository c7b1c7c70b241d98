"""The catalogs: list them, find in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaehub.api.common import given

if TYPE_CHECKING:
    from vaehub.catalog import Catalogs
    from vaehub.model import Entry, Variant
    from vaehub.settings import Settings


def list_entries(
    *,
    family: str | None = None,
    tag: str | None = None,
    settings: Settings | None = None,
    catalogs: Catalogs | None = None,
) -> list[Entry]:
    """List the entries of all catalogs, the curated one first.

    Raises:
        CatalogError: a catalog cannot be read.
    """
    _, catalogs = given(settings, catalogs)
    return catalogs.filter(family=family, tag=tag)


def find(
    name: str, *, settings: Settings | None = None, catalogs: Catalogs | None = None
) -> tuple[Entry, Variant]:
    """Find the entry and the variant that a name leads to.

    Args:
        name: An id, an alias, ``catalog/id``, each optionally ``@variant``, or a known file name.
        settings: The settings; the user's own by default.
        catalogs: The catalogs; the user's own by default.

    Raises:
        CatalogError: a catalog cannot be read.
        EntryNotFound, EntryAmbiguous, VariantNotFound: the name leads to none, or to several.
    """
    _, catalogs = given(settings, catalogs)
    return catalogs.resolve(name)
