"""Tell which files a UI cannot tell apart, or lists another one in place of. Pure."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vaehub.doctor.facts import Seen
    from vaehub.targets import Layout


def with_shadows(files: Sequence[Seen], layout: Layout) -> list[Seen]:
    """Note of each file which other one hides it.

    A UI that knows files by base name keeps one of those with the same, and nobody can say which:
    each is then noted with another. Elsewhere the first folder wins, and over all of them a slot in
    which the UI looks for names that begin so.

    Args:
        files: In the order of their folders. Files with the same bytes do not hide one another.
        layout: The UI's.
    """
    groups: dict[tuple[str, str], list[Seen]] = defaultdict(list)
    for seen in files:
        if seen.listed_as is not None and layout.slots[seen.slot].shown_as != "nothing":
            groups[seen.slot, seen.listed_as].append(seen)
    looked_for = {
        seen.listed_as: seen
        for seen in files
        if seen.listed_as and seen.listed_as.startswith(layout.slots[seen.slot].beginnings)
    }
    found = []
    for seen in files:
        group = groups.get((seen.slot, seen.listed_as or ""), [])
        if seen not in group:
            group = []
        rivals = group if layout.unique_base_names else group[: group.index(seen)] if group else []
        elsewhere = looked_for.get(seen.listed_as or "")
        if elsewhere is not None and elsewhere.slot != seen.slot:
            rivals = [elsewhere, *rivals]
        other = next((one for one in rivals if not _is_same(one, seen)), None)
        if other is None:
            found.append(seen)
        else:
            listed = seen.listed_as if layout.unique_base_names else None
            found.append(seen._replace(hidden_by=other.path, listed_as=listed))
    return found


def _is_same(one: Seen, other: Seen) -> bool:
    if one.path == other.path or (one.identity is not None and one.identity == other.identity):
        return True
    return one.sha256 is not None and one.sha256 == other.sha256
