"""What came, went and changed from one lock to the next.

Pure. Says it of VAEs by name and variant, and of files by their sha256, so that a review of a lock
need not read it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from vaehub.provision.lock import Lock, Locked, LockedVae

Kind = Literal["added", "removed", "changed"]


class Bytes(NamedTuple):
    """One file whose bytes are others now."""

    file: str
    before: str | None
    """Its sha256; None: there was no such file."""
    after: str | None
    """Likewise; None: there is no such file any more."""


class Change(NamedTuple):
    """What became of one VAE, in one variant."""

    kind: Kind
    name: str
    """As the manifest has it."""
    entry: str
    """Full name, ``catalog/id``."""
    variant: str
    files: tuple[Bytes, ...] = ()
    """Files whose bytes changed; with ``added`` and ``removed``, all of them."""
    what: tuple[str, ...] = ()
    """What else changed, in words."""


class Changes(NamedTuple):
    """What differs between two locks."""

    vaes: tuple[Change, ...] = ()
    """Sorted by name and variant."""
    around: tuple[str, ...] = ()
    """What changed besides, in words: policy, targets, versions of catalogs."""


def between(before: Lock | None, after: Lock) -> Changes:
    """Compare two locks; without one before, everything was added."""
    old = {} if before is None else {_key(vae): vae for vae in before.vaes}
    new = {_key(vae): vae for vae in after.vaes}
    vaes = []
    for key in sorted(old.keys() | new.keys()):
        change = _change(old.get(key), new.get(key))
        if change is not None:
            vaes.append(change)
    return Changes(tuple(vaes), () if before is None else _around(before, after))


def _key(vae: LockedVae) -> tuple[str, str, str]:
    return (vae.name, vae.entry.full_name, vae.variant.name)


def _change(old: LockedVae | None, new: LockedVae | None) -> Change | None:
    if old == new:
        return None
    kind: Kind = "added" if old is None else "removed" if new is None else "changed"
    vae = new if new is not None else old
    assert vae is not None
    what = _what(old, new) if old is not None and new is not None else ()
    return Change(kind, *_key(vae), _bytes(old, new), what)


def _bytes(old: LockedVae | None, new: LockedVae | None) -> tuple[Bytes, ...]:
    before, after = _digests(old), _digests(new)
    return tuple(
        Bytes(name, before.get(name), after.get(name))
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    )


def _digests(vae: LockedVae | None) -> dict[str, str | None]:
    return {} if vae is None else {one.artifact.name: one.artifact.sha256 for one in vae.artifacts}


def _what(old: LockedVae, new: LockedVae) -> tuple[str, ...]:
    """Say in words what else than bytes changed of a VAE."""
    compared: tuple[tuple[str, Any, Any], ...] = (
        ("its targets", old.targets, new.targets),
        ("the kinds of UI", old.layouts, new.layouts),
        ("its license", old.entry.license, new.entry.license),
        ("installed names", _each(old, _installed), _each(new, _installed)),
        ("what is converted", _each(old, _converted), _each(new, _converted)),
        ("its sources", _each(old, _sources), _each(new, _sources)),
    )
    said = tuple(what for what, was, is_ in compared if was != is_)
    if not said and _bytes(old, new) == ():
        return ("what is known of it",)
    return said


def _each(vae: LockedVae, of: Callable[[Locked], Any]) -> dict[str, Any]:
    return {locked.artifact.name: of(locked) for locked in vae.artifacts}


def _installed(locked: Locked) -> Any:
    return locked.installed


def _converted(locked: Locked) -> Any:
    return locked.converted


def _sources(locked: Locked) -> Any:
    return locked.artifact.sources


def _around(before: Lock, after: Lock) -> tuple[str, ...]:
    said = []
    if before.policy != after.policy:
        said.append("the policy changed")
    if before.targets != after.targets:
        said.append("the targets changed")
    for name in sorted(before.catalogs.keys() & after.catalogs.keys()):
        if before.catalogs[name] != after.catalogs[name]:
            said.append(f"the catalog {name} is another version now")
    return tuple(said)
