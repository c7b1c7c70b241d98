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

BASE_DIRECTORY = "custom_nodes/ models/vae/ models/checkpoints/ user/ input/ output/"
"""What ComfyUI makes of a folder named with ``--base-directory``."""
INVOKEAI = "invokeai.yaml databases/invokeai.db models/ outputs/"
FOOOCUS = (
    "launch.py webui.py entry_with_update.py fooocus_version.py modules/config.py ldm_patched/ "
    "models/checkpoints/ models/vae/ models/vae_approx/"
)
SWARMUI = (
    "launch-linux.sh src/SwarmUI.csproj src/Core/Settings.cs Models/Stable-Diffusion/ Models/VAE/ "
    "Data/Settings.fds"
)
STABILITYMATRIX = (
    "Data/.sm-portable Data/settings.json Data/Packages/ Data/Models/StableDiffusion/ "
    "Data/Models/VAE/"
)
TREES = {
    "automatic1111": AUTOMATIC1111,
    "forge": FORGE,
    "reforge": REFORGE,
    "sdnext": SDNEXT,
    "comfyui": COMFYUI,
    "invokeai": INVOKEAI,
    "fooocus": FOOOCUS,
    "swarmui": SWARMUI,
    "stabilitymatrix": STABILITYMATRIX,
    "folder": "",
}
"""A fresh tree by layout."""


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
