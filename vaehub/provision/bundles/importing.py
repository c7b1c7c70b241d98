"""Take the blobs of a bundle into the store, each only when its sha256 is right.

A blob grows as a download does, in the store's partial, under the same lock: so a download and
several imports of the same file are in nobody's way, and each goes on from what another left. What
the store has is passed over. Places nothing.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Literal, NamedTuple

from vaehub import folders, staging
from vaehub.errors import BundleRefused, HashMismatch, IntegrityError
from vaehub.provision.bundles.reading import Reader
from vaehub.transfer import disk
from vaehub.transfer.declared import Expected
from vaehub.transfer.partial import Partial, peek
from vaehub.weights import check_file

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from vaehub.provision.bundles.index import Member
    from vaehub.provision.bundles.source import Source
    from vaehub.provision.lock import Lock
    from vaehub.store import Store
    from vaehub.transfer.listener import Listener

LABEL = "a bundle"
"""What partials say of whose bytes they hold: a path would be nobody's business."""


class Came(NamedTuple):
    """What became of one file of a bundle."""

    sha256: str
    size: int
    name: str
    """As the catalog has it."""
    status: Literal["imported", "present", "planned"]
    """``present``: the store had it already; ``planned``: it would be imported."""


class Imported(NamedTuple):
    """What is in a bundle, and what became of it."""

    lock: Lock
    size: int
    """Of the whole bundle."""
    files: tuple[Came, ...]
    read: int
    """Bytes of the bundle that had to be read."""
    sha256: str | None
    """Of the whole bundle, where that was asked for."""


def take_in(
    source: Source,
    store: Store,
    *,
    lock: Lock | None = None,
    sha256: str | None = None,
    dry_run: bool = False,
    listener: Listener,
) -> Imported:
    """Import a bundle.

    Args:
        source: Where it is read; it hashes, where ``sha256`` is given.
        store: Where its blobs go.
        lock: The only lock that it may have.
        sha256: What the whole bundle must be.
        dry_run: Only say what would be imported; of a pipe only its beginning is read.
        listener: Told of progress.

    Raises:
        BundleRefused: it is no bundle, a damaged one, or one of another lock.
        HashMismatch: a file in it, or the whole, has other bytes than it must have.
        NotAModel, UnsafePickle: a file in it has the right bytes, and is of no use.
        TargetError: the store cannot be written.
    """
    reader = Reader(source)
    if lock is not None:
        _refuse_other_lock(reader.lock, lock, source)
    # To look at a pipe to its end would be to use it up.
    whole = not dry_run or sha256 is not None or source.size is not None
    names = labels(reader.lock)
    blobs = reader.index.blobs
    missing = {member for member in blobs if not store.has(member.sha256, member.size)}
    if dry_run:
        files = [
            _came(member, names, "planned" if member in missing else "present") for member in blobs
        ]
        if whole:
            reader.pass_over_blobs()
    else:
        _make_ready(missing, store)
        if len(missing) > 1:
            for member in blobs:
                if member in missing:
                    listener.planned(names[member.sha256], member.size)
        files = [
            _import_one(member, reader, store, names=names, listener=listener) for member in blobs
        ]
    if whole:
        reader.finish()
        _refuse_other_bytes(source, sha256)
    return Imported(reader.lock, reader.length, tuple(files), source.read, source.digest())


def labels(lock: Lock) -> Mapping[str, str]:
    """Say what each file is called, by its sha256: by its name, where it is the only one so."""
    names = {str(artifact.sha256): artifact.name for artifact in lock.artifacts()}
    called = Counter(names.values())
    return {
        digest: name if called[name] == 1 else f"{name} ({digest[:8]})"
        for digest, name in names.items()
    }


def _refuse_other_lock(found: Lock, wanted: Lock, source: Source) -> None:
    if found.digest() != wanted.digest():
        raise BundleRefused(
            f"{source.label} has another lock: expected {wanted.digest()}, got {found.digest()}",
            hint="nothing of it was used; `vaehub bundle create` makes the bundle of a lock",
        )


def _came(
    member: Member, names: Mapping[str, str], status: Literal["imported", "present", "planned"]
) -> Came:
    return Came(member.sha256, member.size, names[member.sha256], status)


def _refuse_other_bytes(source: Source, sha256: str | None) -> None:
    """Hold the whole against what it must be."""
    got = source.digest()
    if sha256 is not None and got != sha256:
        raise HashMismatch(
            f"{source.label}: expected sha256 {sha256}, got {got}; nothing was installed",
            hint="it is another bundle than the one that was meant",
        )


def _make_ready(missing: Collection[Member], store: Store) -> None:
    """Make sure that all of them fit, before the first one takes minutes."""
    if not missing:
        return
    paths = [store.partial(member.sha256) for member in missing]
    staging.sweep(paths[0].parent)  # notes that a killed run was about to write
    here = sum(peek(path) or 0 for path in paths)
    needed = sum(member.size for member in missing) - here
    with disk.speaking_of(paths[0]):
        free = folders.free_bytes(paths[0].parent)
    if free < needed:
        raise disk.full(paths[0], needed=needed, free=free)


def _import_one(
    member: Member,
    reader: Reader,
    store: Store,
    *,
    names: Mapping[str, str],
    listener: Listener,
) -> Came:
    source, name = reader.source, names[member.sha256]
    reader.enter(member)
    began = source.position
    status: Literal["imported", "present"] = "present"
    # First without the lock: who holds it may be the one that writes into this very pipe.
    if not store.has(member.sha256, member.size):
        with store.lock(member.sha256, waiting=_waiting(name, listener)):
            if not store.has(member.sha256, member.size):
                status = "imported"
                path = store.partial(member.sha256)
                with Partial(path) as partial:
                    _Growing(member, source, began, name, listener).fill(partial)
                    _check_model(partial, reader.lock, member)
                    partial.settle()
                store.adopt(path, member.sha256)
        listener.finished(name)
    source.pass_over(began + member.size - source.position)
    reader.leave(member)
    return _came(member, names, status)


class _Growing:
    """One blob on its way from a bundle into its partial."""

    def __init__(
        self, member: Member, source: Source, began: int, name: str, listener: Listener
    ) -> None:
        self._member = member
        self._source = source
        self._began = began
        self._name = name
        self._listener = listener

    def fill(self, partial: Partial) -> None:
        """Have all bytes in the partial, with the right sha256; a wrong one is emptied."""
        member, source = self._member, self._source
        partial.expect(Expected(member.sha256, member.size))
        partial.check_space()
        self._listener.started(self._name, member.size, partial.present)
        inherited = partial.present
        if source.can_seek:
            for start, end in partial.missing():
                source.seek(self._began + start)
                self._take(partial, start, end)
        else:
            self._take(partial, 0, member.size)
        got = partial.digest()
        if got != member.sha256 and inherited and source.can_seek:
            # The earlier bytes may be what is wrong: a power cut leaves such.
            partial.discard()
            source.seek(self._began)
            self._take(partial, 0, member.size)
            got = partial.digest()
        if got == member.sha256:
            return
        partial.discard()
        raise HashMismatch(
            f"{source.label}: the bytes of {self._name} are wrong: expected sha256 "
            f"{member.sha256}, got {got}; thrown away",
            hint="it was damaged on its way: copy it again, and what came already is passed over",
        )

    def _take(self, partial: Partial, start: int, end: int) -> None:
        """Take bytes in; those that are here already are held against them."""
        partial.begin(LABEL)
        at = start
        for piece in self._source.pieces(end - start):
            partial.receive(LABEL, at, piece)
            at += len(piece)
            self._listener.advanced(self._name, partial.present)


def _check_model(partial: Partial, lock: Lock, member: Member) -> None:
    """Look whether a UI may load it, under each name that the lock has for it."""
    names = {
        artifact.name
        for vae in lock.vaes
        for artifact in vae.variant.artifacts
        if artifact.sha256 == member.sha256
    }
    try:
        for name in sorted(names):
            check_file(partial.path, name=name)
    except IntegrityError:
        partial.discard()
        raise


def _waiting(name: str, listener: Listener) -> Callable[[], None]:
    told = False

    def tell() -> None:
        nonlocal told
        if not told:
            told = True
            listener.note(f"{name}: another vaehub is bringing it; waiting for that one")

    return tell
