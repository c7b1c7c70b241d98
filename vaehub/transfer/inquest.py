"""Find out who sent the wrong bytes, when several sources filled one file.

The digest of the whole says only that somebody did. So the bytes of one source after another are
fetched again from the others, until the digest is right: then it was that one. Where others send
the same as a source did, it is innocent as far as they are. Begins with whom it costs least, and
suspects nobody twice: where several are wrong, and perhaps of one mind, each is to bring the whole
alone.

Knows owners and digests; asks nobody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from vaehub.transfer.extents import Extent, Owner
    from vaehub.transfer.partial import Partial


class Inquest:
    """What has come out so far."""

    def __init__(self) -> None:
        self.suspect: Owner | None = None
        """Whose bytes were given up, to be fetched from others."""
        self.taken: tuple[Extent, ...] = ()
        """Which they were."""
        self.doubted: set[str] = set()
        """Sources that differ from others which are wrong too: asked last."""
        self.alone = False
        """Whether no two sources may fill one file any more."""
        self._suspected: set[Owner] = set()
        self._digest: str | None = None

    def open(self, partial: Partial, digest: str, *, gone: Collection[str]) -> tuple[Owner, ...]:
        """Take note of a wrong digest, and give up the bytes of whom it may be due to.

        Args:
            partial: The whole file.
            digest: Its digest.
            gone: Sources that are asked no more: nobody else can be held against their bytes
                later, so theirs come first.

        Returns:
            Empty where the search goes on; otherwise who is wrong. Then the partial is empty.
        """
        if self.suspect is not None:
            if digest == self._digest:
                # Who sent the same bytes again has not vouched for itself.
                if self.suspect.source not in self._sources_of_taken(partial):
                    partial.attribute(self.taken)
            elif self.suspect.in_this_run:
                self.doubted.add(self.suspect.source)
            self.suspect = None
        owners = partial.owners()
        suspects = [owner for owner in owners if owner not in self._suspected]
        if len(owners) == 1 or not suspects:
            partial.discard()
            self._suspected.clear()
            self.alone = self.alone or len(owners) > 1
            return tuple(owners) if len(owners) == 1 else ()
        self.suspect = min(
            suspects,
            key=lambda owner: (owner.in_this_run, owner.source not in gone, owners[owner]),
        )
        self._suspected.add(self.suspect)
        self._digest = digest
        self.taken = partial.release(self.suspect)
        return ()

    def let_go(self) -> None:
        """Have the suspect asked again, since nobody else is left to send those bytes."""
        self.suspect = None

    def _sources_of_taken(self, partial: Partial) -> set[str]:
        """Say who has sent anew what was given up."""
        return {
            part.owner.source
            for part in partial.extents()
            if any(part.start < each.end and each.start < part.end for each in self.taken)
        }
