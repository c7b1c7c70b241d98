"""Have the files of a mirror at their names: from the store, from this machine, or from the hosts.

Everything comes through the store, as an install's bytes do, and goes from there under its second
name. Each file succeeds by itself. Writes no index.
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Literal, NamedTuple

from vaehub import hosts, obtaining
from vaehub.copies import Copies
from vaehub.errors import FileInTheWay, VaehubError
from vaehub.model import Source
from vaehub.plan import Step
from vaehub.provision.mirror_index import Listed, in_order
from vaehub.settings import Mirror
from vaehub.store import Store
from vaehub.together import run_together
from vaehub.transfer.listener import Relay
from vaehub.transfer.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from vaehub.model import Artifact
    from vaehub.nearby import Nearby
    from vaehub.provision.lock import LockedVae
    from vaehub.provision.mirror_tree import Tree
    from vaehub.settings import Settings
    from vaehub.transfer.listener import Listener


class Wanted(NamedTuple):
    """A file that locks name, and all that they say of it."""

    artifact: Artifact
    """With the sources of all of them."""
    vaes: tuple[LockedVae, ...]

    @property
    def sha256(self) -> str:
        """Its digest, which is always known."""
        return str(self.artifact.sha256)

    def listed(self, size: int) -> Listed:
        """Give the file as an index has it."""
        first, *others = (
            Listed(
                self.sha256,
                size,
                locked.artifact.name,
                (f"{vae.entry.full_name}@{vae.variant.name}",),
                in_order([vae.entry.license]),
            )
            for vae in self.vaes
            for locked in vae.artifacts
            if locked.artifact.sha256 == self.sha256
        )
        for other in others:
            first = first.merged(other)
        return first


class Mirrored(NamedTuple):
    """What became of one file of a mirror."""

    path: str
    """Relative to the mirror."""
    status: Literal["mirrored", "present", "removed"]
    listed: Listed | None = None
    """None for one that was removed."""
    source: str | None = None
    """Label of where the bytes came from; None where the file was there."""
    method: str | None = None
    """How it was put there: reflink, hardlink, copy."""
    attempts: tuple[tuple[str, VaehubError], ...] = ()
    """The sources that failed before, with their reasons."""


def look(tree: Tree, one: Wanted, *, known: Collection[str]) -> Mirrored | None:
    """Find a wanted file in the mirror; None where it is to be brought.

    Args:
        tree: The mirror.
        one: The file.
        known: The sha256 of what its index names: a damaged file of ours gives way.

    Raises:
        FileInTheWay: something that vaehub has not put there has the name.
        TargetNotUsable: nobody lets us look.
    """
    state = tree.look(one.sha256, one.artifact.size)
    if state == "present":
        listed = one.listed(tree.path(one.sha256).stat().st_size)
        return Mirrored(listed.path, "present", listed)
    if state == "damaged" and one.sha256 not in known:
        raise FileInTheWay(
            f"{tree.path(one.sha256)} has other bytes than its name says, and vaehub has not put "
            "it there",
            hint="it was not touched; move it away, and run it again",
        )
    return None


def bring(
    tree: Tree,
    missing: Sequence[Wanted],
    *,
    known: Collection[str],
    last: Sequence[str],
    settings: Settings,
    listener: Listener,
) -> dict[str, Mirrored | VaehubError]:
    """Bring files to their names, several at once.

    Args:
        tree: The mirror, held.
        missing: The files; none of them is there, or what is there is damaged.
        known: As for :func:`look`.
        last: Mirrors to be asked when all else has failed.
        settings: The user's settings.
        listener: Told of progress.

    Returns:
        By sha256, what was done or why it could not be.

    Raises:
        KeyboardInterrupt: the person wants to stop; what has come stays for the next run.
    """
    store = Store(settings.store)
    labels = _labels(missing)
    absent = [one for one in missing if not store.has(one.sha256, one.artifact.size)]
    nearby = _nearby(absent, tree, settings)
    coming = [one for one in absent if one.sha256 not in nearby]
    if len(coming) > 1:
        for one in coming:
            listener.planned(labels[one.sha256], one.artifact.size)
    steps = [
        Step(
            one.artifact,
            "fetch",
            tree.path(one.sha256),
            "not there yet",
            sources=_sources(one.artifact, last, settings),
            nearby=nearby.get(one.sha256, ()),
        )
        for one in missing
    ]
    more = tuple(Mirror(base) for base in last)
    asked = settings._replace(mirrors=(*settings.mirrors, *more))

    with Session(asked) as session:

        def job(one: Wanted, step: Step, stopping: Callable[[], bool]) -> Mirrored:
            label = labels[one.sha256]
            told = Relay(listener, labels={step.artifact.name: label}, stopping=stopping)
            replaces = one.sha256 in known
            try:
                return _bring_one(
                    tree, one, step, store, replaces=replaces, session=session, listener=told
                )
            except BaseException:
                listener.abandoned(label)
                raise

        jobs = [partial(job, one, step) for one, step in zip(missing, steps, strict=True)]
        outcomes = run_together(jobs, at_once=obtaining.AT_ONCE)
    done: dict[str, Mirrored | VaehubError] = {}
    for one, outcome in zip(missing, outcomes, strict=True):
        if isinstance(outcome, BaseException) and not isinstance(outcome, VaehubError):
            raise outcome
        done[one.sha256] = outcome
    return done


def _bring_one(
    tree: Tree,
    one: Wanted,
    step: Step,
    store: Store,
    *,
    replaces: bool,
    session: Session,
    listener: Listener,
) -> Mirrored:
    # Held until the bytes have their second name, so that no garbage collection takes them before.
    with obtaining.hold([step], store, listener=listener) as waits:
        if store.has(one.sha256, one.artifact.size):
            waits[step.artifact.name].end()
        [got] = obtaining.obtain(
            [step],
            store,
            Copies(),
            session=session,
            settings=session.settings,
            listener=listener,
            elsewhere=False,
        ).values()
        method = tree.put(got.path, one.sha256, replaces=replaces)
    listed = one.listed(got.size)
    return Mirrored(listed.path, "mirrored", listed, got.source, method, got.attempts)


def _labels(files: Sequence[Wanted]) -> dict[str, str]:
    """Say what each file is called: by its name, where that is nobody else's."""
    names = Counter(one.artifact.name for one in files)
    return {
        one.sha256: one.artifact.name
        if names[one.artifact.name] == 1
        else f"{one.artifact.name} ({one.sha256[:8]})"
        for one in files
    }


def _nearby(
    files: Sequence[Wanted], tree: Tree, settings: Settings
) -> Mapping[str, tuple[Nearby, ...]]:
    """Look on this machine for files that the store has not; gives them by their sha256."""
    if not files:
        return {}
    from vaehub.nearby import look_for

    # What is found is told by the name, and two files may have the same.
    named = [one.artifact._replace(name=one.sha256) for one in files]
    return look_for(named, folder=tree.path(files[0].sha256).parent, settings=settings)


def _sources(artifact: Artifact, last: Sequence[str], settings: Settings) -> tuple[Source, ...]:
    found = list(hosts.with_mirrors(artifact, settings))
    # A policy's mirrors are mostly the very mirror that is being written, so they are asked when
    # all else has failed. A lock may allow nobody but them.
    also = (Source("mirror", {"base": base}) for base in last)
    return (*found, *(source for source in also if source not in found))
