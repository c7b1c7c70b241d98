"""Let files with the same bytes share them, and take that back.

For each file that is to share, in this order: the bytes of both are hashed again; a reflink, or
where the disk has none a hard link, is made beside the file, in ``.vaehub``; what the file was is
recorded in the user's state; then the link takes the file's name in one rename. A kill before the
rename leaves a file of ours that the next run sweeps, one after it a receipt with an old inode,
which costs the next check a hash. No byte is ever in one place less than before.

A hard link makes one file of two: it is read-only from then on, as all our links are, and whoever
writes into one name writes into both. Never across file systems, and never with a file that
somebody has open for writing.
"""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from vaehub import durable, ledger, place, receipts, staging
from vaehub.errors import TargetNotUsable, VaehubError
from vaehub.hashing import sha256_of
from vaehub.model import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vaehub.insight.identifying import Identified

Status = Literal["linked", "would-link", "left", "undone"]
_READ = 0o555
"""Who may read; a link is written to by nobody."""


class Step(NamedTuple):
    """One file that is to share its bytes with another one."""

    path: Path
    kept: Path
    """The file that stays as it is."""
    sha256: str
    size: int


class Done(NamedTuple):
    """What became of one file."""

    path: Path
    kept: Path
    size: int
    status: Status
    method: str | None = None
    """``reflink`` or ``hardlink``; of what was undone, what it had been."""
    reason: str | None = None
    """Why it was left as it was."""


def plan(groups: Sequence[Sequence[Identified]]) -> list[Step]:
    """Decide which files share whose bytes: on each file system, those of one that stays.

    What vaehub placed stays, and of that what has most names already; links are passed over, for
    the file that they lead to is in the list or not for us to change.
    """
    steps = []
    for group in groups:
        plain = [file for file in group if not file.seen.path.is_symlink()]
        for device in dict.fromkeys(file.seen.stat.st_dev for file in plain):
            here = [file for file in plain if file.seen.stat.st_dev == device]
            here.sort(key=_worth)
            steps += [
                Step(file.seen.path, here[0].seen.path, file.sha256, file.seen.stat.st_size)
                for file in here[1:]
                if file.seen.stat.st_size
            ]
    return steps


def _worth(file: Identified) -> tuple[bool, int, str]:
    ours = receipts.find(file.seen.path)
    return (ours is None, -file.seen.stat.st_nlink, str(file.seen.path))


def link_each(steps: Sequence[Step], *, state: Path) -> Iterator[Done]:
    """Do what was planned; a file with which something is wrong is left as it was.

    Args:
        steps: from :func:`plan`.
        state: the user's state folder, where the records for an undo go.

    Raises:
        TargetNotUsable: the state cannot be written; nothing more was changed.
    """
    for step in steps:
        try:
            method = _link(step, state)
        except _Left as left:
            yield Done(step.path, step.kept, step.size, "left", reason=str(left))
        except OSError as error:
            reason = error.strerror or str(error)
            yield Done(step.path, step.kept, step.size, "left", reason=reason)
        else:
            yield Done(step.path, step.kept, step.size, "linked", method=method)


class _Left(Exception):  # no error: a reason
    """Why a file is left as it is."""


def _link(step: Step, state: Path) -> str:
    for path in (step.path, step.kept):
        if path.is_symlink() or not path.is_file():
            raise _Left(f"{path.name} is no longer a plain file")
    before, kept = step.path.stat(), step.kept.stat()
    if before.st_dev != kept.st_dev:
        raise _Left("the two lie on different file systems")
    if (before.st_dev, before.st_ino) == (kept.st_dev, kept.st_ino):
        raise _Left("the two are one file already")
    if (before.st_uid, before.st_gid) != (kept.st_uid, kept.st_gid):
        raise _Left("the two belong to different owners")
    for path in (step.path, step.kept):
        if _is_written_to(path):
            raise _Left(f"{path} is open for writing somewhere")
        if sha256_of(path) != step.sha256:
            raise _Left(f"{path} holds other bytes by now")
    ours = staging.folder_of(step.path)
    temporary = staging.create(ours)
    try:
        with step.kept.open("rb") as opened:
            method = "reflink" if place.reflinked(opened, temporary) else "hardlink"
        if method == "reflink":
            _like(temporary, before)
        elif (before.st_mode ^ kept.st_mode) & _READ:
            raise _Left("as one file they would have one set of readers, and now have two")
        _record(step, before, kept, method, state)
        if method == "hardlink":
            temporary.unlink()
            if not place.hard_linked(step.kept, temporary):
                raise _Left("this file system has neither reflinks nor hard links")
        now, still = step.path.stat(), step.kept.stat()
        if _marks(now) != _marks(before) or _marks(still) != _marks(kept):
            raise _Left("somebody wrote to one of the two meanwhile")
        temporary.replace(step.path)
    except BaseException:
        with contextlib.suppress(OSError):
            ledger.forget(_folder(state), step.path.absolute())
            if stat.S_IMODE(step.kept.stat().st_mode) != stat.S_IMODE(kept.st_mode):
                step.kept.chmod(stat.S_IMODE(kept.st_mode))
        raise
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        _tidy(ours)
    durable.sync_folder(step.path.parent)
    _refresh(step.path, step.sha256)
    return method


def undo_each(state: Path) -> Iterator[Done]:
    """Make separate files again of those that were made to share, as far as they still do."""
    folder = _folder(state)
    for path, record in ledger.read(folder):
        read = _read(record)
        if read is None:
            continue
        step = Step(path, Path(read["kept"]), read["sha256"], read["size"])
        try:
            reason = _undo(step, read)
            _tidy(staging.folder_of(path))
            ledger.forget(folder, path)
        except (OSError, VaehubError) as error:
            told = error.message if isinstance(error, VaehubError) else error.strerror
            yield Done(path, step.kept, step.size, "left", read["method"], told or str(error))
            continue
        status: Status = "left" if reason else "undone"
        yield Done(path, step.kept, step.size, status, read["method"], reason)


def _undo(step: Step, record: dict[str, Any]) -> str | None:
    """Give a file bytes of its own; says why where there is nothing to take back."""
    reason = None
    if step.path.is_symlink() or not step.path.is_file():
        reason = "it is gone, or was replaced"
    elif record["method"] == "reflink":
        return "it is a file of its own already: a reflink shares blocks until one side is written"
    elif (now := step.path.stat()).st_ino != record["inode"] or now.st_size != step.size:
        reason = "it is no longer the file that was linked"
    elif now.st_nlink == 1:
        step.path.chmod(stat.S_IMODE(record["mode"]))
    elif sha256_of(step.path) != step.sha256:
        return "it holds other bytes by now, and so does what it is linked to"
    else:
        _separate(step.path, record)
    if reason is None:
        _refresh(step.path, step.sha256)
    with contextlib.suppress(OSError):
        kept = step.kept.lstat()
        if kept.st_ino == record["inode"] and kept.st_nlink == 1:
            step.kept.chmod(stat.S_IMODE(record["kept_mode"]))
    return reason


def _separate(path: Path, record: dict[str, Any]) -> None:
    """Put a copy in the place of a link."""
    ours = staging.folder_of(path)
    temporary = staging.create(ours)
    try:
        with path.open("rb") as opened:
            place.copy(opened, temporary)
        temporary.chmod(stat.S_IMODE(record["mode"]))
        os.utime(temporary, ns=(record["mtime_ns"], record["mtime_ns"]))
        temporary.replace(path)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        _tidy(ours)
    durable.sync_folder(path.parent)


def _tidy(ours: Path) -> None:
    """Remove what killed processes left, and our folder where nothing else lies in it."""
    staging.sweep(ours)
    with contextlib.suppress(OSError):
        ours.rmdir()


def _record(
    step: Step, before: os.stat_result, kept: os.stat_result, method: str, state: Path
) -> None:
    record = {
        "kept": str(step.kept.absolute()),
        "sha256": step.sha256,
        "size": step.size,
        "method": method,
        "mode": before.st_mode,
        "mtime_ns": before.st_mtime_ns,
        "kept_mode": kept.st_mode,
        "inode": kept.st_ino,
    }
    # The file that stays may be read-only by our own doing: for another link, or before a kill.
    if not kept.st_mode & 0o222:
        for _, other in ledger.read(_folder(state)):
            earlier = _read(other)
            if earlier is not None and (earlier["kept"], earlier["inode"]) == (
                record["kept"],
                kept.st_ino,
            ):
                record["kept_mode"] = earlier["kept_mode"]
                break
    try:
        ledger.write(_folder(state), step.path.absolute(), record)
    except OSError as error:
        raise TargetNotUsable(
            f"cannot write to {state}, where vaehub keeps what an undo needs: "
            f"{error.strerror or error}",
            hint="make that folder writable; that file was not changed",
        ) from error


def _read(record: dict[str, Any]) -> dict[str, Any] | None:
    texts, numbers = (
        ("kept", "sha256", "method"),
        ("size", "mode", "mtime_ns", "kept_mode", "inode"),
    )
    whole = all(isinstance(record.get(key), str) for key in texts) and all(
        type(record.get(key)) is int for key in numbers
    )
    return record if whole and "\0" not in record["kept"] else None


def _refresh(path: Path, sha256: str) -> None:
    """Let a file's receipt know its new inode and time; one that cannot be written costs a hash."""
    receipt = receipts.find(path)
    if receipt is not None and receipt.sha256 == sha256:
        with contextlib.suppress(VaehubError, OSError):
            receipts.write(receipts.with_stat(receipt, path.stat()))


def _like(temporary: Path, before: os.stat_result) -> None:
    with contextlib.suppress(OSError):
        os.chown(temporary, before.st_uid, before.st_gid)
    temporary.chmod(stat.S_IMODE(before.st_mode))
    os.utime(temporary, ns=(before.st_atime_ns, before.st_mtime_ns))


def _marks(found: os.stat_result) -> tuple[int, ...]:
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


def _is_written_to(path: Path) -> bool:
    """Ask the kernel whether anybody has a file open for writing, where it tells."""
    try:
        import fcntl

        descriptor = os.open(path, os.O_RDONLY)
    except (ImportError, OSError):
        return False
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except BlockingIOError:
        return True
    except (AttributeError, OSError):
        return False  # a file of somebody else's, or a system without leases
    finally:
        os.close(descriptor)
    return False


def _folder(state: Path) -> Path:
    return state / "deduplicated"


def problem(done: Done) -> Problem | None:
    """Give what a person should know of a file that was left as it was."""
    if done.status != "left":
        return None
    return Problem(
        "not-linked", f"left as it was: {done.reason}", where=str(done.path), blocking=False
    )


__all__ = ["Done", "Step", "link_each", "plan", "problem", "undo_each"]
