"""What vaehub placed, and what killed runs left behind."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest

from tests.doctor.uis import Ui, vae
from vaehub import intents, observe, receipts, staging
from vaehub.model import Receipt

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def ui(tmp_path: Path) -> Ui:
    return Ui(tmp_path)


def placed(ui: Ui, name: str = "house.safetensors", *, method: str = "copy") -> Receipt:
    """Write a file and the receipt that says that we placed it; the catalog has it."""
    from vaehub.hashing import sha256_of

    path = vae(ui.folder() / name)
    stat = path.stat()
    receipt = Receipt(
        path=path,
        entry="mine/house",
        variant="safetensors",
        sha256=sha256_of(path),
        size=stat.st_size,
        evidence="single",
        source="store",
        method=method,
        license="MIT",
        mtime_ns=stat.st_mtime_ns,
        inode=stat.st_ino,
        installed_at="2026-01-01T00:00:00+00:00",
        root="../..",
    )
    receipts.write(receipt)
    ui.knows("house", {name: path.read_bytes()})
    return receipt


def again(ui: Ui) -> str:
    return f"vaehub install mine/house@safetensors --to {shlex.quote(str(ui.root))}"


def test_what_is_as_we_placed_it(ui: Ui, monkeypatch: pytest.MonkeyPatch) -> None:
    receipt = placed(ui)

    def refuse(paths: list[Path]) -> list[str]:
        assert paths == [], "the receipt tells the digest"
        return []

    monkeypatch.setattr("vaehub.doctor.sameness.sha256_of_each", refuse)
    assert ui.codes() == []
    seen = ui.seen(receipt.path)
    assert (seen.receipt, seen.sha256) == (receipt, receipt.sha256)
    assert seen.known is not None  # by its receipt: nothing was hashed


def test_what_is_gone(ui: Ui) -> None:
    receipt = placed(ui)
    receipt.path.unlink()
    assert ui.codes() == ["missing"]
    assert ui.hint(receipt.path) == again(ui)


def test_what_was_changed_since(ui: Ui) -> None:
    receipt = placed(ui)
    vae(receipt.path, seed=77)
    assert ui.codes() == ["changed"]
    hint = ui.hint(receipt.path) or ""
    assert hint == f"if you did not change it: rm {receipt.path} && {again(ui)}"
    assert ui.seen(receipt.path).sha256 != receipt.sha256


def test_what_the_catalog_has_in_another_form_by_now(ui: Ui) -> None:
    receipt = placed(ui)
    ui.knows("house", {"house.safetensors": b"other bytes"})
    assert ui.codes() == ["outdated"]
    assert ui.hint(receipt.path) == again(ui)
    ui.entries.clear()
    assert ui.codes() == ["left-catalog"]
    assert ui.examine().ok


def test_a_receipt_that_cannot_be_read(ui: Ui) -> None:
    receipt = placed(ui)
    record = receipts.receipt_path(receipt.path)
    record.write_text("{")
    assert ui.codes() == ["receipt-damaged"]
    assert ui.hint(record) == f"rm {record}"


def test_a_receipt_that_a_killed_run_owes(ui: Ui) -> None:
    receipt = placed(ui)
    receipts.receipt_path(receipt.path).unlink()
    intents.note(ui.store, receipt)
    assert ui.codes() == ["receipt-owed"]
    assert ui.examine().ok
    assert ui.hint(receipt.path) == again(ui)
    assert observe.is_unchanged(receipt)
    # As before: looking changes nothing.
    assert ui.codes() == ["receipt-owed"]
    vae(receipt.path, seed=77)  # a file of the user's by now
    assert ui.codes() == []


def test_what_another_target_is_owed_is_not_said_here(ui: Ui, tmp_path: Path) -> None:
    receipt = placed(ui)
    elsewhere = vae(tmp_path / "elsewhere" / "house.safetensors")
    intents.note(ui.store, receipt._replace(path=elsewhere))
    assert ui.codes() == []


def test_what_was_damaged_and_kept(ui: Ui) -> None:
    aside = ui.folder() / staging.FOLDER / "house.safetensors.1.damaged"
    aside.parent.mkdir()
    aside.touch()
    assert ui.codes() == ["set-aside"]
    assert ui.hint(aside) == f"rm {aside}"
    assert ui.examine().ok


def test_what_killed_runs_left(ui: Ui) -> None:
    ours = ui.folder() / staging.FOLDER
    ours.mkdir()
    machine = staging._machine()
    dead = ours / f"vaehub-{machine}-{'9' * 10}-00000000.part"
    alive = ours / staging.new_name()
    partial = ours / f"{'a' * 64}.part"
    for path in (dead, alive, partial):
        path.touch()
    assert ui.codes() == ["leftover", "unfinished-install"]
    assert ui.hint(dead) == f"rm {dead}"
    assert ui.examine().ok


def test_receipts_below_the_folder_count_too(ui: Ui) -> None:
    receipt = placed(ui, "sub/house.safetensors".rpartition("/")[2])
    sub = ui.folder() / "sub"
    (ui.folder() / staging.FOLDER).rename(ui.folder() / "keep")
    sub.mkdir()
    receipt.path.rename(sub / receipt.path.name)
    (ui.folder() / "keep").rename(sub / staging.FOLDER)
    assert ui.codes() == []
    assert ui.seen(sub / receipt.path.name).receipt is not None


def test_two_files_that_share_their_blocks_take_no_room_twice(ui: Ui) -> None:
    placed(ui, "a.safetensors", method="reflink")
    first = ui.folder() / "a.safetensors"
    second = vae(ui.folder() / "b.safetensors", seed=first.read_bytes()[-1])
    assert ui.codes() == ["duplicate"]
    receipt = receipts.find(first)
    assert receipt is not None
    stat = second.stat()
    receipts.write(receipt._replace(path=second, inode=stat.st_ino, mtime_ns=stat.st_mtime_ns))
    assert ui.codes() == []


def test_what_we_placed_keeps_its_name_where_another_has_it(ui: Ui) -> None:
    receipt = placed(ui)
    other = vae(ui.folder() / "sub" / "house.safetensors", seed=77)
    assert ui.codes(receipt.path) == ui.codes(other) == ["shadowed"]
    named = other.with_name("2-house.safetensors")
    assert ui.hint(receipt.path) == ui.hint(other) == f"mv {other} {named}"


def test_what_we_placed_and_the_ui_does_not_list_is_installed_anew(ui: Ui) -> None:
    receipt = placed(ui, "house.sft")
    assert ui.codes(receipt.path) == ["not-listed"]
    assert ui.hint(receipt.path) == f"vaehub install mine/house --to {ui.root}"
