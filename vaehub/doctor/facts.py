"""What was seen of a target and of each file in it, before anything is made of it.

Plain data; does no I/O.
"""

# No postponed annotations: NamedTuple would compile each from its text, at each start.

from pathlib import Path
from typing import Literal, NamedTuple

from vaehub.model import Artifact, Entry, Problem, Receipt, Target, Variant
from vaehub.smoke.report import Reason
from vaehub.targets.layouts import Layout

State = Literal["there", "absent", "unusable"]
Container = Literal["safetensors", "pickle"]


class Content(NamedTuple):
    """What the bytes of a file say, as far as names, shapes and types of tensors go."""

    reasons: tuple[Reason, ...] = ()
    """What the smoke test would say of it without decoding."""
    container: Container | None = None
    """What the first bytes are, whatever the name says."""
    architecture: str | None = None
    layout: str | None = None
    """Key layout, in the words of the catalog."""
    families: tuple[str, ...] = ()
    kind: str | None = None
    """What it is in place of a VAE, with its article."""
    pointer: str | None = None
    """Of a Git LFS pointer: the sha256 of the file that it stands for."""
    opaque: bool = False
    """A container that vaehub cannot look into."""

    @property
    def condemned(self) -> tuple[Reason, ...]:
        """The reasons for which no UI can use it."""
        return tuple(reason for reason in self.reasons if reason.verdict is not None)

    def reason(self, code: str) -> Reason | None:
        """Give the reason of a code, if there is one."""
        return next((reason for reason in self.reasons if reason.code == code), None)


class Known(NamedTuple):
    """What the catalogs know of some bytes."""

    entry: Entry
    variant: Variant
    artifact: Artifact


class Seen(NamedTuple):
    """One file that may be a VAE, and where it was found."""

    path: Path
    slot: str
    folder: Path
    """The folder of the slot, or the further one that the UI lists with it."""
    size: int | None = None
    """None where it cannot be told."""
    identity: tuple[int, int] | None = None
    """Device and inode: two names of one file have the same."""
    obstacle: Problem | None = None
    """Why nobody can read it."""
    unfinished: Path | None = None
    """What says that its download never ended: the file itself, or one beside it."""
    reach: Literal["hidden", "linked"] | None = None
    """Why the UI does not come upon it."""
    listed_as: str | None = None
    hidden_by: Path | None = None
    """Another file that the UI cannot tell from it, or lists in its place."""
    content: Content | None = None
    """None where nobody looked."""
    receipt: Receipt | None = None
    sha256: str | None = None
    """Where it was needed: to tell what the catalogs know of it, and what is the same."""
    known: Known | None = None
    same_as: Path | None = None
    """Another file with the same bytes, which take room of their own."""
    could_be_one: bool = False
    """That one is on the same file system, so that a hard link would do."""


class Place(NamedTuple):
    """One folder that a UI lists a slot from."""

    slot: str
    folder: Path
    state: State
    trouble: str | None = None
    """Why it is unusable."""
    own: bool = True
    """A folder of the slot itself, and not one whose files are listed besides."""
    writable: bool = True
    free: int | None = None
    """Bytes; None where it cannot be told."""
    device: int | None = None


class Examined(NamedTuple):
    """What was found of one target."""

    target: Target
    layout: Layout
    places: tuple[Place, ...]
    files: tuple[Seen, ...]
    problems: tuple[Problem, ...]
    placed: tuple[Receipt, ...] = ()
    """What vaehub placed there, whether it is still there or not."""

    @property
    def ok(self) -> bool:
        """Whether nothing blocks."""
        return not any(problem.blocking for problem in self.problems)

    def of(self, seen: Seen) -> tuple[Problem, ...]:
        """Give the problems of one file, the graver ones first."""
        mine = [problem for problem in self.problems if problem.where == str(seen.path)]
        return tuple(sorted(mine, key=lambda problem: not problem.blocking))
