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
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from vaehub import (
    choosing,
    converted,
    destinations,
    folders,
    hosts,
    intents,
    licenses,
    observe,
    obtaining,
    receipts,
    received,
    staging,
    suiting,
    targets,
)
from vaehub.copies import device_of
from vaehub.placing import place_all
from vaehub.plan import Plan, make_plan, spared, usable_sources
from vaehub.store import Store
from vaehub.targets import checkpoints

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from vaehub.copies import Copies
    from vaehub.errors import VaehubError
    from vaehub.licenses import Ask
    from vaehub.model import Entry, Problem, Source, Target, Variant
    from vaehub.nearby import Nearby
    from vaehub.observe import Found
    from vaehub.placing import Fetched
    from vaehub.plan import Step
    from vaehub.settings import Settings
    from vaehub.targets import Layout
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
    converted_from: Mapping[str, Any] | None = None
    """``name``, ``size``, ``sha256`` of the catalog's file, where ours is made of it: then its own
    size and sha256 are known only right after that."""
    because: str | None = None
    """Why it is another file, or has another name, than the catalog says."""
    listed_as: str | None = None
    """What the UI calls it in its list; None where it lists it under no name."""


class InstallResult(NamedTuple):
    """What an install did."""

    entry: Entry
    variant: Variant
    target: Target
    steps: tuple[Installed, ...]
    dry_run: bool = False
    checkpoint: Path | None = None
    """The checkpoint that the UI takes it with; None: it went where VAEs go."""
    notes: tuple[Problem, ...] = ()
    """What is worth a word, and stopped nothing."""

    passed_over: str | None = None
    """Which variant was wanted, and why this one was taken instead; None where it is that one."""

    @property
    def layout(self) -> Layout:
        """The target's layout."""
        return targets.layouts()[self.target.layout]

    @property
    def ui(self) -> str | None:
        """What people call the UI; None where the target is a plain folder."""
        return self.layout.title if self.layout.is_ui else None

    @property
    def changed(self) -> bool:
        """Whether anything was placed."""
        return any(step.status == "installed" for step in self.steps)


def _nothing(slot: str) -> Collection[str]:
    return ()


class Options(NamedTuple):
    """What the user said beyond name and target."""

    only_host: str | None = None
    checkpoint: str | Path | None = None
    """A path, or a name below the UI's folder of checkpoints: the VAE shall go with that one."""
    dry_run: bool = False
    require_pinned: bool = False
    accepted_licenses: Collection[str] = ()
    ask: Ask | None = None
    convert: bool = False
    """Place the weights of a pickle as safetensors."""
    reserved: Callable[[str], Collection[str]] = _nothing
    """Gives the names that the catalogs have for the files of a slot, in lower case."""


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
    checkpoint = None
    if options.checkpoint is not None:
        checkpoint = checkpoints.find_checkpoint(options.checkpoint, target, cwd=Path.cwd())

    def refusal(variant: Variant) -> str | None:
        if checkpoint is None:
            return None
        return checkpoints.refusal(variant, entry.slot, checkpoint, target)

    variant = choosing.choose(
        layout, entry, order.wanted, named=order.named, wish=options.convert, also=refusal
    )
    plan = _plan(entry, variant, target, checkpoint, settings=settings, options=options)
    plan = plan._replace(
        passed_over=choosing.passed_over(layout, entry, order.wanted, variant, wish=options.convert)
    )
    if not (options.dry_run or plan.nothing_to_do):
        licenses.require(
            entry, state=settings.state, given=options.accepted_licenses, ask=options.ask
        )
    return plan


def report(plan: Plan, *, dry_run: bool) -> InstallResult:
    """Say what a plan that is not carried out would do, or finds done."""
    return _result(plan, {}, {}, dry_run=dry_run)


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
        passed_over = plan.passed_over
        plan = _plan(
            plan.entry,
            plan.variant,
            plan.target,
            plan.checkpoint,
            settings=settings,
            options=options,
        )
        plan = spared(
            plan,
            {
                step.artifact.name: "an installed file has its bytes"
                for step in plan.todo
                if copies.find(
                    obtaining.key_of(step.artifact), device=device_of(step.destination.parent)
                )
            },
        )._replace(passed_over=passed_over)
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
        return _result(plan, {}, {}, dry_run=False)
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
            methods = place_all(plan, made, store, created)
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
    return _result(plan, made, methods, dry_run=False)


def _plan(
    entry: Entry,
    variant: Variant,
    target: Target,
    checkpoint: Path | None,
    *,
    settings: Settings,
    options: Options,
) -> Plan:
    store = Store(settings.store)

    def finish(destination: Path) -> None:
        if not options.dry_run:
            intents.finish(store.root, destination)

    if checkpoint is None:
        where = destinations.find(
            entry,
            variant,
            target,
            wish=options.convert,
            reserved=options.reserved,
            finish=finish,
        )
    else:
        where = destinations.beside(
            checkpoint, entry, variant, target, wish=options.convert, finish=finish
        )
    found = {
        artifact.name: observe.look(
            where[artifact.name].path,
            artifact,
            entry=entry.full_name,
            converted=where[artifact.name].convert is not None,
        )
        for artifact in variant.artifacts
    }
    stored = {
        artifact.sha256
        for artifact in variant.artifacts
        if artifact.sha256 is not None and store.has(artifact.sha256, artifact.size)
    }
    plan = make_plan(
        entry,
        variant,
        target,
        destinations=where,
        found=found,
        stored=stored,
        nearby=_nearby(
            variant,
            found,
            stored,
            folder=next(iter(where.values())).path.parent,
            settings=settings,
        ),
        sources={
            artifact.name: usable_sources(
                artifact, hosts.with_mirrors(artifact, settings), only_host=options.only_host
            )
            for artifact in variant.artifacts
        },
        require_pinned=options.require_pinned,
    )
    if checkpoint is None:
        return plan
    notes = [
        note
        for place in where.values()
        for note in suiting.notes(entry, target, checkpoint, place.path)
    ]
    return plan._replace(checkpoint=checkpoint, notes=tuple(notes))


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
    plan: Plan, fetched: Mapping[str, Fetched], methods: dict[str, str], *, dry_run: bool
) -> InstallResult:
    layout = targets.layouts()[plan.target.layout]
    steps = []
    for step in plan.steps:
        bytes_ = fetched.get(step.artifact.name)
        origin = bytes_.converted_from if bytes_ else _origin(step)
        status: Status = "present" if step.action == "keep" else "installed"
        steps.append(
            Installed(
                name=step.artifact.name,
                destination=step.destination,
                action=step.action,
                status="planned" if dry_run and step.action != "keep" else status,
                reason=step.reason,
                size=bytes_.size if bytes_ else None if origin else step.artifact.size,
                sha256=bytes_.sha256 if bytes_ else None if origin else step.artifact.sha256,
                source=bytes_.source if bytes_ else None,
                method=methods.get(step.artifact.name),
                attempts=bytes_.attempts if bytes_ else (),
                candidates=_candidates(step) if dry_run else (),
                converted_from=origin,
                because=step.because,
                listed_as=layout.listed_as(plan.target, plan.entry.slot, step.destination),
            )
        )
    return InstallResult(
        plan.entry,
        plan.variant,
        plan.target,
        tuple(steps),
        dry_run=dry_run,
        checkpoint=plan.checkpoint,
        notes=plan.notes,
        passed_over=plan.passed_over,
    )


def _origin(step: Step) -> Mapping[str, Any] | None:
    """Say of what a file was made, or would be."""
    if step.convert is None:
        return None
    artifact = step.artifact
    return {"name": artifact.name, "size": artifact.size, "sha256": artifact.sha256}


def _candidates(step: Step) -> tuple[str, ...]:
    return tuple(one.label for one in step.nearby) or tuple(map(_label, step.sources))


def _label(source: Source) -> str:
    return hosts.get(source.host).label(source)
