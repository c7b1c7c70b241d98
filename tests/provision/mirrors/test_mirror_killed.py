"""SIGKILL at every stage of writing a mirror: what a web server would give is whole, always."""

from __future__ import annotations

import shutil
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from tests import killing
from tests.provision.mirrors.building import ONE, THREE, TWO, Builder, assert_servable, held

if TYPE_CHECKING:
    from pathlib import Path

    from vaehub.loopback import LoopbackWorld

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")
SMALL = ("index.json", "SHA256SUMS", "README.txt", "vaehub.lock")
DENSE = 24
"""So many events at the end are tried one by one: there the small files are written."""


@pytest.fixture
def builder(tmp_path: Path, world: LoopbackWorld) -> Builder:
    return Builder(tmp_path, world)


def test_killed_at_each_file_system_event(builder: Builder, world: LoopbackWorld) -> None:
    """A mirror of an earlier lock becomes one of a newer lock, pruned; killed on the way there."""
    old, new = builder.lock("one", "two", name="old/vaehub.lock"), builder.lock("two", "three")
    environment = {
        **world.environment(),
        "HOME": str(builder.folder),
        "XDG_CACHE_HOME": str(builder.folder / "cache"),
        "XDG_STATE_HOME": str(builder.folder / "state"),
        "VAEHUB_STORE": str(builder.box.store),
    }
    arguments = ["mirror", str(builder.root), "--lock", str(new), "--prune"]

    def begin() -> None:
        shutil.rmtree(builder.root, ignore_errors=True)
        shutil.rmtree(builder.box.store, ignore_errors=True)
        builder.mirror(old)

    begin()
    killing.run(arguments, environment=environment, cwd=builder.folder)  # fills the user's cache
    begin()
    whole = killing.run(arguments, environment=environment, cwd=builder.folder)
    assert whole.returncode == 0, whole.stderr
    events = int(whole.stderr.rpartition("events: ")[2])
    expected = held(TWO, THREE)
    assert builder.blobs == expected
    killed = 0
    final = {name: (builder.root / name).read_bytes() for name in SMALL}
    points = [*range(1, events - DENSE, 3), *range(events - DENSE, events + 1)]
    for point in points:
        begin()
        done = killing.run(arguments, environment=environment, cwd=builder.folder, kill_at=point)
        killed += done.returncode == -signal.SIGKILL
        assert_servable(builder.root)
        if (builder.root / "index.json").read_bytes() == final["index.json"]:
            # It is the last to be written.
            assert {name: (builder.root / name).read_bytes() for name in SMALL} == final
        assert builder.blobs.items() <= held(ONE, TWO, THREE).items()

        builder.mirror(new, prune=True)
        assert builder.blobs == expected, point
        assert (builder.root / "vaehub.lock").read_bytes() == new.read_bytes()
        left = {path.name for path in builder.root.rglob("*") if path.name.endswith(".part")}
        assert not left, point
        assert not builder.mirror(new, prune=True).changed
    assert killed == len(points) > DENSE
