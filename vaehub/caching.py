"""Remember what was worked out of a file, by the digest of its content, in the user's cache.

A cache that is damaged or cannot be written costs time, never an answer.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

_KEPT = 20
"""Files of one folder: each edit of what they were worked out of leaves one behind."""


def sha256(content: bytes) -> str:
    """Give the digest of a content, in lower-case hex."""
    import hashlib  # brings OpenSSL along, which the compiled catalog in a wheel does not need

    return hashlib.sha256(content).hexdigest()


def recall(path: Path) -> str:
    """Read a cached text, whose first line is the digest of the rest.

    Raises:
        OSError: there is none.
        ValueError: it is damaged.
    """
    content = path.read_bytes()
    digest, _, body = content.partition(b"\n")
    if digest != sha256(body).encode():
        raise ValueError("damaged")
    return body.decode("utf-8")


def remember(path: Path, text: str) -> None:
    """Write a text to the cache, whole or not at all; a cache that refuses does not matter."""
    import tempfile

    body = text.encode("utf-8")
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(sha256(body).encode() + b"\n" + body)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink()
            raise
        _prune(path.parent)


def _prune(folder: Path) -> None:
    files = sorted(folder.iterdir(), key=lambda file: file.stat().st_mtime, reverse=True)
    for file in files[_KEPT:]:
        file.unlink()
