"""Checkpoints of torch's spelled out opcode by opcode, so that tests need no torch."""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.weights.files import MAGIC
from vaehub.weights.tensors import Tensors, read_tensors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

REBUILD = "torch._utils._rebuild_tensor_v2"


class Global(NamedTuple):
    """Names a global."""

    full: str


class Call(NamedTuple):
    """Calls a global: REDUCE."""

    full: str
    arguments: tuple[Any, ...]


class Stored(NamedTuple):
    """A persistent id, as torch makes it of a storage."""

    kind: str
    key: str
    elements: int
    view: Any = ()


class Raw(NamedTuple):
    """Opcodes as they are."""

    opcodes: bytes


def tensor(
    key: str,
    shape: Sequence[int],
    strides: Sequence[int],
    *,
    start: int = 0,
    kind: str = "torch.FloatStorage",
    count: int = 4,
) -> Call:
    """A tensor of a storage."""
    ordered = Call("collections.OrderedDict", ())
    stored = Stored(kind, key, count)
    return Call(REBUILD, (stored, start, tuple(shape), tuple(strides), False, ordered))


def opcodes(value: Any) -> bytes:
    """Spell a value out in opcodes of protocol 2."""
    match value:
        case Raw():
            return value.opcodes
        case Global():
            module, _, attribute = value.full.rpartition(".")
            return f"c{module}\n{attribute}\n".encode()
        case Call():
            return opcodes(Global(value.full)) + opcodes(value.arguments) + b"R"
        case Stored():
            view = value.view if isinstance(value.view, tuple) else (value.view,)
            identity = ("storage", Global(value.kind), value.key, "cpu", value.elements, *view)
            return opcodes(identity) + b"Q"
        case tuple():
            return b"(" + b"".join(map(opcodes, value)) + b"t"
        case list():
            return b"](" + b"".join(map(opcodes, value)) + b"e"
        case dict():
            items = b"".join(opcodes(key) + opcodes(item) for key, item in value.items())
            return b"}(" + items + b"u"
        case str():
            raw = value.encode()
            return b"X" + struct.pack("<I", len(raw)) + raw
        case _:
            return pickle.dumps(value, protocol=2)[2:-1]


def pickled(value: Any) -> bytes:
    """Spell a whole pickle out."""
    return b"\x80\x02" + opcodes(value) + b"."


def archive(
    value: Any, storages: Mapping[str, bytes], *, more: Any = (), stored: bool = True
) -> bytes:
    """Pack a checkpoint as torch does since 1.6."""
    buffer = io.BytesIO()
    method = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(buffer, "w", method) as packed:
        members = {"data.pkl": pickled(value), "version": b"3\n", **dict(more)}
        members |= {f"data/{key}": data for key, data in storages.items()}
        for name, data in members.items():
            info = zipfile.ZipInfo(f"archive/{name}")
            info.compress_type = method
            packed.writestr(info, data)
    return buffer.getvalue()


def sequence(value: Any, storages: Mapping[str, tuple[int, bytes]]) -> bytes:
    """Line a checkpoint up as torch did before 1.6; each storage with its number of elements."""
    head = (MAGIC, 1001, {"protocol_version": 1001, "little_endian": True})
    parts = [pickle.dumps(part, protocol=2) for part in head]
    parts += [pickled(value), pickled(list(storages))]
    parts += [struct.pack("<q", count) + data for count, data in storages.values()]
    return b"".join(parts)


ONE_TO_FOUR = struct.pack("<4f", 1, 2, 3, 4)
WEIGHTS = {"w": tensor("0", (2, 2), (2, 1))}


def read(tmp_path: Path, data: bytes, *, name: str = "vae.pt") -> Tensors:
    path = tmp_path / name
    path.write_bytes(data)
    return read_tensors(path)


def contents(tensors: Tensors) -> dict[str, bytes]:
    with tensors.open() as opened:
        return {name: bytes(opened.read(name)) for name in tensors.stored}


def in_archive(value: Any) -> bytes:
    return archive(value, {"0": ONE_TO_FOUR})


def in_sequence(value: Any) -> bytes:
    return sequence(value, {"0": (4, ONE_TO_FOUR)})
