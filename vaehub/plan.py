"""Decide what an install would do: pure, so that ``--dry-run`` and the tests need no disk.

Takes what was observed at the destinations and in the store, and gives a :class:`Plan` or the
error that says why there is none. Looks at nothing itself; :mod:`vaehub.observe` does.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple

from vaehub.errors import FileInTheWay, NotPinned, TargetRefuses, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path

    from vaehub.model import Artifact, Entry, Problem, Source, Target, Variant
    from vaehub.nearby import Nearby
    from vaehub.observe import Found
    from vaehub.targets.remedies import Convert

Action = Literal["fetch", "place", "keep"]
_REASONS: Mapping[str, str] = {
    "outdated": "a newer file of the catalog",
    "damaged": "what stands there is damaged",
}
"""Why something is to be done where a file stands already."""


class Destination(NamedTuple):
    """Where a file is to stand, or stands already."""

    path: Path
    because: str | None = None
    """Why it is not the catalog's own file under the catalog's own name; None where it is."""
    convert: Convert | None = None
    """What is to stand there is made of the artifact."""


class Step(NamedTuple):
    """What would be done for one artifact."""

    artifact: Artifact
    action: Action
    """``keep``: it is there; ``place``: this machine has the bytes; ``fetch``: they must come."""
    destination: Path
    reason: str
    sources: tuple[Source, ...] = ()
    """In the order they will be tried; empty where the file is there or the store has the bytes."""
    replaces: bool = False
    """A file stands at the destination and gives way: an older one of ours, or a damaged one."""
    sets_aside: bool = False
    """What gives way is damaged; it is kept, under another name that no UI lists."""
    convert: Convert | None = None
    """What is placed is made of the artifact: its weights as safetensors."""
    because: str | None = None
    """Why it is another file, or has another name, than the catalog says."""
    nearby: tuple[Nearby, ...] = ()
    """Files of this machine that seem to hold the bytes, tried before the sources."""


class Plan(NamedTuple):
    """What an install of one variant into one target would do."""

    entry: Entry
    variant: Variant
    target: Target
    steps: tuple[Step, ...]
    checkpoint: Path | None = None
    """The checkpoint that the UI shall take it with; None: it goes where VAEs go."""
    notes: tuple[Problem, ...] = ()
    """What is worth a word, and stops nothing."""
    passed_over: str | None = None
    """Which variant was wanted, and why this one is taken instead."""

    @property
    def nothing_to_do(self) -> bool:
        """Whether every artifact is already in place."""
        return all(step.action == "keep" for step in self.steps)

    @property
    def todo(self) -> tuple[Step, ...]:
        """What is not in place yet."""
        return tuple(step for step in self.steps if step.action != "keep")

    @property
    def download_size(self) -> int | None:
        """Bytes to fetch; None where a size is unknown."""
        sizes = [step.artifact.size for step in self.steps if step.action == "fetch"]
        return None if None in sizes else sum(size for size in sizes if size is not None)


def spared(plan: Plan, at_hand: Mapping[str, str]) -> Plan:
    """Give a plan that fetches nothing of what is, or will be, on this machine without it.

    Args:
        plan: The plan.
        at_hand: By artifact name, where the bytes come from instead, in words.
    """
    steps = (
        step._replace(
            action="place", sources=(), reason=f"{step.reason}; {at_hand[step.artifact.name]}"
        )
        if step.action == "fetch" and step.artifact.name in at_hand
        else step
        for step in plan.steps
    )
    return plan._replace(steps=tuple(steps))


def choose_variant(
    entry: Entry,
    wanted: Variant,
    *,
    named: bool,
    refusal: Callable[[Variant], str | None],
    converted_refusal: Callable[[Variant], str | None] | None = None,
    way_out: str = "install into a plain folder or another UI with --to",
) -> Variant:
    """Pick the variant that the target's UI lists and loads.

    Args:
        entry: The entry.
        wanted: The variant that the name led to: the default unless ``named``.
        named: Whether the user named the variant; then no other one will do.
        refusal: Says why the target would not take a variant, or None.
        converted_refusal: The same of a variant whose files may be converted; by default none may.
        way_out: What a person can do where it takes none.

    Raises:
        TargetRefuses: neither the wanted one nor, where nobody named it, any other fits.
    """
    reason = refusal(wanted)
    if reason is None:
        return wanted
    fitting = [variant for variant in entry.variants if refusal(variant) is None]
    if fitting and not named:
        # What needs no login first; then the catalog's order.
        return min(fitting, key=lambda variant: variant.needs_login)
    if converted_refusal is not None:
        candidates = [wanted] if named else [wanted, *entry.variants]
        convertible = [each for each in candidates if converted_refusal(each) is None]
        if convertible:
            return min(convertible, key=lambda variant: variant.needs_login)
    if fitting:
        names = ", ".join(f"{entry.id}@{variant.name}" for variant in fitting)
        hint = f"this UI takes: {names}"
    else:
        hint = way_out
    raise TargetRefuses(f"{entry.id}@{wanted.name} would be of no use there: {reason}", hint=hint)


def usable_sources(
    artifact: Artifact, sources: tuple[Source, ...], *, only_host: str | None
) -> tuple[Source, ...]:
    """Keep the sources on the host that the user asked for.

    Raises:
        UsageError: the artifact has none there.
    """
    if only_host is None:
        return sources
    kept = tuple(source for source in sources if source.host == only_host)
    if not kept:
        hosts = ", ".join(sorted({source.host for source in sources})) or "no host at all"
        raise UsageError(
            f"{artifact.name} has no source on {only_host}", hint=f"it can be had from: {hosts}"
        )
    return kept


def make_plan(
    entry: Entry,
    variant: Variant,
    target: Target,
    *,
    destinations: Mapping[str, Destination],
    found: Mapping[str, Found],
    stored: Collection[str],
    sources: Mapping[str, tuple[Source, ...]],
    nearby: Mapping[str, tuple[Nearby, ...]] = MappingProxyType({}),
    require_pinned: bool = False,
) -> Plan:
    """Decide what to do for each artifact of a variant.

    Args:
        entry: The entry.
        variant: The variant to install.
        target: Where to.
        destinations: Where each is to stand, per artifact name.
        found: What stands at that path, per artifact name.
        stored: The sha256 of the artifacts that the store holds.
        sources: Where each artifact can be fetched from, in order.
        nearby: Files of this machine that seem to hold its bytes, per artifact name.
        require_pinned: Refuse artifacts whose sha256 the catalog does not know.

    Raises:
        FileInTheWay: a file that is not ours, or that is another entry's, has the name.
        NotPinned: ``require_pinned``, and the catalog knows no sha256.
    """
    if require_pinned and not variant.pinned:
        raise NotPinned(
            f"the catalog knows no sha256 for {entry.id}@{variant.name}",
            hint="drop --require-pinned to take the hash from the host, or choose another variant",
        )
    steps = []
    for artifact in variant.artifacts:
        destination, why, convert = destinations[artifact.name]
        state = found[artifact.name]
        if state == "foreign":
            raise FileInTheWay(
                f"{destination} exists and is not a file that vaehub placed",
                hint="it was not touched; move or rename it, or install elsewhere with --to",
            )
        if state == "changed":
            raise FileInTheWay(
                f"{destination} is no longer what vaehub placed there: its bytes have changed",
                hint="it was not touched; if you did not change it, it is damaged: delete it and "
                "run the same command again",
            )
        if state == "taken":
            raise FileInTheWay(
                f"{destination} was installed as something else, and {entry.full_name}@"
                f"{variant.name} would have other bytes under the same name",
                hint="uninstall that one first, or install elsewhere with --to",
            )
        if state == "intact":
            reason = "already installed"
            steps.append(Step(artifact, "keep", destination, reason, convert=convert, because=why))
        elif state == "same-bytes":
            reason = "already there, not placed by vaehub"
            steps.append(Step(artifact, "keep", destination, reason, convert=convert, because=why))
        else:
            in_store = artifact.sha256 is not None and artifact.sha256 in stored
            here = () if in_store else nearby.get(artifact.name, ())
            reason = _REASONS.get(state, "not there yet")
            if in_store:
                reason += "; its bytes are in the store"
            elif here:
                reason += f"; the same bytes are at {here[0].path}"
            steps.append(
                Step(
                    artifact,
                    "place" if in_store or here else "fetch",
                    destination,
                    reason if convert is None else f"{reason}; made of {artifact.name}",
                    sources=() if in_store else sources[artifact.name],
                    replaces=state in {"outdated", "damaged"},
                    sets_aside=state == "damaged",
                    convert=convert,
                    because=why,
                    nearby=here,
                )
            )
    return Plan(entry, variant, target, tuple(steps))
