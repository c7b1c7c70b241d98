"""Read the answer to a request for a range of bytes.

Pure: knows statuses and Content-Range; sees no body.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from vaehub.errors import SourceUnusable

if TYPE_CHECKING:
    from collections.abc import Mapping

_RANGE = re.compile(r"\s*bytes\s+(\d{1,18})-(\d{1,18})/(\d{1,18}|\*)\s*", re.IGNORECASE)
_NO_RANGE = re.compile(r"\s*bytes\s+\*/(\d{1,18})\s*", re.IGNORECASE)


class Body(NamedTuple):
    """The body holds the file from ``start`` on."""

    start: int
    total: int | None
    """Size of the whole file, where the answer says it."""


class NoSuchRange(NamedTuple):
    """416: the file does not go that far, or the host does not serve ranges of it."""

    total: int | None


def read_answer(
    status: int, headers: Mapping[str, str], *, asked: int
) -> Body | NoSuchRange | None:
    """Decide what the body is.

    Args:
        status: of the answer.
        headers: of the answer; looked up without regard to case.
        asked: the first byte asked for; 0 stands for a request without a range.

    Returns:
        What the body is; None where the status says that it is not the file.

    Raises:
        SourceUnusable: the answer contradicts the request, or itself.
    """
    if status == 416:
        found = _NO_RANGE.fullmatch(headers.get("Content-Range", ""))
        return NoSuchRange(int(found[1]) if found else None)
    if status not in {200, 206}:
        return None
    if headers.get("Content-Encoding", "identity").strip().lower() not in {"", "identity"}:
        raise SourceUnusable("the host packs the file on the way, although asked not to")
    said = headers.get("Content-Range")
    if said is not None:
        # ModelScope's storage has answered ranges with 200; the header decides, not the status.
        return _ranged(said, asked=asked)
    if status == 206:
        raise SourceUnusable("the host sent a part of the file without saying which")
    return Body(start=0, total=_length(headers))


def _ranged(said: str, *, asked: int) -> Body:
    found = _RANGE.fullmatch(said)
    if not found:
        raise SourceUnusable(f"the host sent a part with the Content-Range {said[:60]!r}")
    start, end = int(found[1]), int(found[2])
    total = None if found[3] == "*" else int(found[3])
    if end < start or (total is not None and end >= total):
        raise SourceUnusable(f"the host sent a part that cannot be: {said[:60]!r}")
    if start != asked:
        raise SourceUnusable(f"asked for the file from byte {asked:,}, the host sent {said[:60]!r}")
    return Body(start=start, total=total)


def _length(headers: Mapping[str, str]) -> int | None:
    text = headers.get("Content-Length", "").strip()
    chunked = "chunked" in headers.get("Transfer-Encoding", "").lower()
    return (
        int(text) if text.isascii() and text.isdigit() and len(text) < 19 and not chunked else None
    )
