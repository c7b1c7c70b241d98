"""Read a speed as people write it: ``5 MB/s``, ``500k``, ``20 Mbit/s``."""

from __future__ import annotations

import re

_RATE = re.compile(
    r"(?P<number>\d{1,15}(?:\.\d*)?|\.\d+)\s*(?P<prefix>[kmg]i?)?(?P<unit>bytes?|bits?|b)?(?P<per>ps|/s)?",
    re.IGNORECASE | re.ASCII,
)
_STEPS = {"": 0, "k": 1, "m": 2, "g": 3}
WAYS = "5MB, 500k, 1.5 MiB/s or 20Mbit, where k, M and G are thousands and a bare number is bytes"


def parse_rate(text: str) -> int | None:
    """Give bytes a second; None for ``0``, which stands for no limit.

    ``k``, ``M``, ``G`` are powers of 1000 and ``Ki``, ``Mi``, ``Gi`` of 1024, in either case; ``B``
    is a byte, ``bit`` an eighth of one. ``ps`` says bits where nothing else is said, as in the
    ``100 Mbps`` of a line.

    Raises:
        ValueError: it is no speed, or less than one byte a second.
    """
    match = _RATE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no speed: write {WAYS}")
    prefix = (match["prefix"] or "").lower()
    unit, per = (match["unit"] or "").lower(), (match["per"] or "").lower()
    base = 1024 if prefix.endswith("i") else 1000
    number = float(match["number"]) * base ** _STEPS[prefix[:1]]
    if unit.startswith("bit") or (per == "ps" and not unit.startswith("byte")):
        number /= 8
    if number and number < 1:
        raise ValueError(f"{text!r} is less than one byte a second")
    return int(number) or None
