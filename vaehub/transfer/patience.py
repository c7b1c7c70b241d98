"""How long to wait, and how often to try again.

Pure: knows which failures pass by themselves; sleeps nowhere.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

PASSING = frozenset({408, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524})
"""Statuses that may be gone in a moment; 52x are Cloudflare's for a sick origin."""


class Patience(NamedTuple):
    """Time-outs and the schedule of retries; seconds."""

    connect: float = 10.0
    read: float = 30.0
    """Silence between two pieces of an answer, not the whole of it."""
    attempts: int = 4
    """Failures in a row; one that brought new bytes begins the count anew."""
    first_wait: float = 0.5
    longest_wait: float = 30.0
    """Cap of our own waits and of a host's Retry-After alike."""

    def wait(self, failures: int, *, retry_after: float | None = None) -> float | None:
        """Say how long to wait after so many failures in a row; None: give up.

        A host that asks for more than the cap is not waited for: another source may serve now.
        """
        if failures >= self.attempts:
            return None
        if retry_after is not None:
            return retry_after if retry_after <= self.longest_wait else None
        return min(self.longest_wait, self.first_wait * 2.0 ** (failures - 1))


PATIENT = Patience()


def retry_after(headers: Mapping[str, str], *, now: float | None = None) -> float | None:
    """Read ``Retry-After``, given as seconds or as a date; None where it says nothing usable."""
    text = (headers.get("Retry-After") or "").strip()
    if not text:
        return None
    if text.isascii() and text.isdigit():
        return float(text[:9])
    import email.utils

    try:
        date = email.utils.parsedate_to_datetime(text)
        seconds = date.timestamp() - (time.time() if now is None else now)
    except (TypeError, ValueError, OverflowError, OSError):
        return None
    return max(0.0, seconds)
