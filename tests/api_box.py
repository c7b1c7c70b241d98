"""A machine for the tests of the public API: a UI's tree, a store, a tiny catalog, the hosts."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import vaehub
from tests import builders
from vaehub import settings
from vaehub.catalog import Catalogs
from vaehub.catalog.compiled import load_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from vaehub.checking import VerifyResult
    from vaehub.loopback import LoopbackWorld
    from vaehub.outcome import InstallResult
    from vaehub.settings import Settings
    from vaehub.uninstalling import Removed

LICENSE = {"id": "MIT", "source": "https://example.org/license"}


def locator(name: str) -> dict[str, str]:
    """Give a locator that serves on ModelScope and Hugging Face alike."""
    return {"repo": "acme/vae", "revision": "0" * 40, "path": name}


class Box:
    """An AUTOMATIC1111 tree with files of the user's, an empty store, and a catalog ``mine``."""

    def __init__(self, folder: Path, world: LoopbackWorld) -> None:
        self.folder = folder
        self.world = world
        self.tree = folder / "webui"
        for name in ("webui.py", "modules/sd_vae.py", "models/Stable-diffusion/model.safetensors"):
            path = self.tree / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"the user's own {name}", encoding="utf-8")
        self.vae = self.tree / "models" / "VAE"
        self.store = folder / "store"
        self.entries: dict[str, dict[str, Any]] = {}
        self.extra: dict[str, str] = {}

    # The catalog and what the hosts hold

    def add(
        self,
        id_: str,
        files: Mapping[str, bytes],
        *,
        hosts: tuple[str, ...] = ("modelscope",),
        **fields: Any,
    ) -> None:
        """Publish files on hosts, and put them into the catalog as one entry."""
        described = {}
        for name, data in files.items():
            sources: list[dict[str, Any]] = []
            for host in hosts:
                self.world.publish(host, locator(name), data)
                sources.append({host: locator(name)})
            described[name] = (data, sources)
        self.entries[id_] = builders.entry(described, **fields)

    @property
    def settings(self) -> Settings:
        """Read the environment as it is now."""
        return settings.load(
            {
                **self.world.environment(),
                "VAEHUB_STORE": str(self.store),
                **self.extra,
            }
        )

    @property
    def catalog(self) -> Path:
        """Write the catalog, and give its path."""
        return builders.write_catalog(self.folder / "mine.yaml", self.entries)

    @property
    def catalogs(self) -> Catalogs:
        """Load the tiny catalog alone: the curated one takes a second to compile."""
        catalog, problems = load_file(self.catalog, cache=self.folder / "cache", foreign=True)
        return Catalogs((catalog,), problems)

    # The public API, on this machine

    def install(self, name: str, *, to: Path | None = None, **options: Any) -> InstallResult:
        """Install into the tree."""
        return vaehub.install(
            name, to=to or self.tree, settings=self.settings, catalogs=self.catalogs, **options
        )

    def uninstall(self, *names: str, to: Path | None = None) -> list[Removed]:
        """Uninstall from the tree."""
        return vaehub.uninstall(
            names, to=to or self.tree, settings=self.settings, catalogs=self.catalogs
        )

    def verify(self, *names: str, to: Path | None = None, deep: bool = False) -> VerifyResult:
        """Check the tree."""
        return vaehub.verify(
            names, to=to or self.tree, deep=deep, settings=self.settings, catalogs=self.catalogs
        )

    # What one can see

    def snapshot(self, root: Path | None = None) -> dict[str, tuple[int, bytes | str | None]]:
        """Give every folder, file and link below a root: its mode, and what it holds."""
        root = root or self.tree
        return {
            path.relative_to(root).as_posix(): (path.lstat().st_mode, _content(path))
            for path in sorted(root.rglob("*"))
        }

    @property
    def listed(self) -> list[str]:
        """The names that the UI would list."""
        return sorted(path.name for path in self.vae.glob("*.*") if path.is_file())

    def problems(self, *names: str, deep: bool = False) -> list[tuple[str, bool]]:
        """Verify, and give code and weight of what was found."""
        found = self.verify(*names, deep=deep)
        return [(problem.code, problem.blocking) for problem in found.problems]

    def receipt(self, name: str) -> dict[str, Any]:
        """Read the receipt of an installed file as it is stored."""
        text = (self.vae / ".vaehub" / f"{name}.json").read_text(encoding="utf-8")
        record = json.loads(text)
        assert isinstance(record, dict)
        return record


def _content(path: Path) -> bytes | str | None:
    if path.is_symlink():
        return str(path.readlink())
    return path.read_bytes() if path.is_file() else None


def overwrite(path: Path, data: bytes, *, keep_time: bool = False) -> None:
    """Write into a file in place, as a user or a failing disk does."""
    stat = path.stat()
    path.chmod(0o644)
    path.write_bytes(data)
    if keep_time:
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
