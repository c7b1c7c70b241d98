"""Several installs at once: who goes beside whom, and what becomes of each.

Questions are asked before the first byte, one after another. Then the installs run side by side,
save those that want the same file name, of which the first wins, and those that want the same
bytes, which come once for all targets.
"""

from __future__ import annotations

import os
from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from vaehub.copies import Copies, device_of
from vaehub.installing import carry_out
from vaehub.obtaining import AT_ONCE, key_of
from vaehub.outcome import InstallResult, report
from vaehub.plan import spared
from vaehub.planning import prepare
from vaehub.together import run_together
from vaehub.transfer.listener import Relay

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from vaehub.licenses import Ask
    from vaehub.model import Entry, Target
    from vaehub.plan import Plan
    from vaehub.planning import Options, Order
    from vaehub.settings import Settings
    from vaehub.transfer.listener import Listener
    from vaehub.transfer.session import Session

Outcome = InstallResult | Exception


class Job(NamedTuple):
    """One variant for one target."""

    order: Order
    target: Target


def install_all(
    jobs: Sequence[Job],
    *,
    settings: Settings,
    session: Session,
    listener: Listener,
    options: Options,
) -> list[Outcome]:
    """Bring variants to targets, or find that they are there; each succeeds by itself.

    Args:
        jobs: What the user wants where.
        settings: The user's settings.
        session: The HTTP session to use.
        listener: Told of progress.
        options: What the user said beyond that.

    Returns:
        For each job what was done, or the error that stopped it: then the target is as it was.

    Raises:
        KeyboardInterrupt: the person wants to stop; what has come stays for the next run.
    """
    outcomes: dict[int, Outcome] = {}
    plans: dict[int, Plan] = {}
    options = options._replace(ask=_asking_once(options.ask))
    for index, job in enumerate(jobs):
        try:
            plans[index] = prepare(job.order, job.target, settings=settings, options=options)
        except Exception as error:
            outcomes[index] = error
    copies = Copies()
    plans = _sharing(plans, copies)
    for index in list(plans):
        if options.dry_run or plans[index].nothing_to_do:
            outcomes[index] = report(plans.pop(index), dry_run=options.dry_run)
    labels = _labels(plans)
    coming = [
        (labels[index][step.artifact.name], step.artifact.size)
        for index, plan in plans.items()
        for step in plan.todo
        if step.action == "fetch"
    ]
    if len(coming) > 1:
        for label, size in coming:
            listener.planned(label, size)

    def run(queue: Sequence[int], stopping: Callable[[], bool]) -> None:
        for index in queue:
            told = Relay(listener, labels=labels[index], stopping=stopping)
            try:
                outcomes[index] = carry_out(
                    plans[index],
                    copies=copies,
                    session=session,
                    settings=settings,
                    listener=told,
                    options=options,
                )
            except Exception as error:
                outcomes[index] = error
                for step in plans[index].todo:
                    told.abandoned(step.artifact.name)

    store = device_of(settings.store)
    queues = [partial(run, queue) for queue in _queues(plans, store)]
    for ended in run_together(queues, at_once=AT_ONCE):
        if ended is not None:
            raise ended
    return [outcomes[index] for index in range(len(jobs))]


def _asking_once(ask: Ask | None) -> Ask | None:
    """Ask for the license of an entry once, however many targets it is for."""
    if ask is None:
        return None
    answers: dict[str, bool] = {}

    def once(entry: Entry) -> bool:
        if entry.full_name not in answers:
            answers[entry.full_name] = ask(entry)
        return answers[entry.full_name]

    return once


def _sharing(plans: Mapping[int, Plan], copies: Copies) -> dict[int, Plan]:
    """Let what several targets want be fetched for the first of them only."""
    shared = {}
    coming: dict[str, Target] = {}
    for index, plan in plans.items():
        at_hand = {}
        for step in plan.todo:
            key = key_of(step.artifact)
            if copies.knows(key):
                at_hand[step.artifact.name] = "an installed file has its bytes"
            elif coming.setdefault(key, plan.target) != plan.target:
                at_hand[step.artifact.name] = f"its bytes come for {coming[key]}"
        shared[index] = spared(plan, at_hand)
    return shared


def _queues(plans: Mapping[int, Plan], store: int) -> list[list[int]]:
    """Put those in one queue that want the same name, whatever its suffix and case, or bytes.

    Whose target lies on the store's file system goes first, so that the store has the bytes.
    """
    queues: list[tuple[set[str], list[int]]] = []
    for index, plan in plans.items():
        wants = {_place(step.destination) for step in plan.todo}
        wants |= {key_of(step.artifact) for step in plan.todo}
        apart = [queue for queue in queues if not queue[0] & wants]
        together = [queue for queue in queues if queue[0] & wants]
        wants = wants.union(*(queue[0] for queue in together))
        members = [index, *(member for queue in together for member in queue[1])]
        queues = [*apart, (wants, members)]

    def rank(index: int) -> tuple[bool, int]:
        return device_of(plans[index].todo[0].destination.parent) != store, index

    return sorted((sorted(members, key=rank) for _, members in queues), key=min)


def _place(destination: Path) -> str:
    folder = os.path.realpath(destination.parent)
    return f"{folder}/{destination.stem}".casefold()


def _labels(plans: Mapping[int, Plan]) -> dict[int, dict[str, str]]:
    """Say what each artifact is called: by its file's name, where that is nobody else's."""
    who = defaultdict(set)
    for plan in plans.values():
        for step in plan.todo:
            who[step.artifact.name].add((plan.entry.full_name, plan.variant.name))
    return {
        index: {
            step.artifact.name: step.artifact.name
            if len(who[step.artifact.name]) == 1
            else f"{plan.entry.id}@{plan.variant.name}: {step.artifact.name}"
            for step in plan.todo
        }
        for index, plan in plans.items()
    }
