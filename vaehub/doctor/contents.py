"""Look into a file: which container, which autoencoder, what is wrong with it.

The judgement is that of the smoke test before it decodes (:mod:`vaehub.smoke.structure`); what is
added here is what only a folder of a UI gives rise to: another container than the extension says,
pickles that a UI's own check would refuse, containers that nobody here can read.
"""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import TYPE_CHECKING

from vaehub.doctor.facts import Container, Content
from vaehub.errors import NotAModel, UnsafePickle
from vaehub.model import PICKLE_SUFFIXES
from vaehub.smoke import structure
from vaehub.smoke.report import Reason
from vaehub.weights.foreign import kind_of
from vaehub.weights.heads import (
    HEAD_BYTES,
    SAFETENSORS_SUFFIXES,
    begins_like_safetensors,
    refuse_head,
)
from vaehub.weights.pickles import check_pickle

if TYPE_CHECKING:
    from pathlib import Path

_ANY_PICKLE = PICKLE_SUFFIXES | {".pkl", ".pt2"}
_LIKE: dict[Container, str] = {"safetensors": ".safetensors", "pickle": ".pt"}
_POINTER = re.compile(rb"version https://git-lfs\S*\s+oid sha256:([0-9a-f]{64})")
_OLD = "diffusers-old"
"""diffusers' names of before 0.17, for which the catalog has the same word as for the new ones."""


def read(path: Path) -> Content:
    """Say what a file holds.

    Args:
        path: A regular file.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head:
        return Content((Reason("empty", "not a byte in it", "not-a-vae"),))
    pointer = _POINTER.match(head)
    if pointer is not None:
        message = "Git's pointer to a file (LFS), and not the file"
        return Content(
            (Reason("lfs-pointer", message, "not-a-vae"),), pointer=pointer[1].decode("ascii")
        )
    said, container = expected(path.name), _container(head)
    if container is not None and container != said:
        content = _look(path, container, name=f"{path.stem}{_LIKE[container]}")
        if content.condemned:
            return content
        return content._replace(reasons=(_misnamed(path, container), *content.reasons))
    if said is None:
        return _opaque(path, head)
    return _look(path, container)


def expected(name: str) -> Container | None:
    """Say which container a file of this name should be; None where vaehub reads no such."""
    suffix = PurePath(name).suffix.lower()
    if suffix in SAFETENSORS_SUFFIXES:
        return "safetensors"
    return "pickle" if suffix in _ANY_PICKLE else None


def _container(head: bytes) -> Container | None:
    if begins_like_safetensors(head):
        return "safetensors"
    is_pickle = head[:4] == b"PK\x03\x04" or (head[:1] == b"\x80" and head[1:2] in b"\2\3\4\5")
    return "pickle" if is_pickle and len(head) > 1 else None


def _misnamed(path: Path, container: Container) -> Reason:
    what = "a safetensors file" if container == "safetensors" else "a checkpoint of torch's"
    otherwise = "says otherwise" if path.suffix else "is missing"
    return Reason("wrong-extension", f"{what}, and its extension {otherwise}")


def _opaque(path: Path, head: bytes) -> Content:
    try:
        refuse_head(head, name=path.name)
    except NotAModel as error:
        return Content((Reason("not-a-model", error.message, "not-a-vae"),))
    suffix = path.suffix or "no extension"
    message = f"vaehub cannot look into files with {suffix}"
    return Content((Reason("not-looked-into", message),), opaque=True)


def _look(path: Path, container: Container | None, *, name: str | None = None) -> Content:
    part = structure.look(path, name=name or _as_read(path.name))
    found = part.found
    reasons = part.reasons
    kind = kind_of(part.inside.shapes) if part.inside is not None and found is None else None
    if container == "pickle" and not part.is_condemned:
        reasons = (*reasons, *_unusual(path))
    return Content(
        reasons,
        container,
        found.architecture if found is not None else None,
        found.layout.replace(_OLD, "diffusers") if found is not None else None,
        found.families if found is not None else (),
        kind,
    )


def _as_read(name: str) -> str:
    """Give the name that our readers know for what it is: they have no word for ``.pkl``."""
    path = PurePath(name)
    return name if path.suffix.lower() in PICKLE_SUFFIXES | SAFETENSORS_SUFFIXES else f"{name}.pt"


def _unusual(path: Path) -> tuple[Reason, ...]:
    """Say what in a harmless pickle the check of a UI, or ours at an install, would refuse."""
    try:
        check_pickle(path, name=path.name)
    except (UnsafePickle, NotAModel) as error:
        return (Reason("unusual-pickle", error.message),)
    return ()
