"""The straight line of an install, each stage one call.

load and resolve (:mod:`vaehub.catalog`) -> **plan** -> **locate and fetch** into the store ->
**verify** -> **place** -> **record**. Nothing before *place* writes outside our own store, save
where the target lies on another file system: then the bytes stream straight to a partial inside
``.vaehub`` beside their destination, and no second copy is kept.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from vaehub import (
    folders,
    hosts,
    intents,
    licenses,
    observe,
    obtaining,
    receipts,
    received,
    staging,
    targets,
)
from vaehub.errors import TargetRefuses
from vaehub.placing import place_all
from vaehub.plan import Plan, choose_variant, make_plan, usable_sources
from vaehub.store import Store

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from vaehub.errors import VaehubError
    from vaehub.licenses import Ask
    from vaehub.model import Entry, Source, Target, Variant
    from vaehub.nearby import Nearby
    from vaehub.observe import Found
    from vaehub.placing import Fetched
    from vaehub.plan import Step
    from vaehub.settings import Settings
    from vaehub.transfer.listener import Listener
    from vaehub.transfer.session import Session

Status = Literal["planned", "installed", "present"]

_placing = threading.Lock()
"""One variant at a time is placed, since what one makes the next one finds: folders, receipts."""


class Installed(NamedTuple):
    """What was done, or would be done, for one artifact."""

    name: str
    destination: Path
    action: str
    """``fetch``, ``place`` or ``keep``, as planned."""
    status: Status
    reason: str
    size: int | None
    sha256: str | None
    source: str | None = None
    """Label of the source that served the bytes; ``store`` where they were there already, and
    ``adopted PATH`` or the like where another file of this machine had them."""
    method: str | None = None
    """``reflink``, ``hardlink``, ``copy`` or ``moved``."""
    attempts: tuple[tuple[str, VaehubError], ...] = ()
    """Sources that failed before one served."""
    candidates: tuple[str, ...] = ()
    """Labels of the files nearby that will be tried, else of the sources that will be asked, in
    order; only where ``planned``."""


class InstallResult(NamedTuple):
    """What an install did."""

    entry: Entry
    variant: Variant
    target: Target
    steps: tuple[Installed, ...]
    dry_run: bool = False

    @property
    def changed(self) -> bool:
        """Whether anything was placed."""
        return any(step.status == "installed" for step in self.steps)


class Options(NamedTuple):
    """What the user said beyond name and target."""

    only_host: str | None = None
    dry_run: bool = False
    require_pinned: bool = False
    accepted_licenses: Collection[str] = ()
    ask: Ask | None = None


class Order(NamedTuple):
    """One name that the user wants, and what it led to."""

    name: str
    entry: Entry
    wanted: Variant
    named: bool
    """Whether the user named the variant, so that no other one will do."""


def prepare(order: Order, target: Target, *, settings: Settings, options: Options) -> Plan:
    """Find out what there is to do, and whether it may be done.

    Asks for the license where there is something to do, and it is for real.

    Args:
        order: What.
        target: Where to.
        settings: The user's settings.
        options: What the user said beyond that.

    Raises:
        NamingError, TargetError, IntegrityError, UsageError: it cannot be done.
    """
    layout = targets.layouts()[target.layout]
    entry = order.entry
    variant = choose_variant(
        entry,
        order.wanted,
        named=order.named,
        refusal=lambda variant: layout.refusal(variant, entry.slot),
    )
    plan = _plan(entry, variant, target, settings=settings, options=options)
    if not (options.dry_run or plan.nothing_to_do):
        licenses.require(
            entry, state=settings.state, given=options.accepted_licenses, ask=options.ask
        )
    return plan


def report(plan: Plan, *, dry_run: bool) -> InstallResult:
    """Say what a plan that is not carried out would do, or finds done."""
    return _result(plan, {}, {}, dry_run=dry_run)


def carry_out(
    plan: Plan, *, session: Session, settings: Settings, listener: Listener, options: Options
) -> InstallResult:
    """Bring one variant to a target.

    Args:
        plan: What to do; made anew once nobody else is at it.
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
        plan = _plan(plan.entry, plan.variant, plan.target, settings=settings, options=options)
        for step in plan.steps:
            if step.action != "fetch" and step.artifact.name in waits:
                waits[step.artifact.name].end()
        return _carry_out(plan, store, session=session, settings=settings, listener=listener)


def _carry_out(
    plan: Plan, store: Store, *, session: Session, settings: Settings, listener: Listener
) -> InstallResult:
    """Fetch what is missing, place it, record it; the locks are held."""
    target = plan.target
    todo = plan.todo
    if not todo:
        return _result(plan, {}, {}, dry_run=False)
    folder = todo[0].destination.parent
    elsewhere = _device(store.root) != _device(folder)
    created: tuple[str, ...] | None = None
    try:
        if elsewhere:
            # The bytes go straight to the target's file system, so its folder must be there.
            created = _make_folder(folder, target, store)
        fetched = obtaining.obtain(
            todo,
            store,
            session=session,
            settings=settings,
            listener=listener,
            elsewhere=elsewhere,
        )
        with _placing:
            if created is None:
                created = _make_folder(folder, target, store)
            methods = place_all(plan, fetched, store, created)
            intents.forget(store.root, folder)
        received.note(settings.state, target)
    except BaseException:
        # Folders made for nothing go again, as far as they are empty.
        made = [target.root / name for name in created or ()]
        folders.remove_empty([*made, folder / staging.FOLDER])
        if not folder.exists():
            intents.forget(store.root, folder)
        raise
    return _result(plan, fetched, methods, dry_run=False)


def _plan(
    entry: Entry,
    variant: Variant,
    target: Target,
    *,
    settings: Settings,
    options: Options,
) -> Plan:
    store = Store(settings.store)
    layout = targets.layouts()[target.layout]
    folder = layout.folder(target, entry.slot)
    destinations = {artifact.name: folder / artifact.name for artifact in variant.artifacts}
    for artifact in variant.artifacts:
        if not options.dry_run:
            intents.finish(store.root, destinations[artifact.name])
        hidden_by = layout.collision(target, entry.slot, artifact.name)
        if hidden_by is not None:
            raise TargetRefuses(
                f"{layout.title} knows files by their name alone, and {hidden_by} has the name "
                f"{artifact.name} already: one of the two would be hidden",
                hint="rename or move that file, or choose another variant",
            )
    found = {
        artifact.name: observe.look(destinations[artifact.name], artifact, entry=entry.full_name)
        for artifact in variant.artifacts
    }
    stored = {
        artifact.sha256
        for artifact in variant.artifacts
        if artifact.sha256 is not None and store.has(artifact.sha256, artifact.size)
    }
    return make_plan(
        entry,
        variant,
        target,
        destinations=destinations,
        found=found,
        stored=stored,
        nearby=_nearby(variant, found, stored, folder=folder, settings=settings),
        sources={
            artifact.name: usable_sources(
                artifact, hosts.with_mirrors(artifact, settings), only_host=options.only_host
            )
            for artifact in variant.artifacts
        },
        require_pinned=options.require_pinned,
    )


def _nearby(
    variant: Variant,
    found: Mapping[str, Found],
    stored: Collection[str],
    *,
    folder: Path,
    settings: Settings,
) -> Mapping[str, tuple[Nearby, ...]]:
    """Look on this machine for what would have to be fetched; for nothing else."""
    missing = [
        artifact
        for artifact in variant.artifacts
        if found[artifact.name] in {"absent", "outdated"} and artifact.sha256 not in stored
    ]
    if not missing:
        return {}
    from vaehub.nearby import look_for

    return look_for(missing, folder=folder, settings=settings)


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


def _result(
    plan: Plan, fetched: dict[str, Fetched], methods: dict[str, str], *, dry_run: bool
) -> InstallResult:
    steps = []
    for step in plan.steps:
        bytes_ = fetched.get(step.artifact.name)
        status: Status = "present" if step.action == "keep" else "installed"
        steps.append(
            Installed(
                name=step.artifact.name,
                destination=step.destination,
                action=step.action,
                status="planned" if dry_run and step.action != "keep" else status,
                reason=step.reason,
                size=bytes_.size if bytes_ else step.artifact.size,
                sha256=bytes_.sha256 if bytes_ else step.artifact.sha256,
                source=bytes_.source if bytes_ else None,
                method=methods.get(step.artifact.name),
                attempts=bytes_.attempts if bytes_ else (),
                candidates=_candidates(step) if dry_run else (),
            )
        )
    return InstallResult(plan.entry, plan.variant, plan.target, tuple(steps), dry_run=dry_run)


def _candidates(step: Step) -> tuple[str, ...]:
    return tuple(one.label for one in step.nearby) or tuple(map(_label, step.sources))


def _label(source: Source) -> str:
    return hosts.get(source.host).label(source)


def _device(path: Path) -> int:
    """Give the device of a path, or of the nearest folder above it that exists."""
    while True:
        try:
            return path.stat().st_dev
        except FileNotFoundError:
            path = path.parent
