"""Which file of a Civitai version is meant, and what Civitai says of it.

Pure: takes the JSON of ``model-versions/:id`` and asks nobody. Never guesses: where several files
would do, that is an error which lists them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from vaehub.errors import HashMismatch, SourceError, SourceGone, SourceRefused, SourceUnusable
from vaehub.hosts import reading

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_KB = 1024
_WHOLE = 0.001
"""Bytes by which a size may miss a whole number: figures come with nine decimals or more."""

_OF_A_VAE_MODEL = {"model", "pruned model", "vae"}
_SHOWN = 8


@dataclass(frozen=True, slots=True)
class CivitaiFile:
    """One file of a version."""

    id: int
    name: str
    type: str
    format: str | None
    """None where the site does not say; then it goes with any format, as in its own choice."""
    size_kb: float | None
    """In units of 1024 bytes, with fraction: the site divides the size of the file."""
    sha256: str | None
    """Lower-case."""

    def __str__(self) -> str:
        digest = self.sha256[:10] if self.sha256 else "no sha256"
        return f"file {self.id} {self.name!r} ({self.type}, {self.format or '?'}, {digest})"

    def bytes(self, expected: int | None) -> int | None:
        """Turn the size into bytes; None where it was rounded and nothing confirms it.

        Args:
            expected: The catalog's size. It stands where the site's figure, which may have lost
                decimals on its way, is off by less than one of its units.
        """
        if self.size_kb is None:
            return None
        size = self.size_kb * _KB
        if expected is not None:
            return expected if abs(size - expected) <= _KB else round(size)
        # Bytes are parts of 1024, so a figure that is not a whole number of them was rounded; one
        # without any fraction may have been.
        is_exact = abs(size - round(size)) < _WHOLE and self.size_kb != round(self.size_kb)
        return round(size) if is_exact else None


def files(version: Mapping[str, Any]) -> list[CivitaiFile]:
    """Read the files of a version; what is no file is passed over."""
    return [
        CivitaiFile(
            id=number,
            name=_line(item.get("name")) or "?",
            type=_line(item.get("type")) or "?",
            format=_line(reading.mapping(item.get("metadata")).get("format")),
            size_kb=_kilobytes(item.get("sizeKB")),
            sha256=reading.digest(reading.mapping(item.get("hashes")).get("SHA256")),
        )
        for item in reading.mappings(version.get("files"))
        if (number := reading.size(item.get("id"))) is not None
    ]


def _line(value: object) -> str | None:
    found = reading.text(value)
    return reading.one_line(found) if found else None


def _kilobytes(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    # Also keeps NaN and the infinities out.
    return float(value) if 0 <= value <= 1 << 43 else None


def pick(
    version: Mapping[str, Any],
    *,
    what: str,
    sha256: str | None,
    file_id: str | None = None,
    type_: str | None = None,
    format_: str | None = None,
) -> CivitaiFile:
    """Find the one file that is meant.

    Args:
        version: The answer of ``model-versions/:id``.
        what: The version in words, for messages.
        sha256: The catalog's digest, lower-case; decides where there is no ``file_id``.
        file_id: The catalog's ``file``.
        type_: The catalog's ``type``: ``Model``, ``VAE`` ...
        format_: The catalog's ``format``: ``SafeTensor``, ``PickleTensor`` ...

    Raises:
        SourceGone: no such file.
        SourceUnusable: several files would do.
        HashMismatch: the version holds other bytes than the catalog says.
    """
    found = files(version)
    if file_id is not None:
        return _only([file for file in found if str(file.id) == file_id], found, what)
    model_type = reading.mapping(version.get("model")).get("type")
    fitting = [file for file in found if _fits(file, type_, format_, model_type)]
    if sha256 is None:
        return _only(fitting, found, what)
    for file in found:
        if file.sha256 == sha256:
            return file
    # The site does not know every file's hash; one that it does know is another file.
    unknown = [file for file in fitting if file.sha256 is None]
    if unknown:
        return _only(unknown, found, what)
    if found:
        raise HashMismatch(
            f"{what} holds no file with the sha256 {sha256}; it holds {_list(found)}",
            hint="its author may have exchanged the file: use another source",
        )
    return _only([], found, what)


def _fits(file: CivitaiFile, type_: str | None, format_: str | None, model_type: object) -> bool:
    if format_ and file.format and not reading.same(file.format, format_):
        return False
    if type_ is not None:
        return reading.same(file.type, type_)
    # A VAE comes as a model of its own, or attached to a checkpoint.
    kind = file.type.lower()
    return kind == "vae" or (reading.same(model_type, "VAE") and kind in _OF_A_VAE_MODEL)


def _only(
    candidates: Sequence[CivitaiFile], found: Sequence[CivitaiFile], what: str
) -> CivitaiFile:
    if len(candidates) == 1:
        return candidates[0]
    if candidates:
        raise SourceUnusable(
            f"{what} holds {len(candidates)} files that could be meant: {_list(candidates)}",
            hint="name one in the catalog: `file: <id>`",
        )
    if found:
        raise SourceGone(f"{what} does not hold the file any more; it holds {_list(found)}")
    raise SourceGone(f"{what} holds no file")


def _list(found: Sequence[CivitaiFile]) -> str:
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return ", ".join(str(file) for file in found[:_SHOWN]) + more


def barrier(
    version: Mapping[str, Any], *, what: str, has_token: bool, now: datetime | None = None
) -> SourceError | None:
    """Tell what stands in the way of a download, as far as the record says.

    Args:
        version: The answer of ``model-versions/:id``.
        what: The version in words, for messages.
        has_token: Early access may have been bought by the token's account, so it is tried.
        now: The time; for tests.
    """
    mode = reading.mapping(version.get("model")).get("mode") or version.get("mode")
    if reading.same(mode, "Archived"):
        return SourceGone(f"{what} is archived: Civitai shows it and serves no file of it")
    if reading.same(mode, "TakenDown"):
        return SourceGone(f"{what} was taken down from Civitai")
    usage = reading.text(version.get("usageControl"))
    if usage is not None and not reading.same(usage, "Download"):
        return SourceRefused(
            f"{what} may only be used on the site: its author allows no download",
            hint="another source of the file may serve you",
        )
    if reading.same(version.get("availability"), "EarlyAccess") and not has_token:
        ends = reading.text(version.get("earlyAccessEndsAt"))
        if ends is None or not _is_past(ends, now or datetime.now(timezone.utc)):
            return early_access(what, ends)
    return None


def early_access(what: str, deadline: object) -> SourceRefused:
    """Say that a file must be paid for until a date."""
    day = reading.text(deadline)
    until = f" until {reading.one_line(day)[:10]}" if day else ""
    return SourceRefused(
        f"{what} is in early access{until}: its author sells it first",
        hint=f"wait {until.strip() or 'until that ends'}, or buy access on Civitai and set "
        "CIVITAI_TOKEN",
    )


def _is_past(text: str, now: datetime) -> bool:
    try:
        ends = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return False
    return (ends if ends.tzinfo else ends.replace(tzinfo=timezone.utc)) <= now
