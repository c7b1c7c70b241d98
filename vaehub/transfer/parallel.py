"""Fill a partial over several connections to one source.

The first connection finds out whether the host serves ranges, and where the file really lies; then
others join, as long as that makes it faster and the host does not mind. One thread hashes the
contiguous bytes while they are still in the page cache, so that the digest is ready soon after the
last byte. Knows threads and ranges; who fetches what is decided in :mod:`vaehub.transfer.segments`,
and what an error means for the source in :mod:`vaehub.transfer.fetch`.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from typing import TYPE_CHECKING

from vaehub.errors import SourceUnreachable, SourceUnusable, VaehubError
from vaehub.transfer.addresses import safe_url, same_origin
from vaehub.transfer.answers import Body, read_answer
from vaehub.transfer.patience import PASSING
from vaehub.transfer.segments import MIB, Segments
from vaehub.transfer.stream import Answer, Refused, check_total, refusal_of
from vaehub.weights import refuse_head

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vaehub.model import Download
    from vaehub.transfer.declared import Expected
    from vaehub.transfer.partial import Partial
    from vaehub.transfer.segments import Piece
    from vaehub.transfer.session import Session

WORTH_IT = 16 * MIB
"""Bytes still missing from which on a second connection pays for itself."""
CEILINGS: Mapping[str, int] = {"civitai": 4, "liblib": 4, "github": 4}
"""Connections that a host is asked for at most; :data:`CEILING` for the others."""
CEILING = 8
FIRST = 4
STEP = 4
GAIN = 1.1
"""More connections are added while the last ones made the whole faster by this factor."""
WINDOW = 0.2
"""Seconds over which the speed is measured."""
JOURNAL_EVERY = 0.5
"""Seconds; what came since is fetched again after a power cut."""
JOURNAL_BYTES = 64 * MIB
"""So many new bytes are flushed earlier: the disk works while the wire does, not after it."""
STALLED = 5.0
"""Seconds without a byte, after which an idle connection takes a piece over."""
CHUNK = 256 * 1024
_TICK = 0.1


class RangesIgnored(Exception):
    """The host sends the whole file, whatever range it is asked for."""


def is_worth_it(partial: Partial, wanted: Expected) -> bool:
    """Tell whether a partial should be filled over several connections."""
    if wanted.size is None or not hasattr(os, "pwrite"):
        return False
    return bool(partial.islands) or wanted.size - partial.length >= WORTH_IT


def fill(
    download: Download,
    partial: Partial,
    *,
    host: str,
    label: str,
    name: str,
    wanted: Expected,
    session: Session,
    advanced: Callable[[int], None],
) -> None:
    """Get all missing bytes of a file whose size is known.

    Args:
        download: where they are.
        partial: where they go.
        host: whose ceiling holds.
        label: the source in words, under which the partial keeps book of its bytes.
        name: the installed name, whose suffix says what the first bytes must look like.
        wanted: what the whole must be.
        session: asks.
        advanced: is told how many bytes are here.

    Raises:
        RangesIgnored: the host does not serve ranges, or on no connection any more.
        SourceUnreachable: every connection broke; what came is in the partial.
        Refused: the host answered with another status.
        SourceUnusable, NotAModel, SizeMismatch: as for one connection.
        DiskFull, TargetError, Offline: as everywhere.
    """
    _Run(
        download,
        partial,
        ceiling=CEILINGS.get(host, CEILING),
        label=label,
        name=name,
        wanted=wanted,
        session=session,
    ).run(advanced)


class _Run:
    """Connections at work on one file."""

    def __init__(
        self,
        download: Download,
        partial: Partial,
        *,
        ceiling: int,
        label: str,
        name: str,
        wanted: Expected,
        session: Session,
    ) -> None:
        self.download = download
        self.partial = partial
        self.ceiling = ceiling
        self.label = label
        self.name = name
        self.wanted = wanted
        self.session = session
        self.segments = Segments(partial.missing())
        self.changed = threading.Condition()
        """Guards everything below, and the segments."""
        self.stopped = False
        self.alive = 0
        self.writing = 0
        self.final: tuple[str, Mapping[str, str]] | None = None
        """Where the file really lies, and what may be shown there."""
        self.fatal: BaseException | None = None
        self.last: Exception | None = None
        self.moved: dict[Piece, float] = {}
        self.threads: list[threading.Thread] = []

    def run(self, advanced: Callable[[int], None]) -> None:
        self.partial.spread()
        pace = _Pace(self.partial.present)
        whole = False
        try:
            self._start(self._follow)
            self._start(self._journal)
            self._add(1)
            while not whole:
                with self.changed:
                    self.changed.wait(_TICK)
                    if self.fatal is not None:
                        raise self.fatal
                    whole = self.segments.done and not self.writing
                    if not whole and not self.alive:
                        raise self.last or SourceUnreachable(f"{self.label}: no connection is left")
                    more = 0 if self.final is None else pace.more(self)
                self._add(more)
                advanced(self.partial.present)
        finally:
            with self.changed:
                self.stopped = True
                self.changed.notify_all()
                # What is being written is written to the end: the caller may cut the file next.
                self.changed.wait_for(lambda: not self.writing)
            for thread in self.threads:
                # A worker that waits for a silent host is left behind: it writes nothing any more.
                thread.join(timeout=0.1 if thread.name == "work" else None)
            if not whole:
                with contextlib.suppress(VaehubError):  # an error is on its way already
                    self.partial.record()

    def _start(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, name=work.__name__.strip("_"), daemon=True)
        self.threads.append(thread)
        thread.start()

    def _add(self, count: int) -> None:
        for _ in range(count):
            with self.changed:
                self.alive += 1
            self._start(self._work)

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

    def _work(self) -> None:
        try:
            while (piece := self._next()) is not None:
                try:
                    self._fetch(piece)
                finally:
                    with self.changed:
                        self.segments.give_back(piece)
                        self.moved.pop(piece, None)
        except SourceUnreachable as error:
            self._lose(error)
        except RangesIgnored as error:
            # Once ranges have been served, one answer without is that connection's trouble alone.
            if self.final is None:
                self._fail(error)
            else:
                self._lose(error)
        except Refused as refused:
            if refused.refusal.status in PASSING:
                self._lose(refused)
            else:
                self._fail(refused)
        except BaseException as error:
            self._fail(error)
        finally:
            with self.changed:
                self.alive -= 1
                self.changed.notify_all()

    def _next(self) -> Piece | None:
        """Wait for a piece; None when the work is over."""
        with self.changed:
            while not self.stopped and not self.segments.done:
                now = time.monotonic()
                piece = self.segments.take(self.alive)
                if piece is None:
                    stalled = [
                        active
                        for active in self.segments.active()
                        if now - self.moved.get(active, now) > STALLED
                    ]
                    piece = self.segments.take_over(stalled[0]) if stalled else None
                if piece is not None:
                    self.moved[piece] = now
                    return piece
                self.changed.wait(_TICK)
        return None

    def _lose(self, error: Exception) -> None:
        """One connection less, and no more than are left: the host may have had too many."""
        with self.changed:
            self.last = error
            self.ceiling = max(1, self.alive - 1)

    def _fail(self, error: BaseException) -> None:
        with self.changed:
            self.fatal = self.fatal or error
            self.changed.notify_all()

    def _fetch(self, piece: Piece) -> None:
        with self.changed:
            start, end = piece.position, piece.end
            address, credentials = self.final or (self.download.url, self.download.headers)
        if start == end:  # another worker took it before we began
            return
        with self.session.request(
            "GET",
            address,
            headers={"Range": f"bytes={start}-{end - 1}"},
            credentials=credentials,
        ) as response:
            try:
                body = read_answer(response.status_code, response.headers, asked=start)
            except SourceUnusable as error:
                raise SourceUnusable(f"{safe_url(response.url)}: {error.message}") from None
            if body is None:
                raise Refused(
                    refusal_of(response),
                    redirected=not same_origin(self.download.url, response.url),
                )
            if not isinstance(body, Body) or "Content-Range" not in response.headers:
                raise RangesIgnored
            check_total(body.total, self.wanted, name=self.name, label=self.label)
            answer = Answer(response)
            if start == 0:
                refuse_head(
                    answer.head(),
                    name=self.name,
                    content_type=response.headers.get("Content-Type"),
                    size=self.wanted.size,
                )
            self._proved(response.url)
            self._receive(piece, answer)
            if piece.left and not self.stopped:
                raise SourceUnreachable(f"{safe_url(response.url)}: the answer ended too early")

    def _proved(self, url: str) -> None:
        """Ranges are served: the others go straight to where the file lies."""
        with self.changed:
            if self.final is None:
                kept = self.download.headers if same_origin(self.download.url, url) else {}
                self.final = (url, kept)
                self.changed.notify_all()

    def _receive(self, piece: Piece, answer: Answer) -> None:
        while data := answer.read(CHUNK):
            with self.changed:
                if self.stopped:
                    return
                at = piece.position
                # Claimed before it is written: nobody else can be given these bytes any more.
                count = self.segments.advance(piece, len(data))
                self.moved[piece] = time.monotonic()
                self.writing += 1
            try:
                if count:
                    self.partial.put(self.label, at, memoryview(data)[:count])
            except BaseException as error:
                # Told before this write stops counting: its bytes look as if they had come.
                self._fail(error)
                raise
            finally:
                with self.changed:
                    self.writing -= 1
                    if self.stopped or self.segments.done:
                        self.changed.notify_all()
            if not piece.left:
                return


class _Pace:
    """How many connections pay: more are added while each addition makes the whole faster."""

    def __init__(self, present: int) -> None:
        self.begun = False
        self.settled = False
        self.best = 0.0
        self.seen = present
        self.looked = time.monotonic()

    def more(self, run: _Run) -> int:
        """Say how many connections to add now; the caller holds the run's lock."""
        room = run.ceiling - run.alive
        now = time.monotonic()
        present = run.partial.present
        if not self.begun:
            self.begun = True
            self.seen, self.looked = present, now
            return max(0, min(FIRST - run.alive, room))
        if self.settled or now - self.looked < WINDOW:
            return 0
        rate = (present - self.seen) / (now - self.looked)
        self.seen, self.looked = present, now
        if room <= 0 or rate < GAIN * self.best:
            self.settled = True
            return 0
        self.best = rate
        return min(STEP, room)
