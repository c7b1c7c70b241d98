"""Stand-ins for the code by which UIs find the VAE of a checkpoint among those that they list.

Written from what A1111 v1.10.1 (modules/sd_vae.py) and SD.Next (modules/sd_vae.py) do, on nothing
but a folder: which files they take.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from tests.targets.standins import a1111, sdnext


def a1111_takes(root: Path, checkpoint: Path, *, sd_vae: str = "Automatic") -> Path | None:
    """Resolve the VAE of a checkpoint as A1111 does; None stands for the one baked in."""
    listed = {name: paths[0] for name, paths in a1111.listed(root).items()}
    if sd_vae == "None":
        return None
    own = checkpoint.with_suffix(".json")
    chosen = json.loads(own.read_text()).get("vae", "Automatic") if own.is_file() else "Automatic"
    if sd_vae == "Automatic" and (chosen == "None" or chosen in listed):
        return listed[chosen] if chosen != "None" else None
    if sd_vae != "Automatic":  # the setting goes before a checkpoint's own VAE
        return listed.get(sd_vae)
    stem = checkpoint.name.rsplit(".", 1)[0]
    near = [path for path in listed.values() if path.name.startswith(stem)]
    return near[0] if near else None


def sdnext_takes(root: Path, checkpoint: Path, *, sd_vae: str = "Automatic") -> Path | None:
    """Resolve the VAE of a checkpoint as SD.Next does; None stands for the one baked in."""
    if sd_vae in {"Default", "TAESD"}:
        return None
    for suffix in (".vae.pt", ".vae.ckpt", ".vae.safetensors"):
        near = Path(os.path.splitext(checkpoint)[0] + suffix)  # noqa: PTH122  # as SD.Next does
        if near.is_file():
            return near
    listed = {name: paths[0] for name, paths in sdnext.listed(root).items()}
    if sd_vae == "Automatic":  # looks for a name without extension among names that have one
        return listed.get(checkpoint.stem)
    return listed.get(sd_vae)
