"""SwarmUI: every folder below, hidden and linked ones too; ``.safetensors`` does not show."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

NATIVE = {"safetensors", "sft", "engine", "gguf"}
LEGACY = {"ckpt", "pt", "pth", "bin"}


def listed(root: Path) -> dict[str, tuple[Path, ...]]:
    found: dict[str, tuple[Path, ...]] = {}

    def add(folder: Path, prefix: str) -> None:
        for path in sorted(folder.iterdir()):
            if path.is_dir():
                add(path, f"{prefix}{path.name}/")
            elif path.name.rpartition(".")[2] in NATIVE | LEGACY:
                found[f"{prefix}{path.name}".removesuffix(".safetensors")] = (path,)

    folder = root / "Models" / "VAE"
    if folder.is_dir():
        add(folder, "")
    return found


def opened(root: Path) -> set[Path]:
    return {path for paths in listed(root).values() for path in paths}
