"""Which targets a lock is for on this machine: what the manifest says, or what the user names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from vaehub.errors import Drift, TargetNotUsable, UsageError
from vaehub.settings import NamedTarget
from vaehub.targets import find
from vaehub.targets.layouts import layouts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vaehub.model import Target
    from vaehub.provision.lock import Lock, LockedVae
    from vaehub.provision.manifest import Manifest
    from vaehub.settings import Settings


class Placed(NamedTuple):
    """A target, and what the lock calls it."""

    target: Target
    name: str | None
    """None: the lock has no name for it, and it takes whatever its kind of UI takes."""

    def vaes(self, lock: Lock) -> tuple[LockedVae, ...]:
        """Give the VAEs that belong there."""
        return lock.of(self.target.layout, self.name)


def find_places(
    lock: Lock,
    to: Sequence[str] = (),
    *,
    manifest: Manifest | None,
    settings: Settings,
    cwd: Path,
) -> list[Placed]:
    """Find the targets of a lock.

    Args:
        lock: The lock.
        to: What the user named: ``NAME=PATH``, the name of one of the lock's targets, or what
            ``--to`` takes elsewhere. Nothing: all targets of the manifest; and where it has none,
            or there is none, what every command takes then.
        manifest: Says where the targets are; None where there is only a lock.
        settings: The user's settings: a target of the configuration that has the name of one of
            these says where that is, if the manifest does not.
        cwd: What the user's paths are relative to.

    Raises:
        UsageError: a name is no target of the lock, or nobody says where it is.
        TargetNotUsable: a path cannot be a target.
        Drift: the lock has no answer for that kind of UI.
    """
    if to:
        found = [_said(one, lock, manifest=manifest, settings=settings, cwd=cwd) for one in to]
    elif manifest is not None and manifest.targets:
        found = [
            _known(name, lock, manifest=manifest, settings=settings, cwd=cwd)
            for name in manifest.targets
        ]
    else:
        found = [Placed(find.find_target(None, settings=settings, cwd=cwd), None)]
    for place in found:
        layout = place.target.layout
        if lock.vaes and layout not in lock.layouts:
            known = ", ".join(lock.layouts)
            raise Drift(
                f"the lock has answers for {known} alone, and {place.target} is "
                f"{layouts()[layout].title}",
                hint="name such a target in vaehub.yaml, and run: vaehub lock",
            )
    return _distinct(found)


def _said(
    said: str, lock: Lock, *, manifest: Manifest | None, settings: Settings, cwd: Path
) -> Placed:
    name, equals, path = said.partition("=")
    if equals and name in lock.targets:
        return _named(name, lock.targets[name], path, cwd=cwd)
    if said in lock.targets:
        return _known(said, lock, manifest=manifest, settings=settings, cwd=cwd)
    if equals and not (cwd / said).exists():
        known = ", ".join(lock.targets) or "no target at all"
        raise UsageError(f"--to {said}: the lock has no target {name!r}; it has {known}")
    return Placed(find.find_target(said, settings=settings, cwd=cwd), None)


def _known(
    name: str, lock: Lock, *, manifest: Manifest | None, settings: Settings, cwd: Path
) -> Placed:
    """Find a target by its name: the manifest says where it is, else the user's configuration."""
    place = manifest.targets.get(name) if manifest is not None else None
    # What is locked decides, so that a manifest that has changed since is no surprise here.
    layout = lock.targets.get(name) or (place.ui if place is not None else "")
    if manifest is not None and place is not None and place.path is not None:
        return _named(name, layout, place.path, cwd=manifest.path.absolute().parent)
    configured = settings.targets.get(name)
    if configured is None:
        raise UsageError(
            f"nobody says where the target {name} is",
            hint=f"name its path: --to {name}=PATH, or for good: vaehub targets add {name} PATH",
        )
    if configured.layout not in {None, layout}:
        raise UsageError(
            f"the target {name} is {configured.layout} in the configuration, and {layout} here",
            hint=f"name its path: --to {name}=PATH",
        )
    return _named(name, layout, str(configured.path), cwd=cwd)


def _named(name: str, layout: str, path: str, *, cwd: Path) -> Placed:
    if not path:
        raise TargetNotUsable(f"--to {name}= names no folder: it is empty")
    return Placed(find.at_named(name, NamedTarget(Path(path), layout), cwd=cwd), name)


def _distinct(found: Sequence[Placed]) -> list[Placed]:
    """Keep each place once; one that has a name rather than one that has none."""
    kept: dict[Target, Placed] = {}
    for place in found:
        known = kept.get(place.target)
        if known is not None and None not in (known.name, place.name) and known.name != place.name:
            raise UsageError(f"the targets {known.name} and {place.name} are both {place.target}")
        if known is None or known.name is None:
            kept[place.target] = place
    return list(kept.values())
