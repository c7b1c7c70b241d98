"""Check a whole file before it is placed: a sound model, and nothing that runs when loaded."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from vaehub.model import PICKLE_SUFFIXES
from vaehub.weights.heads import HEAD_BYTES, SAFETENSORS_SUFFIXES, refuse_head
from vaehub.weights.safetensors_header import read_header

if TYPE_CHECKING:
    from pathlib import Path


def check_file(path: Path, *, name: str) -> None:
    """Refuse a file that is not a model, or that could run code when a UI loads it.

    Args:
        path: where the bytes lie now.
        name: the installed name; its suffix says how a UI would load the file.

    Raises:
        NotAModel: the file is no model, or not a whole one.
        UnsafePickle: loading it would call something beyond tensors and plain containers.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        size = file.seek(0, 2)
    refuse_head(head, name=name, size=size)
    suffix = PurePath(name).suffix.lower()
    if suffix in SAFETENSORS_SUFFIXES:
        read_header(path, name=name)
    elif suffix in PICKLE_SUFFIXES:
        from vaehub.weights.pickles import check_pickle  # with zipfile and pickletools

        check_pickle(path, name=name)
