"""The small autoencoder that ships with vaehub, and what it is known to decode to.

It really reconstructs pictures, so that torch, a GPU and vaehub itself can be tested on a machine
that holds no other VAE. Trained by ``benchmarks/train_self.py``.
"""

from __future__ import annotations

import json
from importlib.resources import as_file, files
from typing import TYPE_CHECKING, Any

from vaehub.errors import UsageError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

NAME = "autoencoder.safetensors"


def autoencoder() -> AbstractContextManager[Path]:
    """Give the file, as long as the context lasts.

    Raises:
        UsageError: this copy of vaehub was built without it.
    """
    path = files("vaehub.smoke") / "self" / NAME
    if not path.is_file():
        raise UsageError("this copy of vaehub carries no autoencoder of its own")
    return as_file(path)


def goldens() -> dict[str, Any]:
    """Give what a sound machine decodes with it, as :mod:`vaehub.smoke.golden` reads it.

    Raises:
        UsageError: this copy of vaehub was built without it.
    """
    path = files("vaehub.smoke") / "self" / "golden.json"
    if not path.is_file():
        raise UsageError("this copy of vaehub does not know what its own autoencoder decodes to")
    known = json.loads(path.read_text(encoding="utf-8"))
    assert isinstance(known, dict)
    return known
