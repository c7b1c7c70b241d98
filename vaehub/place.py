"""Bring verified bytes to their final name, whole or not at all, over nobody's file.

Three ways, the cheapest that the disks allow:

- **reflink**: the file shares its blocks with the store until one of them is written to. Costs
  nothing, and an edit stays the user's own.
- **hardlink**: the file *is* the blob, or another installed file, under a second name. It is
  marked read-only, since whoever writes into it writes into the other as well; the store notices
  that and fetches anew. Deleting or replacing it, which is what UIs and file managers do, leaves
  the other as it was.
- **copy**: an independent file with the user's usual permissions, on any file system.

With ``keep_source=False`` the source itself is **moved** where it lies on the same file system.
Knows nothing of catalogs, receipts or UIs.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
from typing import IO, TYPE_CHECKING

from vaehub import durable, folders, staging
from vaehub.errors import DiskFull, FileInTheWay, TargetNotUsable, VaehubError

if TYPE_CHECKING:
    from pathlib import Path

_CHUNK = 16 << 20
_NO_LINKS_HERE = frozenset(
    {
        errno.EXDEV,
        errno.EPERM,  # FAT, exFAT, and Linux' protected_hardlinks
        errno.EACCES,
        errno.EMLINK,
        errno.ENOSYS,
        errno.EOPNOTSUPP,
        errno.ENOTSUP,
        errno.EINVAL,
    }
)
_WRITE = 0o222
_FICLONE = 0x40049409
_RENAME_NOREPLACE = 1
_AT_FDCWD = -100


def place(source: Path, destination: Path, *, keep_source: bool) -> str:
    """Put a file's bytes under their final name; a missing folder is made.

    Args:
        source: The verified file: a blob of the store, another installed file of ours, or a
            partial beside the destination.
        destination: The final path.
        keep_source: Whether the source must still be there afterwards.

    Returns:
        How: ``reflink``, ``hardlink``, ``copy`` or ``moved``.

    Raises:
        FileInTheWay: something has the name already; it was not touched.
        DiskFull: the file system has not enough room for a copy.
        TargetNotUsable: the folder cannot be made or written, or the source cannot be read.
    """
    refuse_if_taken(destination)
    made = folders.make(destination.parent)
    ours = _staging_folder(destination)
    try:
        try:
            with _open_source(source) as opened:
                method = _place(opened, source, destination, ours, keep_source=keep_source)
            if not keep_source and method != "moved":
                durable.remove(source)
            durable.sync_folder(destination.parent)
        finally:
            if ours != destination.parent:
                with contextlib.suppress(OSError):
                    ours.rmdir()  # only where nothing lies in it
    except OSError as error:
        folders.remove_empty(made)
        refuse_if_taken(destination)  # somebody was faster
        raise _in_words(error, source, destination) from error
    except BaseException:
        folders.remove_empty(made)
        raise
    return method


def refuse_if_taken(destination: Path) -> None:
    """Say what has the name already, if anything has.

    Raises:
        FileInTheWay: a file, a folder or a link of any kind stands there.
        TargetNotUsable: nobody lets us look.
    """
    try:
        what = _what_stands_at(destination)
    except OSError as error:
        raise TargetNotUsable(
            f"cannot look into {destination.parent}: {error.strerror or error}",
            hint="name a place that you may write to with --to",
        ) from error
    if what is not None:
        raise FileInTheWay(
            f"{destination} is {what}",
            hint="it was not touched; move or rename it, or install elsewhere with --to",
        )


def publish(temporary: Path, final: Path, *, keep: bool = False) -> None:
    """Give a finished file its final name, unless something has that name already.

    Args:
        temporary: The name that it has.
        final: The name that it gets.
        keep: Whether it keeps the first name as well, where the file system has hard links.

    Raises:
        FileExistsError: something has it; nothing was changed.
        OSError: neither way works here.
    """
    if os.name == "nt":  # pragma: no cover  # rename refuses to overwrite there by itself
        temporary.rename(final)
        return
    try:
        # A plain rename would silently replace a file that came in since we looked.
        os.link(temporary, final, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_LINKS_HERE or error.errno == errno.EXDEV:
            raise
        rename_without_replacing(temporary, final)
    else:
        if not keep:
            temporary.unlink()


def rename_without_replacing(temporary: Path, final: Path) -> None:
    """Rename where the file system has no hard links: exFAT, some network shares.

    Raises:
        FileExistsError: something has the final name.
        OSError: the rename failed.
    """
    if sys.platform == "linux" and _renameat2(temporary, final):
        return
    # Not even that: look, then rename. Somebody could still slip in between the two, which no
    # call of such a system can rule out; the window is as small as it gets.
    if final.is_symlink() or final.exists():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(final))
    temporary.rename(final)


def _renameat2(temporary: Path, final: Path) -> bool:
    """Rename with the kernel's own promise not to replace; False where it gives none."""
    import ctypes

    call = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if call is None:
        return False
    old, new = os.fsencode(temporary), os.fsencode(final)
    if call(_AT_FDCWD, old, _AT_FDCWD, new, _RENAME_NOREPLACE) == 0:
        return True
    number = ctypes.get_errno()
    if number in {errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP}:
        return False
    raise OSError(number, os.strerror(number), str(final))


def _place(
    opened: IO[bytes], source: Path, destination: Path, ours: Path, *, keep_source: bool
) -> str:
    if not keep_source and _moved(source, destination):
        return "moved"
    staging.sweep(ours)
    temporary = staging.create(ours)
    try:
        if reflinked(opened, temporary):
            method = "reflink"
        elif keep_source and hard_linked(source, destination):
            return "hardlink"
        else:
            copy(opened, temporary)
            method = "copy"
        publish(temporary, destination)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
    return method


def _moved(source: Path, destination: Path) -> bool:
    try:
        publish(source, destination)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        return False
    durable.sync_folder(source.parent)
    return True


def hard_linked(source: Path, destination: Path) -> bool:
    """Give a file a second name; False where the file systems or their rules allow none.

    Raises:
        OSError: anything else that goes wrong; above all, something has that name.
    """
    try:
        there = source.stat()
        if there.st_dev != destination.parent.stat().st_dev:
            return False
        # A blob is read-only already; a file that was moved to its place is not.
        if there.st_mode & _WRITE:
            source.chmod(stat.S_IMODE(there.st_mode) & ~_WRITE)
        os.link(source, destination, follow_symlinks=os.name == "nt")
    except OSError as error:
        if error.errno not in _NO_LINKS_HERE:
            raise
        return False
    return True


def reflinked(opened: IO[bytes], temporary: Path) -> bool:
    """Share a file's blocks with a temporary file of ours; False where the disk cannot."""
    if sys.platform != "linux":
        return False
    import fcntl

    with temporary.open("wb") as target:
        try:
            fcntl.ioctl(target.fileno(), _FICLONE, opened.fileno())
        except OSError:  # another file system, or one that cannot: each says so in its own way
            return False
        os.fsync(target.fileno())
    return True


def copy(opened: IO[bytes], temporary: Path) -> None:
    """Copy a file's bytes into a temporary file of ours, durably.

    Raises:
        DiskFull: there is not enough room.
        OSError: it cannot be read or written.
    """
    needed = os.fstat(opened.fileno()).st_size
    free = folders.free_bytes(temporary.parent)
    if free < needed:
        raise DiskFull(
            f"{temporary.parent.parent} has {free:,} bytes free, and the file needs {needed:,}",
            hint="make room there, or install elsewhere with --to",
        )
    with temporary.open("wb") as target:
        if not _copied_by_the_kernel(opened, target, needed):
            opened.seek(0)
            target.seek(0)
            target.truncate()
            import shutil

            shutil.copyfileobj(opened, target, _CHUNK)
        target.flush()
        os.fsync(target.fileno())
        written = os.fstat(target.fileno()).st_size
    if written != needed:
        raise OSError(errno.EIO, f"{written:,} of {needed:,} bytes arrived")


def _copied_by_the_kernel(opened: IO[bytes], target: IO[bytes], size: int) -> bool:
    if not hasattr(os, "copy_file_range"):
        return False
    done = 0
    try:
        while done < size:
            count = min(_CHUNK, size - done)
            got = os.copy_file_range(opened.fileno(), target.fileno(), count, done, done)
            if got == 0:
                return False
            done += got
    except OSError as error:
        if error.errno in durable.FULL:
            raise
        return False  # across file systems only newer kernels can
    return True


def _what_stands_at(path: Path) -> str | None:
    if path.is_symlink():
        nowhere = "" if path.exists() else ", which does not exist"
        return f"a symbolic link to {path.readlink()}{nowhere}"
    if path.is_dir():
        return "a folder"
    return "a file that vaehub does not own" if path.exists() else None


def _staging_folder(destination: Path) -> Path:
    parent = destination.parent
    return parent if parent.name == staging.FOLDER else parent / staging.FOLDER


def _open_source(source: Path) -> IO[bytes]:
    try:
        return source.open("rb")
    except OSError as error:
        raise TargetNotUsable(
            f"cannot read the downloaded file {source}: {error.strerror or error}",
            hint="run the same command again",
        ) from error


def _in_words(error: OSError, source: Path, destination: Path) -> VaehubError:
    if error.errno in durable.FULL:
        size = source.stat().st_size
        return DiskFull(
            f"{destination.parent} ran full: the file needs {size:,} bytes",
            hint="make room there (quotas count too), or install elsewhere with --to",
        )
    return TargetNotUsable(
        f"cannot place {destination.name} in {destination.parent}: {error.strerror or error}",
        hint="make the folder writable, or install elsewhere with --to",
    )
