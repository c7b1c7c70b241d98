"""What was worked out is remembered, and never believed where it is damaged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from vaehub import caching

if TYPE_CHECKING:
    from pathlib import Path


def test_what_was_remembered_is_recalled(tmp_path: Path) -> None:
    caching.remember(tmp_path / "deep" / "one", "said, 中文\n")
    assert caching.recall(tmp_path / "deep" / "one") == "said, 中文\n"


def test_what_was_never_remembered_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        caching.recall(tmp_path / "one")


@pytest.mark.parametrize("damage", [b"", b"no digest", b"0" * 64 + b"\nsaid"])
def test_a_damaged_one_is_refused(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "one").write_bytes(damage)
    with pytest.raises(ValueError, match="damaged"):
        caching.recall(tmp_path / "one")


def test_the_oldest_are_forgotten(tmp_path: Path) -> None:
    for number in range(30):
        caching.remember(tmp_path / str(number), "x")
    assert len(list(tmp_path.iterdir())) == 20


def test_a_cache_that_cannot_be_written_does_not_matter(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    caching.remember(tmp_path / "file" / "one", "x")
