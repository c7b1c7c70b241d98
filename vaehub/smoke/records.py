"""What smoke tests have found on this machine, by the sha256 of the file.

One small JSON file each in the user's state folder: the last verdict, which `vaehub list` shows,
and the golden output. The latter is also kept for the weights, where their fingerprint is known, so
that the same weights in another file are held against it. A record is data that anybody may have
edited: one that cannot be read counts as none. Needs no torch.
"""

from __future__ import annotations

import contextlib
import json
import re
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, NamedTuple

from vaehub import durable
from vaehub.smoke.report import WORDS

if TYPE_CHECKING:
    from pathlib import Path

    from vaehub.smoke.report import SmokeReport, Verdict

SCHEMA = 1
_CEILING = 1 << 20
_KEY = re.compile(r"[0-9a-f]{64}")


class Record(NamedTuple):
    """What was found of one file."""

    verdict: Verdict
    at: str
    """UTC, ISO 8601."""
    decoded: tuple[tuple[str, str, str], ...]
    """Device, precision and verdict of each decode."""
    golden: Any = None
    """As :mod:`vaehub.smoke.golden` stores it."""

    @classmethod
    def of(cls, report: SmokeReport, *, golden: Any = None) -> Record:
        """Make the record of a report, as of now."""
        return cls(
            verdict=report.verdict,
            at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            decoded=tuple((one.device, one.dtype, one.verdict) for one in report.decoded),
            golden=golden,
        )

    def as_json(self) -> dict[str, Any]:
        """Give it as it stands in receipts and in the JSON of `list` and `info`."""
        return {
            "verdict": self.verdict,
            "at": self.at,
            "decoded": [
                {"device": device, "dtype": dtype, "verdict": verdict}
                for device, dtype, verdict in self.decoded
            ],
        }


def recall(state: Path, sha256: str) -> Record | None:
    """Give the record of a file; None where there is none, or none that can be read."""
    try:
        with _path(state, sha256).open("rb") as file:
            data = file.read(_CEILING)
        record = json.loads(data)
        if record["schema"] != SCHEMA or record["verdict"] not in WORDS:
            return None
        return Record(
            verdict=record["verdict"],
            at=str(record["at"]),
            decoded=tuple((str(d), str(t), str(v)) for d, t, v in record["decoded"]),
            golden=record.get("golden"),
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def remember(state: Path, report: SmokeReport, *, golden: Any = None) -> None:
    """Keep what was found; a state folder that cannot be written loses only that.

    Args:
        state: The user's state folder.
        report: What was found.
        golden: What the first of its files decoded to; None keeps what is on record.
    """
    record: dict[str, Any] = {"schema": SCHEMA, **Record.of(report)._asdict()}
    for number, sha256 in enumerate(report.sha256):
        path = _path(state, sha256)
        known = recall(state, sha256)
        record["golden"] = golden if golden and not number else known.golden if known else None
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            durable.write(path, json.dumps(record).encode())


def recall_golden(state: Path, weights: str) -> dict[str, Any]:
    """Give what sound runs of any file with these weights decoded to.

    Args:
        state: The user's state folder.
        weights: The digest of that name in the file's fingerprint.
    """
    try:
        with _golden_path(state, weights).open("rb") as file:
            record = json.loads(file.read(_CEILING))
        golden = record["golden"] if record["schema"] == SCHEMA else {}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}
    return golden if isinstance(golden, dict) else {}


def remember_golden(state: Path, weights: str, golden: dict[str, Any]) -> None:
    """Keep what a file with these weights decoded to, beside what is on record of others."""
    path = _golden_path(state, weights)
    record = {"schema": SCHEMA, "golden": {**recall_golden(state, weights), **golden}}
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        durable.write(path, json.dumps(record).encode())


def _golden_path(state: Path, weights: str) -> Path:
    if not _KEY.fullmatch(weights):
        raise ValueError("not a digest of weights")
    return state / "smoke" / "weights" / f"{weights}.json"


def _path(state: Path, sha256: str) -> Path:
    if not _KEY.fullmatch(sha256):
        raise ValueError("not a sha256")
    return state / "smoke" / f"{sha256}.json"
