"""``vaehub.lock``: exactly which bytes a manifest means, and under which names they stand where.

Knows what becomes of a lock's data and how its text is written; :mod:`.lock_form` has held the data
against the schema before. A lock names no path, no token and no signed address. Refuses to know
catalogs and targets.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, NamedTuple

from vaehub.errors import LockError
from vaehub.model import Artifact, Entry, License, SmokeFacts, Source, Variant
from vaehub.provision import lock_form
from vaehub.provision.manifest import Policy, policy_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

FILE_NAME = "vaehub.lock"


class Locked(NamedTuple):
    """One artifact of a lock."""

    artifact: Artifact
    """As the catalog has it, its sha256 always known."""
    installed: Mapping[str, str]
    """By layout, the name that it gets there."""
    converted: tuple[str, ...] = ()
    """The layouts for which its weights are turned into safetensors."""


class LockedVae(NamedTuple):
    """One VAE of a lock, in the variant that some layouts take."""

    name: str
    """As the manifest has it."""
    targets: tuple[str, ...]
    """The targets that it is for; none stands for all."""
    layouts: tuple[str, ...]
    """The layouts that this variant is for, sorted."""
    entry: Entry
    """With this variant alone."""
    artifacts: tuple[Locked, ...]

    @property
    def variant(self) -> Variant:
        """The variant."""
        return self.entry.default

    def is_for(self, layout: str, target: str | None) -> bool:
        """Tell whether it belongs into a target.

        Args:
            layout: Of the target.
            target: Its name; None where it has none, and then takes what its layout takes.
        """
        named = not self.targets or target is None or target in self.targets
        return layout in self.layouts and named


class Lock(NamedTuple):
    """What a lock says."""

    manifest: str
    """Digest of what was asked for: :meth:`vaehub.provision.manifest.Manifest.digest`."""
    catalogs: Mapping[str, str]
    """By name, the sha256 of each catalog that was looked into: its version."""
    targets: Mapping[str, str]
    """By name, the layout of each target."""
    policy: Policy
    vaes: tuple[LockedVae, ...]
    """Sorted by name, then by variant."""

    def of(self, layout: str, target: str | None = None) -> tuple[LockedVae, ...]:
        """Give the VAEs that belong into a target; see :meth:`LockedVae.is_for`."""
        return tuple(vae for vae in self.vaes if vae.is_for(layout, target))

    def artifacts(self) -> Iterator[Artifact]:
        """Give each file once, by its sha256."""
        seen = set()
        for vae in self.vaes:
            for locked in vae.artifacts:
                if locked.artifact.sha256 not in seen:
                    seen.add(locked.artifact.sha256)
                    yield locked.artifact

    @property
    def layouts(self) -> tuple[str, ...]:
        """The layouts that it has an answer for."""
        return tuple(sorted({*self.targets.values(), *(x for v in self.vaes for x in v.layouts)}))

    def text(self) -> str:
        """Give the file's text: the same lock has the same bytes, whoever wrote it."""
        said = {
            "schema": lock_form.SCHEMA,
            "manifest": self.manifest,
            "catalogs": dict(sorted(self.catalogs.items())),
            "targets": dict(sorted(self.targets.items())),
            "policy": self.policy.as_json(),
            "vaes": [_vae_json(vae) for vae in self.vaes],
        }
        return json.dumps(said, indent=2, ensure_ascii=False) + "\n"

    def digest(self) -> str:
        """Give the sha256 of the file's text."""
        return hashlib.sha256(self.text().encode()).hexdigest()


def without_words(entry: Entry) -> Entry:
    """Give an entry without what only people read: that may change, and is no part of a lock.

    A page whose address holds a token or a signature is left out too: only the addresses of files
    are refused in catalogs.
    """
    from vaehub.catalog.rules import secret_in

    license_, homepage = entry.license, entry.homepage
    if license_.source is not None and secret_in(license_.source):
        license_ = license_._replace(source=None)
    if homepage is not None and secret_in(homepage):
        homepage = None
    return entry._replace(
        license=license_,
        homepage=homepage,
        summary={},
        suits=(),
        tags=(),
        author=None,
        aliases=(),
        notes=None,
    )


def read(path: Path, *, cache: Path | None = None) -> Lock:
    """Read a lock.

    Args:
        path: The file.
        cache: The user's cache, which remembers that a lock was found sound; looking takes longer
            than all else when there is nothing to do.

    Raises:
        LockError: it is not there, cannot be read, or is no lock.
    """
    try:
        content = read_bytes(path)
    except FileNotFoundError:
        raise LockError(
            f"there is no lock {path}",
            hint="`vaehub add NAME` begins a manifest, and `vaehub lock` makes the lock of it",
        ) from None
    return parse(content, origin=str(path), cache=cache)


def read_bytes(path: Path) -> bytes:
    """Give the bytes of a lock, at most one more than it may have.

    Raises:
        FileNotFoundError: there is none.
        LockError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(lock_form.CEILING + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise LockError(f"cannot read {path}: {error.strerror or error}") from error


def parse(content: bytes, *, origin: str, cache: Path | None = None) -> Lock:
    """Read a lock's bytes; ``origin`` is for messages, ``cache`` as for :func:`read`.

    Raises:
        LockError: it is none.
    """
    data = lock_form.load(content, origin=origin, cache=cache)
    return Lock(
        manifest=data["manifest"],
        catalogs=data["catalogs"],
        targets=data["targets"],
        policy=policy_of(data["policy"]),
        vaes=tuple(_vae(fields) for fields in data["vaes"]),
    )


def _vae(fields: Mapping[str, Any]) -> LockedVae:
    from vaehub.catalog import parse as catalog_parse

    catalog, _, id_ = fields["entry"].partition("/")
    artifacts = tuple(_locked(each) for each in fields["artifacts"])
    smoke = fields.get("smoke")
    license_ = fields["license"]
    entry = Entry(
        id=id_,
        catalog=catalog,
        title=fields["title"],
        family=fields["family"],
        license=License(
            license_["id"],
            license_.get("source"),
            accept=license_.get("accept", False),
            note=license_.get("note"),
        ),
        variants=(
            Variant(
                fields["variant"],
                tuple(locked.artifact for locked in artifacts),
                layout=fields.get("key_layout"),
                dtype=fields.get("dtype"),
            ),
        ),
        slot=fields["slot"],
        homepage=fields.get("homepage"),
        smoke=None if smoke is None else catalog_parse.smoke(smoke),
    )
    return LockedVae(
        name=fields["name"],
        targets=tuple(fields["targets"]),
        layouts=tuple(fields["layouts"]),
        entry=entry,
        artifacts=artifacts,
    )


def _locked(fields: Mapping[str, Any]) -> Locked:
    from vaehub.catalog import parse as catalog_parse

    known = {
        key: fields[key]
        for key in ("name", "size", "sha256", "evidence", "fingerprint", "sources")
        if key in fields
    }
    return Locked(
        artifact=catalog_parse.artifact(known),
        installed=fields["installed"],
        converted=tuple(fields.get("converted", ())),
    )


def _vae_json(vae: LockedVae) -> dict[str, Any]:
    entry, variant = vae.entry, vae.variant
    return _without_nothing(
        {
            "name": vae.name,
            "targets": list(vae.targets),
            "entry": entry.full_name,
            "variant": variant.name,
            "layouts": list(vae.layouts),
            "title": entry.title,
            "family": entry.family,
            "slot": entry.slot,
            "license": _without_nothing(
                {**entry.license._asdict(), "accept": entry.license.accept or None}
            ),
            "homepage": entry.homepage,
            "key_layout": variant.layout,
            "dtype": variant.dtype,
            "smoke": _smoke_json(entry.smoke),
            "artifacts": [_locked_json(locked) for locked in vae.artifacts],
        }
    )


def _locked_json(locked: Locked) -> dict[str, Any]:
    artifact = locked.artifact
    return _without_nothing(
        {
            "name": artifact.name,
            "size": artifact.size,
            "sha256": artifact.sha256,
            "evidence": artifact.evidence,
            "fingerprint": artifact.fingerprint and _sorted(artifact.fingerprint),
            "installed": dict(sorted(locked.installed.items())),
            "converted": sorted(locked.converted) or None,
            "sources": [_source_json(source) for source in artifact.sources],
        }
    )


def _sorted(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: _sorted(value) if isinstance(value, dict) else value
        for key, value in sorted(fields.items())
    }


def _source_json(source: Source) -> dict[str, Any]:
    flags = {"login": source.login, "gated": source.gated}
    said = {**source.locator, **{key: True for key, value in flags.items() if value}}
    return {source.host: said}


def _smoke_json(facts: SmokeFacts | None) -> dict[str, Any] | None:
    return None if facts is None else _without_nothing(facts._asdict())


def _without_nothing(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if value is not None}
