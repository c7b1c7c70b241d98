"""Stability Matrix: an index of all model files of its library, by paths in a kind's folder.

.NET's ``EnumerationOptions``, as its ``EnumerationOptionConstants`` leaves them, pass by what is
hidden and go into folders that are links.
"""

from __future__ import annotations

import os
from pathlib import Path

EXTENSIONS = {".safetensors", ".pt", ".ckpt", ".pth", ".bin", ".sft", ".gguf"}


def listed(root: Path) -> dict[str, tuple[Path, ...]]:
    found: dict[str, tuple[Path, ...]] = {}
    for kind in (root / "Models").iterdir():
        for current, folders, names in os.walk(kind, followlinks=True):
            folders[:] = [name for name in folders if not name.startswith(".")]
            for name in names:
                path = Path(current, name)
                if path.suffix in EXTENSIONS and not name.startswith("."):
                    found[str(path.relative_to(kind))] = (path,)
    return found


def opened(root: Path) -> set[Path]:
    return {path for paths in listed(root).values() for path in paths}
