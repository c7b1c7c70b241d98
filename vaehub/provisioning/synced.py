"""Make targets equal to a lock."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from vaehub import settings as settings_module
from vaehub.provisioning.agreement import agreed, under
from vaehub.provisioning.bundled import import_bundle

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from vaehub.catalog import Catalogs
    from vaehub.licenses import Ask
    from vaehub.model import Target
    from vaehub.provision.lock import Lock
    from vaehub.provision.places import Placed
    from vaehub.provision.syncing import Synced
    from vaehub.provisioning.locked import LockResult
    from vaehub.settings import Settings
    from vaehub.smoke.report import SmokeReport
    from vaehub.transfer.listener import Listener


class SyncResult(NamedTuple):
    """What a sync did."""

    lock: Lock
    relocked: LockResult | None
    """What became of the lock, where it had to be made anew first."""
    places: tuple[Placed, ...]
    synced: Synced
    reports: tuple[SmokeReport, ...] = ()
    """Of the smoke tests that the policy asks for."""
    dry_run: bool = False


def sync(
    manifest: str | Path | None = None,
    lock: str | Path | Lock | None = None,
    *,
    to: Sequence[str] = (),
    frozen: bool = False,
    offline: bool = False,
    dry_run: bool = False,
    bundles: Sequence[str | Path] = (),
    remove: bool = True,
    smoke: bool = True,
    accept_licenses: Collection[str] = (),
    ask: Ask | None = None,
    settings: Settings | None = None,
    catalogs: Catalogs | None = None,
    listener: Listener | None = None,
) -> SyncResult:
    """Make targets equal to a lock; running it again changes nothing.

    Args:
        manifest: As for :func:`lock`. It need not be there where there is a lock.
        lock: The lock, or where it lies; as for :func:`lock`.
        to: Which targets; see :func:`vaehub.provision.places.find_places`.
        frozen: Never make the lock, and refuse one that is not of this manifest.
        offline: Ask nobody but mirrors.
        dry_run: Change nothing, and say what would be done.
        bundles: Their files are taken into the store first; see :func:`import_bundle`.
        remove: Whether what vaehub placed there and the lock does not name goes.
        smoke: Whether what the policy says of smoke tests is done.
        accept_licenses: License ids that the caller accepts, beyond those of the policy.
        ask: Shows a license to a person; None where nobody can answer.
        settings: The settings; the user's own by default.
        catalogs: The catalogs, for making a lock and for smoke tests; the user's own by default.
        listener: Told of progress; silent by default.

    Returns:
        What became of each VAE; an error of one stops none of the others, and is in there.

    Raises:
        ManifestError, LockError: one of them cannot be read.
        Drift: manifest and lock disagree, and ``frozen``; or the lock has no answer for a target.
        UsageError: nobody says where a target is.
        TargetNotUsable: a path cannot be a target.
        VaehubError: as for :func:`lock`, where the lock has to be made; as for
            :func:`import_bundle`, where there are bundles.
    """
    from vaehub.provision import places, syncing
    from vaehub.transfer.listener import SILENT
    from vaehub.transfer.session import Session

    settings = settings or settings_module.load()
    found, locked, relocked = agreed(
        manifest, lock, frozen=frozen, dry_run=dry_run, settings=settings, catalogs=catalogs
    )
    settings = under(locked.policy, settings, offline=offline)
    there = places.find_places(locked, to, manifest=found, settings=settings, cwd=Path.cwd())
    for bundle in bundles:
        import_bundle(bundle, dry_run=dry_run, settings=settings, listener=listener)
    with Session(settings) as session:
        synced = syncing.sync(
            locked,
            there,
            remove=remove,
            dry_run=dry_run,
            accepted_licenses=accept_licenses,
            ask=ask,
            settings=settings,
            session=session,
            listener=listener or SILENT,
        )
    reports = _proved(synced, locked, settings, catalogs) if smoke and not dry_run else ()
    return SyncResult(locked, relocked, tuple(there), synced, tuple(reports), dry_run)


def _proved(
    synced: Synced, lock: Lock, settings: Settings, catalogs: Catalogs | None
) -> Sequence[SmokeReport]:
    wanted = lock.policy.smoke
    if wanted is None:
        return ()
    from vaehub import api
    from vaehub.catalog import load_catalogs
    from vaehub.provision import proving
    from vaehub.provision.known import with_locked

    known = with_locked(lock, catalogs or load_catalogs(settings))

    def test(names: Sequence[str], target: Target) -> Sequence[SmokeReport]:
        return api.smoke(
            names,
            to=target,
            device=wanted.device,
            dtypes=wanted.dtypes,
            settings=settings,
            catalogs=known,
        )

    return proving.prove(synced.brought, wanted, test=test)
