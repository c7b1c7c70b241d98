"""Have an artifact's verified bytes on this machine: the store's, another process's, or the wire's.

Knows locks, and which partial is whose. Places nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from functools import partial
from typing import TYPE_CHECKING

from vaehub import receipts, staging
from vaehub.copies import device_of
from vaehub.placing import Fetched
from vaehub.together import run_together

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from vaehub.copies import Copies
    from vaehub.model import Artifact
    from vaehub.plan import Step
    from vaehub.settings import Settings
    from vaehub.store import Store
    from vaehub.transfer.listener import Listener
    from vaehub.transfer.session import Session

AT_ONCE = 3
"""Files that are fetched at the same time: one hides the other's pauses, more only share."""


@contextlib.contextmanager
def hold(
    steps: Sequence[Step], store: Store, *, listener: Listener
) -> Iterator[Mapping[str, Wait]]:
    """Hold the right to bring these artifacts, as long as the caller needs their bytes.

    So no garbage collection takes them before they are placed. While another process has the
    right, the person sees how far that one is.

    Args:
        steps: The artifacts.
        store: Whose locks they are.
        listener: Told of progress.

    Returns:
        By the artifacts' names, how it was to wait for them.

    Raises:
        TargetNotUsable: the store cannot be written.
    """
    waits = [Wait(step, store, listener) for step in steps]
    with contextlib.ExitStack() as locks:
        # In the keys' order, so that no two processes wait for each other.
        for wait in sorted(waits, key=lambda wait: wait.key):
            locks.enter_context(store.lock(wait.key, waiting=wait.look))
        yield {wait.name: wait for wait in waits}


class Wait:
    """An artifact that another process may be bringing."""

    def __init__(self, step: Step, store: Store, listener: Listener) -> None:
        self.name = step.artifact.name
        self.key = key_of(step.artifact)
        self._began = False
        self._total = step.artifact.size
        self._done = 0
        self._partials = (store.partial(self.key), _partial_beside(step))
        self._listener = listener

    def look(self) -> None:
        """Tell how far it is by now."""
        from vaehub.transfer.partial import peek

        # It vanishes when it is whole: that is no step back.
        self._done = done = max(self._done, *(peek(path) or 0 for path in self._partials))
        if not self._began:
            self._began = True
            self._listener.note(
                f"{self.name}: another vaehub is downloading it; waiting for that one"
            )
            self._listener.started(self.name, self._total, done)
        self._listener.advanced(self.name, done)

    def end(self) -> None:
        """Tell that somebody else has brought it."""
        if self._began:
            self._listener.advanced(self.name, self._total or self._done)
        self._listener.finished(self.name)


def obtain(
    steps: Sequence[Step],
    store: Store,
    copies: Copies,
    *,
    session: Session,
    settings: Settings,
    listener: Listener,
    elsewhere: bool,
) -> dict[str, Fetched]:
    """Have the bytes of all artifacts here; their locks are held.

    Args:
        steps: The artifacts.
        store: Looked into first, and filled.
        copies: Installed files that have the bytes as well.
        session: The HTTP session to use.
        settings: The user's settings.
        listener: Told of progress.
        elsewhere: The destination lies on another file system than the store: the bytes go there
            at once, and none stay in the store. A file that is converted comes to the store.

    Returns:
        By the artifacts' names.

    Raises:
        SourceError, IntegrityError, TargetError: one cannot be had. What has come of the others
            stays for the next run.
    """
    from vaehub.transfer.listener import Relay

    def job(step: Step, stopping: Callable[[], bool]) -> Fetched:
        told = Relay(listener, labels={}, stopping=stopping)
        return _obtain_one(
            step,
            store,
            copies,
            session=session,
            settings=settings,
            listener=told,
            elsewhere=elsewhere,
        )

    fetched = {}
    outcomes = run_together([partial(job, step) for step in steps], at_once=AT_ONCE)
    for step, outcome in zip(steps, outcomes, strict=True):
        if isinstance(outcome, BaseException):
            raise outcome
        fetched[step.artifact.name] = outcome
    return fetched


def _obtain_one(
    step: Step,
    store: Store,
    copies: Copies,
    *,
    session: Session,
    settings: Settings,
    listener: Listener,
    elsewhere: bool,
) -> Fetched:
    artifact = step.artifact
    here = _here_already(step, store, copies, elsewhere=elsewhere)
    if here is not None:
        return here

    elsewhere = elsewhere and step.convert is None  # else the origin is read again from here
    if elsewhere:
        path = _partial_beside(step)
        path.parent.mkdir(exist_ok=True)
    else:
        path = store.partial(key_of(artifact))
    if step.nearby:
        brought = _bring(step, path, store, elsewhere=elsewhere)
        if brought is not None:
            return brought

    from vaehub.transfer.fetch import fetch

    got = fetch(artifact, path, step.sources, session=session, settings=settings, listener=listener)
    if not elsewhere:
        path = store.adopt(path, got.sha256)
    return Fetched(
        path, got.sha256, got.size, got.source, keep=not elsewhere, attempts=got.attempts
    )


def _here_already(step: Step, store: Store, copies: Copies, *, elsewhere: bool) -> Fetched | None:
    """Find the bytes on this machine: another process, or an earlier target, may have had them.

    What lies on the destination's file system goes first: there it need not be copied.
    """
    blob = _blob(step.artifact, store)
    if blob is not None and not elsewhere:
        return blob
    device = device_of(step.destination.parent)
    copy = copies.find(key_of(step.artifact), device=device)
    if copy is None or (blob is not None and copy.device != device):
        return blob
    return Fetched(copy.path, copy.sha256, copy.size, copy.label, keep=True)


def _blob(artifact: Artifact, store: Store) -> Fetched | None:
    if artifact.sha256 is None or not store.has(artifact.sha256, artifact.size):
        return None
    blob = store.blob(artifact.sha256)
    return Fetched(blob, artifact.sha256, blob.stat().st_size, "store", keep=True)


def _bring(step: Step, partial_: Path, store: Store, *, elsewhere: bool) -> Fetched | None:
    """Take the bytes from a file of this machine; None where none has them any more."""
    from vaehub.bringing import bring
    from vaehub.transfer import partial as partials

    sha256 = key_of(step.artifact)
    # What a killed run leaves goes with the next one, in the store also with the garbage.
    staging.sweep(partial_.parent)
    path = partial_.with_name(staging.new_name() if elsewhere else f"{partial_.name}.nearby")
    got = bring(step.nearby, step.artifact, path, for_store=not elsewhere)
    if got is None:
        return None
    partials.remove(partial_)  # what an earlier run had fetched of it is of no use any more
    if not elsewhere:
        path = store.adopt(path, sha256)
    return Fetched(path, sha256, got.size, got.source, keep=not elsewhere, method=got.method)


def key_of(artifact: Artifact) -> str:
    """Name the lock and the partial: the digest of the bytes, else of where they come from."""
    if artifact.sha256 is not None:
        return artifact.sha256
    where = [[source.host, dict(source.locator)] for source in artifact.sources]
    return hashlib.sha256(json.dumps(where, sort_keys=True).encode()).hexdigest()


def _partial_beside(step: Step) -> Path:
    return receipts.folder_of(step.destination) / f"{key_of(step.artifact)}.part"
