"""What a lock says, in the form of catalogs, for whatever finds VAEs by their names.

A box may have the lock alone: neither the catalog that it was made of, nor that version of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaehub.model import Catalog

if TYPE_CHECKING:
    from vaehub.catalog import Catalogs
    from vaehub.model import Entry
    from vaehub.provision.lock import Lock


def with_locked(lock: Lock, catalogs: Catalogs) -> Catalogs:
    """Give catalogs that know what a lock names, as the lock has it.

    Args:
        lock: Comes before what the catalogs say.
        catalogs: Of this machine; what they have beside stays.
    """
    locked: dict[str, dict[str, Entry]] = {name: {} for name in lock.catalogs}
    for vae in lock.vaes:
        entries = locked.setdefault(vae.entry.catalog, {})
        known = entries.get(vae.entry.id)
        others = known.variants if known is not None else ()
        entries[vae.entry.id] = vae.entry._replace(variants=(*others, vae.variant))
    found = []
    for catalog in catalogs.catalogs:
        entries = locked.pop(catalog.name, {})
        merged = {id_: _merged(entry, catalog.entries.get(id_)) for id_, entry in entries.items()}
        found.append(catalog._replace(entries={**catalog.entries, **merged}))
    found += [
        Catalog(name, name, entries, "the lock", lock.catalogs.get(name, ""))
        for name, entries in locked.items()
    ]
    return catalogs._replace(catalogs=tuple(found))


def _merged(locked: Entry, known: Entry | None) -> Entry:
    if known is None:
        return locked
    names = {variant.name for variant in locked.variants}
    more = (variant for variant in known.variants if variant.name not in names)
    return known._replace(
        license=locked.license,
        smoke=locked.smoke,
        family=locked.family,
        variants=(*locked.variants, *more),
    )
