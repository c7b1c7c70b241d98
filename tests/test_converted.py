"""``install --convert safetensors``: a pickle comes, and its weights are placed as safetensors."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests import builders, killing
from tests.api_box import Box, locator, overwrite
from tests.converting.samples import checkpoint, manifest, read, values
from tests.weights.checkpoints import archive
from vaehub import receipts
from vaehub.errors import FileInTheWay, NotAModel, TargetNotUsable, UsageError
from vaehub.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vaehub.loopback import LoopbackWorld

PICKLE = checkpoint()
NAME, MADE = "house.vae.pt", "house.vae.safetensors"


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def box(tmp_path: Path, world: LoopbackWorld) -> Box:
    box = Box(tmp_path, world)
    box.add("house", {NAME: PICKLE})
    return box


def install(box: Box, name: str = "house", **options: Any) -> Any:
    return box.install(name, convert="safetensors", **options)


def test_the_weights_are_placed_as_safetensors_and_nothing_else(box: Box) -> None:
    before = box.snapshot()
    [step] = install(box).steps
    path = box.vae / MADE
    assert (step.status, step.destination) == ("installed", path)
    assert box.listed == [MADE]
    assert read(path) == values(manifest())
    assert (step.sha256, step.size) == (digest(path.read_bytes()), path.stat().st_size)
    origin = {"name": NAME, "size": len(PICKLE), "sha256": digest(PICKLE)}
    assert step.converted_from == origin
    record = box.receipt(MADE)
    assert record["converted_from"] == origin
    assert record["sha256"] == step.sha256
    assert record["variant"] == "safetensors"
    assert record["source"].startswith("modelscope")
    box.uninstall("house")
    assert box.snapshot() == before


def test_a_second_run_changes_nothing_and_asks_nobody(box: Box) -> None:
    install(box)
    before, asked = box.snapshot(), len(box.world.requests)
    assert not install(box).changed
    assert box.snapshot() == before
    assert len(box.world.requests) == asked


def test_two_targets_share_the_bytes_and_one_download(box: Box, tmp_path: Path) -> None:
    install(box)
    other = tmp_path / "vaes"
    sent = box.world.bytes_sent("modelscope")
    install(box, to=other)
    assert box.world.bytes_sent("modelscope") == sent
    assert (other / MADE).read_bytes() == (box.vae / MADE).read_bytes()
    kept = Store(box.store).blob(digest((other / MADE).read_bytes()))
    assert kept.is_file()
    if box.receipt(MADE)["method"] == "hardlink":
        assert kept.stat().st_ino == (other / MADE).stat().st_ino == (box.vae / MADE).stat().st_ino


def test_verify_knows_it_and_finds_a_changed_byte(box: Box) -> None:
    install(box)
    assert box.problems(deep=True) == []
    data = bytearray((box.vae / MADE).read_bytes())
    data[-1] ^= 1
    overwrite(box.vae / MADE, bytes(data))
    [problem] = box.verify(deep=True).problems
    assert problem.code == "changed"
    assert problem.hint is not None
    assert "vaehub install house@safetensors --convert safetensors" in problem.hint


def test_a_newer_file_of_the_catalog_replaces_it(box: Box) -> None:
    install(box)
    before = (box.vae / MADE).read_bytes()
    newer = checkpoint(seed=1)
    place = {**locator(NAME), "revision": "1" * 40}
    box.world.publish("modelscope", place, newer)
    box.entries["house"] = builders.entry({NAME: (newer, [{"modelscope": place}])})
    assert box.problems() == [("outdated", True)]
    assert install(box).changed
    assert read(box.vae / MADE) == values(manifest(), seed=1)
    assert (box.vae / MADE).read_bytes() != before
    assert box.receipt(MADE)["converted_from"]["sha256"] == digest(newer)
    assert box.problems(deep=True) == []


def test_what_is_safetensors_already_is_placed_as_it_is(box: Box) -> None:
    path = box.vae / MADE
    install(box)
    data = path.read_bytes()
    box.uninstall("house")
    box.add("plain", {"plain.safetensors": data})
    [step] = install(box, "plain").steps
    assert step.converted_from is None
    assert (box.vae / "plain.safetensors").read_bytes() == data
    assert "converted_from" not in box.receipt("plain.safetensors")


@pytest.mark.parametrize("made_first", [True, False])
def test_a_file_and_what_is_made_of_another_stand_side_by_side(box: Box, made_first: bool) -> None:
    """Two variants of an entry: a pickle, and a safetensors file of the same stem."""
    itself = builders.safetensors_bytes(5_000, seed=1)
    box.add("house", {NAME: PICKLE, MADE: itself})
    entry = box.entries["house"]
    [both] = entry["variants"].values()
    one, two = both["artifacts"]
    entry["variants"] = {
        "pt": {**both, "artifacts": [one]},
        "safetensors": {**both, "artifacts": [two]},
    }
    names = ["house@pt", "house@safetensors"]
    for name in names if made_first else reversed(names):
        install(box, name)
    assert box.listed == ["house.safetensors", MADE]
    assert (box.vae / MADE).read_bytes() == itself
    assert read(box.vae / "house.safetensors") == values(manifest())
    assert box.problems(deep=True) == []
    before = box.snapshot()
    assert not any(install(box, name).changed for name in names)
    assert box.snapshot() == before


def test_a_file_of_the_users_is_in_the_way_of_the_new_name(box: Box) -> None:
    box.vae.mkdir(parents=True)
    (box.vae / MADE).write_bytes(b"the user's own")
    with pytest.raises(FileInTheWay):
        install(box)
    assert (box.vae / MADE).read_bytes() == b"the user's own"
    assert box.world.requests == []


def test_a_dry_run_says_of_what_it_would_be_made(box: Box) -> None:
    before = box.snapshot()
    [step] = install(box, dry_run=True).steps
    assert step.destination == box.vae / MADE
    assert step.reason == f"not there yet; made of {NAME}"
    assert box.snapshot() == before


def test_what_is_no_vae_is_refused_and_leaves_nothing(box: Box) -> None:
    box.add("notes", {"notes.pt": archive({"notes": [1, 2, 3]}, {})})
    before = box.snapshot()
    with pytest.raises(NotAModel, match=r"notes\.pt"):
        install(box, "notes")
    assert box.snapshot() == before
    assert list((box.store / "partial").glob("*")) == []


def test_another_form_is_refused_before_anything_happens(box: Box) -> None:
    with pytest.raises(UsageError, match="'gguf'"):
        box.install("house", convert="gguf")
    assert box.world.requests == []


def test_a_receipt_whose_origin_was_edited_is_damaged(box: Box) -> None:
    install(box)
    path = box.vae / ".vaehub" / f"{MADE}.json"
    whole = json.loads(path.read_text())
    edits: list[Any] = [{"sha256": "x"}, [], {**whole["converted_from"], "size": "1"}]
    for edited in edits:
        path.write_text(json.dumps({**whole, "converted_from": edited}))
        found = receipts.scan(box.vae)
        assert found.receipts == ()
        assert [problem.code for problem in found.problems] == ["receipt-damaged"]


@pytest.fixture
def far(tmp_path: Path) -> Iterator[Path]:
    """Give a folder on another file system than the store."""
    shared = Path("/dev/shm")
    if not os.access(shared, os.W_OK) or shared.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("this machine offers no second file system")
    with tempfile.TemporaryDirectory(dir=shared) as folder:
        yield Path(folder)


def test_on_another_file_system_only_the_result_goes_there(box: Box, far: Path) -> None:
    install(box, to=far)
    assert sorted(path.name for path in far.rglob("*") if path.is_file()) == [
        MADE,
        f"{MADE}.json",
    ]
    assert not Store(box.store).has(digest((far / MADE).read_bytes()))
    assert not install(box, to=far).changed


def test_on_another_file_system_a_failure_leaves_nothing(box: Box, far: Path) -> None:
    box.add("notes", {"notes.pt": archive({"notes": [1, 2, 3]}, {})})
    with pytest.raises(NotAModel):
        install(box, "notes", to=far / "vaes")
    assert list(far.iterdir()) == []


def test_a_result_that_cannot_be_written_is_told_of(box: Box) -> None:
    box.install("house")  # the pickle is in the store, and so only the result is to be written
    key = hashlib.sha256(f"safetensors of {digest(PICKLE)}".encode()).hexdigest()
    (box.store / "partial" / f"{key}.part").mkdir()
    with pytest.raises(TargetNotUsable, match=r"cannot convert in .*partial: Is a directory"):
        install(box)
    assert box.listed == [NAME]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")
def test_killed_at_each_step_the_folder_is_untouched_or_complete(box: Box) -> None:
    environment = {
        **box.world.environment(),
        "HOME": str(box.folder),
        "VAEHUB_STORE": str(box.store),
        "XDG_STATE_HOME": str(box.folder / "state"),
        "VAEHUB_CATALOG": str(box.catalog),
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
    words = ["install", "mine/house", "--to", str(box.tree), "--convert", "safetensors"]
    killing.run(["list"], environment=environment, cwd=box.folder)
    before = box.snapshot()
    whole = killing.run(words, environment=environment, cwd=box.folder)
    assert whole.returncode == 0, whole.stderr
    wanted = (box.vae / MADE).read_bytes()
    events = int(whole.stderr.rpartition("events: ")[2])
    box.uninstall("house")
    for point in range(1, events + 1, max(1, events // 25)):
        shutil.rmtree(box.store)
        environment["XDG_STATE_HOME"] = str(box.folder / f"state-{point}")
        done = killing.run(words, environment=environment, cwd=box.folder, kill_at=point)
        assert done.returncode == -signal.SIGKILL
        placed = box.vae / MADE
        assert not placed.exists() or placed.read_bytes() == wanted
        install(box)
        assert box.listed == [MADE]
        assert placed.read_bytes() == wanted
        box.uninstall("house")
        assert box.snapshot() == before, point
