"""What to do about a file that a UI would not list or load as it is.

In this order: it may stay as it is; the same bytes go under another name; another variant of the
entry is taken (:func:`vaehub.plan.choose_variant`); the weights are converted; it is refused, with
a way out. Pure: decides by names, sizes and layouts, and looks at no disk.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Literal, NamedTuple

from vaehub.model import PICKLE_SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vaehub.model import Artifact, Entry, Variant
    from vaehub.targets.layouts import Layout

Kind = Literal["as-is", "rename", "convert", "refuse"]

_CONTAINERS = ((".safetensors", ".sft"), (".pt", ".ckpt", ".pth", ".bin"))
"""Extensions that mean the same container to every UI, the most usual one first."""
_WITH_LAYOUTS = frozenset({"autoencoder-kl", "autoencoder-kl-flux2"})
"""Architectures whose tensors have names in both key layouts."""


class Convert(NamedTuple):
    """A conversion to safetensors."""

    layout: Literal["ldm"] | None = None
    """Whose names the tensors are to have; None: the names that they have."""


class Remedy(NamedTuple):
    """What to do about one file."""

    kind: Kind
    name: str
    """The installed name that it would have then."""
    reason: str | None = None
    """What is wrong with the file as it is; None where nothing is."""
    convert: Convert | None = None
    """How, where it is to be converted."""


def remedy(
    layout: Layout,
    artifact: Artifact,
    variant: Variant,
    slot: str,
    *,
    architecture: str | None = None,
    wish: bool = False,
) -> Remedy:
    """Find what makes a UI list and load a file.

    Args:
        layout: The UI's.
        artifact: The file.
        variant: The variant that it is part of.
        slot: What it is for.
        architecture: What the autoencoder is, where that is known.
        wish: The user wants safetensors and no pickle.
    """

    def fits(name: str, keys: str | None = variant.layout) -> bool:
        there = variant._replace(layout=keys)
        return layout.accepts(artifact._replace(name=name), there, slot) is None

    path = PurePosixPath(artifact.name)
    suffix = path.suffix.lower()
    converted = f"{path.stem}.safetensors"
    if wish and suffix in PICKLE_SUFFIXES and fits(converted):
        return Remedy("convert", converted, None, Convert())
    reason = layout.accepts(artifact, variant, slot)
    if reason is None:
        return Remedy("as-is", artifact.name)
    for container in _CONTAINERS:
        if suffix not in container:
            continue
        for extension in container:
            if fits(path.stem + extension):
                return Remedy("rename", path.stem + extension, reason)
    if suffix in PICKLE_SUFFIXES and fits(converted):
        return Remedy("convert", converted, reason, Convert())
    has_both = variant.layout == "diffusers" and architecture in _WITH_LAYOUTS
    known = any(suffix in container for container in _CONTAINERS)
    if has_both and known and fits(converted, "ldm"):
        return Remedy("convert", converted, reason, Convert("ldm"))
    return Remedy("refuse", artifact.name, reason)


def of_entry(
    layout: Layout, artifact: Artifact, variant: Variant, entry: Entry, *, wish: bool = False
) -> Remedy:
    """Find what makes a UI list and load a file of an entry; see :func:`remedy`."""
    architecture = entry.smoke.architecture if entry.smoke is not None else None
    return remedy(layout, artifact, variant, entry.slot, architecture=architecture, wish=wish)


def refusal(
    layout: Layout, entry: Entry, variant: Variant, *, wish: bool = False, may_convert: bool = False
) -> str | None:
    """Say why a variant cannot be installed there, under whatever names; None where it can.

    Args:
        layout: The UI's.
        entry: The entry.
        variant: The variant.
        wish: The user wants safetensors and no pickle.
        may_convert: Its files may be converted, whether the user wants it or not.
    """
    for artifact in variant.artifacts:
        found = of_entry(layout, artifact, variant, entry, wish=wish)
        if found.kind == "refuse" or (found.kind == "convert" and found.reason and not may_convert):
            return found.reason
    return None


def as_installed(layout: Layout, entry: Entry, variant: Variant, *, wish: bool = False) -> Variant:
    """Give a variant whose artifacts have the names that they get in a UI."""
    artifacts = (
        artifact._replace(name=of_entry(layout, artifact, variant, entry, wish=wish).name)
        for artifact in variant.artifacts
    )
    return variant._replace(artifacts=tuple(artifacts))


def way_out(layout: Layout, slot: str) -> str:
    """Say what a person can do where no variant of an entry fits."""
    if layout.instead is not None:
        return layout.instead
    return layout.without.get(slot, "install into a plain folder or another UI with --to")


def installed_names(
    layout: Layout, entry: Entry, variant: Variant, artifact: Artifact, *, wish: bool = False
) -> Iterator[Remedy]:
    """Give the names that a file may be installed under, the best first.

    All of them are listed by the UI; which are free, only the disk and the other catalogs can tell.

    Args:
        layout: The UI's.
        entry: The entry.
        variant: The variant, which :func:`refusal` has nothing against.
        artifact: The file.
        wish: The user wants safetensors and no pickle.
    """
    first = of_entry(layout, artifact, variant, entry, wish=wish)
    yield first
    path = PurePosixPath(first.name)
    known = artifact.sha256[:8] if artifact.sha256 is not None else variant.name
    stems = (
        entry.id if len(variant.artifacts) == 1 else f"{path.stem}-{entry.id}",
        f"{path.stem}-{known}",
    )
    for stem in stems:
        name = stem + path.suffix
        if name != first.name:
            other = first._replace(name=name)
            if first.kind == "as-is":
                other = other._replace(kind="rename")
            if is_listed(layout, entry, variant, artifact, other):
                yield other


def is_listed(
    layout: Layout, entry: Entry, variant: Variant, artifact: Artifact, under: Remedy
) -> bool:
    """Tell whether the UI lists and loads a file under the name that a remedy gives it."""
    if under.convert is not None and under.convert.layout is not None:
        variant = variant._replace(layout=under.convert.layout)
    return layout.accepts(artifact._replace(name=under.name), variant, entry.slot) is None
