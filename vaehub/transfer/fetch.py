"""Bring an artifact here from the sources that deliver exactly its bytes.

Knows the order of things: locate, compare, fetch, fall back, verify, find out who was wrong. Each
step is elsewhere: one source and the patience with it in :mod:`vaehub.transfer.asking`, one GET of
a whole file in :mod:`vaehub.transfer.stream`, ranges from several sources in
:mod:`vaehub.transfer.crew`, the bytes so far in :mod:`vaehub.transfer.partial`.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

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
from vaehub.transfer.asking import Asked
from vaehub.transfer.crew import Crew, is_worth_it
from vaehub.transfer.declared import Expected
from vaehub.transfer.inquest import Inquest
from vaehub.transfer.listener import SILENT
from vaehub.transfer.partial import Partial
from vaehub.transfer.stream import RangeRefused, Refused, pull
from vaehub.weights import check_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from vaehub.model import Artifact, Download, Source
    from vaehub.settings import Settings
    from vaehub.transfer.extents import Owner
    from vaehub.transfer.listener import Listener
    from vaehub.transfer.session import Session


class Fetched(NamedTuple):
    """A whole, verified file, and how it came here."""

    sha256: str
    size: int
    source: str
    """Label of the source that gave most of the bytes."""
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
        self.asked: list[Asked] = []
        self.inquest = Inquest()
        self._failures: list[tuple[Asked, VaehubError, bool]] = []
        self._outvoted: list[tuple[Asked, int, bytes]] = []
        self._announced: str | None = None

    def run(self, sources: Sequence[Source]) -> Fetched:
        done = self._complete_already()
        if done is not None:
            return done
        if self.session.offline:
            raise Offline(
                f"{self.artifact.name} is not here, and this run is offline",
                hint="leave --offline out, or unset VAEHUB_OFFLINE (or `offline` in the "
                "configuration)",
            )
        self.asked = [
            Asked(
                source,
                self.artifact,
                session=self.session,
                settings=self.settings,
                listener=self.listener,
            )
            for source in sources
        ]
        for asked in self.asked:
            try:
                asked.name()
            except SourceError as error:
                self._give_up(asked, error)
        while True:
            wanted, last = self._gather()
            if not self._is_right(wanted, last):
                continue
            try:
                return self._finish(wanted)
            except IntegrityError as error:
                if self.artifact.sha256 is not None:
                    raise  # these are the very bytes that were wanted: all sources have the same
                self._give_up(last, error)

    def _complete_already(self) -> Fetched | None:
        """Take up a file of which a killed run had every byte, without asking anybody."""
        sha256, size = self.artifact.sha256, self.artifact.size
        length = self.partial.length
        if sha256 is None or not length or length != self.partial.present:
            return None
        if size not in (None, length) or self.partial.digest() != sha256:
            return None
        return self._finish(Expected(sha256, size))

    # Fetching

    def _gather(self) -> tuple[Expected, Asked]:
        """Have all bytes here; says what they must be, and who was asked last."""
        while True:
            asked = self._whom_to_ask()
            try:
                wanted = self._get_from(asked)
            except Offline:
                raise
            except (SourceError, IntegrityError) as error:
                self._give_up(asked, error)
            else:
                if wanted is not None:
                    return wanted, asked

    def _get_from(self, asked: Asked) -> Expected | None:
        """Get what a source gives, with others beside it; says what the whole must be, once here.

        A file that the catalog pins is begun without waiting for the source's word on where it is:
        should that take long, others are asked meanwhile.
        """
        sha256, size = self.artifact.sha256, self.artifact.size
        pinned = Expected(sha256, size) if sha256 is not None and size is not None else None
        if pinned and asked.serves_ranges and is_worth_it(self.partial, pinned):
            self._expect(pinned, asked.label)
            self._fetch_ranges(asked, None, pinned)
            return pinned if self._is_whole(pinned) else None
        download, wanted = asked.locate()
        self._expect(wanted, asked.label)
        if self._is_whole(wanted):
            return wanted
        if asked.serves_ranges and is_worth_it(self.partial, wanted):
            self._fetch_ranges(asked, download, wanted)
        else:
            self._fetch_whole(asked, download, wanted)
            if wanted.size is None and not asked.ended_early:
                return wanted
        return wanted if self._is_whole(wanted) else None

    def _usable(self) -> list[Asked]:
        """Give the sources that may be asked, those first that nothing speaks against."""
        suspect = self.inquest.suspect
        accused = suspect.source if suspect is not None and suspect.in_this_run else None
        return sorted(
            (asked for asked in self.asked if asked.failed is None and asked.label != accused),
            key=lambda asked: (asked.label in self.inquest.doubted, not asked.serves_ranges),
        )

    def _whom_to_ask(self) -> Asked:
        usable = self._usable()
        if not usable and self.inquest.suspect is not None:
            self.inquest.let_go()
            usable = self._usable()
        if not usable:
            raise self._nobody_delivered()
        now = time.monotonic()
        for asked in usable:
            if asked.not_before <= now:
                return asked
        soonest = min(usable, key=lambda asked: asked.not_before)
        soonest.wait(soonest.not_before - now)
        return soonest

    def _expect(self, wanted: Expected, label: str) -> None:
        self.partial.expect(wanted)
        self.partial.check_space()
        if self._announced != label:
            self._announced = label
            self.listener.started(self.artifact.name, wanted.size, self.partial.present)

    def _is_whole(self, wanted: Expected) -> bool:
        return wanted.size is not None and self.partial.length == wanted.size

    def _fetch_ranges(self, asked: Asked, download: Download | None, wanted: Expected) -> None:
        """Let this source, and others as far as that pays, fill the gaps."""
        crew = Crew(
            self.partial, name=self.artifact.name, wanted=wanted, session=self.session, lead=self
        )
        # Without a sha256 of ours each source has only its own word for what is right.
        together = self.artifact.sha256 is not None and not self.inquest.alone
        others = self._usable() if together else []
        helpers = [other for other in others if other is not asked and other.serves_ranges]
        crew.run(asked, download, helpers)

    def _fetch_whole(self, asked: Asked, download: Download, wanted: Expected) -> None:
        """Let one connection bring the rest, or everything where its host knows no ranges."""
        before = self.partial.present
        limits = self.session.limits
        try:
            with (
                limits.transfer(asked.server),
                limits.connection(unless=self._is_wanted_no_more),
            ):
                pull(
                    download,
                    self.partial,
                    label=asked.label,
                    name=self.artifact.name,
                    wanted=wanted,
                    session=self.session,
                    advanced=self.advanced,
                    whole=asked.wants_whole or not asked.serves_ranges,
                )
            asked.ended_early = False
            asked.not_before = 0.0  # it was asked again, and did deliver
        except RangeRefused:
            asked.wants_whole = asked.ended_early = True
        except IntegrityError:
            self.partial.drop(asked.label)
            raise
        except (SourceUnreachable, Refused) as error:
            asked.ended_early = True
            progressed = self.partial.present > before
            pause = asked.judge(error, download, progressed=progressed)
            if pause and not progressed and len(self._usable()) > 1:
                asked.not_before = time.monotonic() + pause  # others may have it meanwhile
                self.listener.note(f"{asked.label} does not deliver now; asking another source")
            else:
                asked.wait(pause)

    def gave_up(self, asked: Asked, error: VaehubError, *, others: bool) -> None:
        """Take note that a source is asked no more; ``others``: others deliver, it only helped."""
        asked.failed = error
        self._failures.append((asked, error, not others or isinstance(error, IntegrityError)))
        if not others or isinstance(error, IntegrityError):
            self.listener.note(f"{asked.label} did not deliver")

    def stumbled(self, asked: Asked, error: SourceError) -> None:
        """Take note that a source was in trouble, and others had to help."""
        self._failures.append((asked, error, True))

    def outvoted(self, asked: Asked, start: int, sample: bytes) -> None:
        """Take note that a source sends other bytes than the rest, to be held against the whole."""
        self._outvoted.append((asked, start, sample))

    def advanced(self, done: int) -> None:
        """Tell how many bytes are here."""
        self.listener.advanced(self.artifact.name, done)

    def _is_wanted_no_more(self) -> bool:
        """Let the listener end it, which it does by raising; nothing else ends it."""
        self.advanced(self.partial.present)
        return False

    def _give_up(self, asked: Asked, error: VaehubError) -> None:
        self.gave_up(asked, error, others=False)

    # Being sure

    def _is_right(self, wanted: Expected, last: Asked) -> bool:
        """Hold the whole against what it must be; where it differs, give up what may be wrong."""
        name, length = self.artifact.name, self.partial.length
        if wanted.size is not None and length != wanted.size:
            self.partial.discard()
            self._give_up(
                last,
                SizeMismatch(
                    f"{name}: {last.label} sent {length:,} bytes, expected {wanted.size:,}; "
                    "thrown away"
                ),
            )
            return False
        got = self.partial.digest()
        if got == wanted.sha256:
            self._convict()
            return True
        if wanted.size is None:  # nobody can say how long it must be, and so what is missing
            wrong: tuple[Owner, ...] = tuple(self.partial.owners())
            self.partial.discard()
            if len(wrong) > 1:
                wrong = ()
        else:
            gone = {asked.label for asked in self.asked if asked.failed is not None}
            wrong = self.inquest.open(self.partial, got, gone=gone)
        for asked in self.asked:
            mine = [owner for owner in wrong if owner.source == asked.label and owner.in_this_run]
            if mine and asked.failed is None:
                self._give_up(
                    asked,
                    HashMismatch(
                        f"{name}: {asked.label} sent other bytes: expected sha256 "
                        f"{wanted.sha256}, got {got}; thrown away",
                        hint="the file there was changed or damaged; another source may be right",
                    ),
                )
        suspect = self.inquest.suspect
        if not any(owner.in_this_run for owner in wrong):
            whose = "all of them" if suspect is None else f"those that came from {suspect.source}"
            self.listener.note(f"{name}: the bytes put together are wrong; fetching {whose} again")
        return False

    def _convict(self) -> None:
        """Say who was wrong, now that the bytes of others in place of theirs are right."""
        suspect = self.inquest.suspect
        for asked in self.asked:
            if suspect and suspect.in_this_run and asked.label == suspect.source:
                count = sum(part.size for part in self.inquest.taken)
                error = HashMismatch(
                    f"{self.artifact.name}: {asked.label} sent other bytes among {count:,}: with "
                    "those of the other sources in their place the sha256 is right",
                    hint="the file there was changed or damaged",
                )
                if asked.failed is None:
                    self._give_up(asked, error)
        self.inquest.suspect = None
        for asked, start, sample in self._outvoted:
            if asked.failed is None and self.partial.read(start, start + len(sample)) != sample:
                error = HashMismatch(
                    f"{self.artifact.name}: {asked.label} sends other bytes than the right ones; "
                    "found by a sample, and not used",
                    hint="the file there was changed or damaged",
                )
                self._give_up(asked, error)

    def _finish(self, wanted: Expected) -> Fetched:
        """Look at the whole file, and make it last."""
        try:
            check_file(self.partial.path, name=self.artifact.name)
        except IntegrityError:
            self.partial.discard()
            raise
        owners = self.partial.owners()
        inherited = self.partial.inherited
        self.partial.settle()
        self.listener.finished(self.artifact.name)
        return Fetched(
            sha256=wanted.sha256,
            size=self.partial.length,
            source=max(owners, key=lambda owner: owners[owner]).source,
            attempts=(
                *((asked.label, error) for asked, error, told in self._failures if told),
                *self._put_off(),
            ),
            resumed_from=inherited,
        )

    def _put_off(self) -> Iterator[tuple[str, VaehubError]]:
        """Give the sources that were to be asked again later, which was not necessary."""
        for asked in self.asked:
            if asked.failed is None and asked.not_before and asked.trouble is not None:
                yield asked.label, asked.trouble

    def _nobody_delivered(self) -> NoSourceDelivered:
        name = self.artifact.name
        attempts = [(asked.label, error) for asked, error, _ in self._failures]
        if not attempts:
            return NoSourceDelivered(f"{name}: there is no source to get it from", attempts=())
        count = len(attempts)
        which = "its only source failed" if count == 1 else f"all of its {count} sources failed"
        return NoSourceDelivered(f"{name}: {which}", attempts=attempts)
