"""Between a file and its receipt a kill may fall: the note in the store bridges it."""

from __future__ import annotations

import hashlib
import json
import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vaehub import intents, observe, receipts
from vaehub.model import Receipt

if TYPE_CHECKING:
    from pathlib import Path

DATA = b"bytes of a file that is about to be placed"


class Box:
    """A store, a folder of a UI, and the receipt of a file that is about to be placed there."""

    def __init__(self, folder: Path) -> None:
        self.store = folder / "store"
        self.destination = folder / "models" / "VAE" / "vae.safetensors"
        self.destination.parent.mkdir(parents=True)
        self.receipt = Receipt(
            path=self.destination,
            entry="mine/vae",
            variant="safetensors",
            sha256=hashlib.sha256(DATA).hexdigest(),
            size=len(DATA),
            evidence="single",
            source="huggingface acme/vae",
            method="",
            license="MIT",
            mtime_ns=0,
            inode=0,
            installed_at="2026-01-01T00:00:00+00:00",
            created_folders=("models", "models/VAE"),
            root="../..",
        )

    @property
    def notes(self) -> list[Path]:
        folder = self.store / "intents"
        return sorted(folder.iterdir()) if folder.is_dir() else []

    @property
    def found(self) -> list[str]:
        return sorted(path.name for path in self.destination.parent.rglob("*"))


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


def test_a_note_lies_in_the_store_alone(box: Box) -> None:
    intents.note(box.store, box.receipt)
    assert len(box.notes) == 1
    assert box.found == []


def test_killed_before_the_file_was_placed(box: Box) -> None:
    intents.note(box.store, box.receipt)
    intents.finish(box.store, box.destination)
    assert box.notes == []
    assert box.found == []


def test_killed_before_the_receipt_was_written(box: Box) -> None:
    intents.note(box.store, box.receipt)
    box.destination.write_bytes(DATA)
    intents.finish(box.store, box.destination)
    assert box.notes == []
    written = receipts.find(box.destination)
    assert written is not None
    stat = box.destination.stat()
    assert (written.mtime_ns, written.inode) == (stat.st_mtime_ns, stat.st_ino)
    assert (written.entry, written.sha256) == (box.receipt.entry, box.receipt.sha256)
    assert written.created_folders == box.receipt.created_folders
    assert observe.is_unchanged(written)


def test_killed_while_a_partial_was_moved(box: Box) -> None:
    """Across file systems the partial lies beside its destination, and a move is link, unlink."""
    ours = box.destination.parent / ".vaehub"
    ours.mkdir()
    intents.note(box.store, box.receipt)
    partial, other = ours / f"{'a' * 64}.part", ours / f"{'b' * 64}.part"
    partial.write_bytes(DATA)
    other.write_bytes(b"of another download")
    os.link(partial, box.destination)
    intents.finish(box.store, box.destination)
    assert not partial.exists()
    assert other.read_bytes() == b"of another download"
    assert box.destination.read_bytes() == DATA
    assert receipts.find(box.destination) is not None


def test_killed_after_the_receipt_was_written(box: Box) -> None:
    intents.note(box.store, box.receipt)
    box.destination.write_bytes(DATA)
    (box.destination.parent / ".vaehub").mkdir()
    done = receipts.with_stat(box.receipt, box.destination.stat())
    receipts.write(done)
    before = receipts.receipt_path(box.destination).read_bytes()
    intents.finish(box.store, box.destination)
    assert box.notes == []
    assert receipts.receipt_path(box.destination).read_bytes() == before


def test_killed_before_the_receipt_of_a_replaced_file_was_written(box: Box) -> None:
    box.destination.write_bytes(b"older bytes")
    (box.destination.parent / ".vaehub").mkdir()
    older = box.receipt._replace(sha256=hashlib.sha256(b"older bytes").hexdigest(), size=11)
    receipts.write(receipts.with_stat(older, box.destination.stat()))
    intents.note(box.store, box.receipt)
    box.destination.write_bytes(DATA)
    intents.finish(box.store, box.destination)
    written = receipts.find(box.destination)
    assert written is not None
    assert written.sha256 == box.receipt.sha256
    assert observe.is_unchanged(written)


def test_killed_before_a_file_was_replaced(box: Box) -> None:
    box.destination.write_bytes(b"older bytes")
    (box.destination.parent / ".vaehub").mkdir()
    older = box.receipt._replace(sha256=hashlib.sha256(b"older bytes").hexdigest(), size=11)
    older = receipts.with_stat(older, box.destination.stat())
    receipts.write(older)
    intents.note(box.store, box.receipt)
    intents.finish(box.store, box.destination)
    assert receipts.find(box.destination) == older
    assert box.notes == []


def test_a_file_of_the_users_stays_the_users(box: Box) -> None:
    intents.note(box.store, box.receipt)
    box.destination.write_bytes(b"x" * len(DATA))
    intents.finish(box.store, box.destination)
    assert box.notes == []
    assert receipts.find(box.destination) is None
    assert box.found == ["vae.safetensors"]


def test_neither_a_link_nor_a_folder_becomes_ours(box: Box) -> None:
    own = box.destination.parent.parent / "own.safetensors"
    own.write_bytes(DATA)
    box.destination.symlink_to(own)
    intents.note(box.store, box.receipt)
    intents.finish(box.store, box.destination)
    assert receipts.find(box.destination) is None
    box.destination.unlink()
    box.destination.mkdir()
    intents.note(box.store, box.receipt)
    intents.finish(box.store, box.destination)
    assert receipts.find(box.destination) is None
    assert box.notes == []


def test_what_is_owed_is_told_and_nothing_done(box: Box) -> None:
    assert intents.owed(box.store) == []
    intents.note(box.store, box.receipt)
    intents.note_folders(box.store, box.destination.parent, [box.destination.parent])
    (box.store / "intents" / "damaged.json").write_text("{")
    assert intents.owed(box.store) == []  # no file
    box.destination.write_bytes(b"the user's own")
    assert intents.owed(box.store) == []
    box.destination.write_bytes(DATA)
    assert intents.owed(box.store) == intents.owed(box.store) == [box.receipt]
    assert len(box.notes) == 3
    assert box.found == ["vae.safetensors"]
    note = box.notes[0]
    moved = {path.rename(path.with_name(f"x{path.name}")) for path in box.notes}
    assert intents.owed(box.store) == []  # a note is for its own destination
    assert moved
    assert note.parent.is_dir()
    intents.note(box.store, box.receipt)
    intents.finish(box.store, box.destination)
    assert intents.owed(box.store) == []


def test_a_note_is_for_its_own_destination(box: Box) -> None:
    intents.note(box.store, box.receipt)
    other = box.destination.with_name("other.safetensors")
    other.write_bytes(DATA)
    intents.finish(box.store, other)
    assert receipts.find(other) is None
    assert len(box.notes) == 1


def test_a_note_that_was_moved_to_another_name_is_dropped(box: Box) -> None:
    intents.note(box.store, box.receipt)
    other = box.destination.with_name("other.safetensors")
    other.write_bytes(DATA)
    name = hashlib.sha256(str(other).encode()).hexdigest()
    box.notes[0].rename(box.store / "intents" / f"{name}.json")
    intents.finish(box.store, other)
    assert receipts.find(other) is None
    assert box.notes == []


def test_forgetting(box: Box) -> None:
    intents.note(box.store, box.receipt)
    intents.forget(box.store, box.destination)
    intents.forget(box.store, box.destination)
    assert box.notes == []


def test_without_a_store_there_is_nothing_to_finish(box: Box) -> None:
    box.destination.write_bytes(DATA)
    intents.finish(box.store, box.destination)
    assert not box.store.exists()
    assert box.found == ["vae.safetensors"]


def test_a_later_note_replaces_the_earlier(box: Box) -> None:
    intents.note(box.store, box.receipt)
    intents.note(box.store, box.receipt)
    assert len(box.notes) == 1


# Folders


def test_folders_that_an_unfinished_run_made(box: Box) -> None:
    folder = box.destination.parent
    assert intents.folders(box.store, folder) == frozenset()
    intents.note_folders(box.store, folder, [folder, folder.parent])
    assert intents.folders(box.store, folder) == {folder, folder.parent}
    assert intents.folders(box.store, folder.parent) == frozenset()
    intents.forget(box.store, folder)
    assert intents.folders(box.store, folder) == frozenset()
    assert box.notes == []


def test_no_folders_need_no_note(box: Box) -> None:
    intents.note_folders(box.store, box.destination.parent, [])
    assert not box.store.exists()


@pytest.mark.parametrize("spoil", [b"", b"[]", b"{}", b'{"folders": 3}', b'{"folders": [3]}'])
def test_a_damaged_note_of_folders_claims_none(box: Box, spoil: bytes) -> None:
    folder = box.destination.parent
    intents.note_folders(box.store, folder, [folder])
    box.notes[0].write_bytes(spoil)
    assert intents.folders(box.store, folder) == frozenset()


# Damage


@pytest.mark.parametrize(
    "spoil",
    [
        b"",
        b"{",
        b"\xff",
        b"[]",
        b"3",
        b"{}",
        b'{"path": "x"}',
        b'{"path": "x", "receipt": null}',
        b'{"path": 3, "receipt": {}}',
        b'{"receipt": {"schema": 1}}',
    ],
)
def test_a_damaged_note_is_no_right(box: Box, spoil: bytes) -> None:
    intents.note(box.store, box.receipt)
    box.notes[0].write_bytes(spoil)
    box.destination.write_bytes(DATA)
    intents.finish(box.store, box.destination)
    assert box.notes == []
    assert receipts.find(box.destination) is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(st.sampled_from(["path", "receipt", "schema", "root"]), inner)
        ),
        max_leaves=5,
    )
)
def test_no_note_can_break_an_install(box: Box, record: object) -> None:
    intents.note(box.store, box.receipt)
    box.notes[0].write_text(json.dumps(record), encoding="utf-8")
    box.destination.write_bytes(DATA)
    intents.finish(box.store, box.destination)
    assert receipts.find(box.destination) is None
