"""Hold the curated catalog and the user's together, and find entries by name.

Knows what a name may look like and that nothing foreign stands in for a curated entry: a bare name
that two catalogs use is an error that lists both. Refuses to know files and hosts.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from vaehub.catalog.compiled import load_curated, load_file
from vaehub.errors import CatalogError, EntryAmbiguous, EntryNotFound, VariantNotFound

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vaehub.model import Catalog, Entry, Problem, Variant
    from vaehub.settings import Settings

CURATED = "vaehub"
"""Name of the curated catalog; no other may have it."""
_NAME = r"[a-z0-9]+([.-][a-z0-9]+)*"
_SHORTEST_DIGEST = 8


def load_catalogs(settings: Settings, *, keep: bool = True) -> Catalogs:
    """Load the curated catalog and the user's, in the order of the settings.

    Args:
        settings: The user's settings.
        keep: Whether compiled forms may be written to the cache, for the next time.

    Raises:
        CatalogError: a catalog is missing, wrong, or has a name that is taken.
    """
    curated, found = load_curated(settings.cache, keep=keep)
    catalogs, problems = [curated], list(found)
    seen: set[str] = set()
    for file in settings.catalogs:
        if str(file.path.resolve()) in seen:  # named in the configuration and the environment
            continue
        seen.add(str(file.path.resolve()))
        catalog, found = load_file(
            file.path, cache=settings.cache, foreign=True, name=file.name, keep=keep
        )
        _refuse_name(catalog, catalogs)
        catalogs.append(catalog)
        problems.extend(found)
    return Catalogs(tuple(catalogs), tuple(problems))


def _refuse_name(catalog: Catalog, others: list[Catalog]) -> None:
    if not re.fullmatch(_NAME, catalog.name):  # the schema sees only the name in the file itself
        raise CatalogError(
            f"{catalog.origin}: {catalog.name!r} is no name for a catalog",
            hint="use lower-case letters and digits, joined by single dots or hyphens",
        )
    if catalog.name == CURATED:
        raise CatalogError(
            f"{catalog.origin}: only the curated catalog may be called {CURATED}",
            hint="give it another catalog.name, or a name in its [[catalog]] table",
        )
    for other in others:
        if catalog.name == other.name:
            raise CatalogError(
                f"two catalogs are called {catalog.name}: {other.origin} and {catalog.origin}",
                hint="give one of them a name of its own in its [[catalog]] table",
            )


class Catalogs(NamedTuple):
    """The catalogs in force, curated first."""

    catalogs: tuple[Catalog, ...]
    problems: tuple[Problem, ...] = ()
    """What foreign catalogs hold that this version does not know."""

    def entries(self) -> Iterator[Entry]:
        """Give all entries: curated first, by id inside a catalog."""
        for catalog in self.catalogs:
            yield from sorted(catalog.entries.values(), key=lambda entry: entry.id)

    def file_names(self, slot: str) -> frozenset[str]:
        """Give the names of all files of a slot, in lower case."""
        return frozenset(
            artifact.name.casefold()
            for entry in self.entries()
            if entry.slot == slot
            for variant in entry.variants
            for artifact in variant.artifacts
        )

    def resolve(self, name: str) -> tuple[Entry, Variant]:
        """Find the one entry and variant that a name means, in upper or lower case.

        A name is an id or an alias, after ``catalog/`` where two catalogs use it, before
        ``@variant`` where it is not the default. The name of a file serves too, if only one
        artifact is called so.

        Raises:
            EntryNotFound: nothing is called so; suggests what is close.
            EntryAmbiguous: it means several things; lists them.
            VariantNotFound: the entry has no such variant; lists those it has.
        """
        wanted, _, variant_name = name.strip().casefold().partition("@")
        found = self._called(wanted)
        if len(found) > 1:
            raise EntryAmbiguous(
                f"{wanted!r} is in {len(found)} catalogs:"
                f" {', '.join(entry.full_name for entry in found)}",
                hint=f"write the full name, for instance {found[0].full_name}",
            )
        if found:
            return found[0], _variant(found[0], variant_name)
        by_file = self._with_file(name.strip().casefold())
        if len(by_file) > 1:
            names = [f"{entry.full_name}@{variant.name}" for entry, variant in by_file]
            raise EntryAmbiguous(
                f"{name!r} is the name of several files: {', '.join(names)}",
                hint=f"write which one you mean, for instance {names[0]}",
            )
        if by_file:
            return by_file[0]
        raise self._not_found(wanted)

    def search(self, text: str) -> list[Entry]:
        """Find the entries in which all words occur, the closest by name first."""
        words = text.casefold().split()
        wanted = " ".join(words)

        def distance(entry: Entry) -> int:
            names = [entry.id, *entry.aliases]
            if wanted in names:
                return 0
            if any(name.startswith(wanted) for name in names):
                return 1
            return 2 if any(wanted in name for name in names) else 3

        found = [
            entry
            for entry in self.entries()
            if words and all(_occurs(word, entry) for word in words)
        ]
        return sorted(found, key=distance)

    def filter(self, family: str | None = None, tag: str | None = None) -> list[Entry]:
        """Give the entries of a family and with a tag, in the order of :meth:`entries`."""
        return [
            entry
            for entry in self.entries()
            if (family is None or entry.family == family.casefold())
            and (tag is None or tag.casefold() in entry.tags)
        ]

    def _called(self, name: str) -> list[Entry]:
        catalog_name, slash, bare = name.rpartition("/")
        found = []
        for catalog in self.catalogs:
            if slash and catalog.name != catalog_name:
                continue
            entry = catalog.entries.get(bare) or next(
                (entry for entry in catalog.entries.values() if bare in entry.aliases), None
            )
            if entry is not None:
                found.append(entry)
        return found

    def _with_file(self, name: str) -> list[tuple[Entry, Variant]]:
        return [
            (entry, variant)
            for entry in self.entries()
            for variant in entry.variants
            if any(
                name in (known.casefold() for known in (artifact.name, *artifact.known_as))
                for artifact in variant.artifacts
            )
        ]

    def _not_found(self, name: str) -> EntryNotFound:
        import difflib

        catalog_name, slash, _ = name.rpartition("/")
        if slash and catalog_name not in {catalog.name for catalog in self.catalogs}:
            return EntryNotFound(
                f"no catalog is called {catalog_name!r};"
                f" there is {', '.join(catalog.name for catalog in self.catalogs)}",
                hint="VAEHUB_CATALOG or a [[catalog]] table of the configuration adds one",
            )
        names: list[str] = []
        for entry in self.entries():
            names += [entry.full_name] if slash else [entry.id, *entry.aliases]
        close = difflib.get_close_matches(name, names, n=3)
        question = f"; did you mean {' or '.join(close)}?" if close else ""
        return EntryNotFound(
            f"no VAE is called {name!r}{question}",
            hint="vaehub list shows all of them, vaehub search TEXT finds some",
        )


def _variant(entry: Entry, name: str) -> Variant:
    if not name:
        return entry.default
    for variant in entry.variants:
        if variant.name == name:
            return variant
    raise VariantNotFound(
        f"{entry.id} has no variant {name!r};"
        f" it has {', '.join(variant.name for variant in entry.variants)}",
        hint=f"vaehub info {entry.id} shows them",
    )


def _occurs(word: str, entry: Entry) -> bool:
    texts = [entry.id, entry.title, entry.family, entry.author or "", entry.license.id]
    texts += [*entry.aliases, *entry.tags, *entry.suits, *entry.summary.values()]
    for variant in entry.variants:
        for artifact in variant.artifacts:
            texts += [artifact.name, *artifact.known_as]
            digests = [artifact.sha256 or "", *artifact.hashes.values()]
            if len(word) >= _SHORTEST_DIGEST and any(digest.startswith(word) for digest in digests):
                return True
    return any(word in text.casefold() for text in texts)
