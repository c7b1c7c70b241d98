"""A control node, and VAEs to provision with: a catalog, a lock, their bytes."""

from __future__ import annotations

import hashlib
import json
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests import builders
from tests.ansible.control import PLAYBOOK, Control, program
from vaehub import provisioning
from vaehub.catalog import Catalogs
from vaehub.catalog.compiled import load_file
from vaehub.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


class Models(NamedTuple):
    """What there is to provision."""

    folder: Path
    catalog: Path
    lock: Path
    files: Mapping[str, bytes]
    """By the name that each gets in ComfyUI."""

    def tree(self) -> dict[str, str]:
        """Give what a VAE folder equal to the lock holds, by name, with the sha256 of each."""
        return {name: hashlib.sha256(data).hexdigest() for name, data in self.files.items()}

    def publish(self, folder: Path) -> None:
        """Lay the files out as a mirror has them."""
        (folder / "sha256").mkdir(parents=True, exist_ok=True)
        for data in self.files.values():
            (folder / "sha256" / hashlib.sha256(data).hexdigest()).write_bytes(data)


BIG = "big.safetensors"
"""A file that takes seconds over a slow line."""


def make_models(folder: Path, files: Mapping[str, bytes], **fields: Any) -> Models:
    """Write a catalog of one VAE a file, and lock all of them for a ComfyUI."""
    folder.mkdir(parents=True, exist_ok=True)
    entries = {}
    for name, data in files.items():
        url = f"https://files.example/{name}"
        entries[name.partition(".")[0]] = builders.entry(
            {name: (data, [{"http": {"url": url}}])}, **fields
        )
    catalog = builders.write_catalog(folder / "mine.yaml", entries)
    manifest = {
        "schema": 1,
        "vaes": sorted(f"mine/{id_}" for id_ in entries),
        "targets": {"comfy": {"ui": "comfyui"}},
    }
    (folder / "vaehub.yaml").write_text(json.dumps(manifest), encoding="utf-8")
    loaded, problems = load_file(catalog, cache=folder / "cache", foreign=True)
    settings = Settings(store=folder / "store", state=folder / "state", cache=folder / "cache")
    provisioning.lock(
        folder / "vaehub.yaml", settings=settings, catalogs=Catalogs((loaded,), problems)
    )
    return Models(folder, catalog, folder / "vaehub.lock", dict(files))


def vae_tree(folder: Path) -> dict[str, str]:
    """Give the files of a VAE folder, but for vaehub's records and the user's own, by sha256."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".vaehub" not in path.parts and path.name != "mine.safetensors"
    }


FEW = {
    "house.safetensors": builders.safetensors_bytes(5_000, seed=1),
    "attic.safetensors": builders.safetensors_bytes(8_000, seed=2),
}


class Mirrored(NamedTuple):
    """A few small models, and a mirror that has them."""

    address: str
    folder: Path
    models: Models


@pytest.fixture(scope="session")
def mirrored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mirrored]:
    """Serve a few models from a thread: that is enough for one host."""

    class Silent(SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

    folder = tmp_path_factory.mktemp("mirror")
    models = make_models(tmp_path_factory.mktemp("few"), FEW)
    models.publish(folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Silent, directory=str(folder)))
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield Mirrored(f"http://127.0.0.1:{server.server_address[1]}", folder, models)
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    files = {**FEW, BIG: builders.safetensors_bytes(3_000_000, seed=3)}
    return make_models(tmp_path_factory.mktemp("models"), files)


@pytest.fixture(scope="session")
def control(tmp_path_factory: pytest.TempPathFactory) -> Control:
    if PLAYBOOK is None:
        pytest.skip("ansible-core is not installed")
    return Control(tmp_path_factory.mktemp("control") / "node")


@pytest.fixture(scope="session")
def vaehub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the program of this checkout."""
    return program(tmp_path_factory.mktemp("program"))
