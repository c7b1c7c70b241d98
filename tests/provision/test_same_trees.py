"""One lock, four ways to a box: the trees end the same."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from tests.provision.boxes import Fleet
from tests.provision.mirrors.served import nginx
from vaehub import provisioning

if TYPE_CHECKING:
    from pathlib import Path

    from vaehub.loopback import LoopbackWorld

WEBUI = "  webui: {ui: automatic1111, path: webui}\n  comfy: {ui: comfyui, path: comfy}\n"


def hashes(folder: Path) -> dict[str, str]:
    """Every file of the two UIs with its sha256, and every folder; not what receipts say."""
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


def test_four_ways_to_the_same_trees(tmp_path: Path, world: LoopbackWorld) -> None:
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
    provisioning.create_bundle(bundle, first.lock_path, settings=first.settings)
    asked = len(world.requests)
    third = box(tmp_path / "third", world, b"")
    third.extra["VAEHUB_OFFLINE"] = "1"
    brought = provisioning.import_bundle(bundle, settings=third.settings)
    third.sync(lock=brought.lock, to=[f"webui={third.tree}", f"comfy={third.comfy}"], offline=True)
    assert hashes(third.folder) == wanted
    assert len(world.requests) == asked

    # A mirror behind a real nginx.
    tree = tmp_path / "www"
    provisioning.mirror(tree, [first.lock_path], settings=first.settings)
    fourth = box(tmp_path / "fourth", world, lock)
    with nginx(tree, tmp_path / "nginx") as server:
        fourth.extra["VAEHUB_MIRRORS"] = server.base
        fourth.want("one", "two", "three")
        fourth.sync(frozen=True, offline=True)
    assert hashes(fourth.folder) == wanted
    assert len(world.requests) == asked, "nobody else was asked"
