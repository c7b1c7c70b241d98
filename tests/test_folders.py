"""Folders that a file needs."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from vaehub import folders

if TYPE_CHECKING:
    from pathlib import Path


def test_the_room_is_what_the_standard_library_says(tmp_path: Path) -> None:
    theirs = shutil.disk_usage(tmp_path).free
    assert folders.free_bytes(tmp_path) == pytest.approx(theirs, abs=2**30)  # others write too


def test_nobody_knows_the_room_of_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        folders.free_bytes(tmp_path / "none")


def test_made_folders_are_told_and_taken_back(tmp_path: Path) -> None:
    made = folders.make(tmp_path / "a" / "b")
    assert made == [tmp_path / "a", tmp_path / "a" / "b"]
    assert folders.make(tmp_path / "a" / "b") == []
    (tmp_path / "a" / "mine").touch()
    folders.remove_empty(made)
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["mine"]
