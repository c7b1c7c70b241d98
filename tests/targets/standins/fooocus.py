"""Fooocus: walks one folder without following links; names are relative, extensions of any case."""

from __future__ import annotations

import os
from pathlib import Path

EXTENSIONS = {".pth", ".ckpt", ".bin", ".safetensors"}


def listed(root: Path) -> dict[str, tuple[Path, ...]]:
    folder = root / "models" / "vae"
    found: dict[str, tuple[Path, ...]] = {}
    for current, _, names in os.walk(folder, topdown=False):
        for name in names:
            if os.path.splitext(name)[1].lower() in EXTENSIONS:  # noqa: PTH122  # its own way
                found[os.path.relpath(Path(current, name), folder)] = (Path(current, name),)
    return found


def opened(root: Path) -> set[Path]:
    return {path for paths in listed(root).values() for path in paths}
