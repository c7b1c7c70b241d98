"""Stand-ins for the code by which UIs find the VAE of a checkpoint.

Written from what A1111 v1.10.1 (modules/sd_vae.py) and SD.Next (modules/sd_vae.py) do, on nothing
but a folder: which files they list, in which order, and which of them they take.
"""

from __future__ import annotations

import glob
import json
import os
from pathlib import Path


def a1111_listed(root: Path) -> dict[str, str]:
    """List VAEs as A1111 does: by base name, a later file of one name in the earlier's place."""
    found: dict[str, str] = {}
    for folder, suffixes in (
        ("models/Stable-diffusion", (".vae.ckpt", ".vae.pt", ".vae.safetensors")),
        ("models/VAE", (".ckpt", ".pt", ".safetensors")),
    ):
        for suffix in suffixes:
            pattern = os.path.join(root, folder, "**/*" + suffix)  # noqa: PTH118  # as A1111 does
            for path in glob.iglob(pattern, recursive=True):  # noqa: PTH207
                found[Path(path).name] = path
    return found


def a1111_takes(root: Path, checkpoint: Path, *, sd_vae: str = "Automatic") -> Path | None:
    """Resolve the VAE of a checkpoint as A1111 does; None stands for the one baked in."""
    listed = a1111_listed(root)
    if sd_vae == "None":
        return None
    own = checkpoint.with_suffix(".json")
    chosen = json.loads(own.read_text()).get("vae", "Automatic") if own.is_file() else "Automatic"
    if sd_vae == "Automatic" and (chosen == "None" or chosen in listed):
        return Path(listed[chosen]) if chosen != "None" else None
    if sd_vae != "Automatic":  # the setting goes before a checkpoint's own VAE
        return Path(listed[sd_vae]) if sd_vae in listed else None
    stem = checkpoint.name.rsplit(".", 1)[0]
    near = [path for path in listed.values() if Path(path).name.startswith(stem)]
    return Path(near[0]) if near else None


def sdnext_listed(root: Path) -> dict[str, str]:
    """List VAEs as SD.Next does: safetensors alone, by base name."""
    found: dict[str, str] = {}
    for pattern in ("models/VAE/**/*.safetensors", "models/Stable-diffusion/**/*.vae.safetensors"):
        for path in glob.iglob(str(root / pattern), recursive=True):  # noqa: PTH207
            found[Path(path).name] = path
    return found


def sdnext_takes(root: Path, checkpoint: Path, *, sd_vae: str = "Automatic") -> Path | None:
    """Resolve the VAE of a checkpoint as SD.Next does; None stands for the one baked in."""
    if sd_vae in {"Default", "TAESD"}:
        return None
    for suffix in (".vae.pt", ".vae.ckpt", ".vae.safetensors"):
        near = Path(os.path.splitext(checkpoint)[0] + suffix)  # noqa: PTH122  # as SD.Next does
        if near.is_file():
            return near
    listed = sdnext_listed(root)
    if sd_vae == "Automatic":  # looks for a name without extension among names that have one
        return Path(listed[checkpoint.stem]) if checkpoint.stem in listed else None
    return Path(listed[sd_vae]) if sd_vae in listed else None
