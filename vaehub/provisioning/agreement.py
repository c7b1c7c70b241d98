"""Give manifest and lock that agree, and the settings that hold under a policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaehub import settings as settings_module
from vaehub.provision import lock as lock_module
from vaehub.provision import manifest as manifest_module
from vaehub.provisioning.locked import LockResult, lock_of
from vaehub.provisioning.where import files

if TYPE_CHECKING:
    from pathlib import Path

    from vaehub.catalog import Catalogs
    from vaehub.provision.lock import Lock
    from vaehub.provision.manifest import Manifest, Policy
    from vaehub.settings import Settings


def agreed(
    manifest: str | Path | None = None,
    lock: str | Path | Lock | None = None,
    *,
    frozen: bool = True,
    dry_run: bool = False,
    settings: Settings,
    catalogs: Catalogs | None = None,
) -> tuple[Manifest | None, Lock, LockResult | None]:
    """Give manifest and lock that agree with each other.

    Args:
        manifest: As for :func:`lock`. It need not be there if nobody names it.
        lock: The lock, or where it lies; as for :func:`lock`.
        frozen: Refuse rather than make a lock that is missing, or is not of this manifest.
        dry_run: Make it, and write nothing.
        settings: The user's settings.
        catalogs: The catalogs; the user's own by default.

    Returns:
        The manifest, None where there is none; the lock; and what became of it where it had to be
        made.

    Raises:
        ManifestError, LockError: one of them cannot be read.
        Drift: they disagree, and ``frozen``.
        VaehubError: as for :func:`lock`.
    """
    from vaehub.errors import Drift
    from vaehub.provision import locking

    is_lock = isinstance(lock, lock_module.Lock)
    where = files(manifest, None if is_lock else lock)  # type: ignore[arg-type]
    found = None
    if manifest is not None or (where.manifest.is_file() and not is_lock):
        found = manifest_module.read(where.manifest, cache=settings.cache)
    if is_lock or where.lock.exists() or found is None:
        known = lock if is_lock else lock_module.read(where.lock, cache=settings.cache)
        assert isinstance(known, lock_module.Lock)
        problems = locking.disagreements(found, known) if found is not None else []
        if not problems:
            return found, known, None
        if frozen:
            more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
            raise Drift(
                f"{where.lock} is not the lock of {where.manifest}: {problems[0].message}{more}",
                hint="run `vaehub lock`, and keep the result with the manifest",
            )
    elif frozen:
        raise Drift(
            f"there is no lock {where.lock} for {where.manifest}",
            hint="run `vaehub lock`, and keep the result with the manifest",
        )
    assert found is not None
    made = lock_of(found, where.lock, check=dry_run, settings=settings, catalogs=catalogs)
    return found, made.lock, made


def under(policy: Policy, settings: Settings, *, offline: bool = False) -> Settings:
    """Give the settings that hold under a policy: its mirrors come after the user's own."""
    own = {mirror.base for mirror in settings.mirrors}
    more = (settings_module.Mirror(base) for base in policy.mirrors if base not in own)
    settings = settings._replace(mirrors=(*settings.mirrors, *more))
    if not (offline or settings.offline):
        return settings
    # A mirror at the side of a box that has no network is no network: the user named it.
    has_mirrors = bool(settings.mirrors)
    return settings._replace(offline=not has_mirrors, mirrors_only=has_mirrors)
