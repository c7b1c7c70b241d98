"""One lock, four ways to a box: the trees end the same."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from tests.provision.boxes import Fleet
from vaehub import provisioning
from vaehub.provision import manifest

if TYPE_CHECKING:
    from pathlib import Path

    from vaehub.loopback import LoopbackWorld

WEBUI = "  webui: {ui: automatic1111, path: webui}\n  comfy: {ui: comfyui, path: comfy}\n"


def hashes(folder: Path) -> dict[str, str]:
    """Every file of the two UIs with its sha256, and every folder; receipts tell times, and are not
    compared."""
    found = {}
    for name in ("webui", "comfy"):
        for path in sorted((folder / name).rglob("*")):
            where = path.relative_to(folder).as_posix()
            if ".vaehub" in path.parts and path.is_file():
                found[where] = "a receipt"
            else:
                data = path.read_bytes() if path.is_file() else None
                found[where] = "a folder" if data is None else hashlib.sha256(data).hexdigest()
    return found


def box(folder: Path, world: LoopbackWorld, lock: bytes) -> Fleet:
    """A new machine with empty trees, an empty store, and the lock."""
    folder.mkdir()
    made = Fleet(folder, world)
    made.lock_path.write_bytes(lock)
    return made


def test_four_ways_to_the_same_trees(
    tmp_path: Path, world: LoopbackWorld, nginx_at: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "builder").mkdir()
    builder = Fleet(tmp_path / "builder", world)
    builder.want("two", "one", "three")
    lock = builder.lock().path.read_bytes()
    assert str(tmp_path).encode() not in lock

    first = box(tmp_path / "first", world, lock)
    first.want("one", "two", "three")
    first.sync(frozen=True)
    wanted = hashes(first.folder)
    assert sum(name.endswith(".safetensors") for name in wanted) >= 6

    # The same lock, its VAEs asked for and brought in another order.
    second = box(tmp_path / "second", world, lock)
    second.want("three", "two", "one")
    for place in ("comfy", "webui"):
        second.sync(frozen=True, to=[place])
    assert hashes(second.folder) == wanted

    # A bundle, on a box with no network.
    bundle = tmp_path / "vae.tar"
    provisioning.create_bundle(
        bundle, first.lock_path, settings=first.settings, catalogs=first.catalogs
    )
    asked = len(world.requests)
    third = box(tmp_path / "third", world, lock)
    third.extra["VAEHUB_OFFLINE"] = "1"
    third.want("one", "two", "three")
    provisioning.import_bundle(
        bundle,
        to=[f"webui={third.tree}", f"comfy={third.comfy}"],
        settings=third.settings,
        catalogs=third.catalogs,
    )
    assert hashes(third.folder) == wanted
    assert len(world.requests) == asked
    assert manifest.read(third.manifest).digest() == manifest.read(first.manifest).digest()
