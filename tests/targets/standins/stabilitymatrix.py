"""Stability Matrix: an index of all model files of its library, by paths in a kind's folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

EXTENSIONS = {".safetensors", ".pt", ".ckpt", ".pth", ".bin", ".sft", ".gguf"}


def listed(root: Path) -> dict[str, tuple[Path, ...]]:
    found: dict[str, tuple[Path, ...]] = {}
    for kind in (root / "Models").iterdir():
        for path in kind.rglob("*"):
            if path.suffix in EXTENSIONS:
                found[str(path.relative_to(kind))] = (path,)
    return found


def opened(root: Path) -> set[Path]:
    return {path for paths in listed(root).values() for path in paths}
