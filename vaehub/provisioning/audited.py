"""Hold targets against a lock."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vaehub import settings as settings_module
from vaehub.provision import lock as lock_module
from vaehub.provisioning.where import files, manifest_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vaehub.provision.audited import AuditResult
    from vaehub.provision.lock import Lock
    from vaehub.provision.manifest import Manifest
    from vaehub.provision.places import Placed
    from vaehub.settings import Settings


def audit(
    manifest: str | Path | None = None,
    path: str | Path | None = None,
    *,
    to: Sequence[str] = (),
    quick: bool = False,
    allow_foreign: bool = False,
    settings: Settings | None = None,
    cwd: Path | None = None,
) -> AuditResult:
    """Hold targets against a lock, and the lock against its manifest; places and removes nothing.

    A blob of the store is hashed at its next use where a file that came from it is damaged.

    Args:
        manifest: The manifest; ``./vaehub.yaml`` by default, which need not be there.
        path: The lock; ``vaehub.lock`` beside the manifest by default.
        to: The targets, as for :func:`vaehub.provision.places.find_places`.
        quick: Believe files whose size, mtime and inode are as their receipts have it.
        allow_foreign: Models that vaehub did not place are no problem, whatever the policy says.
        settings: The settings; the user's own by default.
        cwd: What the targets' paths are relative to; the working directory by default.

    Raises:
        ManifestError: the manifest is wrong, or is not where it was said to be.
        LockError: the lock is not there, or is none.
        UsageError, TargetNotUsable: a target cannot be found.
        Drift: the lock has no answer for that kind of UI.
    """
    from vaehub.provision import auditing, locking
    from vaehub.provision.audited import Located
    from vaehub.provision.places import find_places
    from vaehub.store import Store

    settings = settings or settings_module.load()
    cwd = cwd or Path.cwd()
    where = files(manifest, path)
    asked = manifest_of(where, must_be_there=manifest is not None, cache=settings.cache)
    locked = lock_module.read(where.lock, cache=settings.cache)
    places = find_places(locked, to, manifest=asked, settings=settings, cwd=cwd)
    found = auditing.audit(
        locked,
        places,
        neighbours=_neighbours(locked, places, asked, settings=settings, cwd=cwd),
        deep=not quick,
        allow_foreign=allow_foreign or locked.policy.foreign == "allow",
    )
    for file in found.files:
        if file.state == "changed" and file.receipt is not None:
            # The file may be a hard link to its blob, which must not be placed again unread.
            Store(settings.store).doubt(file.receipt.sha256)
    if asked is None:
        return found
    differs = tuple(
        Located(one._replace(where=one.where or str(where.lock), hint="vaehub lock"))
        for one in locking.disagreements(asked, locked)
    )
    return found._replace(others=(*differs, *found.others))


def _neighbours(
    locked: Lock,
    places: Sequence[Placed],
    manifest: Manifest | None,
    *,
    settings: Settings,
    cwd: Path,
) -> list[Placed]:
    """Find the other targets of a manifest, as far as anybody says where they are."""
    from vaehub.errors import VaehubError
    from vaehub.provision.places import find_places

    known = {place.name for place in places}
    found = []
    for name in manifest.targets if manifest is not None else ():
        if name not in known and name in locked.targets:
            try:
                found += find_places(locked, [name], manifest=manifest, settings=settings, cwd=cwd)
            except VaehubError:
                continue
    return found
