"""The public Python face: what ``import vaehub`` offers.

Each function reads the user's settings and catalogs unless they are given, does one thing, and
returns plain frozen objects or raises a :class:`vaehub.errors.VaehubError`. Prints nothing. Each is
imported when it is first used. Provisioning has a face of its own, :mod:`vaehub.provisioning`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vaehub.api.checks import doctor, smoke, verify
    from vaehub.api.common import find_target, find_targets, installed
    from vaehub.api.entries import find, list_entries
    from vaehub.api.insights import (
        deduplicate,
        explain,
        identify,
        identify_hash,
        undo_deduplicate,
        which,
    )
    from vaehub.api.installs import install, install_all, install_each
    from vaehub.api.own_files import adopt, adopted, convert, forget
    from vaehub.api.removals import uninstall, uninstall_each

_HOMES = {
    "adopt": "own_files",
    "adopted": "own_files",
    "convert": "own_files",
    "deduplicate": "insights",
    "doctor": "checks",
    "explain": "insights",
    "find": "entries",
    "find_target": "common",
    "find_targets": "common",
    "forget": "own_files",
    "identify": "insights",
    "identify_hash": "insights",
    "install": "installs",
    "install_all": "installs",
    "install_each": "installs",
    "installed": "common",
    "list_entries": "entries",
    "smoke": "checks",
    "undo_deduplicate": "insights",
    "uninstall": "removals",
    "uninstall_each": "removals",
    "verify": "checks",
    "which": "insights",
}
"""By name, the module that it is in; none has the name of what it offers."""

__all__ = [
    "adopt",
    "adopted",
    "convert",
    "deduplicate",
    "doctor",
    "explain",
    "find",
    "find_target",
    "find_targets",
    "forget",
    "identify",
    "identify_hash",
    "install",
    "install_all",
    "install_each",
    "installed",
    "list_entries",
    "smoke",
    "undo_deduplicate",
    "uninstall",
    "uninstall_each",
    "verify",
    "which",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'vaehub.api' has no attribute {name!r}")
    return getattr(importlib.import_module(f"vaehub.api.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
