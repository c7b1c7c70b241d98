"""What came of an import, file by file, in three heaps: recognised, not sure, and unknown."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from vaehub.provision.importing.recognise import WAYS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from vaehub.model import Problem
    from vaehub.provision.importing.recognise import Verdict


class Offered(NamedTuple):
    """A UI that was come upon."""

    ui: str
    """Id of the layout."""
    path: str
    """As the user wrote it."""


class Item(NamedTuple):
    """A file that lies somewhere or is named somewhere, and what became of it."""

    file: str
    """Its base name."""
    places: tuple[str, ...]
    """Where it lies or is named, for people, and without the path of any folder of this machine."""
    verdict: Verdict
    uis: tuple[Offered | None, ...] = (None,)
    """The UIs in whose folders it lies, or whose settings name it; None stands for elsewhere."""
    path: Path | None = None
    """Where it lies; None where it is only named."""
    size: int | None = None
    sha256: str | None = None
    """Of the file that lies there."""

    @property
    def key(self) -> tuple[object, ...]:
        """What two items have in common that are one."""
        if self.verdict.pick is not None:
            return (self.verdict.pick.name,)
        if self.sha256 is not None:
            return (self.sha256,)
        return (self.file.casefold(), self.verdict.why)

    def as_json(self) -> dict[str, Any]:
        """Give the item as it stands in ``--json`` output."""
        pick = self.verdict.pick
        said: dict[str, Any] = {
            "file": self.file,
            # JSON is UTF-8, and the name of a file may be none.
            "path": self.path and os.fsencode(self.path).decode("utf-8", "backslashreplace"),
            "size": self.size,
            "from": list(self.places),
        }
        if pick is not None:
            what = {"entry": pick.entry.full_name, "variant": pick.variant.name}
            return {**said, "sha256": self.sha256, "by": self.verdict.by, **what}
        return {
            **said,
            "sha256": self.sha256 and self.sha256[:12],
            "why": self.verdict.why,
            "candidates": [candidate.name for candidate in self.verdict.candidates],
        }


class Gathered(NamedTuple):
    """What came of an import, before it becomes a manifest."""

    recognised: tuple[Item, ...]
    """Each variant once."""
    unsure: tuple[Item, ...]
    unknown: tuple[Item, ...]
    offered: tuple[Offered, ...]
    problems: tuple[Problem, ...]
    """What cannot be read."""


def once(items: Iterable[Item]) -> tuple[Item, ...]:
    """Put together items that are one; the surest of them says by what it was recognised."""
    found: dict[tuple[object, ...], Item] = {}
    for item in items:
        known = found.get(item.key)
        found[item.key] = item if known is None else _joined(known, item)
    return tuple(found.values())


def _joined(one: Item, other: Item) -> Item:
    first, second = sorted(
        (one, other), key=lambda item: WAYS.index(item.verdict.by) if item.verdict.by else 0
    )
    return first._replace(
        places=tuple(dict.fromkeys((*one.places, *other.places))),
        uis=tuple(dict.fromkeys((*one.uis, *other.uis))),
        path=first.path or second.path,
        size=first.size if first.path else second.size,
        sha256=first.sha256 or second.sha256,
    )
