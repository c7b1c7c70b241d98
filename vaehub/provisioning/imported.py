"""Make a manifest of what is there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from vaehub import settings as settings_module
from vaehub.provision import manifest as manifest_module
from vaehub.provisioning.locked import LockResult, lock_of, write
from vaehub.provisioning.where import files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vaehub.catalog import Catalogs
    from vaehub.provision.importing.draft import Draft
    from vaehub.provision.importing.items import Gathered
    from vaehub.settings import Settings
    from vaehub.transfer.listener import Listener


class ImportResult(NamedTuple):
    """What became of an import."""

    path: Path
    """The manifest."""
    gathered: Gathered
    """What was found, file by file."""
    draft: Draft
    """What is new for the manifest."""
    created: bool
    """There was no manifest before."""
    lock: LockResult | None
    """None: nothing is to be locked, since nothing was recognised, or not all that had to be."""
    written: bool
    """Whether the manifest was written."""


def import_from(
    *,
    folders: Sequence[str | Path] = (),
    workflows: Sequence[str | Path] = (),
    settings_files: Sequence[str | Path] = (),
    manifest: str | Path | None = None,
    path: str | Path | None = None,
    check: bool = False,
    strict: bool = False,
    settings: Settings | None = None,
    catalogs: Catalogs | None = None,
    listener: Listener | None = None,
) -> ImportResult:
    """Make a manifest of what is there already, or add to one, and lock it.

    What cannot be recognised for sure is told in the result and goes nowhere. Manifest and lock are
    both written, or neither.

    Args:
        folders: Folders with VAEs, or roots of UIs.
        workflows: ComfyUI's, as JSON or in a PNG.
        settings_files: ``config.json`` of AUTOMATIC1111, reForge, Forge or SD.Next.
        manifest: The manifest; ``./vaehub.yaml`` by default.
        path: The lock; ``vaehub.lock`` beside the manifest by default.
        check: Write nothing.
        strict: Write nothing, and make no lock, where something was not recognised.
        settings: The settings; the user's own by default.
        catalogs: The catalogs; the user's own by default.
        listener: Told how far hashing is; silent by default.

    Raises:
        UsageError: a file cannot be read, or is not what it should be.
        TargetNotUsable: a folder cannot be looked into, or manifest or lock cannot be written.
        ManifestError: the manifest there is wrong, or does not let this be put in alone.
        TargetRefuses, NoSourceDelivered, NotPinned, LockError: as for :func:`lock`.
    """
    from vaehub import locks
    from vaehub.catalog import load_catalogs
    from vaehub.errors import TargetRefuses
    from vaehub.provision import wishes
    from vaehub.provision.importing import draft, gather, insert
    from vaehub.transfer.listener import SILENT

    settings = settings or settings_module.load()
    catalogs = catalogs or load_catalogs(settings)
    where, cwd = files(manifest, path), Path.cwd()
    before = manifest_module.read_bytes(where.manifest)
    there = wishes.standing(before, path=where.manifest)
    named = (tuple(map(str, each)) for each in (folders, workflows, settings_files))
    found = gather.gather(
        gather.Sources(*named), catalogs, settings=settings, cwd=cwd, listener=listener or SILENT
    )
    new = draft.draft(found, catalogs, before=there, beside=where.manifest.parent, cwd=cwd)
    done = ImportResult(where.manifest, found, new, before is None, lock=None, written=False)
    left = found.unsure or found.unknown or new.refused
    if (strict and left) or not (new.lines or there.vaes):
        return done
    text = insert.insert(before, new, path=where.manifest)
    asked = manifest_module.parse(text, path=where.manifest)
    try:
        made = lock_of(asked, where.lock, check=True, settings=settings, catalogs=catalogs)
    except TargetRefuses as error:
        if not new.targets:
            raise
        hint = "give it targets in the manifest first, or import the UI's VAE folder, not its root"
        raise TargetRefuses(f"{error.message}; nothing was written", hint=hint) from None
    if check:
        return done._replace(lock=made)
    if text != before:
        with locks.held(settings.state / "manifest.lock"):
            wishes.replace(before, text, path=where.manifest)
    if made.changed:
        write(where.lock, made.lock.text().encode())
    return done._replace(lock=made._replace(written=made.changed), written=text != before)
