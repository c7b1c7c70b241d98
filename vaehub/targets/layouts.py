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
from vaehub.model import PICKLE_SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vaehub.model import Artifact, Target, Variant

ShownAs = Literal["base name", "relative path", "relative path without .safetensors", "nothing"]
"""How a UI names a file in its list; ``nothing``: it takes the file without listing it."""


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
    also: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    """Further folders below the root whose files are listed with these, by how their names end."""
    also_wins: bool = False
    """Of two files of one base name, the UI shows that in the further folder."""
    key: str | None = None
    """What the slot is called in the UI's file of extra paths."""
    shown_as: ShownAs = "base name"
    pairs: tuple[str, ...] = ()
    """Listed under this name where ``NAME_encoder.*`` and ``NAME_decoder.*`` are both there."""
    small_too: tuple[str, ...] = ()
    """Architectures of small decoders that it loads from here as from their own slot."""
    beginnings: tuple[str, ...] = ()
    """Files whose names begin so are listed although the others of the slot are not."""


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
    own_setting: str | None = None
    """Key in the JSON of a checkpoint's own name under which a person may have chosen a VAE for it,
    which goes before the rule."""


class Evidence(NamedTuple):
    """Things that, found together, speak for a layout."""

    strength: int
    """1: a folder that others might have too ... 3: the UI's own code; 4: and it is no other's."""
    all: tuple[str, ...]
    """Paths below the root; folders end in a slash."""
    none: tuple[str, ...] = ()
    """Paths that must not be there."""


class Layout(NamedTuple):
    """How one kind of UI arranges its folders."""

    id: str
    title: str
    """As its users call it."""
    slots: Mapping[str, Slot]
    evidence: tuple[Evidence, ...]
    unique_base_names: bool = False
    """The UI knows files by base name, whatever folder below the slot they are in; of two it shows
    the one that lies deeper, which it finds later."""
    select: str | None = None
    """How a person selects a VAE in the UI."""
    baked: str | None = None
    """How a person leaves it with the VAE that is in the checkpoint."""
    near_checkpoint: NearCheckpoint | None = None
    follows_links: bool = True
    """The UI looks into folders that are symbolic links."""
    lists_hidden: bool = False
    """The UI also lists what begins with a dot, and looks into such folders."""
    extra_paths: str | None = None
    """File below the root in which a user sets folders: ComfyUI's YAML, or SwarmUI's settings."""
    last_folder_wins: bool = False
    """Of two files of one name in two of these folders the UI shows the later one."""
    inside: str | None = None
    """Folder below the place that a user names, in which the root may lie."""
    refuses: str | None = None
    """Why nothing can be placed into the UI at all."""
    instead: str | None = None
    """What to do then."""
    without: Mapping[str, str] = MappingProxyType({})
    """What to do about slots that the UI has no folder for."""

    @property
    def is_ui(self) -> bool:
        """Whether it is a UI, and not just a folder."""
        return bool(self.evidence)

    def folder(self, target: Target, slot: str) -> Path:
        """Give the folder of a slot.

        A layout without that slot answers with its ``vae`` folder; :meth:`accepts` says no then.
        Where the user has set other folders it is the first of them that is there, or that may be
        made below the root.
        """
        own = self._own_folder(target, slot)
        if self.extra_paths is None:
            return own
        from vaehub.targets import listing

        for path in self.folders(target, slot):
            # Elsewhere, what is not there may be a disk that is not mounted: it is never made.
            if path.is_relative_to(target.root) or listing.is_folder(path):
                return path
        return own

    def folders(self, target: Target, slot: str) -> tuple[Path, ...]:
        """Give all folders that the UI lists a slot from, in its order."""
        own = self._own_folder(target, slot)
        rules = self.slots.get(slot)
        if self.extra_paths is None or rules is None or rules.key is None:
            return (own,)
        file = target.root / self.extra_paths
        if file.suffix == ".fds":
            from vaehub.targets import swarm_paths

            return swarm_paths.folders(file, rules.key, root=target.root, own=own)
        from vaehub.targets import extra_paths

        return extra_paths.folders(file, rules.key, own=own)

    def accepts(self, artifact: Artifact, variant: Variant, slot: str) -> str | None:
        """Say why the UI would not list or load a file, or None.

        Args:
            artifact: The file.
            variant: The variant that it is part of.
            slot: What it is for.
        """
        if self.refuses is not None:
            return self.refuses
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
        from vaehub.targets import listing

        return listing.collision(self, target, slot, name)

    def shows_other(self, target: Target, slot: str, other: Path) -> bool:
        """Tell whether the UI shows what :meth:`collision` found, and not the file in the slot."""
        from vaehub.targets import listing

        return listing.shows_other(self, target, slot, other)

    def listed_as(self, target: Target, slot: str, path: Path) -> str | None:
        """Say under which name the UI lists a file of a slot; None where it lists it under none."""
        from vaehub.targets import listing

        return listing.listed_as(self, target, slot, path)

    def _own_folder(self, target: Target, slot: str) -> Path:
        found = self.slots.get(slot) or self.slots["vae"]
        return target.root / PurePosixPath(found.folder)

    def not_listed(self, name: str, slot: str) -> str | None:
        """Say why the UI would not list a file of this name in a slot that it has, or None."""
        from vaehub.targets import listing

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


@cache
def model_suffixes() -> frozenset[str]:
    """Give the extensions, in lower case, that some UI takes for a model."""
    slots = (rules for layout in layouts().values() for rules in layout.slots.values())
    return PICKLE_SUFFIXES.union(*(rules.extensions or () for rules in slots))


def is_model_name(name: str) -> bool:
    """Tell whether a name has an extension that some UI takes for a model."""
    return PurePosixPath(name).suffix.lower() in model_suffixes()


def _layout(id_: str, block: Mapping[str, Any]) -> Layout:
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
        last_folder_wins=block.get("last_folder_wins", False),
        inside=block.get("inside"),
        refuses=block.get("refuses"),
        instead=block.get("instead"),
        without=MappingProxyType(block.get("without", {})),
        select=block.get("select"),
        baked=block.get("baked"),
        near_checkpoint=_near_checkpoint(block.get("near_checkpoint")),
    )


def _near_checkpoint(rules: Mapping[str, Any] | None) -> NearCheckpoint | None:
    if rules is None:
        return None
    return NearCheckpoint(**{key: _frozen(value) for key, value in rules.items()})


def _slot(rules: Mapping[str, Any]) -> Slot:
    values = {key: _frozen(value) for key, value in rules.items()}
    return Slot(**values)


def _frozen(value: Any) -> Any:
    if isinstance(value, dict):
        return MappingProxyType({key: _frozen(member) for key, member in value.items()})
    return tuple(value) if isinstance(value, list) else value
