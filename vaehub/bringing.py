"""Bring bytes that are on this machine already to where a download would have brought them.

The file found is never written to, renamed or removed. Its bytes are reflinked or copied, and only
our own copy is hashed and used, so that nobody can change them between the one and the other.

A hard link is one file under two names: whoever writes into one writes into both. Therefore it is
made only of what nobody writes into: blobs of the Hugging Face cache, and what we placed ourselves.
It is read-only then, as every link of ours, and so is the file under its first name. A file of the
user's own is never linked to, whatever room that would save.
"""

from __future__ import annotations

import os
from stat import S_ISREG
from typing import TYPE_CHECKING, NamedTuple

from vaehub import durable, logs, seals
from vaehub.errors import IntegrityError, VaehubError
from vaehub.hashing import sha256_of
from vaehub.place import copy, hard_linked, reflinked
from vaehub.weights import check_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from vaehub.model import Artifact
    from vaehub.nearby import Nearby


class Brought(NamedTuple):
    """Verified bytes, as a file of ours."""

    size: int
    source: str
    """Label of where they were."""
    method: str
    """``reflink``, ``hardlink`` or ``copy``."""


def bring(
    candidates: Sequence[Nearby], artifact: Artifact, temporary: Path, *, for_store: bool
) -> Brought | None:
    """Have an artifact's bytes, verified and durable, at a path of ours.

    Args:
        candidates: Files that seem to hold them, in the order to try.
        artifact: What the bytes must be; its sha256 is known.
        temporary: A path that is the caller's alone; a file that a killed run left there goes.
        for_store: They are to become a blob.

    Returns:
        None where no candidate holds them any more, or none can be read; why is for the log.

    Raises:
        NotAModel, UnsafePickle: they are the wanted bytes, and of no use.
        OSError: ``temporary`` cannot be removed.
    """
    for candidate in candidates:
        # Before anything else: what a killed run left may be a link, and must not be written to.
        durable.remove(temporary)
        try:
            brought = _bring_one(candidate, artifact, temporary, for_store=for_store)
            check_file(temporary, name=artifact.name)
        except IntegrityError:
            durable.remove(temporary)
            raise
        except (OSError, VaehubError) as error:
            durable.remove(temporary)
            logs.debug("vaehub.nearby", "%s: not taken: %s", candidate.label, error)
        except BaseException:
            durable.remove(temporary)
            raise
        else:
            return brought
    return None


def _bring_one(
    candidate: Nearby, artifact: Artifact, temporary: Path, *, for_store: bool
) -> Brought:
    stat = candidate.path.stat()
    if not S_ISREG(stat.st_mode) or artifact.size not in (None, stat.st_size):
        raise OSError("it is no longer the file that it was")
    with candidate.path.open("rb") as opened:
        if reflinked(opened, temporary):
            method = "reflink"
        else:
            durable.remove(temporary)
            if _may_link(candidate, artifact, for_store=for_store) and hard_linked(
                candidate.path, temporary
            ):
                method = "hardlink"
            else:
                copy(opened, temporary)
                method = "copy"
    if sha256_of(temporary) != artifact.sha256:
        raise OSError("its bytes have changed")
    if method == "hardlink":
        _settle_link(temporary)
    return Brought(temporary.stat().st_size, candidate.label, method)


def _may_link(candidate: Nearby, artifact: Artifact, *, for_store: bool) -> bool:
    """Tell whether a file may go on under a second name of ours."""
    stat = candidate.path.lstat()
    if os.name != "posix" or not S_ISREG(stat.st_mode) or stat.st_uid != os.geteuid():
        return False  # we could not mark it as read-only, or its owner could not remove it then
    if candidate.origin == "hub-cache":
        return True
    if candidate.origin != "installed":
        return False
    # A blob is sealed, which sets its time, and the file's receipt would not know it again. What
    # was linked to a blob before carries that time already.
    return not for_store or seals.is_sealed(stat, str(artifact.sha256))


def _settle_link(path: Path) -> None:
    """Make a link what all links of ours are: read-only, and with its bytes on the disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
    path.chmod(durable.READ_ONLY)
