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
    """What vaehub placed in the target, by full entry name."""

    target: Target | None = None
    receipts: Mapping[str, tuple[Receipt, ...]] = MappingProxyType({})

    def of(self, entry: Entry) -> tuple[Receipt, ...]:
        """Give the receipts of an entry's files."""
        return self.receipts.get(entry.full_name, ())


def look_around(call: Call, to: str | None) -> Here:
    """Find what is installed in the target; without one to look into, note that and go on.

    Raises:
        TargetError: ``to`` names a place that cannot be looked into.
    """
    from vaehub import api

    try:
        target = api.find_target(to, settings=call.settings)
        found: dict[str, tuple[Receipt, ...]] = {}
        for receipt in api.installed(target):
            found[receipt.entry] = (*found.get(receipt.entry, ()), receipt)
    except TargetError as error:
        if to is not None:
            raise
        call.notes.append(Problem(error.code, error.message, blocking=False, hint=error.hint))
        return Here()
    return Here(target, found)


def entry_table(entries: Iterable[Entry], here: Here) -> Table:
    """Lay entries out as one row each."""
    return Table(COLUMNS, tuple(_row(entry, here) for entry in entries))


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
        "installed_files": [
            {
                "path": str(receipt.path),
                "variant": receipt.variant,
                "sha256": receipt.sha256,
                "smoke": receipt.smoke,
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
        "yes" if here.of(entry) else NOTHING,
        smoke_words(here.of(entry)) or NOTHING,
    )


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
