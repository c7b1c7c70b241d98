"""Carry a plan out: the second half of the straight line of an install, each stage one call.

load and resolve (:mod:`vaehub.catalog`) -> **plan** -> **locate and fetch** into the store ->
**verify** -> **place** -> **record**. Nothing before *place* writes outside our own store, save
where the target lies on another file system: then the bytes stream straight to a partial inside
``.vaehub`` beside their destination, and no second copy is kept.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from vaehub import (
    converted,
    folders,
    intents,
    obtaining,
    outcome,
    planning,
    receipts,
    received,
    staging,
    targets,
)
from vaehub.copies import device_of
from vaehub.placing import place_all
from vaehub.plan import spared
from vaehub.store import Store

if TYPE_CHECKING:
    from vaehub.copies import Copies
    from vaehub.model import Target
    from vaehub.outcome import InstallResult
    from vaehub.plan import Plan
    from vaehub.planning import Options
    from vaehub.settings import Settings
    from vaehub.transfer.listener import Listener
    from vaehub.transfer.session import Session

_placing = threading.Lock()
"""One variant at a time is placed, since what one makes the next one finds: folders, receipts."""


def carry_out(
    plan: Plan,
    *,
    copies: Copies,
    session: Session,
    settings: Settings,
    listener: Listener,
    options: Options,
) -> InstallResult:
    """Bring one variant to a target.

    Args:
        plan: What to do; made anew once nobody else is at it.
        copies: Files of ours that may have the bytes; what is placed joins them.
        session: The HTTP session to use.
        settings: The user's settings.
        listener: Told of progress.
        options: What the user said.

    Raises:
        SourceError, IntegrityError, TargetError: as the classes say; the target is as it was.
    """
    store = Store(settings.store)
    with obtaining.hold(plan.todo, store, listener=listener) as waits:
        # Whoever held the locks before us may have done part of the work, or all of it.
        plan = planning.again(plan, settings=settings, options=options)
        plan = spared(
            plan,
            {
                step.artifact.name: "an installed file has its bytes"
                for step in plan.todo
                if copies.find(
                    obtaining.key_of(step.artifact), device=device_of(step.destination.parent)
                )
            },
        )
        for step in plan.steps:
            if step.action != "fetch" and step.artifact.name in waits:
                waits[step.artifact.name].end()
        return _carry_out(
            plan, store, copies, session=session, settings=settings, listener=listener
        )


def _carry_out(
    plan: Plan,
    store: Store,
    copies: Copies,
    *,
    session: Session,
    settings: Settings,
    listener: Listener,
) -> InstallResult:
    """Fetch what is missing, place it, record it; the locks are held."""
    target = plan.target
    todo = plan.todo
    if not todo:
        return outcome.report(plan, dry_run=False)
    folder = todo[0].destination.parent
    elsewhere = device_of(store.root) != device_of(folder)
    created: tuple[str, ...] | None = None
    try:
        if elsewhere:
            # The bytes go straight to the target's file system, so its folder must be there.
            created = _make_folder(folder, target, store)
        fetched = obtaining.obtain(
            todo,
            store,
            copies,
            session=session,
            settings=settings,
            listener=listener,
            elsewhere=elsewhere,
        )
        making = converted.convert_all(todo, fetched, store, elsewhere=elsewhere)
        with making as made, _placing:
            if created is None:
                created = _make_folder(folder, target, store)
            placed = place_all(plan, made, store, created)
            intents.forget(store.root, folder)
        received.note(settings.state, target)
    except BaseException:
        # Folders made for nothing go again, as far as they are empty.
        new = [target.root / name for name in created or ()]
        folders.remove_empty([*new, folder / staging.FOLDER])
        if not folder.exists():
            intents.forget(store.root, folder)
        raise
    for step in todo:
        if step.convert is None:
            got = made[step.artifact.name]
            copies.placed(obtaining.key_of(step.artifact), step.destination, got.sha256)
    return outcome.done(plan, made, placed)


def _make_folder(folder: Path, target: Target, store: Store) -> tuple[str, ...]:
    """Make the folder to place into; say which folders are there only because of us."""
    steps = (*reversed(folder.parents), folder)
    ours = {step for step in steps if not step.exists()} | intents.folders(store.root, folder)
    intents.note_folders(store.root, folder, ours)
    known = [receipt for near in (folder, *_siblings(target)) for receipt in receipts.read(near)]
    named = receipts.make_folder(folder, root=target.root, known=known)
    ours |= {Path(os.path.normpath(target.root / name)) for name in named}
    return tuple(
        Path(os.path.relpath(step, target.root)).as_posix() for step in steps if step in ours
    )


def _siblings(target: Target) -> list[Path]:
    layout = targets.layouts()[target.layout]
    return [layout.folder(target, slot) for slot in layout.slots]
