"""Several installs at once: who goes beside whom, and what becomes of each.

Questions are asked before the first byte, one after another. Then the installs run side by side,
save those that want the same file name: of these the first wins, as if they came one by one.
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

from vaehub.installing import InstallResult, carry_out, prepare, report
from vaehub.obtaining import AT_ONCE
from vaehub.together import run_together
from vaehub.transfer.listener import Relay

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from vaehub.installing import Options, Order
    from vaehub.model import Target
    from vaehub.plan import Plan
    from vaehub.settings import Settings
    from vaehub.transfer.listener import Listener
    from vaehub.transfer.session import Session

Outcome = InstallResult | Exception


def install_all(
    orders: Sequence[Order],
    target: Target,
    *,
    settings: Settings,
    session: Session,
    listener: Listener,
    options: Options,
) -> list[Outcome]:
    """Bring several variants to a target, or find that they are there; each succeeds by itself.

    Args:
        orders: What the user wants.
        target: Where to.
        settings: The user's settings.
        session: The HTTP session to use.
        listener: Told of progress.
        options: What the user said beyond that.

    Returns:
        For each order what was done, or the error that stopped it: then the target is as it was.

    Raises:
        KeyboardInterrupt: the person wants to stop; what has come stays for the next run.
    """
    outcomes: dict[int, Outcome] = {}
    plans: dict[int, Plan] = {}
    for index, order in enumerate(orders):
        try:
            plan = prepare(order, target, settings=settings, options=options)
        except Exception as error:
            outcomes[index] = error
            continue
        if options.dry_run or plan.nothing_to_do:
            outcomes[index] = report(plan, dry_run=options.dry_run)
        else:
            plans[index] = plan
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
                    plans[index], session=session, settings=settings, listener=told, options=options
                )
            except Exception as error:
                outcomes[index] = error
                for step in plans[index].todo:
                    told.abandoned(step.artifact.name)

    for ended in run_together([partial(run, queue) for queue in _queues(plans)], at_once=AT_ONCE):
        if ended is not None:
            raise ended
    return [outcomes[index] for index in range(len(orders))]


def _queues(plans: Mapping[int, Plan]) -> list[list[int]]:
    """Put those in one queue that want the same name, whatever its suffix and case."""
    queues: list[tuple[set[str], list[int]]] = []
    for index, plan in plans.items():
        names = {step.destination.stem.casefold() for step in plan.todo}
        apart = [queue for queue in queues if not queue[0] & names]
        together = [queue for queue in queues if queue[0] & names]
        names = names.union(*(queue[0] for queue in together))
        members = sorted([index, *(member for queue in together for member in queue[1])])
        queues = [*apart, (names, members)]
    return sorted(members for _, members in queues)


def _labels(plans: Mapping[int, Plan]) -> dict[int, dict[str, str]]:
    """Say what each artifact is called: by its file's name, where that is nobody else's."""
    times = Counter(step.artifact.name for plan in plans.values() for step in plan.todo)
    return {
        index: {
            step.artifact.name: step.artifact.name
            if times[step.artifact.name] == 1
            else f"{plan.entry.id}@{plan.variant.name}: {step.artifact.name}"
            for step in plan.todo
        }
        for index, plan in plans.items()
    }
