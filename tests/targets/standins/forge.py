"""Forge: walks two folders without following links, by the ends of names, into one dictionary."""

from __future__ import annotations

import os
from pathlib import Path

from tests.targets.standins import a1111

ENDINGS = ("ckpt", "pt", "bin", "safetensors", "gguf")


def listed(root: Path) -> dict[str, tuple[Path, ...]]:
    found: dict[str, tuple[Path, ...]] = {}
    for folder in ("VAE", "text_encoder"):
        for current, _, names in os.walk(root / "models" / folder):
            for name in names:
                if name.endswith(ENDINGS):
                    found[name] = (Path(current, name),)
    return found


def opened(root: Path) -> set[Path]:
    tiny = {path for path in a1111.opened(root) if path.parent.name == "VAE-taesd"}
    return tiny | {path for paths in listed(root).values() for path in paths}
