"""What each UI lists and loads, and from which folder: rules as data.

A UI is one block of ``layouts.json``. Here stands only what the blocks mean. Knows no particular
UI, and refuses to know how a file gets to its place. Its classes are named tuples because they are
made at each start, and a dataclass takes five times as long to make.
"""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from vaehub import names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vaehub.model import Artifact, Target, Variant


class Slot(NamedTuple):
    """One purpose in a layout: a folder, and what the UI takes from it."""

    folder: str
    """Relative to the target's root; ``.`` is the root itself."""
    extensions: tuple[str, ...] | None = None
    """What the UI lists, in exactly this case; None: everything."""
    names: tuple[str, ...] | None = None
    """Where the UI looks for these very files only."""
    key_layouts: tuple[str, ...] | None = None
    """Whose tensors the UI can load; None: it is not choosy, or nobody said."""


class NearCheckpoint(NamedTuple):
    """The rule by which a UI takes a VAE with a checkpoint by itself, by its name alone."""

    folder: str
    """Where the checkpoints are, relative to the target's root, in folders below it as well."""
    extensions: tuple[str, ...]
    """Of checkpoints."""
    suffixes: tuple[str, ...]
    """What takes the place of a checkpoint's extension in the name of its VAE; the first to be
    found is taken."""
    matches: str
    """``name``: a file of exactly that name beside the checkpoint. ``beginning``: any listed VAE
    whose name begins with that of the checkpoint, below ``folder`` rather than among the VAEs."""
    setting: str
    """What must be chosen in the UI for the rule to hold: a clause after *as long as*."""
    code: tuple[str, ...] = ()
    """Of a UI whose first file is there, the second must be: forks without it lack the rule."""
    own_setting: str | None = None
    """Key in the JSON of a checkpoint's own name under which a person may have chosen a VAE for it,
    which goes before the rule."""


class Evidence(NamedTuple):
    """Things that, found together, speak for a layout."""

    strength: int
    """1: a folder that others might have too ... 3: the UI's own code."""
    all: tuple[str, ...]
    """Paths below the root; folders end in a slash."""


class Layout(NamedTuple):
    """How one kind of UI arranges its folders."""

    id: str
    title: str
    """As its users call it."""
    slots: Mapping[str, Slot]
    evidence: tuple[Evidence, ...]
    unique_base_names: bool = False
    """The UI knows files by base name, whatever folder below the slot they are in."""
    near_checkpoint: NearCheckpoint | None = None
    by_hand: str | None = None
    """Where a VAE is chosen in a UI, or a fork of it, that takes none by a checkpoint's name."""

    def folder(self, target: Target, slot: str) -> Path:
        """Give the folder of a slot.

        A layout without that slot answers with its ``vae`` folder; :meth:`accepts` says no then.
        """
        found = self.slots.get(slot) or self.slots["vae"]
        return target.root / PurePosixPath(found.folder)

    def accepts(self, artifact: Artifact, variant: Variant, slot: str) -> str | None:
        """Say why the UI would not list or load a file, or None.

        Args:
            artifact: The file.
            variant: The variant that it is part of.
            slot: What it is for.
        """
        rules = self.slots.get(slot)
        if rules is None:
            return f"{self.title} has no folder for {slot} files"
        reason = names.trouble(artifact.name)
        if reason is not None:
            return f"{artifact.name!r} is no name for a file: {reason}"
        extension = PurePosixPath(artifact.name).suffix
        if rules.extensions is not None and extension not in rules.extensions:
            kind = f"{extension} files" if extension else "files without an extension"
            return f"{self.title} does not list {kind} in {rules.folder}"
        if rules.names is not None and artifact.name not in rules.names:
            return f"in {rules.folder}, {self.title} looks only for {', '.join(rules.names)}"
        if (
            rules.key_layouts is not None
            and variant.layout is not None
            and variant.layout not in rules.key_layouts
        ):
            return (
                f"{self.title} loads only files with {' or '.join(rules.key_layouts)} keys, and "
                f"{artifact.name} has {variant.layout} keys"
            )
        return None

    def refusal(self, variant: Variant, slot: str) -> str | None:
        """Say why the UI would not take one of a variant's files, or None."""
        reasons = (self.accepts(artifact, variant, slot) for artifact in variant.artifacts)
        return next((reason for reason in reasons if reason is not None), None)

    def collision(self, target: Target, slot: str, name: str) -> Path | None:
        """Find another listed file that the UI could not tell from one of this name.

        Args:
            target: Where the file is to go.
            slot: What it is for.
            name: Its installed name.
        """
        rules = self.slots.get(slot)
        if not self.unique_base_names or rules is None:
            return None
        folder = self.folder(target, slot)
        return next(
            (path for path in files_below(folder) if path.name == name and path.parent != folder),
            None,
        )


@cache
def layouts() -> Mapping[str, Layout]:
    """Give every layout by its id."""
    text = Path(__file__).with_name("layouts.json").read_text(encoding="utf-8")
    return MappingProxyType({id_: _layout(id_, block) for id_, block in json.loads(text).items()})


def _layout(id_: str, block: Mapping[str, Any]) -> Layout:
    slots = {
        name: Slot(**{key: _frozen(value) for key, value in rules.items()})
        for name, rules in block["slots"].items()
    }
    return Layout(
        id=id_,
        title=block["title"],
        slots=MappingProxyType(slots),
        evidence=tuple(
            Evidence(strength=item["strength"], all=tuple(item["all"]))
            for item in block["evidence"]
        ),
        unique_base_names=block.get("unique_base_names", False),
        near_checkpoint=_near_checkpoint(block.get("near_checkpoint")),
        by_hand=block.get("by_hand"),
    )


def _near_checkpoint(rules: Mapping[str, Any] | None) -> NearCheckpoint | None:
    if rules is None:
        return None
    return NearCheckpoint(**{key: _frozen(value) for key, value in rules.items()})


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def files_below(folder: Path) -> Iterator[Path]:
    """Give the files that a UI sees in a folder and below it."""
    for current, files in walk(folder):
        yield from (current / name for name in sorted(files))


def walk(folder: Path) -> Iterator[tuple[Path, list[str]]]:
    """Walk as the UIs do: through links to folders, past hidden ones, and in a circle only once."""
    seen: set[tuple[int, int]] = set()
    for current, folders, files in os.walk(folder, followlinks=True):
        try:
            stat = Path(current).stat()
        except OSError:  # somebody has just removed it
            stat = None
        if stat is None or (stat.st_dev, stat.st_ino) in seen:
            folders.clear()
            continue
        seen.add((stat.st_dev, stat.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield Path(current), files
