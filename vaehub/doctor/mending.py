"""The commands that mend: what a person, or a script, runs next.

Pure: puts words together, and quotes them for a shell. A command of ours names the target, so that
it works from anywhere; none of them overwrites a file.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path, PurePath

    from vaehub.doctor.facts import Known
    from vaehub.model import Target

HOMES: Mapping[str, tuple[str, ...]] = {
    "a LoRA": ("lora", "loras"),
    "a ControlNet": ("controlnet",),
    "a textual inversion": ("embeddings", "embedding"),
    "an IP-Adapter": ("ipadapter",),
    "an upscaler": ("upscale_models", "esrgan"),
    "a checkpoint of a whole diffusion model": (
        *("checkpoints", "stable-diffusion", "stablediffusion"),
    ),
    "a diffusion model (UNet)": ("diffusion_models", "unet", "stable-diffusion"),
    "a diffusion model (transformer)": ("diffusion_models", "unet", "stable-diffusion"),
    "a text encoder": ("text_encoders", "text_encoder", "clip"),
    "an image encoder": ("clip_vision",),
}
"""What UIs call the folder of a kind, in lower case: the one that is there beside the VAEs is
meant. The kinds are those of :mod:`vaehub.weights.foreign`."""


def install(name: str, target: Target) -> str:
    """Install an entry, by ``catalog/id`` or ``id``, into the target."""
    return f"vaehub install {quoted(name.removeprefix('vaehub/'))} --to {quoted(target.root)}"


def install_known(known: Known, target: Target) -> str:
    """Install the very variant that the catalogs know."""
    name = known.entry.full_name
    if known.variant != known.entry.default:
        name += f"@{known.variant.name}"
    return install(name, target)


def instead(path: Path, command: str) -> str:
    """Put something in the place of a file that is of no use: no install overwrites it."""
    return f"{remove(path)} && {command}"


def convert(path: Path, *, layout: str | None = None) -> str:
    """Make a safetensors file of it, beside it."""
    tail = f" --layout {layout}" if layout else ""
    # A file that is one already would be its own result.
    is_one = path.suffix == ".safetensors"
    name = f"{path.stem}-{layout or 'bare'}.safetensors" if is_one else None
    output = f" -o {quoted(path.with_name(name))}" if name else ""
    return f"vaehub convert {quoted(path)}{output}{tail}"


def move(path: Path, to: Path) -> str:
    """Move a file into a folder, or to another name."""
    return f"mv {quoted(path)} {quoted(to)}"


def remove(path: Path | str) -> str:
    """Remove a file."""
    return f"rm {quoted(path)}"


def link_file(path: Path, folder: Path) -> str:
    """Make a link to the file itself in a folder that the UI looks into."""
    return f"ln -s {quoted(path)} {quoted(folder / path.name)}"


def share(keep: Path, other: Path) -> str:
    """Make two files with the same bytes two names of one file."""
    return f"ln -f {quoted(keep)} {quoted(other)}"


def free_name(path: Path, suffixes: Collection[str], taken: Collection[str]) -> Path | None:
    """Give the name beside a file, with one of these extensions, that no other file has."""
    for suffix in suffixes:
        name = f"{path.stem or path.name}{suffix}"
        if name not in taken:
            return path.with_name(name)
    return None


def home_of(kind: str | None, folders: Mapping[str, Path]) -> Path | None:
    """Find the folder of a kind of model among those beside the VAEs, by lower-case name."""
    return next((folders[name] for name in HOMES.get(kind or "", ()) if name in folders), None)


def is_command(hint: str) -> bool:
    """Tell whether a hint can be run as it stands, and is not advice."""
    return hint.partition(" ")[0] in {"chmod", "git", "ln", "mv", "rm", "vaehub"}


def quoted(text: str | PurePath) -> str:
    """Quote a word for a shell."""
    return shlex.quote(str(text))
