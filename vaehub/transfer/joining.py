"""Whether another source joins those that are at work on a file.

Pure: knows times, speeds and what the user allows. One source alone is asked as long as it delivers
well: hosts are not to be run into that nobody needs. A mirror is asked sooner, since the user has
offered it, and a public host later where mirrors deliver, since the user wants it spared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vaehub.model import Source
    from vaehub.transfer.lane import Lane
    from vaehub.transfer.limits import Limits

SOURCES = 3
"""At work at the same time, at most."""
HASTE = 2.0
"""Seconds without a byte, after which another source is asked as well."""
APART = 0.2
"""Seconds between two sources that join, so that the first may show what it is good for."""
LONG = 3.0
"""Seconds for the rest, from which on another source joins."""
LONG_FOR_A_MIRROR = 30.0
"""The same, where mirrors deliver and only public hosts are left."""
LONG_BEFORE_A_MIRROR = 1.0
"""The same, where the next one is a mirror."""
NEARLY = 0.8
"""Of the rate that the user allows; no source makes it faster than that."""


class Seen(NamedTuple):
    """How it stands with one file."""

    working: Sequence[Lane]
    """The sources at work."""
    rest: int
    """Bytes still to come."""
    now: float
    last_byte: float
    """When one came, from whatever source; on the same clock."""
    last_joined: float
    wants_arbiter: bool
    """Whether two sources are of different minds."""


def pays(candidate: Source, seen: Seen, limits: Limits) -> bool:
    """Tell whether a source is to join now."""
    if len(seen.working) >= SOURCES:
        return False
    if all(lane.is_troubled for lane in seen.working):
        return True
    if seen.wants_arbiter and all(lane.agrees for lane in seen.working):
        return True  # none is on its way
    if seen.now - seen.last_joined < APART:
        return False
    if seen.now - max(seen.last_byte, seen.last_joined) >= HASTE:
        return not limits.owed  # else the silence is our own
    if not _is_known(candidate, seen) or not _has_free_connections(seen, limits):
        return False
    rate = sum(lane.pace.rate for lane in seen.working)
    if limits.rate is not None and rate >= NEARLY * limits.rate:
        return False
    return seen.rest > rate * _long(candidate, seen.working[0])


def _long(candidate: Source, first: Lane) -> float:
    """Say how long the rest must take."""
    if candidate.host == "mirror":
        return LONG_BEFORE_A_MIRROR
    return LONG_FOR_A_MIRROR if first.is_mirror else LONG


def _is_known(candidate: Source, seen: Seen) -> bool:
    """Tell whether it shows what the sources at work are good for.

    Before a public host is asked, none of them may be getting faster still. One that is silent for
    long is not waited for.
    """
    working = seen.working
    if seen.now - seen.last_joined >= HASTE:
        working = [lane for lane in working if lane.received]
    if candidate.host == "mirror":
        return all(lane.pace.rate for lane in working)
    return all(lane.pace.settled for lane in working)


def _has_free_connections(seen: Seen, limits: Limits) -> bool:
    alive = sum(lane.alive for lane in seen.working)
    return limits.connections is None or alive < limits.connections
