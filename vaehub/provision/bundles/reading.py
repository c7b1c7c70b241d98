"""Read a bundle member by member, and refuse it where it is not what it must be, to the byte.

The order of things for a reader; where the bytes come from is :mod:`.source`, what must stand there
:mod:`.tarred` and :mod:`.index`. Writes nothing.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from vaehub.errors import BundleRefused, LockError
from vaehub.provision import lock as lock_module
from vaehub.provision.bundles import index as index_module
from vaehub.provision.bundles import tarred

if TYPE_CHECKING:
    from vaehub.provision.bundles.index import Index, Member
    from vaehub.provision.bundles.source import Source
    from vaehub.provision.lock import Lock

_DAMAGED = "it was damaged on its way, or made by hand; copy it again"


class Reader:
    """A bundle whose index and lock were read and found sound; its blobs are what comes next."""

    def __init__(self, source: Source) -> None:
        """Read up to the first blob.

        Raises:
            BundleRefused: it is no bundle, or a damaged one.
        """
        self.source = source
        self.index_text = self._take_index()
        try:
            self.index: Index = index_module.parse(self.index_text)
            source.total = self.index.length(len(self.index_text))
            self.lock: Lock = self._take_lock()
            self._take_small(self.index.readme)
        except BundleRefused as error:
            raise self._about(error) from None
        self._first = source.position
        if source.size is not None:
            self._look_ahead(source.size)

    @property
    def length(self) -> int:
        """How many bytes the bundle must have."""
        return self.index.length(len(self.index_text))

    def enter(self, member: Member) -> None:
        """Read the header of the next member.

        Raises:
            BundleRefused: something else stands there.
        """
        self._refuse_header(self.source.take(tarred.BLOCK), member)

    def leave(self, member: Member) -> None:
        """Read what fills the last block of a member.

        Raises:
            BundleRefused: something hides there.
        """
        self._refuse_padding(self.source.take(tarred.padding(member.size)), member)

    def finish(self) -> None:
        """Read the end.

        Raises:
            BundleRefused: there is something else.
        """
        self._refuse_end(self.source.take(len(tarred.END)))
        self.source.end()

    def pass_over_blobs(self) -> None:
        """Go on to the end, with a look at the headers alone.

        Raises:
            BundleRefused: something else stands there.
        """
        for member in self.index.blobs:
            self.enter(member)
            self.source.pass_over(member.size)
            self.leave(member)

    def is_whole(self) -> bool:
        """Read the blobs, and tell whether each has the right bytes, and nothing else is there."""
        for member in self.index.blobs:
            self.enter(member)
            if self._digest(member) != member.sha256:
                return False
            self.leave(member)
        self.finish()
        return True

    def _take_index(self) -> bytes:
        source, name = self.source, index_module.NAME
        block = source.take(min(tarred.BLOCK, source.size or tarred.BLOCK))
        packed = tarred.packed_as(block)
        if packed is not None:
            form, command = packed
            raise BundleRefused(
                f"{source.label} is packed with {form}, and a bundle is not",
                hint=f"unpack it first, with {command}: weights do not get smaller anyway",
            )
        size = tarred.size_in(block)
        if size is None or block != tarred.header(name, size):
            what = tarred.difference(block, name, size if size is not None else 0)
            raise BundleRefused(
                f"{source.label} is no bundle of vaehub: {what}",
                hint="`vaehub bundle create` makes one; a file of another kind cannot stand for it",
            )
        if size > index_module.CEILING:
            raise BundleRefused(
                f"{source.label} has an index of {size:,} bytes; "
                f"no bundle has more than {index_module.CEILING:,}",
                hint=_DAMAGED,
            )
        content = source.take(size)
        padding = source.take(tarred.padding(size))
        if any(padding):
            raise BundleRefused(f"{source.label} hides bytes behind {name}", hint=_DAMAGED)
        return content

    def _take_lock(self) -> Lock:
        member = self.index.lock
        content = self._take_small(member)
        try:
            lock = lock_module.parse(content, origin=member.name)
        except LockError as error:
            raise BundleRefused(
                f"its lock cannot be read: {error.message}", hint=_DAMAGED
            ) from None
        sizes = {blob.sha256: blob.size for blob in self.index.blobs}
        for vae in lock.vaes:
            for artifact in vae.variant.artifacts:
                size = sizes.get(str(artifact.sha256))
                if size is None or artifact.size not in (None, size):
                    raise BundleRefused(
                        f"its index does not list {artifact.name}, or with another size than the "
                        "lock",
                        hint=_DAMAGED,
                    )
        extra = sizes.keys() - {artifact.sha256 for artifact in lock.artifacts()}
        if extra:
            raise BundleRefused(
                f"its index lists {sorted(extra)[0]}, which the lock does not name", hint=_DAMAGED
            )
        if self.index.vaes != index_module.about(lock):
            raise BundleRefused(
                "its index says something else of its VAEs than the lock", hint=_DAMAGED
            )
        return lock

    def _take_small(self, member: Member) -> bytes:
        self.enter(member)
        content = self.source.take(member.size)
        if hashlib.sha256(content).hexdigest() != member.sha256:
            raise BundleRefused(f"{member.name} in it is not what the index says", hint=_DAMAGED)
        self.leave(member)
        return content

    def _look_ahead(self, size: int) -> None:
        """Look at all headers that follow before anything is done with what is between them."""
        at, source = self._first, self.source
        for member in self.index.blobs:
            if at + tarred.BLOCK > size:
                break
            self._refuse_header(source.look(at, tarred.BLOCK), member)
            at += tarred.BLOCK + member.size
            padding = tarred.padding(member.size)
            if at + padding > size:
                break
            if padding:
                self._refuse_padding(source.look(at, padding), member)
            at += padding
        else:
            if at + len(tarred.END) <= size:
                self._refuse_end(source.look(at, len(tarred.END)))
        if size > self.length:
            raise BundleRefused(
                f"{source.label} has {size:,} bytes, and by its index {self.length:,}",
                hint="something was added to it; copy it again",
            )

    def _refuse_header(self, block: bytes, member: Member) -> None:
        if block != tarred.header(member.name, member.size):
            what = tarred.difference(block, member.name, member.size)
            raise self._about(BundleRefused(what, hint=_DAMAGED))

    def _refuse_padding(self, padding: bytes, member: Member) -> None:
        if any(padding):
            raise self._about(BundleRefused(f"it hides bytes behind {member.name}", hint=_DAMAGED))

    def _refuse_end(self, end: bytes) -> None:
        if any(end):
            raise self._about(BundleRefused("it holds more than its index lists", hint=_DAMAGED))

    def _about(self, error: BundleRefused) -> BundleRefused:
        message = error.message
        if message.startswith(self.source.label):
            return error
        return BundleRefused(f"{self.source.label}: {message}", hint=error.hint)

    def _digest(self, member: Member) -> str:
        digest = hashlib.sha256()
        for piece in self.source.pieces(member.size):
            digest.update(piece)
        return digest.hexdigest()
