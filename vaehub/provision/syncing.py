"""Make targets equal to a lock: install what is missing, mend what is damaged, remove the rest.

Everything comes in the way of an install, so nothing appears before it is whole and verified, and a
kill at any moment leaves what the next run goes on from. What is removed was placed by vaehub, for
that very target, and is what it was then; and only where all that the lock names is there.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal, NamedTuple

from vaehub import batch, observe, receipts
from vaehub.errors import Drift, FileInTheWay, VaehubError
from vaehub.planning import Options, Order
from vaehub.targets.layouts import layouts
from vaehub.targets.places import folders_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from vaehub.licenses import Ask
    from vaehub.model import Receipt, Target
    from vaehub.outcome import InstallResult
    from vaehub.provision.lock import Lock, LockedVae
    from vaehub.provision.places import Placed
    from vaehub.settings import Settings
    from vaehub.transfer.listener import Listener
    from vaehub.transfer.session import Session


class Brought(NamedTuple):
    """What became of one VAE of the lock in one target."""

    vae: LockedVae
    place: Placed
    outcome: InstallResult | Exception


class Extra(NamedTuple):
    """A file that vaehub placed and the lock does not name."""

    receipt: Receipt
    place: Placed
    status: Literal["removed", "would be removed", "gone", "kept"]
    error: VaehubError | None = None
    """Why it is still there."""


class Synced(NamedTuple):
    """What a sync did."""

    brought: tuple[Brought, ...]
    extras: tuple[Extra, ...]

    @property
    def failures(self) -> tuple[tuple[Exception, Placed, str], ...]:
        """What went wrong, with the target and the name that it is about."""
        wrong = [
            (one.outcome, one.place, one.vae.name)
            for one in self.brought
            if isinstance(one.outcome, Exception)
        ]
        wrong += [
            (one.error, one.place, one.receipt.path.name)
            for one in self.extras
            if one.error is not None
        ]
        return tuple(wrong)

    @property
    def changed(self) -> bool:
        """Whether anything was done."""
        return any(
            not isinstance(one.outcome, Exception) and one.outcome.changed for one in self.brought
        ) or any(one.status in {"removed", "gone"} for one in self.extras)


def sync(
    lock: Lock,
    places: Sequence[Placed],
    *,
    remove: bool = True,
    dry_run: bool = False,
    accepted_licenses: Collection[str] = (),
    ask: Ask | None = None,
    settings: Settings,
    session: Session,
    listener: Listener,
) -> Synced:
    """Make targets equal to a lock.

    Args:
        lock: What is right.
        places: The targets.
        remove: Whether what vaehub placed and the lock does not name goes.
        dry_run: Change nothing, and say what would be done.
        accepted_licenses: Ids that the user accepts, beyond those of the policy.
        ask: Shows a license to a person; None where nobody can answer.
        settings: The user's settings.
        session: The HTTP session to use.
        listener: Told of progress.

    Returns:
        What became of each VAE in each target, and of each extra file; an error of one stops none
        of the others.
    """
    wanted = [(place, vae) for place in places for vae in place.vaes(lock)]
    names = _names(lock)
    options = Options(
        dry_run=dry_run,
        accepted_licenses=(*lock.policy.licenses_accepted, *accepted_licenses),
        ask=ask,
        convert=lock.policy.pickles == "convert",
        installed_as=lambda layout, artifact: names.get((layout, artifact.name, artifact.sha256)),
        repair=True,
    )
    jobs = [
        batch.Job(Order(vae.name, vae.entry, vae.variant, named=True), place.target)
        for place, vae in wanted
    ]
    outcomes = batch.install_all(
        jobs, settings=settings, session=session, listener=listener, options=options
    )
    brought = [
        Brought(vae, place, _as_locked(vae, place.target, outcome))
        for (place, vae), outcome in zip(wanted, outcomes, strict=True)
    ]
    if not dry_run:
        _note_what_is_there(brought)
    failed = {one.place for one in brought if isinstance(one.outcome, Exception)}
    extras: list[Extra] = []
    if remove:
        found = find_extras(lock, places)
        extras = [_remove(one, is_safe=one.place not in failed, dry_run=dry_run) for one in found]
    return Synced(tuple(brought), tuple(extras))


def find_extras(lock: Lock, places: Sequence[Placed]) -> list[Extra]:
    """Find what vaehub placed in these targets and the lock does not name; changes nothing.

    A file counts for the target that it was placed for: UIs may share folders.
    """
    expected = {
        (os.path.realpath(path), vae.entry.full_name, sha256)
        for place in places
        for vae in place.vaes(lock)
        for path, sha256 in _expected(vae, place.target)
    }
    found = []
    for place in places:
        for folder in folders_of(place.target):
            for receipt in receipts.read(folder):
                key = (os.path.realpath(receipt.path), receipt.entry, receipt.origin_sha256)
                if not receipts.is_for(receipt, place.target):
                    continue
                if key not in expected or receipt.checkpoint is not None:
                    found.append(Extra(receipt, place, "would be removed"))
    return found


def _names(lock: Lock) -> Mapping[tuple[str, str, str | None], str]:
    """Give the installed name by layout, and by the file's name and sha256 in the catalog."""
    return {
        (layout, locked.artifact.name, locked.artifact.sha256): name
        for vae in lock.vaes
        for locked in vae.artifacts
        for layout, name in locked.installed.items()
    }


def _expected(vae: LockedVae, target: Target) -> Iterator[tuple[Path, str | None]]:
    folder = layouts()[target.layout].folder(target, vae.entry.slot)
    for locked in vae.artifacts:
        name = locked.installed.get(target.layout)
        if name is not None:
            yield folder / name, locked.artifact.sha256


def _as_locked(
    vae: LockedVae, target: Target, outcome: InstallResult | Exception
) -> InstallResult | Exception:
    """Make sure that what was done is what the lock says, down to whether it was converted."""
    if isinstance(outcome, Exception):
        return outcome
    for locked, step in zip(vae.artifacts, outcome.steps, strict=True):
        is_converted = target.layout in locked.converted
        if is_converted != (step.converted_from is not None):
            what = "converted" if is_converted else "as it is"
            return Drift(
                f"{step.destination} should be {what}, by the lock, and this vaehub would have it "
                "otherwise",
                hint="make the lock anew with this vaehub: vaehub lock",
            )
    return outcome


def _note_what_is_there(brought: Sequence[Brought]) -> None:
    """Bring receipts up to date whose files were copied or restored: they are not read again."""
    for one in brought:
        if isinstance(one.outcome, Exception):
            continue
        for step in one.outcome.steps:
            receipt = receipts.find(step.destination) if step.status == "present" else None
            if receipt is None:
                continue
            try:
                stat = step.destination.stat()
                if not receipts.stat_matches(receipt, stat):
                    receipts.write(receipts.with_stat(receipt, stat))
            except (OSError, VaehubError):
                continue  # a tree that may only be read is hashed each time, and that is all


def _remove(extra: Extra, *, is_safe: bool, dry_run: bool) -> Extra:
    receipt = extra.receipt
    if not is_safe:
        return extra._replace(status="kept")
    try:
        if not os.path.lexists(receipt.path):
            if not dry_run:
                receipts.unplace(receipt)
            return extra._replace(status="gone")
        if not observe.is_unchanged(receipt):
            raise FileInTheWay(
                f"{receipt.path} is not in the lock, and is no longer what vaehub placed there",
                hint="it was not touched; delete it yourself if you do not need it",
            )
        if not dry_run:
            receipts.unplace(receipt)
            return extra._replace(status="removed")
    except VaehubError as error:
        return extra._replace(status="kept", error=error)
    except OSError as error:
        said = FileInTheWay(f"cannot look at {receipt.path}: {error.strerror or error}")
        return extra._replace(status="kept", error=said)
    return extra
