"""Make a lock of a manifest: which variant each UI takes, under which name, from where.

Decides as an install would (:mod:`vaehub.choosing`, :mod:`vaehub.targets.remedies`), and without
looking at any target, so that the same manifest and catalogs give the same lock on any machine. A
host is asked only for the sha256 of what the catalog does not pin.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from vaehub import choosing
from vaehub.errors import NamingError, TargetRefuses
from vaehub.model import PICKLE_SUFFIXES, Problem
from vaehub.provision import lock as lock_module
from vaehub.provision.lock import Lock, Locked, LockedVae
from vaehub.provision.lock_form import folder_of
from vaehub.provision.manifest import refuse
from vaehub.targets import layouts, remedies

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from vaehub.catalog import Catalogs
    from vaehub.model import Artifact, Entry, Source, Variant
    from vaehub.provision.manifest import Manifest, Policy, Wanted
    from vaehub.targets import Layout

    Pin = Callable[[Artifact], Artifact]
    """Gives an artifact with its sha256, as the first host says it that knows."""


def make(manifest: Manifest, catalogs: Catalogs, *, pin: Pin) -> Lock:
    """Make the lock of a manifest.

    Args:
        manifest: What is wanted.
        catalogs: What the names mean.
        pin: Asked for each artifact whose sha256 the catalog does not know.

    Raises:
        NamingError: a name leads nowhere.
        ManifestError: the policy forbids what is wanted, or two names mean the same; carries all
            such problems.
        TargetRefuses: a UI takes no variant of what is wanted there.
        NoSourceDelivered, NotPinned: no host says now what the catalog does not know.
    """
    resolved = [
        _Asked(manifest, wanted, *_resolve(wanted, catalogs))
        for wanted in sorted(manifest.vaes, key=lambda wanted: wanted.name)
    ]
    refuse([*_same_twice(resolved), *(each for one in resolved for each in _against_policy(one))])
    names = _Names()
    used = {asked.entry.catalog for asked in resolved}
    return Lock(
        manifest=manifest.digest(),
        catalogs={each.name: each.sha256 for each in catalogs.catalogs if each.name in used},
        targets={name: place.ui for name, place in manifest.targets.items()},
        policy=manifest.policy,
        vaes=tuple(vae for asked in resolved for vae in _lock_one(asked, names, pin=pin)),
    )


def disagreements(manifest: Manifest, lock: Lock) -> list[Problem]:
    """Say how a lock differs from the manifest that it should be of; nothing where it does not."""
    names = {wanted.name: wanted for wanted in manifest.vaes}
    locked = {vae.name for vae in lock.vaes}
    found = [
        Problem("not-locked", f"{name} is in the manifest, not in the lock", where=wanted.where)
        for name, wanted in names.items()
        if name not in locked
    ]
    found += [
        Problem("not-wanted", f"{name} is in the lock, not in the manifest")
        for name in sorted(locked - names.keys())
    ]
    if not found and manifest.digest() != lock.manifest:
        what = "the policy" if manifest.policy != lock.policy else "the targets"
        found.append(
            Problem("lock-outdated", f"{what} of the manifest changed since it was locked")
        )
    return found


class _Asked(NamedTuple):
    """One VAE of the manifest, and what its name leads to."""

    manifest: Manifest
    wanted: Wanted
    entry: Entry
    variant: Variant

    @property
    def named(self) -> bool:
        """Whether no other variant will do."""
        return "@" in self.wanted.name or self.variant != self.entry.default

    @property
    def layouts(self) -> list[Layout]:
        """The kinds of UI to find an answer for; all of them where the manifest names none."""
        places = self.manifest.targets
        names = self.wanted.targets or tuple(places)
        known = layouts()
        ids = {places[name].ui for name in names} or {
            layout.id for layout in known.values() if layout.refuses is None
        }
        return [known[id_] for id_ in sorted(ids)]


class _Names:
    """The names that are given away already, by layout and folder."""

    def __init__(self) -> None:
        self._taken: dict[tuple[str, str, str], str | None] = {}

    def give(
        self, layout: Layout, entry: Entry, variant: Variant, artifact: Artifact, *, wish: bool
    ) -> remedies.Remedy:
        """Give an artifact the first name that is nobody else's.

        Raises:
            TargetRefuses: there is none.
        """
        options = remedies.installed_names(layout, entry, variant, artifact, wish=wish)
        for remedy in options:
            key = (layout.id, folder_of(layout.id, entry.slot), remedy.name.casefold())
            if self._taken.setdefault(key, artifact.sha256) == artifact.sha256:
                return remedy
        raise TargetRefuses(
            f"{layout.title} would have two files called {artifact.name}, and could not tell them "
            "apart",
            hint="take one of the two out of the manifest, or give each a kind of UI of its own",
        )


def _resolve(wanted: Wanted, catalogs: Catalogs) -> tuple[Entry, Variant]:
    try:
        return catalogs.resolve(wanted.name)
    except NamingError as error:
        where = f"{wanted.where}: " if wanted.where else ""
        raise type(error)(f"{where}{error.message}", hint=error.hint) from None


def _same_twice(resolved: Sequence[_Asked]) -> Iterator[Problem]:
    """Find names that mean what another one means already."""
    first: dict[tuple[str, str], str] = {}
    for asked in resolved:
        key = (asked.entry.full_name, asked.variant.name)
        other = first.setdefault(key, asked.wanted.name)
        if other != asked.wanted.name:
            message = f"{asked.wanted.name} and {other} are both {'@'.join(key)}"
            hint = "take one of the two out"
            yield Problem("manifest", message, where=asked.wanted.where, hint=hint)


def _against_policy(asked: _Asked) -> Iterator[Problem]:
    """Find what the policy forbids in any kind of UI."""
    policy, entry, wanted = asked.manifest.policy, asked.entry, asked.wanted
    license_ = entry.license.id
    if license_.casefold() in {each.casefold() for each in policy.licenses_denied}:
        message = f"{wanted.name} is under the license {license_}, which the policy denies"
        hint = "take it out, or change policy.licenses.deny"
        yield Problem("policy", message, where=wanted.where, hint=hint)
    reasons = [
        _forbidden(variant, policy)
        for variant in ([asked.variant] if asked.named else entry.variants)
    ]
    if all(reasons):
        message = f"{wanted.name}: {reasons[0]}"
        hint = "take it out, name another variant, or change the policy"
        yield Problem("policy", message, where=wanted.where, hint=hint)


def _lock_one(asked: _Asked, names: _Names, *, pin: Pin) -> Iterator[LockedVae]:
    """Lock one VAE: an item for each variant that some layout takes."""
    policy, entry = asked.manifest.policy, asked.entry
    wish = policy.pickles == "convert"
    chosen: dict[str, list[Layout]] = {}
    refused: TargetRefuses | None = None
    for layout in asked.layouts:
        try:
            variant = choosing.choose(
                layout,
                entry,
                asked.variant,
                named=asked.named,
                wish=wish,
                also=lambda each: (
                    _forbidden(_of(entry, each.name), policy) or _pickle_left(each, policy)
                ),
            )
        except TargetRefuses as error:
            if asked.manifest.targets:
                where = f"{asked.wanted.where}: " if asked.wanted.where else ""
                raise TargetRefuses(
                    f"{where}{error.message} ({layout.title})", hint=error.hint
                ) from None
            refused = error
        else:
            chosen.setdefault(variant.name, []).append(layout)
    if not chosen and refused is not None:
        raise refused
    for name, takers in sorted(chosen.items()):
        variant = _of(entry, name)
        locked = []
        for artifact in variant.artifacts:
            pinned = artifact if artifact.sha256 is not None else pin(artifact)
            given = {
                layout.id: names.give(layout, entry, variant, pinned, wish=wish)
                for layout in takers
            }
            locked.append(
                Locked(
                    pinned._replace(
                        sources=allowed_sources(pinned, policy), known_as=(), hashes={}
                    ),
                    installed={id_: remedy.name for id_, remedy in given.items()},
                    converted=tuple(id_ for id_, remedy in given.items() if remedy.convert),
                )
            )
        alone = variant._replace(artifacts=tuple(each.artifact for each in locked), note=None)
        yield LockedVae(
            name=asked.wanted.name,
            targets=asked.wanted.targets,
            layouts=tuple(layout.id for layout in takers),
            entry=lock_module.without_words(entry)._replace(variants=(alone,)),
            artifacts=tuple(locked),
        )


def _of(entry: Entry, name: str) -> Variant:
    return next(variant for variant in entry.variants if variant.name == name)


def _forbidden(variant: Variant, policy: Policy) -> str | None:
    """Say why the policy forbids a variant; None where it does not."""
    for artifact in variant.artifacts:
        if policy.pickles == "deny" and _is_pickle(artifact):
            return f"{artifact.name} is a pickle, and the policy denies those"
        if policy.require_pinned and artifact.sha256 is None:
            return f"the catalog does not know the sha256 of {artifact.name}"
        if not allowed_sources(artifact, policy) and not policy.mirrors:
            listed = ", ".join(sorted({source.host for source in artifact.sources})) or "no host"
            return f"{artifact.name} is on {listed} alone, and the policy allows others only"
    return None


def _pickle_left(installed: Variant, policy: Policy) -> str | None:
    """Say that a pickle would stay one where all are to be converted; None where none does."""
    if policy.pickles == "convert":
        for artifact in installed.artifacts:
            if _is_pickle(artifact):
                return f"{artifact.name} would stay a pickle, and the policy has those converted"
    return None


def _is_pickle(artifact: Artifact) -> bool:
    return PurePosixPath(artifact.name).suffix.lower() in PICKLE_SUFFIXES


def allowed_sources(artifact: Artifact, policy: Policy) -> tuple[Source, ...]:
    """Give the sources of an artifact that a policy allows, in its order."""
    if not policy.hosts:
        return artifact.sources
    return tuple(
        source for host in policy.hosts for source in artifact.sources if source.host == host
    )
