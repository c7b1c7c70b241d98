"""Write a mirror: a static tree by sha256 of all that locks name, for any web server.

The order of things: look what is there, bring what is missing, and only then say so in the index.
What is no longer wanted leaves the index first, and then the tree. So the tree can be served at any
moment, while this runs and after a kill as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vaehub import licenses
from vaehub.errors import FileInTheWay, UsageError, VaehubError
from vaehub.model import Problem
from vaehub.provision import mirror_bringing, mirror_index, mirror_notes
from vaehub.provision.mirror_bringing import Mirrored, Wanted
from vaehub.provision.mirror_index import BLOBS, INDEX, README, SUMS, Index
from vaehub.provision.mirror_tree import Tree

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from vaehub.licenses import Ask
    from vaehub.provision.lock import Lock
    from vaehub.settings import Settings
    from vaehub.transfer.listener import Listener


class Given(NamedTuple):
    """A lock, and where it lies."""

    path: Path
    lock: Lock


class MirrorResult(NamedTuple):
    """What a run has made of a mirror."""

    folder: Path
    files: tuple[Mirrored, ...]
    """All that the index names now, and what was removed; sorted by path."""
    failures: tuple[tuple[str, VaehubError], ...]
    """The names of files that are not there, and why."""
    problems: tuple[Problem, ...]
    """What is worth a word, and stops nothing."""
    written: tuple[str, ...]
    """The small files that had to be written."""

    @property
    def changed(self) -> bool:
        """Whether anything was written or removed."""
        return bool(self.written) or any(one.status != "present" for one in self.files)


def mirror(
    folder: Path,
    given: Sequence[Given],
    *,
    prune: bool,
    accepted_licenses: Collection[str] = (),
    ask: Ask | None = None,
    settings: Settings,
    listener: Listener,
) -> MirrorResult:
    """Bring all that locks name into a mirror; running it again changes nothing.

    Args:
        folder: The mirror's; made where it is missing.
        given: The locks; what earlier ones have brought stays, unless ``prune``.
        prune: Remove what vaehub put there and none of these locks names.
        accepted_licenses: License ids that the caller accepts, beside those of the locks' policies.
        ask: Shows a license to a person; None where nobody can answer.
        settings: The user's settings.
        listener: Told of progress.

    Returns:
        What became of each file; an error of one stops none of the others, and is in there.

    Raises:
        UsageError: two locks want the same name in the mirror, or one a name that it cannot have.
        FileInTheWay: a file that vaehub did not put there has a name of the mirror's own.
        TargetNotUsable, DiskFull: the folder cannot be written.
        KeyboardInterrupt: the person wants to stop; what has come stays for the next run.
    """
    copies = _copies(folder, given)
    wanted = _wanted(given)
    tree = Tree(folder)

    def waiting() -> None:
        listener.note(f"another vaehub is writing to the mirror {folder}; waiting for that one")

    _refuse_strangers(tree, copies)  # before anything is made there
    with tree.held(waiting=waiting):
        before = _refuse_strangers(tree, copies)
        there: dict[str, Mirrored] = {}
        failures: list[tuple[str, VaehubError]] = []
        missing = []
        for one in wanted:
            try:
                found = mirror_bringing.look(tree, one, known=before.files)
                if found is None:
                    _require(one, given, accepted_licenses, ask=ask, settings=settings)
            except VaehubError as error:
                failures.append((one.artifact.name, error))
            else:
                if found is None:
                    missing.append(one)
                else:
                    there[one.sha256] = found
        if missing:
            outcomes = mirror_bringing.bring(
                tree,
                missing,
                known=before.files,
                last=list(dict.fromkeys(x for each in given for x in each.lock.policy.mirrors)),
                settings=settings,
                listener=listener,
            )
            for one in missing:
                outcome = outcomes[one.sha256]
                if isinstance(outcome, VaehubError):
                    failures.append((one.artifact.name, outcome))
                else:
                    there[one.sha256] = outcome
        pruned = prune and not failures
        removed: list[Mirrored] = []
        problems = [] if pruned else _keep(tree, before, there)
        if prune and failures:
            problems.append(
                _note(
                    "not-pruned", "nothing was removed, since not all of the locks is there", tree
                )
            )
        names = {each.path.name for each in given}
        written = _say(
            tree,
            there,
            # Who gets a lock from here is to find all of it here.
            copies if not failures else {},
            names=names if pruned else names.union(tree.papers.locks),
        )
        if pruned:
            removed, left = _prune(tree, before, there, names)
            problems += left
        tree.papers.settle()
    problems += [
        *mirror_notes.of_licenses([each.lock for each in given], there),
        *mirror_notes.of_permissions(tree),
    ]
    files = sorted((*there.values(), *removed), key=lambda one: one.path)
    return MirrorResult(folder, tuple(files), tuple(failures), tuple(problems), written)


def _refuse_strangers(tree: Tree, copies: Mapping[str, bytes]) -> Index:
    """Make sure that the small files may be written, and give what the index names now."""
    before = tree.papers.read()
    for name in (README, SUMS, INDEX, *copies):
        tree.papers.check(name, copies.get(name))
    return before


def _copies(folder: Path, given: Sequence[Given]) -> dict[str, bytes]:
    """Give the locks that are copied, by the name that each gets: its own.

    Raises:
        UsageError: it cannot have that name.
    """
    copies: dict[str, bytes] = {}
    for path, lock in given:
        name, text = path.name, lock.text().encode()
        if not mirror_index.is_free(name):
            raise UsageError(
                f"{path} cannot have its own name in a mirror",
                hint="use letters, digits, dots, hyphens and underscores, and no name that the "
                "mirror itself uses",
            )
        if copies.setdefault(name, text) != text:
            raise UsageError(
                f"two locks are called {name}, and each would be copied under that name",
                hint="give one of them another name, such as comfy.lock",
            )
        if _is_same(folder / name, path):
            del copies[name]  # it lies there already, and is the user's
    return copies


def _is_same(first: Path, second: Path) -> bool:
    try:
        return first.samefile(second)
    except OSError:
        return False


def _wanted(given: Sequence[Given]) -> list[Wanted]:
    """Give each file that locks name once, sorted by sha256."""
    found: dict[str, Wanted] = {}
    for each in given:
        for vae in each.lock.vaes:
            for locked in vae.artifacts:
                artifact = locked.artifact
                one = found.setdefault(str(artifact.sha256), Wanted(artifact, ()))
                known = one.artifact.sources
                more = tuple(source for source in artifact.sources if source not in known)
                merged = one.artifact._replace(
                    sources=(*known, *more), size=one.artifact.size or artifact.size
                )
                found[one.sha256] = Wanted(merged, (*one.vaes, vae))
    return [found[sha256] for sha256 in sorted(found)]


def _require(
    one: Wanted,
    given: Sequence[Given],
    accepted: Collection[str],
    *,
    ask: Ask | None,
    settings: Settings,
) -> None:
    by_policy = [id_ for each in given for id_ in each.lock.policy.licenses_accepted]
    for vae in one.vaes:
        licenses.require(vae.entry, state=settings.state, given=(*accepted, *by_policy), ask=ask)


def _keep(tree: Tree, before: Index, there: dict[str, Mirrored]) -> list[Problem]:
    """Keep what the index names already, as far as it is there."""
    problems = []
    for sha256, listed in before.files.items():
        now = there.get(sha256)
        if now is not None:
            merged = listed if now.listed is None else now.listed.merged(listed)
            there[sha256] = now._replace(listed=merged)
            continue
        try:
            state = tree.look(sha256, listed.size)
        except FileInTheWay:
            state = "absent"
        if state == "present":
            there[sha256] = Mirrored(listed.path, "present", listed)
        else:
            what = "gone" if state == "absent" else "damaged"
            problems.append(
                _note(
                    f"mirror-file-{what}",
                    f"{listed.name} is {what}, and is no longer in the index",
                    tree,
                    path=listed.path,
                )
            )
    return problems


def _say(
    tree: Tree, there: dict[str, Mirrored], copies: dict[str, bytes], *, names: Collection[str]
) -> tuple[str, ...]:
    """Write the small files, the index last; gives the names of those that had to be.

    Args:
        tree: The mirror.
        there: Its files.
        copies: The locks to copy.
        names: Those that the index names, as far as vaehub has copied them.
    """
    texts = {README: mirror_index.README_TEXT.encode(), **copies}
    written = [name for name, text in texts.items() if tree.papers.write(name, text)]
    digests = {name: tree.papers.digest(name) for name in names}
    index = Index(
        {sha256: one.listed for sha256, one in there.items() if one.listed is not None},
        {name: digest for name, digest in digests.items() if digest is not None},
    )
    for name, said in ((SUMS, index.sums()), (INDEX, index.text())):
        if tree.papers.write(name, said.encode()):
            written.append(name)
    return tuple(written)


def _prune(
    tree: Tree, before: Index, there: dict[str, Mirrored], names: Collection[str]
) -> tuple[list[Mirrored], list[Problem]]:
    """Remove what vaehub has put there and the index no longer names."""
    removed = [
        Mirrored(name, "removed")
        for name in tree.papers.locks
        if name not in names and tree.papers.drop(name)
    ]
    left = []
    for path in list(tree.strangers(known=before.files, wanted=there)):
        if tree.remove(path):
            removed.append(Mirrored(f"{BLOBS}/{path.name}", "removed"))
        else:
            message = f"{path.name} was changed since vaehub put it there, and stays"
            left.append(_note("mirror-file-changed", message, tree, path=f"{BLOBS}/{path.name}"))
    return removed, left


def _note(code: str, message: str, tree: Tree, *, path: str = "") -> Problem:
    return Problem(code, message, where=str(tree.root / path), blocking=False)
