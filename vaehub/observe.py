"""Look at what stands at a destination, and decide nothing.

The cheap answer comes first: a receipt whose size, mtime and inode still hold needs no hashing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from vaehub import receipts
from vaehub.hashing import sha256_of, sha256_of_each

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from vaehub.model import Artifact, Receipt

Found = Literal[
    "absent", "intact", "outdated", "changed", "damaged", "taken", "same-bytes", "foreign"
]
"""What stands at a destination:

- ``absent``: nothing;
- ``intact``: what we placed, and what the catalog wants;
- ``outdated``: what we placed, unchanged, but the catalog now wants other bytes;
- ``changed``: we placed a file there, and its bytes are not those any more;
- ``damaged``: no sound model, or the very file that we placed with other bytes; told from
  ``changed`` and ``foreign`` only where somebody asks;
- ``taken``: what we placed, unchanged, but as something else: for another entry, or converted where
  the file itself is wanted, or the other way round;
- ``same-bytes``: not ours, but exactly the bytes that the catalog wants;
- ``foreign``: anything else.
"""


def is_unchanged(receipt: Receipt, *, deep: bool = False) -> bool:
    """Tell whether a placed file still holds the bytes of its receipt.

    Args:
        receipt: The receipt; its file must exist.
        deep: Hash even where size, mtime and inode still hold.

    Raises:
        OSError: the file cannot be read.
    """
    [answer] = are_unchanged([receipt], deep=deep)
    if isinstance(answer, OSError):
        raise answer
    return answer


def are_unchanged(placed: Sequence[Receipt], *, deep: bool = False) -> list[bool | OSError]:
    """Tell of several placed files whether they still hold the bytes of their receipts.

    Reads only the files whose bytes alone can tell, and those several at once.

    Args:
        placed: The receipts.
        deep: Hash even where size, mtime and inode still hold.

    Returns:
        In the order of the receipts, the answer or why the file cannot be read.
    """
    answers = [_by_stat(receipt, deep=deep) for receipt in placed]
    unsure = [at for at, answer in enumerate(answers) if answer is None]
    digests = dict(zip(unsure, sha256_of_each([placed[at].path for at in unsure]), strict=True))
    found: list[bool | OSError] = []
    for at, answer in enumerate(answers):
        if answer is None:
            digest = digests[at]
            answer = digest if isinstance(digest, OSError) else digest == placed[at].sha256
        found.append(answer)
    return found


def _by_stat(receipt: Receipt, *, deep: bool) -> bool | OSError | None:
    """Answer without reading the file; None where only its bytes can tell."""
    try:
        stat = receipt.path.stat()
    except OSError as error:
        return error
    if stat.st_size != receipt.size:
        return False
    if not deep and receipts.stat_matches(receipt, stat):
        return True
    # A copied or restored tree has other inodes and times: only the bytes tell.
    return None


def look(
    destination: Path,
    artifact: Artifact,
    *,
    entry: str,
    converted: bool = False,
    tell_damage: bool = False,
) -> Found:
    """Say what stands at the place where an artifact would be installed.

    Args:
        destination: That place.
        artifact: What the catalog wants there.
        entry: Full name of the entry that it is part of.
        converted: What is wanted there is made of the artifact, and not the artifact itself.
        tell_damage: Whether what no UI could use is told from what somebody put there on purpose.

    Raises:
        OSError: something is there and cannot be read.
    """
    if not destination.is_symlink() and not destination.exists():
        return "absent"
    receipt = receipts.find(destination)
    if receipt is not None and destination.is_file():
        if not is_unchanged(receipt):
            return "damaged" if tell_damage and is_damaged(destination, receipt) else "changed"
        alike = converted == (receipt.converted_from is not None)
        if alike and artifact.sha256 == receipt.origin_sha256:
            return "intact"
        if receipt.entry != entry or not alike:
            return "taken"
        return "intact" if artifact.sha256 is None else "outdated"
    if (
        destination.is_file()
        and not converted
        and artifact.sha256 is not None
        and artifact.size in (None, destination.stat().st_size)
        and sha256_of(destination) == artifact.sha256
    ):
        return "same-bytes"
    return "damaged" if tell_damage and is_damaged(destination, None) else "foreign"


def is_damaged(path: Path, receipt: Receipt | None) -> bool:
    """Tell whether a file that is not what it should be can only be so by accident.

    It is the very file that we placed, by its inode; or what nothing could load: one that was cut
    off, an error page. Whatever else has our file's name is a person's choice.

    Args:
        path: A file other than what should stand there.
        receipt: Of what we placed there, if we did.

    Raises:
        OSError: it cannot be read.
    """
    if path.is_symlink() or not path.is_file():
        return False
    if receipt is not None and path.stat().st_ino == receipt.inode:
        return True
    from vaehub.errors import NotAModel, UnsafePickle
    from vaehub.weights import check_file

    try:
        check_file(path, name=path.name)
    except NotAModel:
        return True
    except UnsafePickle:
        return False
    return False
