"""Remember fingerprints by the sha256 of the file, so that no file is read for one twice.

They lie in the user's cache, some twenty kilobytes each; one that is damaged costs a reading.
"""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING

from vaehub import caching
from vaehub.weights import prints

if TYPE_CHECKING:
    from pathlib import Path

    from vaehub.weights.prints import Fingerprint


def recall(cache: Path, sha256: str) -> Fingerprint | None:
    """Give the fingerprint of a file; None where none is remembered."""
    with contextlib.suppress(OSError, ValueError, RecursionError):
        return prints.from_json(json.loads(caching.recall(_file(cache, sha256))))
    return None


def remember(cache: Path, sha256: str, fingerprint: Fingerprint) -> None:
    """Keep the fingerprint of a file; a cache that refuses does not matter."""
    with contextlib.suppress(OSError):
        text = json.dumps(prints.to_json(fingerprint, sketches=True), separators=(",", ":"))
        caching.remember(_file(cache, sha256), text)


def _file(cache: Path, sha256: str) -> Path:
    # A folder for each first two digits: of one folder the cache keeps the newest twenty.
    return cache / "fingerprints" / sha256[:2] / f"{sha256}.json"
