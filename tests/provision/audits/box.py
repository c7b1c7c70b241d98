"""A machine with two UIs, a manifest and a lock; files are placed as an install does, offline."""

from __future__ import annotations

import hashlib
import json
import os
from typing import TYPE_CHECKING, Any

import vaehub
from tests import builders
from vaehub import provisioning, settings
from vaehub.catalog import Catalogs
from vaehub.catalog.compiled import load_file
from vaehub.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from vaehub.provision.audited import AuditResult
    from vaehub.settings import Settings

WEB = ("webui.py", "modules/sd_vae.py", "models/Stable-diffusion/model.safetensors")
COMFY = ("comfy/x", "nodes.py", "folder_paths.py", "models/checkpoints/model.safetensors")


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Box:
    """Two UIs, ``web`` (AUTOMATIC1111) and ``comfy``, and a catalog of small files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.web, self.comfy = folder / "webui", folder / "ComfyUI"
        self.roots = {"web": self.web, "comfy": self.comfy}
        for root, names in ((self.web, WEB), (self.comfy, COMFY)):
            for name in names:
                path = root / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(f"the user's own {name}", encoding="utf-8")
        self.vae, self.comfy_vae = self.web / "models" / "VAE", self.comfy / "models" / "vae"
        self.manifest, self.lock = folder / "vaehub.yaml", folder / "vaehub.lock"
        self.data: dict[str, bytes] = {}
        self._entries: dict[str, dict[str, Any]] = {}
        self.said: dict[str, Any] = {
            "schema": 1,
            "vaes": [],
            "targets": {
                "web": {"ui": "automatic1111", "path": "webui"},
                "comfy": {"ui": "comfyui", "path": "ComfyUI"},
            },
        }

    @property
    def settings(self) -> Settings:
        """The settings of a machine without a network."""
        mine = {"VAEHUB_STORE": str(self.folder / "store"), "VAEHUB_OFFLINE": "1"}
        return settings.load({**os.environ, **mine})

    @property
    def store(self) -> Store:
        return Store(self.folder / "store")

    @property
    def catalogs(self) -> Catalogs:
        path = builders.write_catalog(self.folder / "mine.yaml", self._entries)
        catalog, problems = load_file(path, cache=self.folder / "cache", foreign=True)
        return Catalogs((catalog,), problems)

    def add(self, id_: str, data: bytes | None = None, *, name: str | None = None) -> str:
        """Put a file into the catalog and into the store; gives its installed name."""
        name = name or f"{id_}.safetensors"
        data = builders.safetensors_bytes(seed=len(self.data) + 1) if data is None else data
        self.data[name] = data
        sources = [{"http": {"url": f"https://files.example/{id_}"}}]
        self._entries[id_] = builders.entry({name: (data, sources)})
        partial = self.store.partial(digest(data))
        partial.write_bytes(data)
        self.store.adopt(partial, digest(data))
        return name

    def want(self, *vaes: Any, **fields: Any) -> None:
        """Write the manifest, and lock it."""
        self.said = {**self.said, "vaes": list(vaes), **fields}
        self.write()
        provisioning.lock(self.manifest, self.lock, settings=self.settings, catalogs=self.catalogs)

    def write(self) -> None:
        self.manifest.write_text(json.dumps(self.said), encoding="utf-8")

    def install(self, *names: str, to: Path | None = None, **options: Any) -> None:
        """Place files as an install does, from the store."""
        for name in names:
            for root in self.roots.values() if to is None else (to,):
                vaehub.install(
                    name, to=root, settings=self.settings, catalogs=self.catalogs, **options
                )

    def audit(self, *to: str, **options: Any) -> AuditResult:
        return provisioning.audit(
            self.manifest if self.manifest.exists() else None,
            self.lock,
            to=to,
            settings=self.settings,
            cwd=self.folder,
            **options,
        )

    def states(self, *to: str, **options: Any) -> dict[str, str]:
        """Audit; give what is not as it should be, by path below this folder."""
        found = self.audit(*to, **options)
        said = {
            file.path.relative_to(self.folder).as_posix(): file.state
            for file in found.files
            if file.state != "ok"
        }
        for one in found.others:
            where = str(one.problem.where).removeprefix(f"{self.folder}/")
            said[where] = one.problem.code
        return said

    def problem(self, code: str, **options: Any) -> Any:
        """Audit; give the only problem, which has this code."""
        [problem] = self.audit(**options).problems
        assert problem.code == code
        return problem


def write(path: Path, data: bytes, *, keep_time: bool = False) -> None:
    """Write into a file in place, as a user or a failing disk does."""
    stat = path.stat()
    path.chmod(0o644)
    path.write_bytes(data)
    if keep_time:
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def flip(path: Path) -> None:
    """Turn one bit, as a failing disk does: nothing but the bytes tells."""
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    write(path, bytes(data), keep_time=True)
