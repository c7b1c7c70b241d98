"""Make the bundle of a lock: have all its files here, then write them down in one tar.

Files come into the store in the way of an install: what is there is used, then what is on this
machine, then the sources of the lock.
"""

from __future__ import annotations

import contextlib
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal, NamedTuple

from vaehub import hosts, licenses, obtaining
from vaehub.copies import Copies
from vaehub.errors import HashMismatch, TargetNotUsable
from vaehub.nearby import look_for
from vaehub.plan import Step
from vaehub.provision.bundles import index as index_module
from vaehub.provision.bundles import writing
from vaehub.provision.bundles.importing import labels
from vaehub.store import Store
from vaehub.together import run_together
from vaehub.transfer.listener import Relay

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from vaehub.licenses import Ask
    from vaehub.model import Artifact
    from vaehub.provision.lock import Lock
    from vaehub.settings import Settings
    from vaehub.transfer.listener import Listener
    from vaehub.transfer.session import Session


class Created(NamedTuple):
    """A bundle, and whether it had to be made."""

    path: Path | None
    """None: it went to a pipe."""
    lock: Lock
    sha256: str
    size: int
    status: Literal["created", "present"]
    """``present``: this very bundle stood there already."""


def create(
    output: Path | IO[bytes],
    lock: Lock,
    *,
    accepted_licenses: Collection[str] = (),
    ask: Ask | None = None,
    settings: Settings,
    session: Session,
    listener: Listener,
) -> Created:
    """Make the bundle of a lock; the same lock gives the same bytes.

    Args:
        output: The file to make, or an unbuffered stream.
        lock: What is to be in it.
        accepted_licenses: Ids that the user accepts, beyond those of the policy.
        ask: Shows a license to a person; None where nobody can answer.
        settings: The user's settings.
        session: The HTTP session to use.
        listener: Told of progress.

    Raises:
        SourceError, IntegrityError: a file of the lock cannot be had; nothing was written.
        FileInTheWay: another file has the name.
        DiskFull, TargetNotUsable: it cannot be written.
    """
    path = output if isinstance(output, Path) else None
    if path is not None:
        there = writing.existing(path, lock)
        if there is not None:
            return Created(path, lock, there.sha256, there.size, "present")
    given = (*lock.policy.licenses_accepted, *accepted_licenses)
    for vae in lock.vaes:
        licenses.require(vae.entry, state=settings.state, given=given, ask=ask)
    having = _Having(lock, settings, session, listener)
    having.all()
    index = index_module.of(lock, having.sizes())
    label = "the bundle" if path is None else path.name
    total = index.length(len(index_module.text(index)))
    listener.started(label, total, 0)
    advanced = partial(listener.advanced, label)
    if isinstance(output, Path):
        written = writing.write_file(output, lock, index, having.blob, advanced=advanced)
    else:
        try:
            written = writing.write_to(output, lock, index, having.blob, advanced=advanced)
        except OSError as error:
            raise TargetNotUsable(
                f"whoever reads the bundle takes no more of it: {error.strerror or error}",
                hint="what was written so far is no bundle",
            ) from error
    advanced(written.size)
    listener.finished(label)
    return Created(path, lock, written.sha256, written.size, "created")


class _Having:
    """The files of a lock, in the store."""

    def __init__(
        self, lock: Lock, settings: Settings, session: Session, listener: Listener
    ) -> None:
        self._artifacts = {str(artifact.sha256): artifact for artifact in lock.artifacts()}
        self._labels = labels(lock)
        self._settings = settings
        self._session = session
        self._listener = listener
        self._store = Store(settings.store)

    def all(self) -> None:
        """Bring what is not there, several at once."""
        missing = {
            digest: artifact
            for digest, artifact in self._artifacts.items()
            if not self._store.has(digest, artifact.size)
        }
        if len(missing) > 1:
            for digest, artifact in missing.items():
                self._listener.planned(self._labels[digest], artifact.size)

        def job(artifact: Artifact, stopping: Callable[[], bool]) -> None:
            with self._held(artifact, stopping):
                pass

        jobs = [partial(job, artifact) for artifact in missing.values()]
        for outcome in run_together(jobs, at_once=obtaining.AT_ONCE):
            if outcome is not None:
                raise outcome

    def sizes(self) -> dict[str, int]:
        """Give the size of each file."""
        return {
            digest: artifact.size
            if artifact.size is not None
            else self._store.blob(digest).stat().st_size
            for digest, artifact in self._artifacts.items()
        }

    @contextlib.contextmanager
    def blob(self, sha256: str) -> Iterator[Path]:
        """Give a file, held so that no garbage collection takes it; fetched again if one has."""
        with self._held(self._artifacts[sha256], lambda: False) as path:
            try:
                yield path
            except HashMismatch:
                self._store.doubt(sha256)  # or the next run would believe its seal again
                raise

    @contextlib.contextmanager
    def _held(self, artifact: Artifact, stopping: Callable[[], bool]) -> Iterator[Path]:
        """Have one file in the store, and hold it there."""
        digest = str(artifact.sha256)
        told = Relay(
            self._listener, labels={artifact.name: self._labels[digest]}, stopping=stopping
        )
        step = self._step(artifact)
        with obtaining.hold([step], self._store, listener=told) as waits:
            if self._store.has(digest, artifact.size):
                waits[artifact.name].end()
            else:
                got = obtaining.obtain(
                    [self._step(artifact, look=True)],
                    self._store,
                    Copies(),
                    session=self._session,
                    settings=self._settings,
                    listener=told,
                    elsewhere=False,
                )
                del got  # it is the store's now
            yield self._store.blob(digest)

    def _step(self, artifact: Artifact, *, look: bool = False) -> Step:
        near = self._store.root / "blobs"  # where no file of the user's lies
        found = look_for([artifact], folder=near, settings=self._settings) if look else {}
        return Step(
            artifact,
            "fetch",
            self._store.blob(str(artifact.sha256)),
            "it is to be in the bundle",
            sources=hosts.with_mirrors(artifact, self._settings),
            nearby=found.get(artifact.name, ()),
        )
