"""Fresh trees of UIs, as far as telling them apart goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaehub.model import Target
from vaehub.targets import detect

if TYPE_CHECKING:
    from pathlib import Path

AUTOMATIC1111 = (
    "webui.py launch.py modules/sd_vae.py modules/processing.py "
    "models/Stable-diffusion/ models/VAE/ models/VAE-approx/"
)
FORGE = "webui.py launch.py modules_forge/main_entry.py models/Stable-diffusion/ models/VAE/"
REFORGE = FORGE + " modules/sd_vae.py"
SDNEXT = (
    "webui.py launch.py installer.py modules/sd_vae.py modules/processing_vae.py "
    "models/Stable-diffusion/ models/VAE/"
)
COMFYUI = (
    "main.py nodes.py folder_paths.py comfy/sd.py models/checkpoints/ models/vae/ "
    "models/vae_approx/"
)


def grow(root: Path, tree: str) -> Path:
    """Make blank-separated paths below a root; folders end in a slash."""
    root.mkdir(parents=True, exist_ok=True)
    for name in tree.split():
        path = root / name
        if name.endswith("/"):
            path.mkdir(parents=True, exist_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    return root


def with_files(root: Path, tree: str, *files: str) -> Target:
    """Make the tree of a UI with some files more, and give it as a target."""
    grow(root, tree)
    for name in files:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    layout = detect(root)
    assert layout is not None
    return Target(layout.id, root)
