"""SwarmUI: every folder below, hidden and linked ones too; ``.safetensors`` does not show."""

from __future__ import annotations

import re
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

    for folder in folders(root):
        if folder.is_dir():
            add(folder, "")
    return found


def folders(root: Path) -> list[Path]:
    """Every folder below every root, as the settings have them."""
    text = (root / "Data" / "Settings.fds").read_text() if (root / "Data").is_dir() else ""
    said = dict(re.findall(r"^\s+(ModelRoot|SDVAEFolder): *(.*)$", text, re.MULTILINE))
    return [
        root / base / name
        for base in said.get("ModelRoot", "Models").split(";")
        for name in said.get("SDVAEFolder", "VAE").split(";")
    ]


def opened(root: Path) -> set[Path]:
    return {path for paths in listed(root).values() for path in paths}
