"""Hold the tensors of a file against a manifest, and name what differs in few lines.

Knows names and shapes. Refuses to know files, architectures and what the numbers in a tensor mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

Shapes = Mapping[str, tuple[int, ...]]
"""The shape of every tensor, by its name."""

_COUNTER = ".num_batches_tracked"
# A counter of the training: no decoder reads it, and converters drop it.


class Misshapen(NamedTuple):
    """One tensor that is there under its name, with another shape."""

    name: str
    expected: tuple[int, ...]
    found: tuple[int, ...]


class Difference(NamedTuple):
    """What a file lacks, has beside, and has in another shape; all empty where it is complete."""

    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    misshapen: tuple[Misshapen, ...]
    manifest: frozenset[str]
    """Every name the manifest asks for; the groups are built from it."""

    @property
    def complete(self) -> bool:
        """Whether the file is exactly what the manifest asks for."""
        return not (self.missing or self.unexpected or self.misshapen)

    @property
    def missing_groups(self) -> tuple[str, ...]:
        """The missing tensors, a whole missing part on one line: ``decoder.up.1 (28 tensors)``."""
        return tuple(group(self.missing, among=self.manifest))

    @property
    def unexpected_groups(self) -> tuple[str, ...]:
        """The unexpected tensors, a whole unexpected part on one line."""
        return tuple(group(self.unexpected, among=self.manifest | frozenset(self.unexpected)))

    def lines(self) -> Iterator[str]:
        """Tell every difference in plain words, one part or tensor a line."""
        for name in self.missing_groups:
            yield f"missing: {name}"
        for name in self.unexpected_groups:
            yield f"unexpected: {name}"
        for name, expected, found in self.misshapen:
            yield f"another shape: {name} is {list(found)}, not {list(expected)}"


def compare(manifest: Shapes, shapes: Shapes) -> Difference:
    """Compare the tensors of a file with what its architecture asks for.

    Args:
        manifest: name and shape of every tensor that must be there, in the file's own naming.
        shapes: name and shape of every tensor in the file, without prefix and harmless extras.

    Returns:
        every difference by name; counters of the training (``num_batches_tracked``) may be absent.
    """
    return Difference(
        missing=tuple(
            name for name in manifest if name not in shapes and not name.endswith(_COUNTER)
        ),
        unexpected=tuple(name for name in shapes if name not in manifest),
        misshapen=tuple(
            Misshapen(name, tuple(expected), tuple(shapes[name]))
            for name, expected in manifest.items()
            if name in shapes and tuple(shapes[name]) != tuple(expected)
        ),
        manifest=frozenset(manifest),
    )


def group(names: Collection[str], *, among: Collection[str]) -> Iterator[str]:
    """Join names to the largest parts of which all tensors are among them.

    Args:
        names: the names to join; each is covered by exactly one line.
        among: all names there are; a part is joined only if ``names`` holds all of it.

    Yields:
        a tensor's name, or a part and how many tensors it has.
    """
    total = _counts(among)
    given = _counts(names)
    done: set[str] = set()
    for name in names:
        part = next(part for part in _parts(name) if given[part] == total.get(part, given[part]))
        if part not in done:
            done.add(part)
            yield name if part == name else f"{part} ({_tensors(given[part])})"


def _parts(name: str) -> Iterator[str]:
    """Yield every part that the tensor belongs to, the largest first, itself last."""
    at = name.find(".")
    while at >= 0:
        yield name[:at]
        at = name.find(".", at + 1)
    yield name


def _counts(names: Collection[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for name in names:
        for part in _parts(name):
            counts[part] = counts.get(part, 0) + 1
    return counts


def _tensors(count: int) -> str:
    return "1 tensor" if count == 1 else f"{count} tensors"
