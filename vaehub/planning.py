"""Find out what an install would do: look at the target, the store and the rest of this machine.

What that means is decided by :mod:`vaehub.plan`, which looks at nothing itself. Changes nothing,
save that it writes a receipt that a killed run still owes, and the license that a person accepts.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from vaehub import (
    choosing,
    destinations,
    hosts,
    intents,
    licenses,
    observe,
    targets,
)
from vaehub.plan import Plan, make_plan, usable_sources
from vaehub.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from vaehub.licenses import Ask
    from vaehub.model import Artifact, Entry, Target, Variant
    from vaehub.nearby import Nearby
    from vaehub.observe import Found
    from vaehub.settings import Settings


def _nothing(slot: str) -> Collection[str]:
    return ()


def _as_usual(layout: str, artifact: Artifact) -> str | None:
    return None


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
    installed_as: Callable[[str, Artifact], str | None] = _as_usual
    """Gives the one name that an artifact may have in a layout; None: whichever is free."""
    repair: bool = False
    """A damaged file at the destination gives way, and is set aside."""


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
    choose = partial(
        choosing.choose, layout, entry, order.wanted, named=order.named, wish=options.convert
    )
    checkpoint = None
    if options.checkpoint is None:
        variant = choose()
    else:
        from vaehub.targets import checkpoints

        checkpoint = checkpoints.find_checkpoint(options.checkpoint, target, cwd=Path.cwd())
        variant = choose(
            also=partial(checkpoints.refusal, slot=entry.slot, checkpoint=checkpoint, target=target)
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


def again(plan: Plan, *, settings: Settings, options: Options) -> Plan:
    """Make a plan anew, since the world may have changed: nobody is asked anything.

    Raises:
        TargetError, IntegrityError, UsageError: it cannot be done any more.
    """
    anew = _plan(
        plan.entry, plan.variant, plan.target, plan.checkpoint, settings=settings, options=options
    )
    return anew._replace(passed_over=plan.passed_over)


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
            called=partial(options.installed_as, target.layout),
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
            tell_damage=options.repair,
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
    from vaehub import suiting

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
        if found[artifact.name] in {"absent", "damaged", "outdated"}
        and artifact.sha256 not in stored
    ]
    if not missing:
        return {}
    from vaehub.nearby import look_for

    return look_for(missing, folder=folder, settings=settings)
