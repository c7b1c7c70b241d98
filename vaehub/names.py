"""Which file names may be written, judged under POSIX and Windows rules at once.

Names come from catalogs and receipts, which are data that others wrote. A name that passes here
stays in its folder on every system, also when the folder is later copied to another one. Touches
no disk.
"""

from __future__ import annotations

import unicodedata

MAX_BYTES = 200
"""Leaves room below the usual 255 for the suffixes that receipts and temporary files add."""

_SEPARATORS_AND_WILDCARDS = frozenset('/\\:*?"<>|')
_DEVICES = frozenset(
    {"con", "prn", "aux", "nul", "conin$", "conout$", "clock$"}
    | {f"{port}{digit}" for port in ("com", "lpt") for digit in "0123456789¹²³"}
)


def trouble(name: str) -> str | None:
    """Say what keeps a name from being a safe file name, or None.

    Args:
        name: One file name, without a folder.
    """
    if not name:
        return "it is empty"
    if name.startswith("."):
        # Covers `.` and `..`; UIs skip hidden files, and our own folder is called `.vaehub`.
        return "it begins with a dot"
    bad = next((char for char in name if char in _SEPARATORS_AND_WILDCARDS), None)
    if bad is not None:
        return f"it contains {bad!r}"
    if any(unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for char in name):
        return "it contains a control character"
    if name != name.strip() or name.endswith("."):
        return "it begins or ends with a blank, or ends with a dot"
    if name.partition(".")[0].rstrip().casefold() in _DEVICES:
        return "Windows reserves it for a device"
    if len(name.encode("utf-8")) > MAX_BYTES:
        return f"it is longer than {MAX_BYTES} bytes"
    return None


def safe_name(name: str) -> bool:
    """Tell whether a name stays in its folder on every system.

    Args:
        name: One file name, without a folder.
    """
    return trouble(name) is None
