"""AUTOMATIC1111 1.10: globs into a dictionary by base name, so that the last one found wins."""

from __future__ import annotations

import glob
from pathlib import Path

EXTENSIONS = ("ckpt", "pt", "safetensors")
TINY = ("taesd", "taesdxl", "taesd3")


def listed(root: Path) -> dict[str, tuple[Path, ...]]:
    models = root / "models"
    patterns = [str(models / "Stable-diffusion" / "**" / f"*.vae.{end}") for end in EXTENSIONS]
    patterns += [str(models / "VAE" / "**" / f"*.{end}") for end in EXTENSIONS]
    found: dict[str, tuple[Path, ...]] = {}
    for pattern in patterns:
        for name in glob.iglob(pattern, recursive=True):  # noqa: PTH207  # its own way to look
            found[Path(name).name] = (Path(name),)
    return found


def opened(root: Path) -> set[Path]:
    tiny = root / "models" / "VAE-taesd"
    halves = (tiny / f"{name}_{half}.pth" for name in TINY for half in ("encoder", "decoder"))
    return {path for paths in listed(root).values() for path in paths} | {
        half for half in halves if half.is_file()
    }
