"""Say what is wrong with a file that a lock names, or that it does not: pure.

Each function takes what was seen and gives the problem, with what was expected, what is there, and
what to do. The codes are those of :mod:`vaehub.provision.findings`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vaehub.model import Problem
from vaehub.provision.findings import FINDINGS

if TYPE_CHECKING:
    from pathlib import Path

    from vaehub.model import Receipt
    from vaehub.provision.surveying import Expected, Standing

_SYNC = "vaehub sync"
_SYNC_AFTERWARDS = "move or delete it, then: vaehub sync"


class Wanted(NamedTuple):
    """The bytes that are right; both None: nobody here knows them."""

    sha256: str | None
    size: int | None


def wanted(expected: Expected, receipt: Receipt | None) -> Wanted:
    """Say which bytes a file must hold.

    Those of a file that was converted here are in no lock: its receipt has them, where it says that
    the file was made of the locked one.
    """
    artifact = expected.locked.artifact
    if not expected.is_converted:
        return Wanted(artifact.sha256, artifact.size)
    if receipt is None or receipt.converted_from is None:
        return Wanted(None, None)
    if receipt.origin_sha256 != artifact.sha256:
        return Wanted(None, None)
    return Wanted(receipt.sha256, receipt.size)


def state(right: Wanted, standing: Standing, receipt: Receipt | None, content: str | None) -> str:
    """Say in which state a file is that the lock names: ``ok``, or a code.

    Args:
        right: The bytes that it must hold.
        standing: What stands there.
        receipt: What vaehub placed there, if it did.
        content: The sha256 of what stands there; None where its size alone tells that it is wrong.
    """
    if standing.trouble is not None:
        return "unreadable"
    if standing.stat is None:
        return "replaced" if standing.odd else "missing"
    is_ours = receipt is not None and content == receipt.sha256
    if content is not None and content == right.sha256:
        return "ok" if is_ours else "not-installed-by-vaehub"
    if is_ours:
        return "outdated"
    is_same = receipt is not None and standing.stat.st_ino == receipt.inode
    return "changed" if is_same else "replaced"


def problem(code: str, message: str, *, where: Path, hint: str | None = None) -> Problem:
    """Make a problem; how grave it is, the table says."""
    return Problem(code, message, where=str(where), blocking=FINDINGS[code].blocking, hint=hint)


def missing(expected: Expected, right: Wanted) -> Problem:
    """Say that a file is not there."""
    return problem(
        "missing",
        f"{expected.path.name} is not there; expected {_bytes(expected, right)}",
        where=expected.path,
        hint=_SYNC,
    )


def renamed(expected: Expected, right: Wanted, at: Path) -> Problem:
    """Say that a file has another name now."""
    return problem(
        "renamed",
        f"{expected.path.name} is not there; expected {_bytes(expected, right)}, which stand at "
        f"{at}",
        where=expected.path,
        hint="rename it back; or `vaehub sync`, which places it anew",
    )


def changed(
    expected: Expected,
    right: Wanted,
    standing: Standing,
    content: str | None,
    *,
    unsound: str | None,
) -> Problem:
    """Say that the file that we placed holds other bytes.

    Args:
        expected: The file.
        right: The bytes that it must hold.
        standing: What stands there.
        content: Its sha256, where that was read.
        unsound: Why no UI could load it any more; None where it still is a sound model.
    """
    worth = f"no sound model any more: {unsound}" if unsound else "still a sound model"
    return problem(
        "changed",
        f"{expected.path.name} is the file that vaehub placed, with other bytes: expected "
        f"{_bytes(expected, right)}, got {_got(standing, content)}; {_length(right, standing)}, "
        f"and it is {worth}",
        where=expected.path,
        hint="`vaehub sync` puts it right; where nobody wrote to it, the disk may be failing, and "
        "`vaehub store verify` tells whether the store is damaged too",
    )


def replaced(
    expected: Expected,
    right: Wanted,
    standing: Standing,
    content: str | None,
    *,
    unsound: str | None,
    at: Path | None,
) -> Problem:
    """Say that something else has a file's name; ``at``: where the file itself stands now."""
    name, should = expected.path.name, _bytes(expected, right)
    mends = _SYNC_AFTERWARDS
    if standing.stat is None:
        message = f"{standing.odd} has the name {name}; expected {should}"
    elif unsound is not None:
        got = _got(standing, content)
        message = f"{name} is no sound model: {unsound}; expected {should}, got {got}"
        mends = _SYNC
    else:
        got = _got(standing, content)
        message = f"another file has the name {name}; expected {should}, got {got}"
    hint = f"{mends}; the file itself stands at {at}" if at is not None else mends
    return problem("replaced", message, where=expected.path, hint=hint)


def outdated(expected: Expected, right: Wanted, receipt: Receipt) -> Problem:
    """Say that a file is what we placed, and not what the lock names."""
    return problem(
        "outdated",
        f"{expected.path.name} is what vaehub placed there, {receipt.entry}@{receipt.variant}, and "
        f"the lock names other bytes: expected {_bytes(expected, right)}, got "
        f"{receipt.size:,} bytes with sha256 {receipt.sha256}",
        where=expected.path,
        hint=_SYNC,
    )


def not_ours(expected: Expected) -> Problem:
    """Say that a file is right, and that somebody else placed it."""
    return problem(
        "not-installed-by-vaehub",
        f"{expected.path.name} holds the right bytes, and vaehub did not place it",
        where=expected.path,
        hint="nothing need be done; vaehub will never remove it",
    )


def unreadable(path: Path, error: OSError) -> Problem:
    """Say that a file cannot be read."""
    return problem(
        "unreadable",
        f"cannot read {path.name}: {error.strerror or error}",
        where=path,
        hint="look at its permissions, and at the disk",
    )


def extra(receipt: Receipt) -> Problem:
    """Say that we placed a file that the lock does not name."""
    return problem(
        "extra",
        f"vaehub placed {receipt.path.name}, {receipt.entry}@{receipt.variant}, and the lock does "
        "not name it",
        where=receipt.path,
        hint="`vaehub sync` removes it",
    )


def foreign(path: Path, size: int, *, was_ours: bool) -> Problem:
    """Say that there is a model of somebody else's; ``was_ours``: we placed one of that name."""
    if was_ours:
        message = (
            f"the lock does not name {path.name}, and it is no longer what vaehub placed there; "
            f"got {size:,} bytes"
        )
    else:
        message = (
            f"vaehub did not place {path.name}, and the lock does not name it; got {size:,} bytes"
        )
    return problem(
        "foreign",
        message,
        where=path,
        hint="move or delete it; or allow such files, with `foreign: allow` in the policy or "
        "--allow-foreign",
    )


def _bytes(expected: Expected, right: Wanted) -> str:
    artifact = expected.locked.artifact
    if right.sha256 is None:
        return f"what is made of the file with sha256 {artifact.sha256}"
    if right.size is None:
        return f"the bytes with sha256 {right.sha256}"
    return f"{right.size:,} bytes with sha256 {right.sha256}"


def _got(standing: Standing, content: str | None) -> str:
    assert standing.stat is not None
    size = standing.stat.st_size
    return f"{size:,} bytes" if content is None else f"{size:,} bytes with sha256 {content}"


def _length(right: Wanted, standing: Standing) -> str:
    assert standing.stat is not None
    if right.size is None or right.size == standing.stat.st_size:
        return "its length is right"
    differs = standing.stat.st_size - right.size
    return f"it is {abs(differs):,} bytes too {'long' if differs > 0 else 'short'}"
