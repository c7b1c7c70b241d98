"""Locks, stores and bundles for tests, and tars that are no bundles."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from typing import TYPE_CHECKING, Any

from tests.builders import safetensors_bytes
from vaehub import provisioning, settings
from vaehub.provision import lock as lock_module
from vaehub.provision.bundles import index as index_module
from vaehub.provision.bundles import tarred
from vaehub.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from vaehub.provision.bundles.creating import Created
    from vaehub.provision.bundles.importing import Imported
    from vaehub.provision.lock import Lock
    from vaehub.settings import Settings

FILES = {
    "one.safetensors": safetensors_bytes(5000, seed=1),
    "two.safetensors": safetensors_bytes(3000, seed=2),
    "three.safetensors": safetensors_bytes(4096 - 8, seed=3),
}
HOST = {"repo": "acme/vae", "revision": "0" * 40}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def lock_json(
    files: Mapping[str, bytes] = FILES, *, policy: Any = None, **license_: Any
) -> dict[str, Any]:
    """Say a lock of one VAE for each file, for AUTOMATIC1111 and plain folders."""
    return {
        "schema": 1,
        "manifest": "0" * 64,
        "catalogs": {"mine": "1" * 64},
        "targets": {},
        "policy": policy or {},
        "vaes": [
            {
                "name": f"vae-{at}",
                "targets": [],
                "entry": f"mine/vae-{at}",
                "variant": "safetensors",
                "layouts": ["automatic1111", "folder"],
                "title": "A VAE for tests",
                "family": "sd1",
                "slot": "vae",
                "license": {"id": "MIT", **license_},
                "key_layout": "ldm",
                "artifacts": [
                    {
                        "name": name,
                        "size": len(data),
                        "sha256": sha256(data),
                        "evidence": "single",
                        "installed": {"automatic1111": name, "folder": name},
                        "sources": [{"huggingface": {**HOST, "path": name}}],
                    }
                ],
            }
            for at, (name, data) in enumerate(files.items())
        ],
    }


def lock_of(files: Mapping[str, bytes] = FILES, **said: Any) -> Lock:
    """Make such a lock."""
    return lock_module.parse(json.dumps(lock_json(files, **said)).encode(), origin="test")


class Machine:
    """A store and a place for bundles."""

    def __init__(self, folder: Path, environment: Mapping[str, str] = {}) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.environment = {
            "HOME": str(folder),
            "VAEHUB_STORE": str(folder / "store"),
            "XDG_STATE_HOME": str(folder / "state"),
            "XDG_CACHE_HOME": str(folder / "cache"),
            **environment,
        }

    @property
    def settings(self) -> Settings:
        return settings.load(self.environment)

    @property
    def store(self) -> Store:
        return Store(self.folder / "store")

    def put(self, *blobs: bytes) -> None:
        """Have blobs in the store."""
        for data in blobs:
            partial = self.store.partial(sha256(data))
            partial.write_bytes(data)
            self.store.adopt(partial, sha256(data))

    def blobs(self) -> dict[str, bytes]:
        """Give what the store has, by name; each is what its name says."""
        found = {}
        for path in (self.folder / "store" / "blobs").rglob("*"):
            if path.is_file():
                found[path.name] = path.read_bytes()
                assert sha256(found[path.name]) == path.name
        return found

    def outside(self) -> set[str]:
        """Name all that is not in the store."""
        return {
            path.relative_to(self.folder).as_posix()
            for path in self.folder.rglob("*")
            if "store" not in path.relative_to(self.folder).parts
        }

    def create(self, output: Any, lock: Lock | None = None, **options: Any) -> Created:
        return provisioning.create_bundle(
            output, lock or lock_of(), settings=self.settings, **options
        )

    def take_in(self, bundle: Any, **options: Any) -> Imported:
        return provisioning.import_bundle(bundle, settings=self.settings, **options)


class Pipe(io.RawIOBase):
    """Bytes that can be read but once, and come in small pieces; counts what was read."""

    def __init__(self, data: bytes, piece: int = 700) -> None:
        self._data = io.BytesIO(data)
        self._piece = piece
        self.read_bytes = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)[: self._piece]
        got = self._data.readinto(view)
        self.read_bytes += got
        return got


def bundle_bytes(lock: Lock, files: Mapping[str, bytes], folder: Path) -> bytes:
    """Make a bundle."""
    machine = Machine(folder)
    machine.put(*files.values())
    path = folder / "made.tar"
    machine.create(path, lock)
    return path.read_bytes()


def members(bundle: bytes) -> list[tuple[tarfile.TarInfo, bytes]]:
    """Take a tar apart with the standard library's reader."""
    with tarfile.open(fileobj=io.BytesIO(bundle)) as tar:
        return [(info, _content(tar, info)) for info in tar]


def _content(tar: tarfile.TarFile, info: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(info) if info.isfile() else None
    return file.read() if file is not None else b""


def with_index(data: bytes, change: Callable[[Any], object]) -> bytes:
    """Change what the index says, and keep the tar around it sound."""
    parts = members(data)
    said = json.loads(parts[0][1])
    change(said)
    content = json.dumps(said).encode()
    made = tarred.header(index_module.NAME, len(content))
    made += content + bytes(-len(content) % 512)
    for info, inside in parts[1:]:
        made += tarred.header(info.name, info.size) + inside
        made += bytes(-len(inside) % 512)
    return made + bytes(1024)


def tar_of(parts: list[tuple[tarfile.TarInfo, bytes]], form: Any = tarfile.USTAR_FORMAT) -> bytes:
    """Put a tar together, as others would."""
    made = b""
    for info, content in parts:
        block = info.tobuf(form)
        plain = tarfile.TarInfo(info.name)
        plain.size = info.size
        if block == plain.tobuf(form) and len(info.name) <= 100:
            # The standard library leaves fields empty that other programs fill with zeros.
            block = tarred.header(info.name, info.size)
        made += block + content + bytes(-len(content) % 512)
    return made + bytes(1024)
