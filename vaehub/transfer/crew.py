"""Several sources at work on one file, each with as many connections as pay.

The first source begins. Its first connection finds out whether it serves ranges, and where the file
really lies; then others join, as long as that makes it faster and the host does not mind. Another
source joins when the first does not answer soon, or would take long for the rest. One thread hashes
the contiguous bytes while they are still in the page cache, so that the digest is ready soon after
the last byte, and one keeps the journal.

Knows threads and who is at work; who fetches what is decided in :mod:`vaehub.transfer.segments`,
one request is made in :mod:`vaehub.transfer.ranges`, and what an error means for a source is said
in :mod:`vaehub.transfer.asking`.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from typing import TYPE_CHECKING, Protocol

from vaehub.errors import (
    HashMismatch,
    IntegrityError,
    Offline,
    SizeMismatch,
    SourceError,
    SourceUnreachable,
    VaehubError,
)
from vaehub.transfer.extents import Owner
from vaehub.transfer.joining import Seen, pays
from vaehub.transfer.jury import Jury, has
from vaehub.transfer.lane import Lane, ceiling_of
from vaehub.transfer.patience import PASSING
from vaehub.transfer.ranges import RangesIgnored, open_range
from vaehub.transfer.segments import MIB, Segments
from vaehub.transfer.stream import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from vaehub.model import Download
    from vaehub.transfer.asking import Asked
    from vaehub.transfer.declared import Expected
    from vaehub.transfer.lane import Address
    from vaehub.transfer.partial import Partial
    from vaehub.transfer.segments import Piece
    from vaehub.transfer.session import Session
    from vaehub.transfer.stream import Answer

WORTH_IT = 16 * MIB
"""Bytes still missing from which on a second connection pays for itself."""
JOURNAL_EVERY = 0.25
"""Seconds; what came since is fetched again after a power cut."""
JOURNAL_BYTES = 16 * MIB
"""So many new bytes are flushed earlier: the disk works while the wire does, not after it."""
STALLED = 5.0
"""Seconds without a byte, after which an idle connection takes a piece over."""
RATE_OVER = 0.25
"""Seconds over which the speed of one connection is measured."""
CHUNK = 256 * 1024
_TICK = 0.1


class Lead(Protocol):
    """Whoever wants the file."""

    def gave_up(self, asked: Asked, error: VaehubError, *, others: bool) -> None:
        """Is told that a source is asked no more; ``others``: others deliver, it only helped."""

    def stumbled(self, asked: Asked, error: SourceError) -> None:
        """Is told that a source was in trouble, so that others had to help."""

    def outvoted(self, asked: Asked, start: int, sample: bytes) -> None:
        """Is told that a source sends other bytes than the rest; the digest will prove who errs."""

    def advanced(self, done: int) -> None:
        """Is told how many bytes are here, some times a second; may raise to end it."""


def is_worth_it(partial: Partial, wanted: Expected) -> bool:
    """Tell whether a partial should be filled by ranges."""
    if wanted.size is None or not hasattr(os, "pwrite"):
        return False
    return partial.is_spread or wanted.size - partial.length >= WORTH_IT


class Crew:
    """Sources at work on one file."""

    def __init__(
        self,
        partial: Partial,
        *,
        name: str,
        wanted: Expected,
        session: Session,
        lead: Lead,
    ) -> None:
        """Make ready.

        Args:
            partial: Where the bytes go; its size must be known.
            name: The installed name, whose suffix says what the first bytes must look like.
            wanted: What the whole must be.
            session: Asks.
            lead: Is told what happens.
        """
        self.partial = partial
        self.name = name
        self.wanted = wanted
        self.session = session
        self.lead = lead
        self.segments = Segments(partial.missing())
        self.changed = threading.Condition()
        """Guards everything below, the segments and the lanes."""
        self.stopped = False
        self.fatal: BaseException | None = None
        self.lanes: list[Lane] = []
        self.waiting: list[Asked] = []
        self.jury = Jury()
        self.moved: dict[Piece, float] = {}
        self.last_byte = self.last_joined = 0.0
        self.threads: list[threading.Thread] = []

    def run(self, first: Asked, download: Download | None, others: Sequence[Asked] = ()) -> None:
        """Get all missing bytes, or as many as the sources have.

        Args:
            first: The source to begin with.
            download: Where its bytes are; None: to be found out.
            others: May join, in this order.

        Raises:
            DiskFull, TargetError, Offline: as everywhere; what came is in the partial.
        """
        self.partial.spread()
        self.waiting = list(others)
        whole = False
        try:
            self._start(self._follow)
            self._start(self._journal)
            lane = Lane(first, agrees=True)
            if download is not None:
                lane.located(download)
            self._join(lane)
            while not whole:
                with self.changed:
                    self.changed.wait(_TICK)
                    if self.fatal is not None:
                        raise self.fatal
                    writing = any(lane.writing for lane in self.lanes)
                    whole = self.segments.done and not writing
                    joining = None if whole else self._next_source()
                    if joining is None and not whole and not self._at_work():
                        return
                if joining is not None:
                    self._join(Lane(joining))
                self.lead.advanced(self.partial.present)
        finally:
            with self.changed:
                self.stopped = True
                self.changed.notify_all()
                # What is being written is written to the end: the caller may cut the file next.
                self.changed.wait_for(lambda: not any(lane.writing for lane in self.lanes))
            for thread in self.threads:
                # Who waits for a silent host is left behind, and writes nothing any more.
                thread.join(timeout=None if thread.name in {"follow", "journal"} else 0.1)
            if whole:
                self._tell_of_trouble()
            else:
                with contextlib.suppress(VaehubError):  # an error is on its way already
                    self.partial.record()
            for sample, other in self.jury.aside.items():
                if self.jury.sampled is not None:
                    self.lead.outvoted(other.asked, self.jury.sampled[0], sample)

    def _tell_of_trouble(self) -> None:
        """Tell of the sources that had failed, and that nobody waited for to come back."""
        for lane in self._at_work():
            trouble = lane.asked.trouble
            if trouble is not None and (lane.was_helped or (lane.is_troubled and not lane.helps)):
                self.lead.stumbled(lane.asked, trouble)

    # Which sources are at work. The caller holds the lock.

    def _at_work(self) -> list[Lane]:
        return [lane for lane in self.lanes if not lane.closed]

    def _next_source(self) -> Asked | None:
        """Say which source joins now."""
        if not self.waiting:
            return None
        working = self._at_work()
        seen = Seen(
            working=working,
            rest=self._rest,
            now=time.monotonic(),
            last_byte=self.last_byte,
            last_joined=self.last_joined,
            wants_arbiter=bool(self.jury.aside),
        )
        if not pays(self.waiting[0].source, seen, self.session.limits):
            return None
        if all(lane.is_troubled for lane in working):
            for lane in working:
                lane.was_helped = True
        return self.waiting.pop(0)

    @property
    def _rest(self) -> int:
        """Bytes still to come."""
        return (self.wanted.size or 0) - self.partial.present

    def _room(self, lane: Lane) -> int:
        asked = lane.asked
        return self.session.limits.share(asked.server, ceiling_of(asked.source.host))

    # Threads.

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        name = work.__name__.strip("_")
        thread = threading.Thread(target=work, args=arguments, name=name, daemon=True)
        self.threads.append(thread)
        thread.start()

    def _join(self, lane: Lane) -> None:
        with self.changed:
            lane.helps = any(not other.is_troubled for other in self._at_work())
            self.lanes.append(lane)
            self.last_joined = time.monotonic()
        self._start(self._manage, lane)

    def _follow(self) -> None:
        try:
            while not self.stopped:
                if not self.partial.follow():
                    with self.changed:
                        self.changed.wait(_TICK)
        except Exception as error:
            self._fail(error)

    def _journal(self) -> None:
        try:
            recorded, when = self.partial.present, time.monotonic()
            while not self.stopped:
                with self.changed:
                    self.changed.wait_for(lambda: self.stopped, timeout=_TICK)
                present, now = self.partial.present, time.monotonic()
                if now - when >= JOURNAL_EVERY or present - recorded >= JOURNAL_BYTES:
                    recorded, when = present, now
                    self.partial.record()
                else:
                    self.partial.note()
        except Exception as error:
            self._fail(error)

    def _manage(self, lane: Lane) -> None:
        """See one source through."""
        try:
            try:
                with self.session.limits.transfer(lane.asked.server):
                    self._staff(lane)
            except RangesIgnored:
                lane.asked.serves_ranges = False
                self._close(lane)
            except Offline:
                raise
            except (SourceError, IntegrityError) as error:
                self._close(lane, error)
        except BaseException as error:  # also of the lead, and of the disk while a source is left
            self._fail(error)

    def _staff(self, lane: Lane) -> None:
        """Give a source as many workers as pay, until the work is over or the source fails.

        Not until the last byte has come: it may be given up again, with a source that is wrong.
        """
        seen = 0
        while not self._is_over(lane):
            if lane.address is None:
                self._locate(lane)
            if not lane.agrees:
                self._hold_against_others(lane)
            with self.changed:
                if lane.agrees and not lane.trouble and not self._is_over(lane):
                    for _ in range(lane.more(room=self._room(lane), rest=self._rest)):
                        lane.alive += 1
                        self._start(self._work, lane)
                    self.changed.wait(_TICK if lane.pace.settled else _TICK / 4)
                if self._is_over(lane) or not lane.trouble:
                    continue
                error, address = lane.trouble.pop(0)
                if lane.is_stale(address):
                    lane.lost += 1
                    continue
                alive, serves = lane.alive, lane.serves_ranges
                progressed, seen = lane.received > seen, lane.received
            if not isinstance(error, (SourceUnreachable, Refused)):
                raise error
            if alive and serves and _may_pass(error):
                # One connection less, and no more than are left: the host may have had too many.
                lane.ceiling = max(1, alive)
                continue
            pause = lane.asked.judge(error, address.download, progressed=progressed)
            with self.changed:
                lane.address = None
                lane.lost += 1
                lane.is_troubled = pause > 0
                alone = self._at_work() == [lane]
            if alone:
                lane.asked.wait(pause)
            elif pause:  # others deliver meanwhile: nothing that a person need know
                self.session.sleep(pause)

    def _is_over(self, lane: Lane) -> bool:
        return self.stopped or lane.closed

    def _locate(self, lane: Lane) -> None:
        download, wanted = lane.asked.locate()
        if wanted.sha256 != self.wanted.sha256:
            raise HashMismatch(
                f"{self.name}: {lane.label} holds other bytes by now: expected sha256 "
                f"{self.wanted.sha256}, the host says {wanted.sha256}"
            )
        if wanted.size not in (None, self.wanted.size):
            raise SizeMismatch(
                f"{self.name}: {lane.label} holds a file of another size: expected "
                f"{self.wanted.size:,} bytes, the host says {wanted.size:,}"
            )
        with self.changed:
            lane.located(download)

    def _close(self, lane: Lane, error: VaehubError | None = None) -> None:
        """Have no more of a source; what it sent is given up where that turned out to be wrong."""
        with self.changed:
            if lane.closed or self.stopped:
                return
            lane.closed = True
            self.changed.wait_for(lambda: not lane.writing)
            if isinstance(error, IntegrityError):
                self._give_up(Owner(lane.label, in_this_run=True))
            others = lane.helps and bool(self._at_work())
            self.changed.notify_all()
        if error is not None:
            self.lead.gave_up(lane.asked, error, others=others)

    def _fail(self, error: BaseException) -> None:
        with self.changed:
            self.fatal = self.fatal or error
            self.changed.notify_all()

    # What a source that joins is worth.

    def _hold_against_others(self, lane: Lane) -> None:
        """Compare a sample of what a source serves with what others have sent.

        A mirror with another file of the same size is found out by 64 KiB and not by the digest of
        the whole.
        """
        with self.changed:
            parts = self.partial.extents()
            self.waiting[:0] = [other.asked for other in self.jury.recall(parts)]
            sampled = self.jury.sample_for(lane, parts)
            address = lane.address
            lane.agrees = sampled is None
        if sampled is None or address is None:
            return
        start, end = sampled
        try:
            theirs = self._take_sample(lane, address, start, end)
        except (SourceUnreachable, Refused) as error:
            with self.changed:
                lane.trouble.append((error, lane.address or address))
            return
        with self.changed:
            if not theirs or not has(self.partial.extents(), start, end):
                return  # given up meanwhile: nothing to hold it against
            here = self.partial.read(start, end)
            verdict = self.jury.hear(lane, theirs, here)
            lane.agrees = verdict.agrees
            lane.closed = not lane.agrees
            self.changed.notify_all()
            outvoted = list(verdict.outvoted)
            if verdict.recalled is not None:
                self.waiting.insert(0, verdict.recalled.asked)
                outvoted += [(other, here) for other in self._overrule(start, end)]
        for other, sample in outvoted:
            self.lead.outvoted(other.asked, start, sample)

    def _take_sample(self, lane: Lane, address: Address, start: int, end: int) -> bytes:
        """Ask for a sample; gives none where the work is over before there is a connection."""
        theirs = b""
        limits = self.session.limits
        with limits.connection(unless=lambda: self._is_over(lane)) as held:
            if not held:
                return b""
            with self._open(lane, address, start, end) as answer:
                with self.changed:
                    lane.served(address, answer.url)
                    self.changed.notify_all()  # others may join
                while data := answer.read(end - start - len(theirs)):
                    theirs += data
        limits.spend(len(theirs), sleep=self.session.sleep)
        if len(theirs) < end - start:
            raise SourceUnreachable(f"{lane.label}: the answer ended too early")
        return theirs

    def _overrule(self, start: int, end: int) -> list[Lane]:
        """Give up all that whoever sent these bytes has sent; the caller holds the lock.

        Returns:
            The sources at work that it came from; bytes of an earlier run have none.
        """
        wrong = {
            part.owner for part in self.partial.extents() if part.start < end and start < part.end
        }
        mine = {owner.source for owner in wrong if owner.in_this_run}
        lanes = [lane for lane in self._at_work() if lane.label in mine]
        for lane in lanes:
            lane.closed = True
        self.changed.wait_for(lambda: not any(lane.writing for lane in lanes))
        for owner in wrong:
            self._give_up(owner)
        return lanes

    def _give_up(self, owner: Owner) -> None:
        """Have all bytes of an owner fetched again, unless the work is over; under the lock."""
        if not self.stopped:  # else the bytes are the caller's by now
            gone = self.partial.release(owner)
            self.segments.add((part.start, part.end) for part in gone)
            self.changed.notify_all()

    # Workers.

    def _work(self, lane: Lane) -> None:
        rate = wait = 0.0
        trouble: tuple[Exception, Address] | None = None
        try:
            while trouble is None and (given := self._next(lane, rate, wait)) is not None:
                piece, address = given
                try:
                    self._fetch(lane, piece, address)
                except RangesIgnored as error:
                    # Once ranges have been served, one without is this connection's trouble alone.
                    one = SourceUnreachable(f"{lane.label}: one answer came without its range")
                    trouble = (one if lane.serves_ranges else error), address
                except Offline:
                    raise
                except (Refused, SourceError, IntegrityError) as error:
                    trouble = error, address
                finally:
                    with self.changed:
                        rate, wait = piece.rate, piece.wait
                        self.segments.give_back(piece)
                        self.moved.pop(piece, None)
                        if trouble is None and lane.tried is address:
                            lane.tried = None  # else nobody asks there again: a new one is to come
        except BaseException as error:
            self._fail(error)
        finally:
            with self.changed:
                # At once: whoever looks at the trouble must not count this worker as one that goes
                # on.
                lane.alive -= 1
                lane.warm.discard(threading.get_ident())
                if trouble is not None:
                    lane.trouble.append(trouble)
                self.changed.notify_all()

    def _next(self, lane: Lane, rate: float, wait: float) -> tuple[Piece, Address] | None:
        """Wait for a piece; None when the work is over."""
        with self.changed:
            while not self._is_over(lane):
                if lane.alive > max(1, min(lane.ceiling, self._room(lane))):
                    return None
                now = time.monotonic()
                piece, address = None, lane.address
                if address is not None and lane.may_try(address):
                    workers = sum(each.alive for each in self.lanes)
                    piece = self.segments.take(workers, rate=rate, wait=wait)
                    piece = piece or self._stalled(now)
                if piece is not None and address is not None:
                    self.moved[piece] = now
                    lane.tried = address
                    return piece, address
                self.changed.wait(_TICK)
        return None

    def _stalled(self, now: float) -> Piece | None:
        """Take a piece over of which nothing came for long."""
        if self.session.limits.owed:
            return None  # they may all be waiting for the rate that the user allows
        for piece in self.segments.active():
            if now - self.moved.get(piece, now) > STALLED:
                return self.segments.take_over(piece)
        return None

    def _open(
        self, lane: Lane, address: Address, start: int, end: int
    ) -> AbstractContextManager[Answer]:
        return open_range(
            address,
            start,
            end,
            session=self.session,
            wanted=self.wanted,
            name=self.name,
            label=lane.label,
        )

    def _fetch(self, lane: Lane, piece: Piece, address: Address) -> None:
        with self.session.limits.connection(
            unless=lambda: self._is_over(lane) or not piece.left
        ) as held:
            with self.changed:
                start, end = piece.position, piece.end
            if not held or start == end:  # another worker took it before we began
                return
            asked = time.monotonic()
            with self._open(lane, address, start, end) as answer:
                with self.changed:
                    piece.wait = time.monotonic() - asked
                    lane.served(address, answer.url)
                    self.changed.notify_all()  # others may join
                self._receive(lane, piece, answer)
        if piece.left and not self._is_over(lane):
            raise SourceUnreachable(f"{lane.label}: the answer ended too early")

    def _receive(self, lane: Lane, piece: Piece, answer: Answer) -> None:
        looked, came = time.monotonic(), 0
        is_known = bool(piece.rate)
        while data := answer.read(CHUNK):
            with self.changed:
                if self.stopped or lane.closed:
                    return
                lane.warm.add(threading.get_ident())
                lane.is_troubled = False
                at, now = piece.position, time.monotonic()
                # Claimed before it is written: nobody else can be given these bytes any more.
                count = self.segments.advance(piece, len(data))
                self.moved[piece] = self.last_byte = now
                lane.received += count
                lane.writing += 1
                came += len(data)
                if now - looked > RATE_OVER:
                    piece.rate, looked, came = came / (now - looked), now, 0
                    is_known = True
                elif not is_known and now > looked:
                    piece.rate = came / (now - looked)  # a guess, but better than none
            try:
                if count:
                    self.partial.put(lane.label, at, memoryview(data)[:count])
            except BaseException as error:
                # Told before this write stops counting: its bytes look as if they had come.
                self._fail(error)
                raise
            finally:
                with self.changed:
                    lane.writing -= 1
                    if self.stopped or lane.closed or self.segments.done:
                        self.changed.notify_all()
            self.session.limits.spend(len(data), sleep=self.session.sleep)
            if not piece.left:
                return


def _may_pass(error: SourceUnreachable | Refused) -> bool:
    """Tell whether the other connections to a source may go on."""
    return not isinstance(error, Refused) or error.refusal.status in PASSING
