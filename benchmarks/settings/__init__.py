"""What is measured: one module for each circumstance, and this table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.settings import (
    convert,
    distant,
    dying,
    identify,
    journal,
    killed,
    large,
    memory,
    mirrors,
    nothing_to_do,
    smoke,
    startup,
    throttled,
    tls,
    unthrottled,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from benchmarks.bench import Bench

SETTINGS: Mapping[str, Callable[[Bench], None]] = {
    "unthrottled": unthrottled.measure,
    "large": large.measure,
    "throttled": throttled.measure,
    "distant": distant.measure,
    "mirrors": mirrors.measure,
    "dying": dying.measure,
    "tls": tls.measure,
    "killed": killed.measure,
    "journal": journal.measure,
    "memory": memory.measure,
    "startup": startup.measure,
    "nothing-to-do": nothing_to_do.measure,
    "smoke": smoke.measure,
    "convert": convert.measure,
    "identify": identify.measure,
}
