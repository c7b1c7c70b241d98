"""Bring an artifact here from the first source that delivers exactly its bytes.

Knows the order of things: locate, compare, stream, try again, fall back, verify. Each step is
elsewhere: what a host says in :mod:`vaehub.transfer.declared`, one GET in
:mod:`vaehub.transfer.stream`, the bytes so far in :mod:`vaehub.transfer.partial`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vaehub.errors import (
    HashMismatch,
    IntegrityError,
    NoSourceDelivered,
    Offline,
    SizeMismatch,
    SourceError,
    SourceUnreachable,
    VaehubError,
)
from vaehub.settings import DEFAULT_ENDPOINTS, origin
from vaehub.transfer.declared import Expected, expected
from vaehub.transfer.listener import SILENT
from vaehub.transfer.parallel import RangesIgnored, fill, is_worth_it
from vaehub.transfer.partial import Partial
from vaehub.transfer.patience import PASSING, retry_after
from vaehub.transfer.stream import RangeRefused, Refused, pull
from vaehub.weights import check_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from vaehub.hosts.base import Host
    from vaehub.model import Artifact, Download, Source
    from vaehub.settings import Settings
    from vaehub.transfer.listener import Listener
    from vaehub.transfer.session import Session

_EXPIRED = frozenset({400, 401, 403})
"""What storages say to an address whose signature has run out."""
_WORTH_A_WORD = 2.0
"""Seconds of waiting from which on a person should know why nothing happens."""
_BLINKS = frozenset({"civitai"})
"""Hosts whose 404 has been seen to pass: Civitai gives it when its storage does not answer."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A whole, verified file, and how it came here."""

    sha256: str
    size: int
    source: str
    """Label of the source that gave the last byte."""
    attempts: tuple[tuple[str, VaehubError], ...]
    """The sources that failed before, with their reasons."""
    resumed_from: int
    """Bytes that an earlier run had left here and that were not asked for again."""


def fetch(
    artifact: Artifact,
    partial: Path,
    sources: Sequence[Source],
    *,
    session: Session,
    settings: Settings,
    listener: Listener = SILENT,
) -> Fetched:
    """Get an artifact's bytes, whole and verified, into a partial file.

    Args:
        artifact: what the bytes must be.
        partial: where they go; what an earlier run left there is gone on with. Its folder must be
            the caller's alone, and no other process may use it meanwhile.
        sources: in the order to try.
        session: the HTTP policy.
        settings: endpoints and tokens, for the hosts.
        listener: is told how it goes.

    Returns:
        What is now at ``partial``, flushed to the disk; the caller moves it.

    Raises:
        NoSourceDelivered: every source failed; carries each one's reason.
        UnsafePickle: the bytes are what the catalog says, and loading them could run code.
        NotAModel: the bytes are what the catalog says, and they are no model.
        DiskFull: the file does not fit.
        TargetNotUsable: the partial cannot be written.
        Offline: bytes are missing, and ``VAEHUB_OFFLINE`` is set.
    """
    with Partial(partial) as growing:
        return _Job(artifact, growing, session, settings, listener).run(sources)


class _Job:
    """One artifact on its way."""

    def __init__(
        self,
        artifact: Artifact,
        partial: Partial,
        session: Session,
        settings: Settings,
        listener: Listener,
    ) -> None:
        self.artifact = artifact
        self.partial = partial
        self.session = session
        self.settings = settings
        self.listener = listener
        self.attempts: list[tuple[str, VaehubError]] = []
        self._announced: str | None = None

    def run(self, sources: Sequence[Source]) -> Fetched:
        done = self._complete_already()
        if done is not None:
            return done
        if self.session.offline:
            raise Offline(
                f"{self.artifact.name} is not here, and VAEHUB_OFFLINE forbids to get it",
                hint="unset VAEHUB_OFFLINE (or `offline` in the configuration) to go online",
            )
        for source in sources:
            label = source.host
            try:
                from vaehub import hosts

                host = hosts.get(source.host)
                label = host.label(source)
                wanted = self._deliver(source, host, label)
            except Offline:
                raise
            except (SourceError, IntegrityError) as error:
                self._failed(label, error)
                continue
            try:
                return self._finish(wanted, label)
            except IntegrityError as error:
                if self.artifact.sha256 is not None:
                    raise  # these are the very bytes that were wanted: all sources have the same
                self._failed(label, error)
        raise self._nobody_delivered()

    def _failed(self, label: str, error: VaehubError) -> None:
        self.attempts.append((label, error))
        self.listener.note(f"{label} did not deliver")

    def _complete_already(self) -> Fetched | None:
        """Take up a file of which a killed run had every byte, without asking anybody."""
        sha256, size = self.artifact.sha256, self.artifact.size
        length = self.partial.length
        if sha256 is None or not length or size not in (None, length):
            return None
        if self.partial.digest() != sha256:
            return None
        return self._finish(Expected(sha256, size), self.partial.stretches[-1].source)

    def _deliver(self, source: Source, host: Host, label: str) -> Expected:
        """Get the missing bytes from one source, and be sure of the whole."""
        while True:
            wanted = self._stream(source, host, label)
            wrong = self._compare(wanted, label)
            if wrong is None:
                return wanted
            one_source = self.partial.comes_only_from(label)
            self.partial.discard()
            if one_source:
                raise wrong
            # Some of the bytes were left by an earlier run or came from another source, and nobody
            # can say which are wrong. Now this source sends all of them, so it happens only once.
            self.listener.note(
                f"{self.artifact.name}: the bytes put together are wrong; fetching all from {label}"
            )

    def _stream(self, source: Source, host: Host, label: str) -> Expected:
        """Ask one source until the file is whole or it is clear that it will not be."""
        failures = expired = missing = 0
        whole = one_stream = False
        while True:
            download = host.locate(
                source, self.artifact, session=self.session, settings=self.settings
            )
            wanted = expected(self.artifact, download)
            self._expect(wanted, label)
            before = self.partial.present
            if wanted.size is not None and self.partial.length == wanted.size:
                return wanted
            error: SourceError
            asked_to_wait: float | None = None
            several = not one_stream and is_worth_it(self.partial, wanted)
            try:
                if several:
                    fill(
                        download,
                        self.partial,
                        host=source.host,
                        label=label,
                        name=self.artifact.name,
                        wanted=wanted,
                        session=self.session,
                        advanced=self._advanced,
                    )
                else:
                    self.partial.collapse()
                    pull(
                        download,
                        self.partial,
                        label=label,
                        name=self.artifact.name,
                        wanted=wanted,
                        session=self.session,
                        advanced=self._advanced,
                        whole=whole,
                    )
            except RangesIgnored:
                one_stream = True
                continue
            except SourceUnreachable as broken:
                error = broken
            except RangeRefused:
                whole = True
                continue
            except IntegrityError:
                self.partial.drop(label)
                raise
            except Refused as refused:
                if self.partial.present > before:
                    expired = 0  # that address did serve: it has run out since
                status = refused.refusal.status
                error = host.explain(source, refused.refusal, settings=self.settings)
                if status in _EXPIRED and self._is_storage(source, download, refused):
                    expired += 1
                    if expired > 1:
                        raise error from None
                    continue
                if status == 404 and source.host in _BLINKS:
                    missing += 1
                    if missing > 1:
                        raise error from None
                elif status not in PASSING:
                    raise error from None
                asked_to_wait = retry_after(refused.refusal.headers)
            else:
                return wanted
            if self.partial.present > before:
                failures = 0
            failures += 1
            pause = self.session.patience.wait(failures, retry_after=asked_to_wait)
            if pause is None:
                raise error
            if pause >= _WORTH_A_WORD:
                self.listener.note(f"{error.message}; trying again in {pause:.0f} s")
            self.session.sleep(pause)

    def _expect(self, wanted: Expected, label: str) -> None:
        self.partial.expect(wanted)
        self.partial.check_space()
        if self._announced != label:
            self._announced = label
            self.listener.started(self.artifact.name, wanted.size, self.partial.present)

    def _advanced(self, done: int) -> None:
        self.listener.advanced(self.artifact.name, done)

    def _is_storage(self, source: Source, download: Download, refused: Refused) -> bool:
        """Tell whether a storage refused a signed address, and not the host the file."""
        if refused.redirected or source.host not in DEFAULT_ENDPOINTS:
            return refused.redirected
        return origin(download.url) != origin(self.settings.endpoint(source.host))

    def _compare(self, wanted: Expected, label: str) -> IntegrityError | None:
        name, length = self.artifact.name, self.partial.length
        if wanted.size is not None and length != wanted.size:
            return SizeMismatch(
                f"{name}: {label} sent {length:,} bytes, expected {wanted.size:,}; thrown away"
            )
        got = self.partial.digest()
        if got != wanted.sha256:
            return HashMismatch(
                f"{name}: {label} sent other bytes: expected sha256 {wanted.sha256}, "
                f"got {got}; thrown away",
                hint="the file there was changed or damaged; another source may be right",
            )
        return None

    def _finish(self, wanted: Expected, label: str) -> Fetched:
        """Look at the whole file, and make it last."""
        try:
            check_file(self.partial.path, name=self.artifact.name)
        except IntegrityError:
            self.partial.discard()
            raise
        self.partial.settle()
        self.listener.finished(self.artifact.name)
        return Fetched(
            sha256=wanted.sha256,
            size=self.partial.length,
            source=label,
            attempts=tuple(self.attempts),
            resumed_from=self.partial.inherited,
        )

    def _nobody_delivered(self) -> NoSourceDelivered:
        name = self.artifact.name
        if not self.attempts:
            return NoSourceDelivered(f"{name}: there is no source to get it from", attempts=())
        count = len(self.attempts)
        which = "its only source failed" if count == 1 else f"all of its {count} sources failed"
        return NoSourceDelivered(f"{name}: {which}", attempts=self.attempts)
