"""What keeps a UI from taking a VAE with its checkpoint, or makes it take it with another one.

Plays the rules of :class:`~vaehub.targets.layouts.NearCheckpoint` through on what lies there.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from vaehub.targets.checkpoints import list_checkpoints, rule_of, same
from vaehub.targets.layouts import layouts
from vaehub.targets.listing import files_below

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from vaehub.model import Target
    from vaehub.targets.layouts import NearCheckpoint

_CEILING = 4 << 20
"""Bytes of a checkpoint's own JSON; other programs put pictures' prompts and more there."""


class Rival(NamedTuple):
    """Another VAE that the rule leads to."""

    path: Path
    wins: bool
    """The UI takes that one for sure; else it takes one of the two, and none can say which."""


def hidden_by(target: Target, place: Path) -> Path | None:
    """Find a listed file that the UI could not tell from one at this place."""
    if not layouts()[target.layout].unique_base_names:
        return None
    for _, path in _listed(target):
        if path.name == place.name and not same(path, place):
            return path
    return None


def rivals(target: Target, checkpoint: Path, place: Path) -> list[Rival]:
    """Find the other VAEs that the rule leads to from a checkpoint.

    Args:
        target: The UI.
        checkpoint: The checkpoint.
        place: Where our VAE goes, or is.
    """
    rule = rule_of(target)
    if rule.matches == "name":
        earlier = rule.suffixes[: _rank(rule, place)]  # of several, the first is taken
        beside = [checkpoint.with_name(checkpoint.stem + suffix) for suffix in earlier]
        return [Rival(path, wins=True) for path in beside if path.is_file()]
    listed: dict[str, list[tuple[int, Path]]] = {}
    for group, path in _listed(target):
        if path.name.startswith(checkpoint.stem) and path.name != place.name:
            listed.setdefault(path.name, []).append((group, path))
    found = []
    for files in listed.values():
        # Of files of one name the last is taken, at the turn of the first.
        turn, last = min(files)[0], max(files)[0]
        if turn <= _rank(rule, place):
            wins = turn < _rank(rule, place)
            found += [Rival(path, wins) for group, path in files if group == last]
    return found


def taken(target: Target, checkpoint: Path) -> list[Rival]:
    """Find the VAE that the rule leads to from a checkpoint; several where none can say which."""
    rule = rule_of(target)
    if rule.matches == "name":
        beside = (checkpoint.with_name(checkpoint.stem + suffix) for suffix in rule.suffixes)
        return [Rival(path, wins=True) for path in beside if path.is_file()][:1]
    listed: dict[str, list[tuple[int, Path]]] = {}
    for group, path in _listed(target):
        if path.name.startswith(checkpoint.stem):
            listed.setdefault(path.name, []).append((group, path))
    if not listed:
        return []
    # Of files of one name the last is taken, at the turn of the first.
    turns = [(min(files)[0], max(files)) for files in listed.values()]
    first = min(turn for turn, _ in turns)
    found = [path for turn, (_, path) in turns if turn == first]
    return [Rival(path, wins=len(found) == 1) for path in sorted(found)]


def chosen_by_hand(target: Target, checkpoint: Path) -> tuple[Path, str] | None:
    """Find what a person has chosen for a checkpoint in the UI, which goes before the rule.

    Returns:
        The file that says so, and the VAE's name or ``None``; None where nothing was chosen.
    """
    rule = rule_of(target)
    if rule.own_setting is None:
        return None
    path = checkpoint.with_suffix(".json")
    try:
        with path.open("rb") as file:
            name = json.loads(file.read(_CEILING))[rule.own_setting]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None  # nothing there, or nothing that the UI could read either
    if not isinstance(name, str) or name == "Automatic":
        return None
    # A name that the UI does not list is passed over.
    known = name == "None" or any(listed.name == name for _, listed in _listed(target))
    return (path, name) if known else None


def others(target: Target, checkpoint: Path, place: Path) -> list[Path]:
    """Find the other checkpoints with which the UI would take our VAE as well."""
    rule = rule_of(target)
    if rule.matches == "name":
        # Two checkpoints of one name and two extensions, in one folder.
        siblings = [checkpoint.with_suffix(extension) for extension in rule.extensions]
        return [path for path in siblings if path != checkpoint and path.is_file()]
    return [
        path
        for path in list_checkpoints(target, rule)
        if path != checkpoint and place.name.startswith(path.stem)
    ]


def _listed(target: Target) -> Iterator[tuple[int, Path]]:
    """Give the VAEs that a UI lists whose rule looks at all of them, each with its turn.

    First come those among the checkpoints, by their suffix, then those among the VAEs.
    """
    layout = layouts()[target.layout]
    rule = rule_of(target)
    for path in files_below(target.root / rule.folder):
        if path.name.endswith(rule.suffixes):
            yield _rank(rule, path), path
    extensions = layout.slots["vae"].extensions or ()
    for path in files_below(layout.folder(target, "vae")):
        if path.suffix in extensions:
            yield len(rule.suffixes) + extensions.index(path.suffix), path


def _rank(rule: NearCheckpoint, path: Path) -> int:
    return next(at for at, suffix in enumerate(rule.suffixes) if path.name.endswith(suffix))
