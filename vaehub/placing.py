"""Put fetched bytes where the plan says, and record it: the last two stages of an install.

Either every artifact of a variant is placed and has its receipt, or none is. A kill between a file
and its receipt is bridged by an intent in the store.
"""

from __future__ import annotations

import itertools
import os
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from vaehub import intents, observe, receipts, staging
from vaehub.errors import FileInTheWay
from vaehub.model import Receipt
from vaehub.place import place, publish

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vaehub.errors import VaehubError
    from vaehub.plan import Plan, Step
    from vaehub.store import Store


class Fetched(NamedTuple):
    """Verified bytes, waiting to be placed."""

    path: Path
    sha256: str
    size: int
    source: str
    keep: bool
    """They are the store's, or another installed file: placing must leave them there."""
    attempts: tuple[tuple[str, VaehubError], ...] = ()
    converted_from: Mapping[str, Any] | None = None
    """As in the receipt."""
    method: str | None = None
    """How they came to be ours, where that was on this machine; the receipt of a file that is then
    merely moved says this."""


class Placed(NamedTuple):
    """What became of one artifact."""

    method: str
    """``reflink``, ``hardlink``, ``copy`` or ``moved``."""
    set_aside: Path | None = None
    """Where the damaged file is now that had the name before."""


def place_all(
    plan: Plan, fetched: Mapping[str, Fetched], store: Store, created: tuple[str, ...]
) -> dict[str, Placed]:
    """Place every artifact or none, and write the receipts.

    Args:
        plan: What to place where.
        fetched: The bytes, per artifact name.
        store: The store, which remembers what is about to be placed.
        created: Folders made for this install, for the receipts.

    Returns:
        How each artifact was placed, and what was set aside for it, per name.

    Raises:
        TargetError: one could not be placed; those before it are gone again.
    """
    done: dict[str, Placed] = {}
    placed: list[Receipt] = []
    try:
        for step in plan.steps:
            bytes_ = fetched.get(step.artifact.name)
            if bytes_ is None:
                continue
            receipt = _receipt(plan, step, created)._replace(
                sha256=bytes_.sha256,
                size=bytes_.size,
                source=bytes_.source,
                converted_from=bytes_.converted_from,
            )
            receipt, aside = _place_one(receipt, bytes_, store, step)
            done[step.artifact.name] = Placed(receipt.method, aside)
            if not step.replaces:
                placed.append(receipt)
    except BaseException:
        for receipt in placed:
            receipts.unplace(receipt)
        raise
    return done


def _place_one(
    receipt: Receipt, bytes_: Fetched, store: Store, step: Step
) -> tuple[Receipt, Path | None]:
    destination = receipt.path
    aside = None
    intents.note(store.root, receipt)
    try:
        if step.replaces:
            # Swapped in one rename, so that the UI always finds one of the two.
            staged = receipts.folder_of(destination) / f"{destination.name}.new.part"
            staged.unlink(missing_ok=True)
            try:
                method = place(bytes_.path, staged, keep_source=bytes_.keep)
                if step.sets_aside:
                    aside = _set_aside(destination)
                else:
                    _refuse_if_changed(destination)
                staged.replace(destination)
            finally:
                staged.unlink(missing_ok=True)
        else:
            method = place(bytes_.path, destination, keep_source=bytes_.keep)
        if method == "moved" and bytes_.method is not None:
            method = bytes_.method
        try:
            receipt = receipts.with_stat(receipt._replace(method=method), destination.stat())
            receipts.write(receipt)
        except BaseException:
            if not step.replaces:
                destination.unlink(missing_ok=True)  # without a receipt nobody could remove it
            raise
    finally:
        intents.forget(store.root, destination)
    return receipt, aside


def _set_aside(destination: Path) -> Path | None:
    """Give a damaged file a second name that no UI lists, and say which; None where it is gone.

    Raises:
        FileInTheWay: it is damaged no longer.
        OSError: it can have no second name there.
    """
    if not os.path.lexists(destination):
        return None
    if not observe.is_damaged(destination, receipts.find(destination)):
        raise FileInTheWay(
            f"{destination} was changed while what should stand there was fetched",
            hint="it was not touched; move or delete it, and run the same command again",
        )
    for number in itertools.count(1):
        path = receipts.folder_of(destination) / f"{destination.name}.{number}{staging.SET_ASIDE}"
        try:
            publish(destination, path, keep=True)
        except FileExistsError:
            continue
        return path
    raise AssertionError


def _refuse_if_changed(destination: Path) -> None:
    """Look again: a download takes minutes, in which somebody may have put their own file there."""
    if not os.path.lexists(destination):
        return
    receipt = receipts.find(destination)
    regular = destination.is_file() and not destination.is_symlink()
    if receipt is None or not regular or not observe.is_unchanged(receipt):
        raise FileInTheWay(
            f"{destination} was changed while its newer version was fetched",
            hint="it was not touched; move or delete it, and run the same command again",
        )


def _receipt(plan: Plan, step: Step, created: tuple[str, ...]) -> Receipt:
    """Draft the receipt of a step; bytes, method and stat are filled in as they are known."""
    return Receipt(
        path=step.destination,
        entry=plan.entry.full_name,
        variant=plan.variant.name,
        sha256=step.artifact.sha256 or "",
        size=step.artifact.size or 0,
        evidence=step.artifact.evidence,
        source="",
        method="",
        license=plan.entry.license.id,
        mtime_ns=0,
        inode=0,
        installed_at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        created_folders=created,
        root=Path(os.path.relpath(plan.target.root, step.destination.parent)).as_posix(),
        checkpoint=plan.checkpoint.name if plan.checkpoint is not None else None,
        placed_for=_through_a_link(plan.target.root, step.destination.parent),
    )


def _through_a_link(root: Path, folder: Path) -> str | None:
    """Give the root of a target, where a folder of it really lies elsewhere; else None."""
    there = os.path.realpath(folder / os.path.relpath(root, folder))
    return None if there == os.path.realpath(root) else str(root)
