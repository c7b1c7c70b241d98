"""Hold an archive's bytes against the checksums that it carries itself.

A zip archive says the CRC-32 of every storage in it, so that a damaged checkpoint shows without a
catalog, down to a single bit; safetensors files and older checkpoints carry none.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from vaehub.errors import NotAModel

if TYPE_CHECKING:
    from vaehub.weights.tensors import Tensors

_CHUNK = 1 << 20


def wrong_storages(tensors: Tensors) -> frozenset[str]:
    """Name the storages whose bytes are not what the archive says of them.

    That the archive has checksums at all is certain: listing it has read its pickle, and Python's
    zipfile holds that against its own. (torch can be told to write none, with
    ``torch.serialization.set_crc32_options(False)``; such a file is refused as damaged there.)

    Raises:
        NotAModel: the file has changed since it was listed.
        OSError: the file cannot be read.
    """
    wrong = set()
    buffer = memoryview(bytearray(_CHUNK))
    with tensors.open() as opened:
        for storage, checksum in tensors.checksums.items():
            found, at, end = 0, checksum.offset, checksum.offset + checksum.nbytes
            while at < end:
                count = opened.read_into(buffer[: end - at], at)
                if not count:
                    raise NotAModel(
                        f"{tensors.name}: ends in the middle of its storage {storage!r}"
                    )
                found = zlib.crc32(buffer[:count], found)
                at += count
            if found != checksum.crc32:
                wrong.add(storage)
    return frozenset(wrong)
