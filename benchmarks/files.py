"""Files to be downloaded, and the catalog that names them."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.servers import COMMIT, REPO

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


@dataclass(frozen=True)
class File:
    """A file that the servers have."""

    id: str
    path: Path
    size: int
    digest: str
    pinned: bool = True
    """Whether the catalog knows size and sha256, and not only the host."""


def make_file(path: Path, size: int, *, mark: str = "", sparse: bool = False) -> str:
    """Write a valid safetensors file; gives its sha256.

    Args:
        path: Where to.
        size: Of the whole file.
        mark: Makes the file differ from others.
        sparse: Zeros that take no room, instead of random bytes.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    count = size - 8 - 192
    tensor = {"dtype": "U8", "shape": [count], "data_offsets": [0, count]}
    header = json.dumps({"__metadata__": {"mark": mark}, "noise": tensor}).encode().ljust(192)
    digest = hashlib.sha256()
    zeros = bytes(1 << 20)
    with path.open("wb") as file:
        for piece in (len(header).to_bytes(8, "little"), header):
            file.write(piece)
            digest.update(piece)
        while count:
            length = min(1 << 20, count)
            piece = zeros[:length] if sparse else os.urandom(length)
            if not sparse:
                file.write(piece)
            digest.update(piece)
            count -= length
        file.truncate(size)
    return digest.hexdigest()


def write_catalog(path: Path, files: Iterable[File]) -> None:
    """Write a catalog of these files."""
    entries = {file.id: _entry(file) for file in files}
    catalog = {"name": "bench", "title": "Benchmark"}
    path.write_text(json.dumps({"schema": 1, "catalog": catalog, "entries": entries}))


def _entry(file: File) -> dict[str, object]:
    pins = {"size": file.size, "sha256": file.digest, "evidence": "single"}
    artifact = {
        "name": file.path.name,
        **(pins if file.pinned else {"evidence": "host"}),
        "sources": [
            {"huggingface": {"repo": REPO, "revision": COMMIT, "path": file.path.name}},
        ],
    }
    return {
        "title": "Random bytes",
        "family": "sd1",
        "license": {"id": "MIT"},
        "variants": {"safetensors": {"artifacts": [artifact]}},
    }
