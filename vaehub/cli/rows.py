"""Entries as JSON objects and as table rows: one shape for list, search and info.

Knows what of an entry scripts and people get to see, and what of it is installed. Prints nothing.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from vaehub.cli import words
from vaehub.cli.tables import NOTHING, Column, Table
from vaehub.errors import TargetError
from vaehub.model import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from vaehub.cli.call import Call
    from vaehub.model import Artifact, Entry, Receipt, Source, Target, Variant
    from vaehub.targets import Layout

COLUMNS = (
    Column("id", style="bold"),
    # Two families that are cut to the same would be worse than a shorter list of models.
    Column("family", least=15),
    Column("suits", least=12, rank=1, is_list=True),
    Column("size", right=True),
    Column("license", least=12, rank=2),
    Column("login", rank=3),
    Column("installed", style="green"),
    Column("smoke", rank=4),
)


SMOKE_WORDS: Mapping[str, str] = {
    "works": "works",
    "not-in-fp16": "not in fp16",
    "washed-out": "washed out",
    "wrong-family": "wrong family",
    "damaged": "damaged",
    "not-a-vae": "not a VAE",
    "untested": "untested",
}
"""Verdicts in the room that a column has."""


class Here(NamedTuple):
    """What vaehub placed in the targets, by full entry name."""

    targets: tuple[Target, ...] = ()
    receipts: Mapping[str, tuple[Receipt, ...]] = MappingProxyType({})
    counts: Mapping[str, int] = MappingProxyType({})
    """In how many of the targets an entry is."""

    @property
    def where(self) -> str:
        """Name the targets; empty where there is none."""
        return ", ".join(map(str, self.targets))

    @property
    def ui(self) -> str | None:
        """What people call the UI; None where it is a plain folder, or one of several targets."""
        if len(self.targets) != 1:
            return None
        layout = _layout(self.targets[0])
        return layout.title if layout.is_ui else None

    def listed_as(self, entry: Entry, receipt: Receipt) -> str | None:
        """Say what the UI calls an entry's file in its list."""
        for target in self.targets:
            if receipt.path.is_relative_to(target.root):
                return _layout(target).listed_as(target, entry.slot, receipt.path)
        return None

    def names(self, entry: Entry) -> tuple[str, ...]:
        """Give what the UI calls an entry's files in its list, each name once."""
        listed = [self.listed_as(entry, receipt) for receipt in self.of(entry)]
        return tuple(name for name in dict.fromkeys(listed) if name is not None)

    def of(self, entry: Entry) -> tuple[Receipt, ...]:
        """Give the receipts of an entry's files."""
        return self.receipts.get(entry.full_name, ())


def _layout(target: Target) -> Layout:
    from vaehub import targets

    return targets.layouts()[target.layout]


def look_around(call: Call, *to: str | None) -> Here:
    """Find what is installed in the targets; without one to look into, note that and go on.

    Raises:
        TargetError: ``to`` names a place that cannot be looked into.
    """
    from vaehub import api

    named = [place for place in to if place is not None]
    found: dict[str, tuple[Receipt, ...]] = {}
    counts: dict[str, int] = {}
    try:
        targets = _targets(call, named)
        for target in targets:
            here = api.installed(target)
            for receipt in here:
                found[receipt.entry] = (*found.get(receipt.entry, ()), receipt)
            for entry in {receipt.entry for receipt in here}:
                counts[entry] = counts.get(entry, 0) + 1
    except TargetError as error:
        if named:
            raise
        call.notes.append(Problem(error.code, error.message, blocking=False, hint=error.hint))
        return Here()
    return Here(targets, found, counts)


def _targets(call: Call, named: list[str]) -> tuple[Target, ...]:
    from vaehub import api

    if len(named) < 2:
        return (api.find_target(*named, settings=call.settings),)
    targets = []
    for place in api.find_targets(named, settings=call.settings):
        if isinstance(place, TargetError):
            raise place
        targets.append(place)
    return tuple(targets)


def entry_table(entries: Iterable[Entry], here: Here, *, listed: bool = False) -> Table:
    """Lay entries out as one row each.

    Args:
        entries: What to show.
        here: What of it is installed.
        listed: Also say what the target's UI calls it, where there is one.
    """
    if not listed or here.ui is None:
        return Table(COLUMNS, tuple(_row(entry, here) for entry in entries))
    column = Column(f"in {here.ui}", least=16)
    rows = ((*_row(entry, here), ", ".join(here.names(entry)) or NOTHING) for entry in entries)
    return Table((*COLUMNS, column), tuple(rows))


def entry_json(entry: Entry, here: Here) -> dict[str, Any]:
    """Give everything that the catalog and the receipts know of an entry."""
    receipts = here.of(entry)
    return {
        "id": entry.id,
        "catalog": entry.catalog,
        "full_name": entry.full_name,
        "title": entry.title,
        "summary": dict(entry.summary),
        "family": entry.family,
        "suits": list(entry.suits),
        "tags": list(entry.tags),
        "slot": entry.slot,
        "author": entry.author,
        "homepage": entry.homepage,
        "aliases": list(entry.aliases),
        "notes": entry.notes,
        "license": entry.license.id,
        "license_page": entry.license.source,
        "license_note": entry.license.note,
        "accept": entry.license.accept,
        "default": entry.default.name,
        "size": entry.default.size,
        "sha256": [artifact.sha256 for artifact in entry.default.artifacts],
        "login": entry.default.needs_login,
        "variants": [_variant_json(variant) for variant in entry.variants],
        "decoder": _decoder_json(entry),
        "installed": str(receipts[0].path) if receipts else None,
        "ui": here.ui,
        "installed_files": [
            {
                "path": str(receipt.path),
                "variant": receipt.variant,
                "sha256": receipt.sha256,
                "smoke": receipt.smoke,
                "listed_as": here.listed_as(entry, receipt),
                **({"checkpoint": receipt.checkpoint} if receipt.checkpoint is not None else {}),
            }
            for receipt in receipts
        ],
        "smoke": _smoke_json(receipts),
    }


def license_words(license_id: str) -> str:
    """Give a license id as people read it: without the prefix of those that SPDX lacks."""
    own = license_id.removeprefix("LicenseRef-")
    return own.replace("-", " ") if own in {"none-stated", "not-read"} else own


def smoke_words(receipts: Iterable[Receipt]) -> str:
    """Say what the last smoke test of installed files said; nothing where there was none."""
    said = _smoke_json(receipts)
    return SMOKE_WORDS.get(str(said.get("verdict")), "") if said is not None else ""


def _smoke_json(receipts: Iterable[Receipt]) -> Mapping[str, Any] | None:
    said = [receipt.smoke for receipt in receipts if receipt.smoke is not None]
    return max(said, key=lambda one: str(one.get("at")), default=None)


def _row(entry: Entry, here: Here) -> tuple[str, ...]:
    return (
        entry.id if entry.catalog == "vaehub" else entry.full_name,
        entry.family,
        ", ".join(entry.suits) or NOTHING,
        words.size(entry.default.size),
        license_words(entry.license.id),
        "yes" if entry.default.needs_login else NOTHING,
        _installed(entry, here),
        smoke_words(here.of(entry)) or NOTHING,
    )


def _installed(entry: Entry, here: Here) -> str:
    count = here.counts.get(entry.full_name, 0)
    if not count:
        return NOTHING
    return "yes" if len(here.targets) == 1 else f"{count} of {len(here.targets)}"


def _variant_json(variant: Variant) -> dict[str, Any]:
    return {
        "name": variant.name,
        "layout": variant.layout,
        "dtype": variant.dtype,
        "note": variant.note,
        "size": variant.size,
        "login": variant.needs_login,
        "pinned": variant.pinned,
        "artifacts": [_artifact_json(artifact) for artifact in variant.artifacts],
    }


def _artifact_json(artifact: Artifact) -> dict[str, Any]:
    return {
        "name": artifact.name,
        "size": artifact.size,
        "sha256": artifact.sha256,
        "evidence": artifact.evidence,
        "known_as": list(artifact.known_as),
        "hashes": dict(artifact.hashes),
        "sources": [_source_json(source) for source in artifact.sources],
    }


def _source_json(source: Source) -> dict[str, Any]:
    return {
        "host": source.host,
        "locator": dict(source.locator),
        "login": source.login,
        "gated": source.gated,
    }


def _decoder_json(entry: Entry) -> dict[str, Any] | None:
    facts = entry.smoke
    if facts is None:
        return None
    return {
        "architecture": facts.architecture,
        "latent_channels": facts.latent_channels,
        "downscale": facts.downscale,
        "temporal_downscale": facts.temporal_downscale,
        "scaling_factor": facts.scaling_factor,
        "shift_factor": facts.shift_factor,
        "fp16": facts.fp16,
    }
