"""The order of things for one run: each target, then this machine."""

from __future__ import annotations

from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

from vaehub import targets
from vaehub.doctor import examining, findings, fixing, machine
from vaehub.doctor.report import Diagnosis
from vaehub.errors import TargetError
from vaehub.targets.find import at_named

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from vaehub.catalog import Catalogs
    from vaehub.doctor.facts import Examined
    from vaehub.doctor.fixing import Fix, Fixed
    from vaehub.model import Problem, Target
    from vaehub.settings import Settings


def diagnose(
    wanted: Iterable[str | Path | None],
    names: Sequence[str] = (),
    *,
    network: bool,
    torch: bool,
    hashing: Callable[[int, int], None],
    settings: Settings,
    catalogs: Catalogs,
    cwd: Path,
    may_fix: Callable[[Fix], bool] | None = None,
    install: Callable[[str, Path], object] = lambda name, root: None,
) -> Diagnosis:
    """Look at targets and at this machine; see :func:`vaehub.api.doctor`.

    Args:
        wanted: What the user named, or None for where an install would go.
        names: Targets that have names, to be looked at as well.
        network: Whether the hosts are asked.
        torch: Whether torch is.
        hashing: Told how much is hashed.
        settings: The user's settings.
        catalogs: The catalogs in force.
        cwd: The working directory.
        may_fix: Asked before each thing that would be mended; without it nothing is.
        install: Installs a name into the target with that root.
    """
    examined: list[Examined] = []
    failures: list[Problem] = []
    fixed: dict[Path, tuple[Fixed, ...]] = {}
    finders: list[tuple[str | Path | None, Callable[[], Target]]] = [
        *((to, partial(targets.find_target, to, settings=settings, cwd=cwd)) for to in wanted),
        *((name, partial(at_named, name, settings.targets[name], cwd=cwd)) for name in names),
    ]
    for to, find in finders:
        try:
            target = find()
            if target in (one.target for one in examined):
                continue  # the configured default has a name as well
        except TargetError as error:
            failures.append(
                findings.problem("target-not-usable", error.message, where=to, hint=error.hint)
            )
            continue
        look = partial(
            examining.examine,
            target,
            named=any(said is not None for said in (to, settings.to, settings.default_target)),
            catalogs=catalogs,
            store=settings.store,
            hashing=hashing,
        )
        found = look()
        if may_fix is not None:
            into = partial(_into, install, target.root)
            wished = [
                fix
                for fix in fixing.fixes(found, store=settings.store, install=into)
                if may_fix(fix)
            ]
            fixed[target.root] = tuple(fixing.carry_out(fix) for fix in wished)
            found = look() if wished else found
        examined.append(found)
    return Diagnosis(
        tuple(examined),
        machine.look(settings, ask_hosts=network, ask_torch=torch),
        tuple(failures),
        MappingProxyType(fixed),
    )


def _into(install: Callable[[str, Path], object], root: Path, name: str) -> object:
    return install(name, root)
