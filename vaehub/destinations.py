"""Find where each file of a variant is to stand, and under which name.

The catalog gives a file its installed name; a UI that would not list it under that name, or that
could not tell it from another file, gets the same bytes under another one. What is there already
keeps its name: installing again finds it by its receipt. Looks at the disk and changes nothing,
save through what it is given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaehub import observe, receipts, targets
from vaehub.errors import TargetNotUsable, TargetRefuses
from vaehub.plan import Destination
from vaehub.targets import remedies

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from pathlib import Path

    from vaehub.model import Artifact, Entry, Receipt, Target, Variant
    from vaehub.targets import Layout
    from vaehub.targets.remedies import Remedy


def find(
    entry: Entry,
    variant: Variant,
    target: Target,
    *,
    wish: bool,
    reserved: Callable[[str], Collection[str]],
    called: Callable[[Artifact], str | None],
    finish: Callable[[Path], None],
) -> Mapping[str, Destination]:
    """Find the destination of each artifact of a variant.

    Args:
        entry: The entry.
        variant: The variant, which the target's UI takes.
        target: Where to.
        wish: The user wants safetensors and no pickle.
        reserved: Gives the names that the catalogs have for the files of a slot, in lower case.
            Nothing is renamed to one of them.
        called: Gives the one name that an artifact may have; None where any will do that is free.
        finish: Writes the receipt that a killed run may still owe for a path.

    Returns:
        By the artifacts' names.

    Raises:
        TargetNotUsable: none of the folders that the UI lists is there.
        TargetRefuses: the UI could tell the file from another one under no name at all.
    """
    search = _Search(
        entry, variant, target, wish=wish, reserved=reserved, called=called, finish=finish
    )
    return {artifact.name: search.one(artifact) for artifact in variant.artifacts}


def beside(
    checkpoint: Path,
    entry: Entry,
    variant: Variant,
    target: Target,
    *,
    wish: bool,
    finish: Callable[[Path], None],
) -> Mapping[str, Destination]:
    """Find where a variant is to stand so that the UI takes it with a checkpoint by itself.

    Args:
        checkpoint: The checkpoint, which the UI lists.
        entry: The entry.
        variant: The variant, which the UI takes with a checkpoint.
        target: The UI.
        wish: The user wants safetensors and no pickle.
        finish: Writes the receipt that a killed run may still owe for a path.

    Returns:
        By the artifacts' names.

    Raises:
        TargetRefuses: the UI could not tell the file from another one.
    """
    from vaehub.targets import checkpoints, rivals

    layout = targets.layouts()[target.layout]
    found = {}
    for artifact in variant.artifacts:
        remedy = remedies.of_entry(layout, artifact, variant, entry, wish=wish)
        path = checkpoints.destination(checkpoint, remedy.name)
        finish(path)
        hidden_by = rivals.hidden_by(target, path)
        if hidden_by is not None:
            raise _hidden(layout, hidden_by, path.name)
        because = remedy.reason if remedy.convert is not None else None
        found[artifact.name] = Destination(path, because, remedy.convert)
    return found


def _hidden(layout: Layout, by: Path, name: str) -> TargetRefuses:
    return TargetRefuses(
        f"{layout.title} knows files by their name alone, and {by} has the name {name} already: "
        "one of the two would be hidden",
        hint="rename or move that file, or choose another variant",
    )


class _Search:
    """The search for the files of one variant."""

    def __init__(
        self,
        entry: Entry,
        variant: Variant,
        target: Target,
        *,
        wish: bool,
        reserved: Callable[[str], Collection[str]],
        called: Callable[[Artifact], str | None],
        finish: Callable[[Path], None],
    ) -> None:
        self._entry, self._variant, self._target = entry, variant, target
        self._wish, self._reserved, self._called, self._finish = wish, reserved, called, finish
        self._layout: Layout = targets.layouts()[target.layout]
        self._folder = self._layout.folder(target, entry.slot)
        listed = self._layout.folders(target, entry.slot)
        if self._folder not in listed:
            raise TargetNotUsable(
                f"{self._layout.title} is set to look for VAEs in {' and '.join(map(str, listed))} "
                "alone, and no such folder is there",
                hint="mount the disk or make the folder, and run the same command again",
            )
        self._placed: list[Receipt] | None = None

    def one(self, artifact: Artifact) -> Destination:
        """Find the destination of one artifact."""
        names = self._names(artifact)
        first = next(names)
        preferred = self._folder / first.name
        self._finish(preferred)
        placed = self._placed_already(artifact, first)
        if placed is not None:
            self._refuse_if_hidden(placed.path, artifact, first)
            return placed
        free = first.name == artifact.name or self._may_be_called(artifact, first)
        hidden_by = self._layout.collision(self._target, self._entry.slot, first.name)
        if hidden_by is None and free:
            # Whatever stands there: the plan says what that means.
            return Destination(preferred, first.reason, first.convert)
        because = first.reason
        if hidden_by is not None:
            if self._same_bytes(hidden_by, artifact, first):
                return Destination(hidden_by, convert=first.convert)
            shown = "that one" if self._shows(hidden_by) else "this one"
            because = because or (
                f"{self._layout.title} could not tell it from {hidden_by}, which has that name, "
                f"and would show {shown} alone"
            )
        for other in names:
            self._finish(self._folder / other.name)
            if other.name.casefold() not in self._taken and self._is_free(artifact, other):
                return Destination(self._folder / other.name, because, other.convert)
        raise _hidden(self._layout, hidden_by or preferred, first.name)

    def _names(self, artifact: Artifact) -> Iterator[Remedy]:
        names = remedies.installed_names(
            self._layout, self._entry, self._variant, artifact, wish=self._wish
        )
        name = self._called(artifact)
        return names if name is None else iter([next(names)._replace(name=name)])

    def _placed_already(self, artifact: Artifact, first: Remedy) -> Destination | None:
        """Find these bytes where an earlier install of this entry put them, under any name."""
        preferred = self._folder / first.name
        receipt = receipts.find(preferred)
        if receipt is not None and self._is_this(receipt, artifact, first) and preferred.is_file():
            # The one that the search below would choose, and no other receipt need be read.
            return Destination(preferred, first.reason, first.convert)
        if self._called(artifact) is not None:
            return None
        if self._placed is None:
            folders = self._layout.folders(self._target, self._entry.slot)
            self._placed = [receipt for folder in folders for receipt in receipts.read(folder)]
        paths = [
            receipt.path
            for receipt in self._placed
            if self._is_this(receipt, artifact, first)
            and self._is_listed(artifact, first._replace(name=receipt.path.name))
            and (receipt.path.parent == self._folder or receipt.path.is_file())
        ]
        if not paths:
            return None
        path = min(paths, key=lambda path: (not path.is_file(), path.name != first.name))
        before = "an earlier install gave it this name" if path.name != first.name else None
        return Destination(path, first.reason or before, first.convert)

    def _refuse_if_hidden(self, path: Path, artifact: Artifact, under: Remedy) -> None:
        """Say so where somebody has put another file of its name into the UI since."""
        if path.parent != self._folder:
            return
        other = self._layout.collision(self._target, self._entry.slot, path.name)
        if other is not None and not self._same_bytes(other, artifact, under):
            raise TargetRefuses(
                f"{self._layout.title} cannot tell {path} from {other}, which has the same name, "
                f"and shows {'the latter' if self._shows(other) else 'the former'} alone",
                hint="rename or move that file; or uninstall this one and install it again, which "
                "gives it another name",
            )

    def _look(self, path: Path, artifact: Artifact, under: Remedy) -> observe.Found:
        converted = under.convert is not None
        return observe.look(path, artifact, entry=self._entry.full_name, converted=converted)

    def _shows(self, other: Path) -> bool:
        return self._layout.shows_other(self._target, self._entry.slot, other)

    def _may_be_called(self, artifact: Artifact, under: Remedy) -> bool:
        """Tell whether a name that the catalog does not give this file is nobody else's."""
        if under.name.casefold() in self._taken:
            return False
        return self._look(self._folder / under.name, artifact, under) != "taken"

    def _is_this(self, receipt: Receipt, artifact: Artifact, under: Remedy) -> bool:
        """Tell whether a receipt speaks of this artifact, by its bytes."""
        return (
            receipt.entry == self._entry.full_name
            and receipt.origin_sha256 == artifact.sha256
            and (receipt.converted_from is not None) == (under.convert is not None)
        )

    def _is_listed(self, artifact: Artifact, under: Remedy) -> bool:
        return remedies.is_listed(self._layout, self._entry, self._variant, artifact, under)

    def _is_free(self, artifact: Artifact, under: Remedy) -> bool:
        if self._layout.collision(self._target, self._entry.slot, under.name) is not None:
            return False
        found = self._look(self._folder / under.name, artifact, under)
        return found in {"absent", "intact", "outdated", "same-bytes"}

    def _same_bytes(self, path: Path, artifact: Artifact, under: Remedy) -> bool:
        try:
            found = self._look(path, artifact, under)
        except OSError:  # the user's, and not to be read: another file, as far as we can tell
            return False
        return found in {"intact", "same-bytes"}

    @property
    def _taken(self) -> Collection[str]:
        return self._reserved(self._entry.slot)
