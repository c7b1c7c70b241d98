"""The Python face of provisioning: manifest, lock and what acts on them.

Each function reads the user's settings and catalogs unless they are given, does one thing, and
returns plain frozen objects or raises a :class:`vaehub.errors.VaehubError`. Prints nothing. Each is
imported when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vaehub.provisioning.agreement import agreed, under
    from vaehub.provisioning.audited import audit
    from vaehub.provisioning.bundled import create_bundle, import_bundle
    from vaehub.provisioning.imported import ImportResult, import_from
    from vaehub.provisioning.locked import LockResult, lock, lock_of
    from vaehub.provisioning.mirrored import mirror
    from vaehub.provisioning.synced import SyncResult, sync
    from vaehub.provisioning.where import Files, files
    from vaehub.provisioning.wishes import add, remove

_HOMES = {
    "Files": "where",
    "ImportResult": "imported",
    "LockResult": "locked",
    "SyncResult": "synced",
    "add": "wishes",
    "agreed": "agreement",
    "audit": "audited",
    "create_bundle": "bundled",
    "files": "where",
    "import_bundle": "bundled",
    "import_from": "imported",
    "lock": "locked",
    "lock_of": "locked",
    "mirror": "mirrored",
    "remove": "wishes",
    "sync": "synced",
    "under": "agreement",
}
"""By name, the module that it is in; none has the name of what it offers."""

__all__ = [
    "Files",
    "ImportResult",
    "LockResult",
    "SyncResult",
    "add",
    "agreed",
    "audit",
    "create_bundle",
    "files",
    "import_bundle",
    "import_from",
    "lock",
    "lock_of",
    "mirror",
    "remove",
    "sync",
    "under",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'vaehub.provisioning' has no attribute {name!r}")
    return getattr(importlib.import_module(f"vaehub.provisioning.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
