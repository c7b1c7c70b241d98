"""A machine that writes a mirror: locks of small VAEs, and what one sees of the tree."""

from __future__ import annotations

import hashlib
import json
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from tests.api_box import Box
from tests.builders import safetensors_bytes
from vaehub import provisioning
from vaehub.provision import mirror_index
from vaehub.provision.manifest import manifest_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from vaehub.loopback import LoopbackWorld
    from vaehub.provision.mirroring import MirrorResult

ONE = safetensors_bytes(3000, seed=1)
TWO = safetensors_bytes(2000, seed=2)
THREE = safetensors_bytes(1000, seed=3)
FOUR = safetensors_bytes(500, seed=4)


class Builder:
    """Three VAEs on ModelScope, locks of any of them, and a mirror to be made."""

    def __init__(self, folder: Path, world: LoopbackWorld) -> None:
        self.box = Box(folder, world)
        self.folder = folder
        self.root = folder / "srv" / "vaes"
        self.box.add("one", {"one.safetensors": ONE})
        self.box.add("two", {"two.safetensors": TWO})
        self.box.add("three", {"three.safetensors": THREE})

    def lock(
        self,
        *names: str,
        name: str = "vaehub.lock",
        targets: Mapping[str, str] = MappingProxyType({}),
        **policy: Any,
    ) -> Path:
        """Write the lock of some VAEs, for targets of these kinds."""
        places = {target: {"ui": ui} for target, ui in targets.items()}
        asked = {"schema": 1, "vaes": list(names), "targets": places, "policy": policy}
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        manifest = manifest_of(asked, path=self.folder / "vaehub.yaml")
        provisioning.lock_of(manifest, path, settings=self.box.settings, catalogs=self.box.catalogs)
        return path

    def mirror(self, *locks: Path, **options: Any) -> MirrorResult:
        """Write the mirror."""
        return provisioning.mirror(self.root, locks, settings=self.box.settings, **options)

    @property
    def blobs(self) -> dict[str, bytes]:
        """What lies under ``sha256/``."""
        folder = self.root / "sha256"
        return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}

    @property
    def index(self) -> dict[str, Any]:
        """What the index says."""
        said = json.loads((self.root / "index.json").read_bytes())
        assert isinstance(said, dict)
        return said


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def held(*contents: bytes) -> dict[str, bytes]:
    """Give the files that hold these bytes, by their names."""
    return {digest(content): content for content in contents}


def seen(root: Path) -> dict[str, tuple[int, int, str | None]]:
    """Give every path below a root: mode, time, and digest of its content."""
    return {
        path.relative_to(root).as_posix(): (
            path.lstat().st_mode,
            path.lstat().st_mtime_ns,
            digest(path.read_bytes()) if path.is_file() else None,
        )
        for path in sorted(root.rglob("*"))
    }


def assert_servable(root: Path) -> None:
    """Make sure that a web server would give whole files alone, and an index of what is there."""
    blobs = root / mirror_index.BLOBS
    for path in blobs.iterdir() if blobs.is_dir() else ():
        if path.is_file():
            assert digest(path.read_bytes()) == path.name
    if (root / "index.json").exists():
        index = mirror_index.parse((root / "index.json").read_bytes())
        assert index is not None
        for listed in index.files.values():
            assert (root / listed.path).stat().st_size == listed.size
        for name in index.locks:
            assert (root / name).is_file()
    if (root / "SHA256SUMS").exists():
        for line in (root / "SHA256SUMS").read_text().splitlines():
            sha256, path_name = line.split("  ")
            # What is being pruned leaves the sums first.
            assert digest((root / path_name).read_bytes()) == sha256
