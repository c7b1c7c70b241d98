"""Find every pickle in a checkpoint and say which globals it names, without unpickling.

Knows torch's two containers: the zip archive (since 1.6) and the older sequence of pickles that
begins with a magic number. What neither of them has is refused, for there is no telling what a
loader would do with it.
"""

from __future__ import annotations

import re
import struct
import zipfile
from typing import TYPE_CHECKING

from vaehub.errors import NotAModel, UnsafePickle
from vaehub.weights.allowed import ALLOWED
from vaehub.weights.pickle_walk import LARGEST_PICKLE, Budgeted, walk

if TYPE_CHECKING:
    from pathlib import Path
    from typing import IO

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
LEGACY_PICKLES = 5
"""Magic number, protocol, system, the object, the keys of its storages."""
_LARGEST_DIRECTORY = 16 * 1024 * 1024
_MEMBER = re.compile(
    r"([^/]+)/(data\.pkl|data/\d+|version|byteorder"
    r"|\.data/serialization_id|\.format_version|\.storage_alignment)"
)
_SCRIPT = re.compile(r"[^/]+/(code/.*|constants\.pkl|constants/.*)")
_END = b"PK\x05\x06"
HINT = "do not load it; take the safetensors variant, or another VAE"


def pickle_globals(path: Path, *, name: str | None = None) -> set[str]:
    """List the globals that a pickled checkpoint names, as ``module.attribute``.

    Args:
        path: a ``.ckpt``, ``.pt``, ``.pth`` or ``.bin``.
        name: what to call it in messages; its own name by default.

    Raises:
        NotAModel: the file is no checkpoint, or a damaged one.
        UnsafePickle: it hides what it would load, or it is TorchScript, which is code.
        OSError: the file cannot be opened.
    """
    found, _ = _scan(path, name=name or path.name)
    return found


def check_pickle(path: Path, *, name: str, besides: frozenset[str] = frozenset()) -> None:
    """Refuse a checkpoint that names more than tensors and plain containers.

    Args:
        path: the checkpoint.
        name: what to call it in messages.
        besides: what the caller can bear beyond :data:`vaehub.weights.allowed.ALLOWED`, because it
            calls nothing that the pickle names.

    Raises:
        NotAModel: the file is no checkpoint that torch loads, or a damaged one.
        UnsafePickle: it names something else; loading it could run code.
        OSError: the file cannot be opened.
    """
    found, loadable = _scan(path, name=name)
    foreign = sorted(found - ALLOWED - besides)
    if foreign:
        more = f" and {len(foreign) - 1} more" if len(foreign) > 1 else ""
        raise UnsafePickle(
            f"{name}: loading it would call {foreign[0][:120]!r}{more}, "
            "which is neither a tensor nor a plain container",
            hint=HINT,
        )
    if not loadable:
        raise NotAModel(f"{name}: a bare pickle without torch's magic number: torch loads no such")


def _scan(path: Path, *, name: str) -> tuple[set[str], bool]:
    """List the globals, and say whether torch would take the container."""
    with path.open("rb") as file:
        start = file.read(4)
        file.seek(0)
        if start == b"PK\x03\x04":
            return _scan_archive(file, name=name), True
        return _scan_sequence(file, name=name)


def _scan_sequence(file: IO[bytes], *, name: str) -> tuple[set[str], bool]:
    _refuse_tar(file, name=name)
    budgeted = Budgeted(file, budget=LARGEST_PICKLE, name=name)
    found, number = walk(budgeted, name=name)
    if number != LEGACY_MAGIC:
        return found, False
    for _ in range(LEGACY_PICKLES - 1):
        found |= walk(budgeted, name=name)[0]
    return found, True


def _refuse_tar(file: IO[bytes], *, name: str) -> None:
    """Refuse what is a tar archive too.

    torch tries its oldest container, a tar, before the sequence of pickles. A tar begins with the
    name of its first member, and a harmless sequence of pickles can be that name.
    """
    import tarfile

    block = file.read(tarfile.BLOCKSIZE)
    file.seek(0)
    try:
        tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except (tarfile.TarError, ValueError):
        return
    raise UnsafePickle(f"{name}: a pickle and a tar archive at once: made to mislead", hint=HINT)


def _scan_archive(file: IO[bytes], *, name: str) -> set[str]:
    check_directory(file, name=name)
    try:
        with zipfile.ZipFile(file) as archive:
            pickled = pickle_member(archive, name=name)
            with archive.open(pickled) as member:
                return walk(Budgeted(member, budget=LARGEST_PICKLE, name=name), name=name)[0]
    except (NotAModel, UnsafePickle):
        raise
    # zipfile raises whatever its readers meet: BadZipFile, zlib.error, OSError on a wild seek ...
    except Exception as error:
        raise NotAModel(f"{name}: a damaged archive ({error})") from error


def check_directory(file: IO[bytes], *, name: str) -> None:
    """Refuse an archive whose table of contents two readers could find in two places."""
    size = file.seek(0, 2)
    file.seek(max(0, size - 22))
    end = file.read(22)
    if end[:4] != _END or end[20:] != b"\0\0":
        raise NotAModel(f"{name}: cut off: its archive has no table of contents at the end")
    (length,) = struct.unpack_from("<L", end, 12)
    if length == 0xFFFFFFFF:  # zip64: the true figure stands in a record before this one
        file.seek(max(0, size - 22 - 20))
        (record,) = struct.unpack_from("<Q", file.read(20), 8)
        if record > size - 56:
            raise NotAModel(f"{name}: a damaged archive (its table of contents is nowhere)")
        file.seek(record)
        (length,) = struct.unpack_from("<Q", file.read(56), 40)
    if length > _LARGEST_DIRECTORY:
        raise NotAModel(f"{name}: its archive has a table of contents of {length:,} bytes")
    file.seek(0)


def pickle_member(archive: zipfile.ZipFile, *, name: str) -> zipfile.ZipInfo:
    """Find the one pickle of a torch archive, and refuse what torch never writes."""
    members = archive.infolist()
    names = [member.filename for member in members]
    if any(_SCRIPT.fullmatch(inside) for inside in names):
        raise UnsafePickle(
            f"{name}: a TorchScript archive: it carries code, not only weights", hint=HINT
        )
    roots: set[str] = set()
    for member in members:
        known = _MEMBER.fullmatch(member.filename)
        if not known or member.filename != member.orig_filename:
            raise UnsafePickle(
                f"{name}: holds a member that no torch checkpoint has: {member.filename[:80]!r}",
                hint=HINT,
            )
        roots.add(known[1])
    if len(set(names)) != len(names) or len(roots) > 1:
        raise UnsafePickle(f"{name}: holds the same member twice: made to mislead", hint=HINT)
    if min((member.header_offset for member in members), default=0) != 0:
        raise UnsafePickle(f"{name}: the archive does not begin where the file does", hint=HINT)
    pickled = [member for member in members if member.filename.endswith("/data.pkl")]
    if not pickled:
        raise NotAModel(f"{name}: a zip archive without a torch checkpoint in it")
    return pickled[0]
