"""What each UI lists and loads, and from which folder: rules as data.

A UI is one block of ``layouts.json``. Here stands only what the blocks mean. Knows no particular
UI, and refuses to know how a file gets to its place. Its classes are named tuples because they are
made at each start, and a dataclass takes five times as long to make.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from vaehub import names
from vaehub.targets import extra_paths, listing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vaehub.model import Artifact, Target, Variant

ShownAs = Literal["base name", "relative path", "relative path without .safetensors", "nothing"]
"""How a UI names a file in its list; ``nothing``: it takes the file without listing it."""


class Also(NamedTuple):
    """A further folder whose files the UI lists with those of a slot."""

    folder: str
    """Relative to the target's root."""
    endings: tuple[str, ...]
    """Of the names of the files that it takes from there."""


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
    any_case: bool = False
    """Extensions are the same to the UI in upper and lower case."""
    min_size: int | None = None
    """Bytes; the UI loads no smaller file."""
    max_size: int | None = None
    """Bytes; the UI takes a larger file for something else."""
    larger_is: str | None = None
    """For what."""
    also: tuple[Also, ...] = ()
    key: str | None = None
    """What the slot is called in the UI's file of extra paths."""
    shown_as: ShownAs = "base name"
    pairs: tuple[str, ...] = ()
    """Listed under this name where ``NAME_encoder.*`` and ``NAME_decoder.*`` are both there."""
    small_too: tuple[str, ...] = ()
    """Architectures of small decoders that it loads from here as from their own slot."""
    beginnings: tuple[str, ...] = ()
    """Files whose names begin so are listed although the others of the slot are not."""


class Evidence(NamedTuple):
    """Things that, found together, speak for a layout."""

    strength: int
    """1: a folder that others might have too ... 3: the UI's own code; 4: and it is no other's."""
    all: tuple[str, ...]
    """Paths below the root; folders end in a slash."""
    none: tuple[str, ...] = ()
    """Paths that must not be there."""


class Refuses(NamedTuple):
    """Why nothing can be placed into a UI, and what to do instead."""

    reason: str
    instead: str


class Layout(NamedTuple):
    """How one kind of UI arranges its folders."""

    id: str
    title: str
    """As its users call it."""
    slots: Mapping[str, Slot]
    evidence: tuple[Evidence, ...]
    unique_base_names: bool = False
    """The UI knows files by base name, whatever folder below the slot they are in."""
    follows_links: bool = True
    """The UI looks into folders that are symbolic links."""
    lists_hidden: bool = False
    """The UI also lists what begins with a dot, and looks into such folders."""
    extra_paths: str | None = None
    """File below the root that names further folders, as ComfyUI has it."""
    inside: str | None = None
    """Folder below the place that a user names, in which the root may lie."""
    refuses: Refuses | None = None
    without: Mapping[str, str] = MappingProxyType({})
    """What to do about slots that the UI has no folder for."""

    @property
    def is_ui(self) -> bool:
        """Whether it is a UI, and not just a folder."""
        return bool(self.evidence)

    def folder(self, target: Target, slot: str) -> Path:
        """Give the folder of a slot.

        A layout without that slot answers with its ``vae`` folder; :meth:`accepts` says no then.
        Where the user's own file names another folder as the default one, and that folder is
        there, it is that one.
        """
        own = self._own_folder(target, slot)
        first = self.folders(target, slot)[0]
        # What is not there may be a disk that is not mounted: never made, never written to.
        return first if first == own or listing.is_folder(first) else own

    def folders(self, target: Target, slot: str) -> tuple[Path, ...]:
        """Give all folders that the UI lists a slot from: the first one wins."""
        own = self._own_folder(target, slot)
        rules = self.slots.get(slot)
        if self.extra_paths is None or rules is None or rules.key is None:
            return (own,)
        return extra_paths.folders(target.root / self.extra_paths, rules.key, own=own)

    def accepts(self, artifact: Artifact, variant: Variant, slot: str) -> str | None:
        """Say why the UI would not list or load a file, or None.

        Args:
            artifact: The file.
            variant: The variant that it is part of.
            slot: What it is for.
        """
        if self.refuses is not None:
            return self.refuses.reason
        rules = self.slots.get(slot)
        if rules is None:
            return f"{self.title} has no folder for {slot} files"
        reason = names.trouble(artifact.name)
        if reason is not None:
            return f"{artifact.name!r} is no name for a file: {reason}"
        return self.not_listed(artifact.name, slot) or self.not_loaded(artifact, variant, slot)

    def refusal(self, variant: Variant, slot: str) -> str | None:
        """Say why the UI would not take one of a variant's files as it is, or None."""
        reasons = (self.accepts(artifact, variant, slot) for artifact in variant.artifacts)
        return next((reason for reason in reasons if reason is not None), None)

    def collision(self, target: Target, slot: str, name: str) -> Path | None:
        """Find another listed file that the UI could not tell from one of this name.

        Args:
            target: Where the file is to go.
            slot: What it is for.
            name: Its installed name.
        """
        return listing.collision(self, target, slot, name)

    def listed_as(self, target: Target, slot: str, path: Path) -> str | None:
        """Say under which name the UI lists a file of a slot; None where it lists it under none."""
        return listing.listed_as(self, target, slot, path)

    def _own_folder(self, target: Target, slot: str) -> Path:
        found = self.slots.get(slot) or self.slots["vae"]
        return target.root / PurePosixPath(found.folder)

    def not_listed(self, name: str, slot: str) -> str | None:
        """Say why the UI would not list a file of this name in a slot that it has, or None."""
        rules = self.slots[slot]
        extension = PurePosixPath(name).suffix
        if not listing.has_extension(name, rules):
            kind = f"{extension} files" if extension else "files without an extension"
            return f"{self.title} does not list {kind} in {rules.folder}"
        if rules.names is not None and name not in rules.names:
            return f"in {rules.folder}, {self.title} looks only for {', '.join(rules.names)}"
        return None

    def not_loaded(self, artifact: Artifact, variant: Variant, slot: str) -> str | None:
        """Say why the UI would not load a file that it lists, or None.

        Args:
            artifact: The file; of its name, only what messages call it.
            variant: The variant that it is part of, for the key layout.
            slot: What it is for; the UI has it.
        """
        rules = self.slots[slot]
        if (
            rules.key_layouts is not None
            and variant.layout is not None
            and variant.layout not in rules.key_layouts
        ):
            return (
                f"{self.title} loads only files with {' or '.join(rules.key_layouts)} keys, and "
                f"{artifact.name} has {variant.layout} keys"
            )
        size = artifact.size
        if size is not None and rules.min_size is not None and size < rules.min_size:
            return (
                f"{self.title} loads no file under {rules.min_size:,} bytes, and {artifact.name} "
                f"has {size:,}"
            )
        if size is not None and rules.max_size is not None and size > rules.max_size:
            return (
                f"{self.title} takes a file of more than {rules.max_size:,} bytes for "
                f"{rules.larger_is}, and {artifact.name} has {size:,}"
            )
        return None


@cache
def layouts() -> Mapping[str, Layout]:
    """Give every layout by its id."""
    text = Path(__file__).with_name("layouts.json").read_text(encoding="utf-8")
    return MappingProxyType({id_: _layout(id_, block) for id_, block in json.loads(text).items()})


def _layout(id_: str, block: Mapping[str, Any]) -> Layout:
    refuses = block.get("refuses")
    return Layout(
        id=id_,
        title=block["title"],
        slots=MappingProxyType({name: _slot(rules) for name, rules in block["slots"].items()}),
        evidence=tuple(
            Evidence(item["strength"], tuple(item["all"]), tuple(item.get("none", ())))
            for item in block["evidence"]
        ),
        unique_base_names=block.get("unique_base_names", False),
        follows_links=block.get("follows_links", True),
        lists_hidden=block.get("lists_hidden", False),
        extra_paths=block.get("extra_paths"),
        inside=block.get("inside"),
        refuses=Refuses(**refuses) if refuses is not None else None,
        without=MappingProxyType(block.get("without", {})),
    )


def _slot(rules: Mapping[str, Any]) -> Slot:
    values = {key: _frozen(value) for key, value in rules.items()}
    values["also"] = tuple(
        Also(item["folder"], tuple(item["endings"])) for item in rules.get("also", ())
    )
    return Slot(**values)


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
