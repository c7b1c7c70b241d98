"""Find the weights in a checkpoint of torch's, and where in the file each tensor lies.

Knows torch's two containers: the zip archive (since 1.6), whose members are stored as they are,
and the older sequence of pickles with the storages behind it. What is safe to read is decided by
:func:`vaehub.weights.pickles.check_pickle` first; nothing is unpickled even then. Reads no tensor.
"""

from __future__ import annotations

import struct
import zipfile
from typing import TYPE_CHECKING, Any, NamedTuple, TypeGuard

from vaehub.errors import NotAModel
from vaehub.weights.allowed import HARMLESS
from vaehub.weights.pickle_values import Inert, Name, read_value
from vaehub.weights.pickle_walk import LARGEST_PICKLE, Budgeted, walk
from vaehub.weights.pickles import LEGACY_PICKLES, check_pickle, pickle_member
from vaehub.weights.torch_records import Builder, Built

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import IO

_LOCAL = struct.Struct("<4s5H3L2H")
"""The head of a zip member, as PKWARE's APPNOTE 4.3.7 says."""
_LOCAL_SIGNATURE = b"PK\x03\x04"
_ENCRYPTED = 1
_DEEPEST = 8
"""Maps in maps above the weights; real ones have one or two."""


class Extent(NamedTuple):
    """Where the bytes of a storage lie."""

    offset: int
    nbytes: int
    crc32: int | None
    """What the archive says of them; a sequence of pickles says nothing."""


class Checkpoint(NamedTuple):
    """The weights of a checkpoint, as records."""

    built: Mapping[str, Built]
    extents: Mapping[str, Extent]
    """By key of the storage."""
    byteorder: str
    """``little`` or ``big``."""
    wrapper: tuple[str, ...]
    """Keys of the maps that were entered, the outermost first."""
    metadata: Mapping[str, str]
    left_out: Mapping[str, str]


def read_archive(path: Path, *, name: str) -> Checkpoint:
    """Read a checkpoint in a zip archive.

    Raises:
        NotAModel: it is none, a damaged one, or none of weights.
        UnsafePickle: it names what is no plain container and not known to be harmless.
        OSError: the file cannot be read.
    """
    check_pickle(path, name=name, besides=HARMLESS)
    with path.open("rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                member = pickle_member(archive, name=name)
                builder = Builder(name)
                with archive.open(member) as pickled:
                    budgeted = Budgeted(pickled, budget=LARGEST_PICKLE, name=name)
                    value = _value(budgeted, builder, name=name)
                root = member.filename.removesuffix("data.pkl")
                order = _byteorder(archive, root, name=name)
                members = {inside.filename: inside for inside in archive.infolist()}
        except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError) as error:
            raise NotAModel(f"{name}: a damaged archive ({error})") from error
        size = file.seek(0, 2)
        extents = {
            key: _member_extent(
                file, members.get(f"{root}data/{key}"), key=key, size=size, name=name
            )
            for key in builder.storages
        }
    return _checkpoint(value, builder, extents, order, name=name)


def read_sequence(path: Path, *, name: str) -> Checkpoint:
    """Read a checkpoint of before torch 1.6: a sequence of pickles, then the storages.

    Each storage is its number of elements in eight bytes, little end first, then the elements,
    little end first too whatever machine wrote it (``torch/csrc/serialization.cpp``).

    Raises:
        NotAModel: it is none, a damaged one, or none of weights.
        UnsafePickle: it names what is no plain container and not known to be harmless.
        OSError: the file cannot be read.
    """
    check_pickle(path, name=name, besides=HARMLESS)
    with path.open("rb") as file:
        budgeted = Budgeted(file, budget=LARGEST_PICKLE, name=name)
        for _ in range(LEGACY_PICKLES - 2):
            walk(budgeted, name=name)
        builder = Builder(name)
        value = _value(budgeted, builder, name=name)
        keys = _value(budgeted, Builder(name), name=name)
        extents = _extents_in_sequence(file, keys, builder, name=name)
        size = file.seek(0, 2)
    found = _checkpoint(value, builder, extents, "little", name=name)
    end = max((extent.offset + extent.nbytes for extent in extents.values()), default=size)
    if end < size:  # torch's loader never looks there
        behind = {"(behind the last storage)": f"{size - end:,} bytes"}
        return found._replace(left_out={**found.left_out, **behind})
    return found


def _value(file: Budgeted, builder: Builder, *, name: str) -> object:
    return read_value(file, name=name, build=builder.build, persistent=builder.persistent)


def _byteorder(archive: zipfile.ZipFile, root: str, *, name: str) -> str:
    """Read which end comes first; torch before 2.1 does not say, and means the little one."""
    try:
        with archive.open(f"{root}byteorder") as member:
            order = member.read(16)
    except KeyError:
        return "little"
    if order not in (b"little", b"big"):
        raise NotAModel(f"{name}: its archive names an unknown order of bytes: {order!r}")
    return order.decode()


def _member_extent(
    file: IO[bytes], member: zipfile.ZipInfo | None, *, key: str, size: int, name: str
) -> Extent:
    what = f"{name}: the storage {key[:40]!r}"
    if member is None:
        raise NotAModel(f"{what} is missing from its archive: an incomplete file")
    if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & _ENCRYPTED:
        raise NotAModel(
            f"{what} is compressed or encrypted in its archive, which torch never writes",
            hint="unpack the archive and pack it again without compression (zip -0 -r)",
        )
    file.seek(member.header_offset)
    head = file.read(_LOCAL.size)
    if len(head) < _LOCAL.size or head[:4] != _LOCAL_SIGNATURE:
        raise NotAModel(f"{what} does not lie where its archive says (byte {file.tell():,})")
    _, _, _, method, *_, name_length, extra_length = _LOCAL.unpack(head)
    if method != zipfile.ZIP_STORED or file.read(name_length) != member.filename.encode():
        raise NotAModel(f"{what}: its archive says two things about it: damaged or made to mislead")
    offset = member.header_offset + _LOCAL.size + name_length + extra_length
    if offset + member.file_size > size or member.compress_size != member.file_size:
        raise NotAModel(
            f"{what} claims {member.file_size:,} bytes from byte {offset:,}; "
            f"the whole file has {size:,}"
        )
    return Extent(offset, member.file_size, member.CRC)


def _extents_in_sequence(
    file: IO[bytes], keys: object, builder: Builder, *, name: str
) -> dict[str, Extent]:
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise NotAModel(f"{name}: the list of its storages is damaged")
    if sorted(keys) != sorted(builder.storages):
        raise NotAModel(
            f"{name}: the storages listed at its end ({len(keys)}) are not those that its "
            f"tensors refer to ({len(builder.storages)})"
        )
    at = file.tell()
    size = file.seek(0, 2)
    extents = {}
    for key in keys:
        storage = builder.storages[key]
        file.seek(at)
        count = int.from_bytes(file.read(8), "little")
        at += 8
        if at > size:
            raise NotAModel(f"{name}: cut off before the storage {key[:40]!r} (byte {at:,})")
        nbytes = count * storage.item
        if nbytes != storage.nbytes:
            raise NotAModel(
                f"{name}: the storage {key[:40]!r} has {nbytes:,} bytes at byte {at:,}, "
                f"and {storage.nbytes:,} were announced"
            )
        if at + nbytes > size:
            raise NotAModel(
                f"{name}: cut off: the storage {key[:40]!r} takes {nbytes:,} bytes "
                f"from byte {at:,}, and the whole file has {size:,}"
            )
        extents[key] = Extent(at, nbytes, None)
        at += nbytes
    return extents


def _checkpoint(
    value: object,
    builder: Builder,
    extents: Mapping[str, Extent],
    byteorder: str,
    *,
    name: str,
) -> Checkpoint:
    for key, extent in extents.items():
        claimed = builder.storages[key].nbytes
        if extent.nbytes != claimed:
            raise NotAModel(
                f"{name}: the storage {key[:40]!r} has {extent.nbytes:,} bytes, "
                f"and its pickle says {claimed:,}"
            )
    built, wrapper, left = _find_weights(value, name=name)
    metadata = {key: str(item) for key, item in left.items() if _is_brief(item)}
    left_out = {key: _kind(item) for key, item in left.items() if key not in metadata}
    return Checkpoint(built, extents, byteorder, wrapper, metadata, left_out)


def _find_weights(
    value: object, *, name: str
) -> tuple[dict[str, Built], tuple[str, ...], dict[str, object]]:
    """Go down to the map of tensors, as the UIs do: ``state_dict`` first, then an only child."""
    wrapper: list[str] = []
    left: dict[str, object] = {}
    here = value
    while True:
        if not isinstance(here, dict):
            kind = _kind(here)
            raise NotAModel(f"{name}: a pickle of a {kind}, not of a map of names to tensors")
        inner = _inner(here, name=name)
        prefix = "".join(f"{key}." for key in wrapper)
        for key, item in here.items():
            is_weight = isinstance(key, str) and isinstance(item, Built)
            if key != inner and not (is_weight and inner is None):
                left[prefix + _label(key)] = item
        if inner is None:
            return {k: v for k, v in here.items() if isinstance(v, Built)}, tuple(wrapper), left
        if len(wrapper) >= _DEEPEST:
            raise NotAModel(f"{name}: its weights lie under more than {_DEEPEST} maps")
        wrapper.append(inner)
        here = here[inner]


def _inner(here: Mapping[Any, object], *, name: str) -> str | None:
    """Name the map to enter, or nothing where the tensors lie right here."""
    if isinstance(here.get("state_dict"), dict):
        return "state_dict"
    if any(isinstance(key, str) and isinstance(item, Built) for key, item in here.items()):
        return None
    maps = {key: item for key, item in here.items() if isinstance(key, str) and _is_map(item)}
    with_tensors = [
        key for key, item in maps.items() if any(isinstance(v, Built) for v in item.values())
    ]
    chosen = with_tensors or list(maps)
    if len(chosen) == 1:
        return chosen[0]
    if not chosen:
        raise NotAModel(f"{name}: a pickle without a tensor in it")
    listed = ", ".join(repr(key[:40]) for key in chosen[:5])
    raise NotAModel(
        f"{name}: holds {len(chosen)} sets of tensors and no 'state_dict': {listed}",
        hint="a VAE's file has one set; save the one you mean on its own",
    )


def _is_map(item: object) -> TypeGuard[dict[Any, object]]:
    return isinstance(item, dict) and bool(item)


def _is_brief(item: object) -> bool:
    if isinstance(item, str):
        return len(item) <= 200
    return isinstance(item, float | bool) or (isinstance(item, int) and item.bit_length() <= 64)


def _label(key: object) -> str:
    if isinstance(key, str):
        return key
    return key.full if isinstance(key, Name) else _kind(key)


def _kind(item: object) -> str:
    """Say in a word or two what was left out."""
    match item:
        case Built():
            return "tensor"
        case dict():
            return "map"
        case list() | tuple():
            return "list"
        case str() | bytes() | bytearray():
            return "text"
        case bool() | int() | float():
            return "number"
        case Inert():
            return item.kind
        case Name():
            return item.full
    return "nothing" if item is None else type(item).__name__
