"""What stands at a destination: six answers, and the cheap one first."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

import pytest

from vaehub import observe, receipts
from vaehub.model import Artifact, Receipt, Source

if TYPE_CHECKING:
    from pathlib import Path

DATA = b"the bytes that the catalog wants"
OTHER = b"the bytes that it wanted earlier"
assert len(DATA) == len(OTHER)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def artifact(data: bytes | None = DATA, *, size: int | None = len(DATA)) -> Artifact:
    return Artifact(
        "vae.safetensors",
        (Source("http", {"url": "https://example.org/f"}),),
        size,
        None if data is None else digest(data),
        "host" if data is None else "single",
    )


@pytest.fixture
def destination(tmp_path: Path) -> Path:
    folder = tmp_path / "models" / "VAE"
    folder.mkdir(parents=True)
    return folder / "vae.safetensors"


def placed(path: Path, data: bytes = DATA) -> Receipt:
    """Place a file as an install does, and write its receipt."""
    path.write_bytes(data)
    (path.parent / ".vaehub").mkdir(exist_ok=True)
    stat = path.stat()
    receipt = Receipt(
        path=path,
        entry="mine/vae",
        variant="safetensors",
        sha256=digest(data),
        size=len(data),
        evidence="single",
        source="http https://example.org/f",
        method="copy",
        license="MIT",
        mtime_ns=stat.st_mtime_ns,
        inode=stat.st_ino,
        installed_at="2026-01-01T00:00:00+00:00",
    )
    receipts.write(receipt)
    return receipt


def rewrite(path: Path, data: bytes) -> None:
    """Write other bytes without leaving a trace in size, time or inode."""
    stat = path.stat()
    path.write_bytes(data)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def touch(path: Path) -> None:
    stat = path.stat()
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1_000_000_000))


# look


def look(destination: Path, artifact: Artifact, *, entry: str = "mine/vae") -> str:
    return observe.look(destination, artifact, entry=entry)


def test_absent(destination: Path) -> None:
    assert look(destination, artifact()) == "absent"
    assert look(destination.parent / "no" / "folder" / "x", artifact()) == "absent"


def test_absent_although_a_receipt_is_left(destination: Path) -> None:
    placed(destination)
    destination.unlink()
    assert look(destination, artifact()) == "absent"


def test_intact(destination: Path) -> None:
    placed(destination)
    assert look(destination, artifact()) == "intact"
    assert look(destination, artifact(None, size=None)) == "intact"


def test_intact_after_a_copy_of_the_whole_tree(destination: Path, tmp_path: Path) -> None:
    import shutil

    placed(destination)
    copy = tmp_path / "elsewhere"
    shutil.copytree(destination.parent, copy)
    touch(copy / destination.name)
    assert look(copy / destination.name, artifact()) == "intact"


def test_outdated(destination: Path) -> None:
    placed(destination, OTHER)
    assert look(destination, artifact()) == "outdated"


def test_what_another_entry_wants_under_the_same_name(destination: Path) -> None:
    placed(destination, OTHER)
    assert look(destination, artifact(), entry="house/vae") == "taken"
    assert look(destination, artifact(None), entry="house/vae") == "taken"
    assert look(destination, artifact(OTHER), entry="house/vae") == "intact"
    destination.write_bytes(b"")
    assert look(destination, artifact(), entry="house/vae") == "changed"


@pytest.mark.parametrize("data", [OTHER, DATA[:-1], DATA + b"x", b""])
def test_changed(destination: Path, data: bytes) -> None:
    placed(destination)
    destination.write_bytes(data)
    touch(destination)
    assert look(destination, artifact()) == "changed"
    assert look(destination, artifact(None)) == "changed"


def test_a_changed_file_is_never_taken_for_an_outdated_one(destination: Path) -> None:
    placed(destination, OTHER)
    destination.write_bytes(DATA)
    touch(destination)
    assert look(destination, artifact()) == "changed"


def test_same_bytes(destination: Path) -> None:
    destination.write_bytes(DATA)
    assert look(destination, artifact()) == "same-bytes"
    assert look(destination, artifact(size=None)) == "same-bytes"


def test_same_bytes_through_a_link(destination: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "collection.safetensors"
    elsewhere.write_bytes(DATA)
    destination.symlink_to(elsewhere)
    assert look(destination, artifact()) == "same-bytes"


@pytest.mark.parametrize("data", [OTHER, DATA + b"x", b""])
def test_foreign(destination: Path, data: bytes) -> None:
    destination.write_bytes(data)
    assert look(destination, artifact()) == "foreign"


def test_foreign_where_the_catalog_knows_no_hash(destination: Path) -> None:
    destination.write_bytes(DATA)
    assert look(destination, artifact(None)) == "foreign"


def test_foreign_things_that_are_no_files(destination: Path, tmp_path: Path) -> None:
    destination.mkdir()
    assert look(destination, artifact()) == "foreign"
    destination.rmdir()
    destination.symlink_to(tmp_path / "nowhere")
    assert look(destination, artifact()) == "foreign"


def test_a_folder_in_place_of_our_file(destination: Path) -> None:
    placed(destination)
    destination.unlink()
    destination.mkdir()
    assert look(destination, artifact()) == "foreign"


def test_a_damaged_receipt_gives_no_rights(destination: Path) -> None:
    placed(destination, OTHER)
    receipts.receipt_path(destination).write_text("{", encoding="utf-8")
    assert look(destination, artifact()) == "foreign"


# is_unchanged


def test_the_quick_look_reads_no_byte(destination: Path) -> None:
    receipt = placed(destination)
    rewrite(destination, OTHER)
    assert observe.is_unchanged(receipt)
    assert not observe.is_unchanged(receipt, deep=True)


def test_a_new_time_means_hashing(destination: Path) -> None:
    receipt = placed(destination)
    touch(destination)
    assert observe.is_unchanged(receipt)
    rewrite(destination, OTHER)
    assert not observe.is_unchanged(receipt)


def test_a_new_inode_means_hashing(destination: Path) -> None:
    receipt = placed(destination)
    stat = destination.stat()
    other = destination.with_name("other")
    other.write_bytes(OTHER)
    os.utime(other, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    other.replace(destination)
    assert not observe.is_unchanged(receipt)


def test_another_size_needs_no_hash(destination: Path) -> None:
    receipt = placed(destination)
    destination.write_bytes(DATA + b"x")
    assert not observe.is_unchanged(receipt)
    assert not observe.is_unchanged(receipt, deep=True)


def test_a_file_that_is_gone(destination: Path) -> None:
    receipt = placed(destination)
    destination.unlink()
    with pytest.raises(FileNotFoundError):
        observe.is_unchanged(receipt)


def test_several_files_are_told_in_the_order_of_their_receipts(tmp_path: Path) -> None:
    files = [tmp_path / f"{name}.safetensors" for name in "abcde"]
    all_placed = [placed(file) for file in files]
    rewrite(files[1], OTHER)  # only its bytes tell
    touch(files[2])
    files[3].unlink()
    quick = observe.are_unchanged(all_placed)
    deep = observe.are_unchanged(all_placed, deep=True)
    assert isinstance(quick[3], FileNotFoundError)
    assert isinstance(deep[3], FileNotFoundError)
    assert [*quick[:3], quick[4]] == [True, True, True, True]
    assert [*deep[:3], deep[4]] == [True, False, True, True]
