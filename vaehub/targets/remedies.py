"""What to do about a file that a UI would not list or load as it is.

In this order: it may stay as it is; the same bytes go under another name; another variant of the
entry is taken (:func:`vaehub.plan.choose_variant`); the weights would have to be converted; it is
refused, with a way out. Pure: decides by names, sizes and layouts, and looks at no disk.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vaehub.model import Artifact, Entry, Variant
    from vaehub.targets.layouts import Layout

Kind = Literal["as-is", "rename", "convert", "refuse"]

_CONTAINERS = ((".safetensors", ".sft"), (".pt", ".ckpt", ".pth", ".bin"))
"""Extensions that mean the same container to every UI, the most usual one first."""


class Remedy(NamedTuple):
    """What to do about one file."""

    kind: Kind
    name: str
    """The installed name that it would have then."""
    reason: str | None = None
    """What is wrong with the file as it is; None where nothing is."""


def remedy(layout: Layout, artifact: Artifact, variant: Variant, slot: str) -> Remedy:
    """Find what makes a UI list and load a file.

    Args:
        layout: The UI's.
        artifact: The file.
        variant: The variant that it is part of.
        slot: What it is for.
    """

    def fits(name: str) -> bool:
        return layout.accepts(artifact._replace(name=name), variant, slot) is None

    reason = layout.accepts(artifact, variant, slot)
    if reason is None:
        return Remedy("as-is", artifact.name)
    path = PurePosixPath(artifact.name)
    for container in _CONTAINERS:
        if path.suffix.lower() not in container:
            continue
        for extension in container:
            if fits(path.stem + extension):
                return Remedy("rename", path.stem + extension, reason)
    converted = path.stem + ".safetensors"
    as_ldm = variant._replace(layout="ldm" if variant.layout == "diffusers" else variant.layout)
    if (
        path.suffix.lower() in {extension for container in _CONTAINERS for extension in container}
        and layout.accepts(artifact._replace(name=converted), as_ldm, slot) is None
    ):
        return Remedy("convert", converted, reason)
    return Remedy("refuse", artifact.name, reason)


def refusal(layout: Layout, variant: Variant, slot: str) -> str | None:
    """Say why a variant cannot be installed there, under whatever names; None where it can."""
    for artifact in variant.artifacts:
        found = remedy(layout, artifact, variant, slot)
        if found.kind not in {"as-is", "rename"}:
            return found.reason
    return None


def way_out(layout: Layout, slot: str) -> str:
    """Say what a person can do where no variant of an entry fits."""
    if layout.instead is not None:
        return layout.instead
    return layout.without.get(slot, "install into a plain folder or another UI with --to")


def installed_names(
    layout: Layout, entry: Entry, variant: Variant, artifact: Artifact
) -> Iterator[Remedy]:
    """Give the names that a file may be installed under, the best first.

    All of them are listed by the UI; which are free, only the disk and the other catalogs can tell.

    Args:
        layout: The UI's.
        entry: The entry.
        variant: The variant, which :func:`refusal` has nothing against.
        artifact: The file.
    """
    first = remedy(layout, artifact, variant, entry.slot)
    yield first
    path = PurePosixPath(first.name)
    known = artifact.sha256[:8] if artifact.sha256 is not None else variant.name
    stems = (
        entry.id if len(variant.artifacts) == 1 else f"{path.stem}-{entry.id}",
        f"{path.stem}-{known}",
    )
    for stem in stems:
        name = stem + path.suffix
        fits = layout.accepts(artifact._replace(name=name), variant, entry.slot) is None
        if name != first.name and fits:
            yield Remedy("rename", name, first.reason)
