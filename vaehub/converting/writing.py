"""Write a safetensors file piece by piece, as the format's own library lays it out.

Knows the header (https://github.com/huggingface/safetensors#format), the order of tensors in it,
and how to hash and write at the same time. The same tensors give the same bytes. Refuses to know
where the tensors come from.
"""

from __future__ import annotations

import hashlib
import json
import math
import queue
import threading
from typing import TYPE_CHECKING, NamedTuple

from vaehub.errors import NotAModel
from vaehub.weights.safetensors_header import BITS, LONGEST_HEADER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import IO

_ORDER = (
    # The library sorts by its own list of types, the last first; that puts wide types in front.
    *("BOOL", "F4", "F6_E2M3", "F6_E3M2", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0"),
    *("F8_E4M3FNUZ", "F8_E5M2FNUZ", "I16", "U16", "F16", "BF16", "I32", "U32", "F32", "C64"),
    *("F64", "I64", "U64"),
)
_ALIGNMENT = 8
_WAITING = 4
"""Pieces written and not hashed yet."""


class Entry(NamedTuple):
    """One tensor of the file."""

    name: str
    dtype: str
    """As safetensors names it."""
    shape: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        """Bytes that it takes."""
        return math.prod(self.shape) * BITS[self.dtype] // 8


def in_order(entries: Iterable[Entry]) -> list[Entry]:
    """Sort tensors as they lie in the file: wide types first, by name among equals."""
    return sorted(entries, key=lambda entry: (-_ORDER.index(entry.dtype), entry.name.encode()))


def header(entries: Iterable[Entry], metadata: Mapping[str, str], *, name: str) -> bytes:
    """Give the first bytes of the file: the header's length, and the header.

    Args:
        entries: as :func:`in_order` gave them.
        metadata: texts that belong to the file.
        name: what messages call the file that the tensors are from.

    Raises:
        NotAModel: a tensor has a name that the format cannot hold, or there are too many.
    """
    body: dict[str, object] = {"__metadata__": dict(sorted(metadata.items()))}
    at = 0
    for entry in entries:
        if entry.name in body:
            raise NotAModel(f"{name}: a tensor in it is called {entry.name[:80]!r}")
        offsets = [at, at + entry.nbytes]
        body[entry.name] = {
            "dtype": entry.dtype,
            "shape": list(entry.shape),
            "data_offsets": offsets,
        }
        at += entry.nbytes
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    try:
        raw = text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise NotAModel(f"{name}: the name of a tensor in it is no text") from error
    raw += b" " * (-len(raw) % _ALIGNMENT)
    if len(raw) > LONGEST_HEADER:
        raise NotAModel(f"{name}: its tensors are too many for one file: {len(body) - 1:,}")
    return len(raw).to_bytes(8, "little") + raw


def pour(pieces: Iterable[bytes | memoryview], file: IO[bytes] | None) -> str:
    """Hash pieces while writing them, and give their sha256.

    Args:
        pieces: each one its own memory, which nobody changes afterwards.
        file: where to write, unbuffered; None to hash only.

    Raises:
        OSError: the disk refuses.
    """
    digest = hashlib.sha256()
    waiting: queue.Queue[bytes | memoryview | None] = queue.Queue(_WAITING)

    def work() -> None:
        while (piece := waiting.get()) is not None:
            digest.update(piece)

    # hashlib lets go of Python's lock, so that this costs no time where there is a second core.
    thread = threading.Thread(target=work, name="vaehub hashing", daemon=True)
    thread.start()
    try:
        for piece in pieces:
            waiting.put(piece)
            if file is not None:
                rest = memoryview(piece)
                while rest:
                    rest = rest[file.write(rest) :]
    finally:
        waiting.put(None)
        thread.join()
    return digest.hexdigest()
