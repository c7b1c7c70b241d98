"""What is written beside a partial: which bytes are here, and whose they are.

Pure but for :func:`boot_id`: turns notes into text and text into notes, and believes nothing that
does not fit the file.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import NamedTuple

from vaehub.transfer.extents import Extents, Owner

UNKNOWN = "an earlier run"
"""Whose the bytes are that no sidecar speaks of."""


class Stretch(NamedTuple):
    """From byte ``start`` on, the contiguous bytes came from ``source``."""

    start: int
    source: str


class Island(NamedTuple):
    """Bytes beyond the contiguous ones."""

    start: int
    end: int
    source: str


class Notes(NamedTuple):
    """What a partial's sidecar says."""

    sha256: str | None
    size: int | None
    stretches: tuple[Stretch, ...]
    length: int | None = None
    """How many contiguous bytes are here; None where the file's own length says it."""
    islands: tuple[Island, ...] = ()
    boot: str | None = None
    """Where the notes hold only until the machine is started anew: the id of that boot."""

    @classmethod
    def of(
        cls,
        extents: Extents,
        *,
        sha256: str | None,
        size: int | None,
        is_spread: bool,
        writer: str | None,
    ) -> Notes:
        """Say what is to be written down.

        Args:
            extents: What is here.
            sha256: Of the whole.
            size: Of the whole.
            is_spread: Whether the file has its final length already.
            writer: Whose bytes come next at the end, where it grows there.
        """
        length = extents.length
        stretches: list[Stretch] = []
        for part in extents.parts:
            source = part.owner.source
            if part.end <= length and (not stretches or stretches[-1].source != source):
                stretches.append(Stretch(part.start, source))
        grows = writer is not None and not is_spread
        if grows and (not stretches or stretches[-1].source != writer):
            stretches.append(Stretch(length, str(writer)))
        return cls(
            sha256=sha256,
            size=size,
            stretches=tuple(stretches),
            length=length if is_spread else None,
            islands=tuple(
                Island(part.start, part.end, part.owner.source)
                for part in extents.parts
                if part.start > length
            ),
        )

    def extents(self, *, file_length: int) -> Extents:
        """Say what is here, all of it from an earlier run."""
        reach = file_length if self.length is None else self.length
        found = Extents()
        found.put(0, reach, Owner(UNKNOWN, in_this_run=False))
        for stretch in self.stretches:
            found.put(stretch.start, reach, Owner(stretch.source, in_this_run=False))
        for part in self.islands:
            found.put(part.start, part.end, Owner(part.source, in_this_run=False))
        return found

    @property
    def present(self) -> int:
        """How many bytes are here, contiguous or not."""
        return (self.length or 0) + sum(part.end - part.start for part in self.islands)

    def text(self) -> str:
        """Give what is written down."""
        record: dict[str, object] = {
            "schema": 1,
            "sha256": self.sha256,
            "size": self.size,
            "stretches": [{"from": part.start, "source": part.source} for part in self.stretches],
        }
        if self.length is not None:
            record["length"] = self.length
            record["islands"] = [[part.start, part.end, part.source] for part in self.islands]
        if self.boot is not None:
            record["boot"] = self.boot
        return json.dumps(record) + "\n"


def read(path: Path, *, file_length: int) -> Notes | None:
    """Read notes; those that are missing, make no sense or do not fit the file say nothing.

    Args:
        path: The sidecar.
        file_length: Of the partial that it speaks of.
    """
    try:
        found = json.loads(path.read_bytes())
        length = int(found["length"]) if "length" in found else None
        islands = tuple(
            Island(int(start), int(end), str(source))
            for start, end, source in found.get("islands", ())
        )
        reach = file_length if length is None else length
        edges = [0, reach, *(edge for part in islands for edge in (part.start, part.end))]
        if edges != sorted(edges) or edges[-1] > file_length:
            return None
        stretches = tuple(
            Stretch(int(part["from"]), str(part["source"]))
            for part in found["stretches"]
            if 0 <= int(part["from"]) < reach
        )
        sha256, boot = found["sha256"], found.get("boot")
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return Notes(
        sha256=sha256 if isinstance(sha256, str) else None,
        size=None,
        stretches=stretches,
        length=length,
        islands=islands,
        boot=boot if isinstance(boot, str) else None,
    )


@cache
def boot_id() -> str | None:
    """Name this start of the machine; None where the system does not say."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip() or None
    except (OSError, ValueError):
        return None
