"""Turn checked catalog data into the vocabulary of :mod:`vaehub.model`.

Knows which field becomes which attribute. Refuses to judge: the data has passed the checks, and
fields that it does not know are left alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vaehub.model import Artifact, Catalog, Entry, License, SmokeFacts, Source, Variant

if TYPE_CHECKING:
    from collections.abc import Mapping

_FLAGS = ("login", "gated")


def parse(data: Mapping[str, Any], *, origin: str, sha256: str, name: str | None = None) -> Catalog:
    """Build a catalog from checked data; ``name`` overrides the one that the file gives itself."""
    head = data["catalog"]
    catalog = name or head["name"]
    return Catalog(
        name=catalog,
        title=head.get("title", catalog),
        entries={id: _entry(id, catalog, fields) for id, fields in sorted(data["entries"].items())},
        origin=origin,
        sha256=sha256,
    )


def _entry(id: str, catalog: str, fields: Mapping[str, Any]) -> Entry:
    decode = fields.get("smoke")
    return Entry(
        id=id,
        catalog=catalog,
        title=fields["title"],
        family=fields["family"],
        license=_license(fields["license"]),
        variants=tuple(_variant(name, value) for name, value in fields["variants"].items()),
        summary=fields.get("summary", {}),
        suits=tuple(fields.get("suits", ())),
        tags=tuple(fields.get("tags", ())),
        slot=fields.get("slot", "vae"),
        homepage=fields.get("homepage"),
        author=fields.get("author"),
        aliases=tuple(fields.get("aliases", ())),
        notes=fields.get("notes"),
        smoke=None if decode is None else smoke(decode),
    )


def _license(fields: Mapping[str, Any]) -> License:
    return License(
        id=fields["id"],
        source=fields.get("source"),
        accept=fields.get("accept", False),
        note=fields.get("note"),
    )


def _variant(name: str, fields: Mapping[str, Any]) -> Variant:
    return Variant(
        name=name,
        artifacts=tuple(artifact(each) for each in fields["artifacts"]),
        layout=fields.get("layout"),
        dtype=fields.get("dtype"),
        note=fields.get("note"),
    )


def artifact(fields: Mapping[str, Any]) -> Artifact:
    """Build an artifact from data that has the schema's shape."""
    size = fields.get("size")
    return Artifact(
        name=fields["name"],
        sources=tuple(
            _source(host, locator)
            for source in fields["sources"]
            for host, locator in source.items()
        ),
        size=None if size is None else int(size),  # JSON Schema counts 5.0 as an integer
        sha256=fields.get("sha256"),
        evidence=fields.get("evidence", "single"),
        known_as=tuple(fields.get("known_as", ())),
        hashes=fields.get("hashes", {}),
        fingerprint=fields.get("fingerprint"),
    )


def _source(host: str, fields: Mapping[str, Any]) -> Source:
    return Source(
        host=host,
        locator={
            key: int(value) if isinstance(value, float) else value
            for key, value in fields.items()
            if key not in _FLAGS
        },
        login=fields.get("login", False),
        gated=fields.get("gated", False),
    )


def smoke(fields: Mapping[str, Any]) -> SmokeFacts:
    """Build what a decode must know from data that has the schema's shape."""

    def whole(key: str) -> int | None:
        value = fields.get(key)
        return None if value is None else int(value)

    def real(key: str) -> float | None:
        value = fields.get(key)
        return None if value is None else float(value)

    return SmokeFacts(
        architecture=fields.get("architecture"),
        latent_channels=whole("latent_channels"),
        downscale=whole("downscale"),
        temporal_downscale=whole("temporal_downscale"),
        scaling_factor=real("scaling_factor"),
        shift_factor=real("shift_factor"),
        fp16=fields.get("fp16"),
    )
