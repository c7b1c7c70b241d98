"""One source at work on a file, beside others: its address, its connections, its speed.

Knows numbers and rules, and no threads: the crew (:mod:`vaehub.transfer.crew`) holds a lock around
every call.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from vaehub.transfer.addresses import same_origin

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vaehub.model import Download
    from vaehub.transfer.asking import Asked

CEILINGS: Mapping[str, int] = {"civitai": 4, "liblib": 4, "github": 4}
"""Connections that a host is asked for at most; :data:`CEILING` for the others."""
CEILING = 8
FIRST = 4
STEP = 4
GAIN = 1.1
"""More connections are added while the last ones made the whole faster by this factor."""
WINDOW = 0.125
"""Seconds over which the speed is measured, once all connections deliver."""
FIRST_WINDOW = 0.0625
"""The same for the first ones: whether they deliver at all is seen sooner than what more gain."""
SOON = 0.75
"""Seconds for the rest, below which no connection is added: it would hardly begin."""
COLD = 2.0
"""Seconds after which a connection that has not delivered yet is not waited for."""


def ceiling_of(host: str) -> int:
    """Give the number of connections that a host is asked for at most."""
    return CEILINGS.get(host, CEILING)


class Address(NamedTuple):
    """Where to ask for bytes, and what may be shown there."""

    download: Download
    """From which it was made."""
    url: str
    credentials: Mapping[str, str]


class Lane:
    """A source, and the connections to it."""

    def __init__(self, asked: Asked, *, agrees: bool = False) -> None:
        self.asked = asked
        self.address: Address | None = None
        """Where the bytes are; None: to be found out, anew where an address has run out."""
        self.tried: Address | None = None
        """An address that somebody is finding out about: one goes ahead, the others wait."""
        self.serves_ranges = False
        """Whether it has been seen to."""
        self.agrees = agrees
        """Whether a sample of what it serves was the same as what others had sent."""
        self.ceiling = ceiling_of(asked.source.host)
        self.alive = 0
        """Workers."""
        self.warm: set[int] = set()
        """Workers that have received something, by the ids of their threads."""
        self.helps = False
        """Whether it joined others that deliver."""
        self.was_helped = False
        """Whether another one joined because this one had failed."""
        self.is_troubled = False
        """Whether nothing has come since it last failed."""
        self.lost = 0
        """Workers that ended through no fault of the source, and are to be replaced."""
        self.writing = 0
        """Workers that are writing to the file."""
        self.received = 0
        """Bytes that came and count."""
        self.trouble: list[tuple[Exception, Address]] = []
        """What ended workers, and nobody has looked at yet."""
        self.closed = False
        self.pace = Pace()

    @property
    def label(self) -> str:
        """The source in words."""
        return self.asked.label

    @property
    def is_mirror(self) -> bool:
        """Whether the user named it."""
        return self.asked.source.host == "mirror"

    def located(self, download: Download) -> None:
        """Note where the bytes are."""
        self.address = Address(download, download.url, download.headers)
        self.serves_ranges = False

    def served(self, address: Address, url: str) -> None:
        """Note that a range was served, and where in the end: the others go straight there."""
        if address is self.address and not self.serves_ranges:
            download = address.download
            kept = download.headers if same_origin(download.url, url) else {}
            self.address = Address(download, url, kept)
            self.serves_ranges = True

    def may_try(self, address: Address) -> bool:
        """Tell whether to ask for a range now: not beside the first one at a new address."""
        return self.serves_ranges or self.tried is not address

    def is_stale(self, address: Address) -> bool:
        """Tell whether an address has been replaced since."""
        return self.address is None or self.address.download is not address.download

    def more(self, *, room: int, rest: int) -> int:
        """Say how many workers to add now.

        Args:
            room: How many there may be in all.
            rest: Bytes still to come, from whatever source.
        """
        allowed = max(1, min(self.ceiling, room)) - self.alive
        if not self.alive:
            self.lost = max(0, self.lost - 1)
            return 1
        if not self.serves_ranges:  # the first one finds out whether it does
            return 0
        back = max(0, min(self.lost, allowed))
        self.lost = 0
        return back + self.pace.more(
            self.received,
            alive=self.alive + back,
            allowed=max(0, allowed - back),
            rest=rest,
            all_deliver=not back and len(self.warm) >= self.alive,
        )


class Pace:
    """How many connections pay: more are added while each addition makes the whole faster."""

    def __init__(self) -> None:
        self.settled = False
        self.rate = 0.0
        """Bytes a second, over the last window."""
        self._begun = False
        self._best = 0.0
        self._seen = 0
        self._looked = self._added = 0.0

    def more(
        self, received: int, *, alive: int, allowed: int, rest: int, all_deliver: bool = True
    ) -> int:
        """Say how many connections to add now.

        Args:
            received: Bytes so far.
            alive: Connections that there are.
            allowed: How many more there may be.
            rest: Bytes still to come.
            all_deliver: Whether bytes have come over each of them: what a new one is good for
                shows only then, on a long way some round trips later.
        """
        now = time.monotonic()
        if not self._begun:
            self._begun = True
            self._seen, self._looked, self._added = received, now, now
            return max(0, min(FIRST - alive, allowed))
        if not self.settled and not all_deliver and now - self._added < COLD:
            self._seen, self._looked = received, now
            return 0
        is_first = not self.settled and not self._best
        if now - self._looked < (FIRST_WINDOW if is_first else WINDOW):
            return 0
        self.rate = (received - self._seen) / (now - self._looked)
        self._seen, self._looked = received, now
        if self.settled:
            return 0
        if allowed <= 0 or self.rate < GAIN * self._best or rest < SOON * self.rate:
            self.settled = True
            return 0
        self._best, self._added = self.rate, now
        return min(STEP, allowed)
