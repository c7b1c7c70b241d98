"""Small weights files spelled out byte by byte, and pickles that would run if anybody let them."""

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

MAGIC = 0x1950A86A20F9469CFC6C


def safetensors(data: bytes = b"\0" * 16, *, header: Mapping[str, Any] | None = None) -> bytes:
    """One U8 tensor that holds ``data``, unless another header is given."""
    if header is None:
        header = {"w": {"dtype": "U8", "shape": [len(data)], "data_offsets": [0, len(data)]}}
    raw = json.dumps(header).encode()
    return len(raw).to_bytes(8, "little") + raw + data


def torch_zip(
    pickled: bytes, *, root: str = "archive", more: Mapping[str, bytes] | None = None
) -> bytes:
    """Pack a pickle as torch does since 1.6."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        members = {"data.pkl": pickled, "data/0": b"\0" * 64, "version": b"3\n", **(more or {})}
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(f"{root}/{name}" if root else name), data)
    return buffer.getvalue()


def legacy(pickled: bytes) -> bytes:
    """Line pickles up as torch did before 1.6."""
    head = (MAGIC, 1001, {"protocol_version": 1001, "little_endian": True})
    parts = [pickle.dumps(part, protocol=2) for part in head]
    keys = pickle.dumps(["0"], protocol=2)
    return b"".join([*parts, pickled, keys, struct.pack("<q", 4), b"\0" * 16])


def naming(*names: str) -> bytes:
    """A protocol-2 pickle of a list of globals."""
    lines = b"".join(b"c%s\n%s\n" % tuple(n.encode().rsplit(b".", 1)) for n in names)
    return b"\x80\x02](" + lines + b"e."


def stack_global(module: str, name: str) -> bytes:
    """A protocol-4 pickle of one global."""

    def text(value: str) -> bytes:
        return b"\x8c" + bytes([len(value)]) + value.encode() + b"\x94"

    return b"\x80\x04" + text(module) + text(name) + b"\x93."


PLAIN = naming("collections.OrderedDict", "torch._utils._rebuild_tensor_v2", "torch.FloatStorage")
