"""Say why a UI does not list a VAE, or does not load it, and what to do about it. Pure.

The rules are the layouts'; what makes a file fit is said by :mod:`vaehub.targets.remedies`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaehub.doctor import mending
from vaehub.doctor.around import say
from vaehub.model import Artifact, Variant
from vaehub.targets import remedies

if TYPE_CHECKING:
    from pathlib import Path

    from vaehub.doctor.around import Circumstances
    from vaehub.doctor.facts import Seen
    from vaehub.model import Problem

_SMALL = frozenset({"taesd", "taehv"})
"""Architectures of preview decoders: the slot ``vae-approx``."""


def wrong_slot(seen: Seen, around: Circumstances) -> Problem | None:
    """Say that it lies among decoders of the other kind."""
    content, layout = seen.content, around.layout
    if content is None or content.architecture is None or not layout.is_ui:
        return None
    right = "vae-approx" if content.architecture in _SMALL else "vae"
    right = seen.known.entry.slot if seen.known is not None else right
    if right == seen.slot or content.architecture in layout.slots[seen.slot].small_too:
        return None
    what = "a small preview decoder" if right == "vae-approx" else "a whole VAE"
    if right not in layout.slots:
        message = f"{seen.path.name} is {what}, for which {layout.title} has no folder"
        return say("wrong-slot", seen, message, remedies.way_out(layout, right))
    folder = layout.folder(around.target, right)
    rules = layout.slots[right]
    message = f"{seen.path.name} is {what}: {layout.title} looks for those in {rules.folder}"
    return say("wrong-slot", seen, message, _into(folder, seen, around))


def out_of_reach(seen: Seen, around: Circumstances) -> Problem | None:
    """Say that the UI does not come upon it."""
    if seen.reach is None:
        return None
    folder = around.layout.folder(around.target, seen.slot)
    if seen.reach == "hidden":
        what = "lists nothing that begins with a dot"
        mends = _into(folder, seen, around, name=seen.path.name.lstrip(".") or "vae")
    else:
        what = "does not go into folders that are links"
        free = seen.path.name not in around.taken.get(folder, ())
        mends = mending.link_file(seen.path, folder) if free else _into(folder, seen, around)
    return say("out-of-reach", seen, f"{around.layout.title} {what}", mends)


def not_listed(seen: Seen, around: Circumstances) -> Problem | None:
    """Say that the UI does not list such a name."""
    reason = around.layout.not_listed(seen.path.name, seen.slot)
    return say("not-listed", seen, reason, _remedy(seen, around)) if reason else None


def not_loaded(seen: Seen, around: Circumstances) -> Problem | None:
    """Say that the UI lists it and cannot load it."""
    reason = around.layout.not_loaded(_artifact(seen), _variant(seen), seen.slot)
    return say("not-loaded", seen, reason, _remedy(seen, around)) if reason else None


def half_a_pair(seen: Seen, around: Circumstances) -> Problem | None:
    """Say that it is an encoder without its decoder."""
    pair, half = _half(seen, around)
    if pair is None or half != "encoder" or seen.listed_as is not None:
        return None
    message = f"{around.layout.title} lists {pair} only where {pair}_decoder is there as well"
    return say("half-a-pair", seen, message, _other_half(pair, "decoder", around))


def lone_half(seen: Seen, around: Circumstances) -> Problem | None:
    """Say that it is a decoder without its encoder: good for previews."""
    pair, half = _half(seen, around)
    if pair is None or half != "decoder" or seen.listed_as is not None:
        return None
    message = (
        f"good for previews; {around.layout.title} lists {pair} among the VAEs only where "
        f"{pair}_encoder is there as well"
    )
    return say("lone-half", seen, message, _other_half(pair, "encoder", around))


def shadowed(seen: Seen, around: Circumstances) -> Problem | None:
    """Say that another file stands in its place in the list."""
    if seen.hidden_by is None:
        return None
    if around.layout.unique_base_names:
        message = (
            f"{around.layout.title} knows files by their name alone, and {seen.hidden_by} has the "
            "same: it lists one of the two"
        )
    else:
        message = f"{around.layout.title} lists {seen.hidden_by} under the same name, and not this"
    # What we placed keeps its name: its receipt knows no other.
    moved = seen.path if seen.receipt is None else seen.hidden_by
    named = around.unused(moved.name, moved.parent)
    return say("shadowed", seen, message, mending.move(moved, named))


def _remedy(seen: Seen, around: Circumstances) -> str:
    """Say what makes the UI list and load a file."""
    layout, target = around.layout, around.target
    if seen.receipt is not None:  # a name of its own choice, or another variant
        return mending.install(seen.receipt.entry, target)
    architecture = seen.content.architecture if seen.content is not None else None
    found = remedies.remedy(
        layout, _artifact(seen), _variant(seen), seen.slot, architecture=architecture
    )
    if found.kind == "rename":
        return mending.move(seen.path, around.unused(found.name, seen.path.parent))
    entry = seen.known.entry if seen.known is not None else None
    if entry is not None:
        fitting = [one for one in entry.variants if remedies.refusal(layout, entry, one) is None]
        if fitting:
            return mending.install(f"{entry.full_name}@{fitting[0].name}", target)
    if found.kind == "convert":
        is_diffusers = seen.content is not None and seen.content.layout == "diffusers"
        return mending.convert(seen.path, layout="ldm" if is_diffusers else None)
    return remedies.way_out(layout, seen.slot)


def _into(folder: Path, seen: Seen, around: Circumstances, *, name: str | None = None) -> str:
    return mending.move(seen.path, around.unused(name or seen.path.name, folder))


def _half(seen: Seen, around: Circumstances) -> tuple[str | None, str]:
    """Tell the pair that a file is half of, where the UI lists such pairs, and which half."""
    for pair in around.layout.slots[seen.slot].pairs:
        for half in ("encoder", "decoder"):
            if seen.path.name.startswith(f"{pair}_{half}."):
                return pair, half
    return None, ""


def _other_half(pair: str, half: str, around: Circumstances) -> str:
    for suffix in (".safetensors", ".pth", ".pt"):
        command = around.install(f"{pair}_{half}{suffix}")
        if command is not None:
            return command
    return f"get {pair}_{half} from where this one came"


def _artifact(seen: Seen) -> Artifact:
    return Artifact(seen.path.name, (), size=seen.size)


def _variant(seen: Seen) -> Variant:
    layout = seen.content.layout if seen.content is not None else None
    return Variant("", (_artifact(seen),), layout=layout)
