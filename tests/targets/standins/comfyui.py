"""ComfyUI: folders in their order, the user's file of further ones, and pairs under one name."""

from __future__ import annotations

import os
from pathlib import Path

import yaml

EXTENSIONS = {".ckpt", ".pt", ".pt2", ".bin", ".pth", ".safetensors", ".pkl", ".sft"}
IMAGE_PAIRS = ("taesd", "taesdxl", "taesd3", "taef1", "taef2")
VIDEO = ("taehv", "lighttaew2_2", "lighttaew2_1", "lighttaehy1_5", "taeltx_2", "taeh3")


def folders(root: Path) -> dict[str, list[str]]:
    """The folders of each kind, after the user's file has been read."""
    found = {kind: [str(root / "models" / kind)] for kind in ("vae", "vae_approx")}
    file = root / "extra_model_paths.yaml"
    if not file.is_file():
        return found
    for section in (yaml.safe_load(file.read_text(encoding="utf-8")) or {}).values():
        fields = dict(section or {})
        base = os.path.expandvars(str(Path(fields.pop("base_path", None) or root).expanduser()))
        first = fields.pop("is_default", False)
        for kind, lines in fields.items():
            for line in filter(None, lines.split("\n")):
                path = os.path.normpath(root / base / line)
                known = found.setdefault(kind, [])
                if path in known:
                    if not first:
                        continue
                    known.remove(path)
                known.insert(0 if first else len(known), path)
    return found


def names(roots: list[str]) -> dict[str, Path]:
    """The relative names below some folders; a name in an earlier one wins."""
    found: dict[str, Path] = {}
    for root in roots:
        for current, _, files in os.walk(root, followlinks=True):
            for name in files:
                path = Path(current, name)
                if path.suffix.lower() in EXTENSIONS:
                    found.setdefault(str(path.relative_to(root)), path)
    return found


def listed(root: Path) -> dict[str, tuple[Path, ...]]:
    where = folders(root)
    found: dict[str, tuple[Path, ...]] = {}
    found |= {name: (path,) for name, path in names(where["vae"]).items()}
    small = names(where["vae_approx"])
    for pair in IMAGE_PAIRS:
        halves = [
            path
            for half in ("encoder", "decoder")
            for name, path in small.items()
            if name.startswith(f"{pair}_{half}.")
        ]
        if len({path.name.partition(".")[0] for path in halves}) == 2:
            found[pair] = tuple(halves)
    found |= {name: (path,) for name, path in small.items() if name.startswith(VIDEO)}
    return found


def opened(root: Path) -> set[Path]:
    return {path for paths in listed(root).values() for path in paths}
