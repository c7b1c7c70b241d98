"""What to do about the VAE of a checkpoint, in the words of the UI that it lies in.

Pure, but for paths that become part of a command. Which flags a UI has for the precision is in
:mod:`vaehub.smoke.advice`, where to choose a VAE in the layouts.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, NamedTuple

from vaehub.insight.advising import Step, in_fp32, name_of
from vaehub.targets import checkpoints
from vaehub.targets.layouts import layouts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from vaehub.insight.weighing import Weighed
    from vaehub.model import Entry
    from vaehub.targets.layouts import Layout

_TROUBLE = {
    "missing": "no VAE is in it",
    "damaged": "the VAE in it is damaged",
    "other-family": "the VAE in it is of another family",
    "mixed": "the VAE in it may have been damaged in a merge",
    "unknown": "vaehub does not know the VAE in it",
    "not-read": "vaehub cannot look into it",
}
_SURE = frozenset({"missing", "damaged", "other-family"})
_NOT_TO_ADVISE = frozenset({"consistency", "tiny"})


class Counsel(NamedTuple):
    """What to do, and what of it an install may do without a person."""

    steps: tuple[Step, ...] = ()
    is_sure: bool = False
    """Whether a person need not decide anything."""
    name: str | None = None
    """What to install; where it is sure, None says that there is nothing to do."""
    with_checkpoint: bool = False
    """Whether the UI takes it with the checkpoint by itself: ``--for``."""
    to: Path | None = None
    """The UI that it goes into, where it is one that takes files."""


def give(one: Weighed, entries: Sequence[Entry]) -> Counsel:
    """Say what to do about a checkpoint's VAE."""
    layout = layouts()[one.target.layout] if one.target is not None else None
    if one.status == "sound":
        return Counsel(tuple(_keep(one, layout, entries)), is_sure=True)
    told = _TROUBLE[one.status]
    beside = [rival for rival in one.beside if rival.wins]
    if beside and layout is not None and layout.near_checkpoint is not None:
        rule = layout.near_checkpoint
        text = (
            f"{told}; {layout.title} takes {beside[0].path.name} with it by itself, as long as "
            f"{rule.setting}"
        )
        step = Step(text, f"vaehub identify {quoted(beside[0].path)}")
        return Counsel((step,), is_sure=one.status in _SURE)
    families = one.baked.families if one.baked is not None else ()
    entry = usual(families[0], entries) if families else None
    if entry is None:
        family = families[0] if families else "FAMILY"
        return Counsel(
            (
                Step(
                    f"{told}: choose an external one of the checkpoint's family",
                    f"vaehub list --family {family}",
                ),
            )
        )
    return _install(one, told, entry, layout)


def usual(family: str, entries: Sequence[Entry]) -> Entry | None:
    """Give the VAE that most people take for a family.

    Of the curated ones that serve every purpose and need no login: one that holds in half
    precision before one of which nobody knows, and of equals the one that suits most models.
    """
    fit = [
        entry
        for entry in entries
        if entry.family == family
        and entry.slot == "vae"
        and not entry.default.needs_login
        and _NOT_TO_ADVISE.isdisjoint(entry.tags)
    ]
    return min(fit, key=_order, default=None)


def _order(entry: Entry) -> tuple[bool, bool, int, int, str]:
    fp16 = entry.smoke.fp16 if entry.smoke is not None else None
    held = {"ok": 0, None: 1, "nan": 2}[fp16]
    return (
        entry.catalog != "vaehub",
        "general" not in entry.tags,
        held,
        -len(entry.suits),
        entry.id,
    )


def quoted(path: Path) -> str:
    """Give a path as a part of a command line."""
    return shlex.quote(str(path))


def _keep(one: Weighed, layout: Layout | None, entries: Sequence[Entry]) -> Iterator[Step]:
    if layout is not None and layout.baked is not None:
        yield Step(f"keep the VAE that is in it: in {layout.title}, {layout.baked}")
    else:
        yield Step(
            "keep the VAE that is in it: choose Automatic or None, or whatever your UI calls the "
            "checkpoint's own"
        )
    if one.entry is not None and one.entry.smoke is not None and one.entry.smoke.fp16 == "nan":
        yield from in_fp32(layout.title if layout is not None else None, one.entry, entries)


def _install(one: Weighed, told: str, entry: Entry, layout: Layout | None) -> Counsel:
    name = name_of(entry)
    doubt = "" if one.status in _SURE else "if pictures come out wrong, "
    command = f"vaehub install {name}"
    if layout is None or one.target is None:
        step = Step(f"{told}: {doubt}install {name}, and choose it in your UI", command)
        return Counsel((step,), is_sure=one.status in _SURE, name=name)
    if layout.refuses is not None:
        then = f"; {layout.title} lists no folder: {layout.instead}" if layout.instead else ""
        step = Step(f"{told}: {doubt}install {name}{then}", command)
        return Counsel((step,), is_sure=one.status in _SURE, name=name)
    rule = layout.near_checkpoint
    if rule is not None and _takes(one, entry, layout):
        text = (
            f"{told}: {doubt}install {name}; {layout.title} then takes it with this checkpoint by "
            f"itself, as long as {rule.setting}"
        )
        command += f" --for {quoted(one.path.absolute())}"
        with_it = True
    else:
        text = f"{told}: {doubt}install {name}; then in {layout.title}: {layout.select}"
        command += f" --to {quoted(one.target.root)}"
        with_it = False
    return Counsel(
        (Step(text, command),),
        is_sure=one.status in _SURE,
        name=name,
        with_checkpoint=with_it,
        to=one.target.root,
    )


def _takes(one: Weighed, entry: Entry, layout: Layout) -> bool:
    """Say whether the UI would take a VAE with this checkpoint by its rule."""
    rule, target, path = layout.near_checkpoint, one.target, one.path.absolute()
    return (
        rule is not None
        and target is not None
        and path.suffix in rule.extensions
        and path.is_relative_to((target.root / rule.folder).absolute())
        and checkpoints.refusal(entry.default, entry.slot, path, target) is None
    )
