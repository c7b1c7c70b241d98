"""The order of things for one run: each target, then this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaehub import targets
from vaehub.doctor import examining, findings, machine
from vaehub.doctor.report import Diagnosis
from vaehub.errors import TargetError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from vaehub.catalog import Catalogs
    from vaehub.doctor.facts import Examined
    from vaehub.model import Problem
    from vaehub.settings import Settings


def diagnose(
    wanted: Iterable[str | Path | None],
    *,
    network: bool,
    torch: bool,
    hashing: Callable[[int, int], None],
    settings: Settings,
    catalogs: Catalogs,
    cwd: Path,
) -> Diagnosis:
    """Look at targets and at this machine; see :func:`vaehub.api.doctor`.

    Args:
        wanted: What the user named, or None for where an install would go.
        network: Whether the hosts are asked.
        torch: Whether torch is.
        hashing: Told how much is hashed.
        settings: The user's settings.
        catalogs: The catalogs in force.
        cwd: The working directory.
    """
    examined: list[Examined] = []
    failures: list[Problem] = []
    for to in wanted:
        try:
            target = targets.find_target(to, settings=settings, cwd=cwd)
        except TargetError as error:
            failures.append(
                findings.problem("target-not-usable", error.message, where=to, hint=error.hint)
            )
            continue
        examined.append(
            examining.examine(
                target,
                named=any(said is not None for said in (to, settings.to, settings.default_target)),
                catalogs=catalogs,
                store=settings.store,
                hashing=hashing,
            )
        )
    return Diagnosis(
        tuple(examined),
        machine.look(settings, ask_hosts=network, ask_torch=torch),
        tuple(failures),
    )
