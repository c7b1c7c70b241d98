"""What an install did, or would do: for reports, scripts and callers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from vaehub import hosts, targets

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from vaehub.errors import VaehubError
    from vaehub.model import Entry, Problem, Source, Target, Variant
    from vaehub.placing import Fetched, Placed
    from vaehub.plan import Plan, Step
    from vaehub.targets import Layout

Status = Literal["planned", "installed", "present"]


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
    set_aside: Path | None = None
    """Where the damaged file is now that had the name before."""


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


def report(plan: Plan, *, dry_run: bool) -> InstallResult:
    """Say what a plan that is not carried out would do, or finds done."""
    return _result(plan, {}, {}, dry_run=dry_run)


def done(plan: Plan, fetched: Mapping[str, Fetched], placed: Mapping[str, Placed]) -> InstallResult:
    """Say what became of a plan that was carried out.

    Args:
        plan: The plan.
        fetched: The bytes that were placed, per artifact name.
        placed: How each was placed, per artifact name.
    """
    return _result(plan, fetched, placed, dry_run=False)


def _result(
    plan: Plan, fetched: Mapping[str, Fetched], placed: Mapping[str, Placed], *, dry_run: bool
) -> InstallResult:
    layout = targets.layouts()[plan.target.layout]
    steps = []
    for step in plan.steps:
        bytes_ = fetched.get(step.artifact.name)
        there = placed.get(step.artifact.name)
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
                method=there.method if there else None,
                set_aside=there.set_aside if there else None,
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
