"""What was found, as plain data for scripts and in few words for people."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from vaehub.doctor import findings, sameness
from vaehub.smoke.report import CONDEMNED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from vaehub.doctor.facts import Examined, Place, Seen
    from vaehub.doctor.fixing import Fixed
    from vaehub.doctor.machine import Machine
    from vaehub.model import Problem


_SHOWN = 3
"""Families whose VAEs have the same shapes, of which there may be many."""


class Diagnosis(NamedTuple):
    """What was found of some targets and of this machine."""

    targets: tuple[Examined, ...]
    machine: Machine
    failures: tuple[Problem, ...] = ()
    """Targets that could not be looked at."""
    fixed: Mapping[Path, tuple[Fixed, ...]] = MappingProxyType({})
    """What was mended, or could not be, by the root of the target; what was found is what was
    there afterwards."""

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All of them, target by target, those of the machine last."""
        of_targets = [problem for one in self.targets for problem in one.problems]
        return (*self.failures, *of_targets, *self.machine.problems)

    @property
    def exit_code(self) -> int:
        """0; 7 where a target or the store cannot be used; else 9 where a file cannot."""
        return findings.exit_code(self.problems)


def state(seen: Seen, examined: Examined) -> str:
    """Give the code of what is worst about a file; ``ok`` where nothing is."""
    problems = examined.of(seen)
    return problems[0].code if problems else "ok"


def what(seen: Seen) -> str:
    """Say in a few words what a file is; nothing where nobody knows."""
    if seen.known is not None:
        entry = seen.known.entry
        name = entry.id if entry.catalog == "vaehub" else entry.full_name
        return f"{name}@{seen.known.variant.name} ({entry.family})"
    content = seen.content
    if content is None:
        return ""
    if content.kind is not None:
        return content.kind
    if content.architecture is None or any(one.verdict in CONDEMNED for one in content.reasons):
        return ""
    more = " ..." if len(content.families) > _SHOWN else ""
    families = f" ({', '.join(content.families[:_SHOWN])}{more})" if content.families else ""
    return f"{content.architecture}{families}"


def target_json(
    examined: Examined, machine: Machine, *, fixed: Sequence[Fixed] = ()
) -> dict[str, Any]:
    """Give one target as scripts get it."""
    return {
        "kind": "target",
        "path": str(examined.target.root),
        "layout": examined.target.layout,
        "ui": examined.layout.title if examined.layout.is_ui else None,
        "ok": examined.ok,
        "folders": [_place_json(place, machine) for place in examined.places],
        "files": [_seen_json(seen, examined) for seen in examined.files],
        "wasted": sameness.wasted(examined.files),
        "fixed": [
            {
                "code": one.code,
                "where": one.where,
                "what": one.what,
                "done": one.error is None,
                "error": one.error.message if one.error is not None else None,
            }
            for one in fixed
        ],
    }


def machine_json(machine: Machine) -> dict[str, Any]:
    """Give this machine as scripts get it."""
    store = machine.store._asdict()
    del store["device"]
    return {
        "kind": "machine",
        "ok": not any(problem.blocking for problem in machine.problems),
        "vaehub": machine.vaehub,
        "python": machine.python,
        "system": machine.system,
        "store": {**store, "path": str(machine.store.path)},
        "offline": machine.offline,
        "hosts": [
            {
                "name": host.name,
                "address": host.address,
                "yours": host.yours,
                "token": host.token,
                "state": host.sign.state,
                "status": host.sign.status,
                "seconds": round(host.sign.seconds, 3) if host.sign.seconds is not None else None,
            }
            for host in machine.hosts
        ],
        "proxies": dict(machine.proxies),
        "torch": machine.torch,
        "diffusers": machine.diffusers,
        "device": machine.device,
    }


def linked(place: Place, machine: Machine) -> bool | None:
    """Tell whether what is installed there can share its bytes with the store."""
    if place.device is None or machine.store.device is None:
        return None
    return place.device == machine.store.device


def _place_json(place: Place, machine: Machine) -> dict[str, Any]:
    return {
        "slot": place.slot,
        "path": str(place.folder),
        "own": place.own,
        "state": place.state,
        "writable": place.writable if place.state == "there" else None,
        "free": place.free,
        "same_file_system_as_store": linked(place, machine),
    }


def _seen_json(seen: Seen, examined: Examined) -> dict[str, Any]:
    content, known = seen.content, seen.known
    return {
        "path": str(seen.path),
        "slot": seen.slot,
        "size": seen.size,
        "state": state(seen, examined),
        "problems": [problem.code for problem in examined.of(seen)],
        "listed_as": seen.listed_as,
        "placed": seen.receipt is not None,
        "sha256": seen.sha256,
        "entry": known.entry.full_name if known is not None else None,
        "variant": known.variant.name if known is not None else None,
        "family": known.entry.family if known is not None else None,
        "architecture": content.architecture if content is not None else None,
        "layout": content.layout if content is not None else None,
        "families": list(content.families) if content is not None else [],
        "what": what(seen) or None,
        "hidden_by": str(seen.hidden_by) if seen.hidden_by is not None else None,
        "same_as": str(seen.same_as) if seen.same_as is not None else None,
    }
