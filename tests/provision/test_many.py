"""Many boxes on one store."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests import builders
from tests.trees import snapshot

if TYPE_CHECKING:
    from vaehub.loopback import LoopbackWorld

DATA = {name: builders.safetensors_bytes(2_000_000, seed=seed) for seed, name in enumerate("abc")}


def locator(name: str) -> dict[str, str]:
    return {"repo": "acme/vae", "revision": "0" * 40, "path": f"{name}.safetensors"}


def test_ten_processes_fetch_each_file_once(tmp_path: Path, world: LoopbackWorld) -> None:
    """Ten targets, two manifests in different orders, one store: every tree ends the same."""
    for name, data in DATA.items():
        world.publish("huggingface", locator(name), data)
    catalog = builders.write_catalog(
        tmp_path / "mine.yaml",
        {
            name: {f"{name}.safetensors": (data, [{"huggingface": locator(name)}])}
            for name, data in DATA.items()
        },
    )
    environment = {
        **os.environ,
        **world.environment(),
        "VAEHUB_STORE": str(tmp_path / "store"),
        "VAEHUB_CATALOG": str(catalog),
        "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
    }
    boxes = [tmp_path / f"box{number}" for number in range(10)]
    for number, box in enumerate(boxes):
        box.mkdir()
        names = ", ".join(sorted(DATA, reverse=number % 2 == 1))
        text = f"schema: 1\nvaes: [{names}]\ntargets:\n  ui: {{ui: automatic1111, path: webui}}\n"
        (box / "vaehub.yaml").write_text(text)
    world.faults("huggingface").slow(bytes_per_second=4_000_000)
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "vaehub", "sync", "-q"],
            cwd=box,
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        for box in boxes
    ]
    for process in running:
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
    trees = [
        {
            name: held
            for name, held in snapshot(box / "webui").items()
            if not name.endswith(".json")  # receipts tell inodes and times
        }
        for box in boxes
    ]
    assert all(tree == trees[0] for tree in trees)
    locks = {(box / "vaehub.lock").read_bytes() for box in boxes}
    assert len(locks) == 1, "the order of the manifest does not matter"
    # Pieces that are split while they come are sent in part for nobody.
    assert world.bytes_sent("huggingface") <= sum(map(len, DATA.values())) + 500_000
