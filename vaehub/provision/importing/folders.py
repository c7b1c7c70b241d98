"""The models in a folder of the user's, or in the VAE folders of a UI, with their sha256.

A folder is looked through as ``vaehub adopt`` does it, and nothing is recorded. A UI is one only
where its own code or its checkpoints are there: a lone ``models/VAE`` may be anybody's, and the
kind of UI is not guessed.
"""

from __future__ import annotations

import hashlib
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from vaehub import adopting, receipts, values, walking
from vaehub.digests import Digests
from vaehub.model import Target
from vaehub.provision.importing.mentions import Digest
from vaehub.targets.detect import CLEAR, detect
from vaehub.targets.layouts import is_model_name, layouts

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from vaehub.catalog import Catalogs
    from vaehub.model import Problem
    from vaehub.settings import Settings
    from vaehub.transfer.listener import Listener

    _File = tuple[Path, os.stat_result]


class Model(NamedTuple):
    """A file, and what it holds."""

    path: Path
    size: int
    sha256: str
    origin: str
    """The sha256 by which a catalog knows it: its own, or that of what vaehub made it of."""


class Folder(NamedTuple):
    """What lies in a folder."""

    root: Path
    models: tuple[Model, ...]
    target: Target | None
    """The UI whose root it is."""
    problems: tuple[Problem, ...]
    """What cannot be read."""

    def place(self, path: Path) -> str:
        """Say where a file is without saying where the folder is."""
        if path.is_relative_to(self.root):
            return f"{self.root.name}/{path.relative_to(self.root).as_posix()}".lstrip("/")
        return path.name  # in a folder that the UI was told of


def look(
    said: str, catalogs: Catalogs, *, settings: Settings, cwd: Path, listener: Listener
) -> Folder:
    """Look through a folder.

    Args:
        said: The folder, as the user named it.
        catalogs: Say which sizes are worth a look under whatever name.
        settings: Where the cache is.
        cwd: What the folder is relative to.
        listener: Told how far hashing is.

    Raises:
        UsageError: it begins with the home folder of nobody.
        TargetNotUsable: there is no such folder, or it cannot be looked into.
    """
    root = adopting.absolute(values.path(said, "--from-folder", base=cwd) or "")
    adopting.refuse_other(root)
    target = ui_at(root)
    problems: list[Problem] = []
    is_likely = adopting.likely_files(catalogs)
    found = [
        (path, stat)
        for path, stat in (
            walking.files_below(root, problems) if target is None else _listed(target, problems)
        )
        if is_model_name(path.name) or is_likely(path, stat)
    ]
    models = _hashed(root, found, problems, settings=settings, listener=listener)
    kept = None if target is None or layouts()[target.layout].refuses else target
    return Folder(root, models, kept, tuple(problems))


def called(
    name: str, target: Target, *, settings: Settings, listener: Listener
) -> tuple[Model, ...]:
    """Find the files that a UI knows by a name, which may lack the extension, with their sha256.

    What cannot be read is not found.
    """
    found = [
        (path, stat)
        for path, stat in _listed(target, [])
        if name in {path.name, path.name.removesuffix(".safetensors")}
    ]
    return _hashed(target.root, found, [], settings=settings, listener=listener)


def ui_at(root: Path) -> Target | None:
    """Find the UI whose root a folder is, or which keeps its root in that folder.

    Raises:
        TargetNotUsable: two UIs have equal claims.
    """
    layout = detect(root, at_least=CLEAR)
    if layout is not None:
        return Target(layout.id, root)
    for layout in layouts().values():
        if layout.inside is not None and detect(root / layout.inside, at_least=CLEAR) is layout:
            return Target(layout.id, root / layout.inside)
    return None


def autov1(path: Path) -> Digest | None:
    """Give the short hash of old, of 64 KiB after the first MiB; None where there are none."""
    try:
        with path.open("rb") as file:
            file.seek(0x100000)
            middle = file.read(0x10000)
    except OSError:
        return None
    return Digest("autov1", hashlib.sha256(middle).hexdigest()[:8]) if middle else None


def _listed(target: Target, problems: list[Problem]) -> Iterator[_File]:
    """Give the files of a UI's VAE folders, each once."""
    layout = layouts()[target.layout]
    seen: set[Path] = set()
    places: list[tuple[Path, tuple[str, ...]]] = []
    for slot, rules in layout.slots.items():
        places += [(folder, ("",)) for folder in layout.folders(target, slot)]
        for also, endings in rules.also.items():
            # Elsewhere, names like `.vae.pt` tell the VAEs from the models they lie among.
            telling = tuple(ending for ending in endings if ending.count(".") > 1)
            places.append((target.root / PurePosixPath(also), telling))
    for folder, endings in places:
        for path, stat in walking.files_below(folder, problems) if folder.is_dir() else ():
            if endings and path.name.endswith(endings) and path not in seen:
                seen.add(path)
                yield path, stat


def _hashed(
    root: Path,
    found: list[_File],
    problems: list[Problem],
    *,
    settings: Settings,
    listener: Listener,
) -> tuple[Model, ...]:
    models = []
    digests = adopting.hash_files(root, found, digests=Digests(settings.cache), listener=listener)
    for (path, stat), digest in zip(found, digests, strict=True):
        if isinstance(digest, OSError):
            problems.append(walking.unreadable(path, digest))
        else:
            models.append(Model(path, stat.st_size, digest, _origin(path, digest)))
    return tuple(models)


def _origin(path: Path, sha256: str) -> str:
    receipt = receipts.find(path)
    return receipt.origin_sha256 if receipt is not None and receipt.sha256 == sha256 else sha256
