"""Which installed files serve another place, and which no longer do."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from tests.api_box import overwrite
from vaehub import copies as copies_module
from vaehub.copies import Copies, device_of

if TYPE_CHECKING:
    from pathlib import Path

DATA = b"some weights"
SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a.safetensors"
    path.write_bytes(DATA)
    return path


def test_what_was_placed_serves_until_it_changes(path: Path) -> None:
    copies = Copies()
    device = device_of(path)
    assert not copies.knows("key")
    copies.placed("key", path, SHA256)
    assert copies.knows("key")
    copy = copies.find("key", device=device)
    assert copy is not None
    assert (copy.path, copy.sha256, copy.size, copy.device) == (path, SHA256, len(DATA), device)
    assert copies.find("other", device=device) is None
    overwrite(path, b"other words.")
    assert copies.find("key", device=device) is None
    assert not copies.knows("key"), "it is forgotten"


@pytest.mark.parametrize("deed", ["gone", "a folder", "a link"])
def test_what_is_no_longer_that_file_serves_nobody(path: Path, deed: str, tmp_path: Path) -> None:
    copies = Copies()
    copies.placed("key", path, SHA256)
    copies.found("key", path, SHA256)
    if deed == "a link":
        path.rename(tmp_path / "moved")
        path.symlink_to(tmp_path / "moved")
    else:
        path.unlink()
    if deed == "a folder":
        path.mkdir()
    assert copies.find("key", device=device_of(tmp_path)) is None


def test_what_was_found_is_hashed_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[Path] = []

    def sha256_of(path: Path) -> str:
        hashed.append(path)
        return hashlib.sha256(path.read_bytes()).hexdigest()

    monkeypatch.setattr(copies_module, "sha256_of", sha256_of)
    copies = Copies()
    copies.found("key", path, SHA256)
    copies.found("wrong", path, "0" * 64)
    copies.found("gone", path.with_name("gone"), SHA256)
    copies.placed("gone", path.with_name("gone"), SHA256)
    assert hashed == []
    assert copies.find("key", device=device_of(path)) is not None
    assert copies.find("key", device=device_of(path)) is not None
    assert hashed == [path]
    assert copies.find("wrong", device=device_of(path)) is None
    assert not copies.knows("gone")


def test_the_nearer_one_goes_first(path: Path, tmp_path: Path) -> None:
    copies = Copies()
    copies.placed("key", path, SHA256)
    second = tmp_path / "b.safetensors"
    second.write_bytes(DATA)
    copies.placed("key", second, SHA256)
    first, last = copies._known["key"]
    copies._known["key"] = [(first[0]._replace(device=-1), first[1]), last]
    for device, expected in ((-1, path), (device_of(path), second)):
        copy = copies.find("key", device=device)
        assert copy is not None
        assert copy.path == expected


def test_the_device_of_what_is_not_there_yet(path: Path) -> None:
    device = path.stat().st_dev
    assert device_of(path.parent / "not" / "yet") == device
    assert device_of(path / "below a file") == device
