"""Remember which licenses were accepted on this machine.

A license with ``accept: true`` is asked for once per machine, whichever source would serve.
Knows nothing of catalogs; keeps one small JSON file in the user's state folder.
"""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from vaehub import durable
from vaehub.errors import LicenseNotAccepted

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from vaehub.model import Entry

    Ask = Callable[[Entry], bool]


def require(entry: Entry, *, state: Path, given: Collection[str] = (), ask: Ask | None) -> None:
    """Make sure that an entry's license was accepted, now or earlier.

    Args:
        entry: The entry about to be installed.
        state: Folder of the user's state.
        given: License ids accepted on the command line or by a manifest.
        ask: Shows the license to a person and gives the answer; None where nobody can answer.

    Raises:
        LicenseNotAccepted: it was not.
    """
    license_ = entry.license
    if not license_.accept or license_.id in accepted(state):
        return
    if license_.id in given or (ask is not None and ask(entry)):
        _remember(state, license_.id)
        return
    where = license_.source or entry.homepage
    page = f" ({where})" if where else ""
    raise LicenseNotAccepted(
        f"the license of {entry.id}, {license_.id}{page}, asks for acceptance",
        hint=f"read it, then run the command again with --accept-license {license_.id}",
    )


def accepted(state: Path) -> frozenset[str]:
    """Give the ids of the licenses accepted on this machine."""
    return frozenset(_dates(state))


def _remember(state: Path, license_id: str) -> None:
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    record = {"schema": 1, "accepted": {**_dates(state), license_id: now}}
    try:
        state.mkdir(parents=True, exist_ok=True)
        durable.write(state / "licenses.json", json.dumps(record, indent=1).encode())
    except OSError:
        # A read-only home must not stop an install: the license was accepted for this run.
        return


def _dates(state: Path) -> dict[str, str]:
    try:
        record = json.loads((state / "licenses.json").read_text(encoding="utf-8"))
        return {str(license_id): str(date) for license_id, date in record["accepted"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}  # no record, or one nobody can read: ask again
