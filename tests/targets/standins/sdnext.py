"""SD.Next: globs for safetensors alone, by base name; what it loads depends on the size."""

from __future__ import annotations

import glob
from pathlib import Path

SMALLEST = 25_000_000
CONSISTENCY = 1_310_944_880


def listed(root: Path) -> dict[str, tuple[Path, ...]]:
    models = root / "models"
    patterns = [
        models / "VAE" / "**" / "*.vae.safetensors",
        models / "Stable-diffusion" / "**" / "*.vae.safetensors",
        models / "VAE" / "**" / "*.safetensors",
    ]
    found: dict[str, tuple[Path, ...]] = {}
    for pattern in patterns:
        for name in glob.iglob(str(pattern), recursive=True):  # noqa: PTH207  # its own way
            found[Path(name).name] = (Path(name),)
    for name in glob.iglob(str(models / "VAE" / "**" / "*.json"), recursive=True):  # noqa: PTH207
        folder = Path(name).parent  # a VAE in diffusers' layout, it thinks
        if folder.name != "VAE":
            found[folder.name] = (folder,)
    return found


def opened(root: Path) -> set[Path]:
    paths = (path for paths in listed(root).values() for path in paths)
    return {path for path in paths if SMALLEST <= path.stat().st_size <= CONSISTENCY}
