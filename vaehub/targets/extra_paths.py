"""Folders that a user of ComfyUI adds in ``extra_model_paths.yaml``.

::

    a111:
      base_path: ~/stable-diffusion-webui
      vae: models/VAE
    disk:
      base_path: /data
      is_default: true
      vae: |
        vae
        more/vae

Reads it as ComfyUI does: a section's paths are relative to its ``base_path``, and that one, like a
path of a section without it, to the file's folder. Refuses to make a folder, and to know what is in
one. A file that cannot be read names no folder: ComfyUI's own are listed in any case.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaehub.errors import CatalogError

if TYPE_CHECKING:
    from collections.abc import Iterator


def folders(file: Path, key: str, *, own: Path) -> tuple[Path, ...]:
    """Give the folders of one kind of model, the one that wins first.

    Args:
        file: The YAML, which need not be there.
        key: The kind, as ComfyUI calls it: ``vae``, ``vae_approx``.
        own: ComfyUI's own folder.

    Returns:
        ``own`` and all that the file adds, each once. Each section that is the default goes before
        all that was there.
    """
    found = [own]
    for path, default in _named(file, key):
        if path in found:
            if default:
                found.remove(path)
                found.insert(0, path)
        elif default:
            found.insert(0, path)
        else:
            found.append(path)
    return tuple(found)


def _named(file: Path, key: str) -> Iterator[tuple[Path, bool]]:
    document = _read(file)
    if not isinstance(document, dict):
        return
    home = file.parent.absolute()
    for section in document.values():
        if not isinstance(section, dict):
            continue
        lines = section.get(key)
        base = _base(section.get("base_path"), home)
        if not isinstance(lines, str) or base is None:
            continue
        for line in lines.split("\n"):
            path = _path(base, line)
            if path is not None:
                yield path, bool(section.get("is_default"))


def _base(said: Any, home: Path) -> Path | None:
    """Give what a section's paths are relative to; None where it makes no sense."""
    if said is None or said == "":
        return home
    if not isinstance(said, str):
        return None
    return _path(home, os.path.expandvars(os.path.expanduser(said)))  # noqa: PTH111  # of text


def _path(base: Path, text: str) -> Path | None:
    if not text or "\0" in text:
        return None
    return Path(os.path.normpath(base / text))


def _read(file: Path) -> Any:
    """Give what the file says; None where it is not there, or not to be read."""
    try:
        if not file.is_file():  # most have none: then no YAML reader is imported
            return None
        from vaehub.catalog.read import read_file

        return read_file(file).data
    except (CatalogError, OSError):
        return None
