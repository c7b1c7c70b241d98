"""Which of several targets are one and the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from vaehub.errors import TargetNotUsable
from vaehub.model import Target
from vaehub.targets.several import distinct

if TYPE_CHECKING:
    from pathlib import Path


def test_a_place_counts_once(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real", target_is_directory=True)
    real, link = (Target("folder", tmp_path / name) for name in ("real", "link"))
    assert distinct([real, link, real]) == [real]
    assert distinct([link, real]) == [link], "the first name stays"
    below = [Target("folder", target.root / "new") for target in (real, link)]
    assert distinct(below) == below[:1], "also one that is still to be made"


def test_a_place_in_another_case_counts_once(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    if not (tmp_path / "REAL").exists():
        pytest.skip("this file system tells upper from lower case")
    real, same = (Target("folder", tmp_path / name) for name in ("real", "REAL"))
    assert distinct([real, same]) == [real]


def test_different_places_are_different(tmp_path: Path) -> None:
    one, two = Target("folder", tmp_path / "one"), Target("folder", tmp_path / "two")
    other_layout = Target("comfyui", tmp_path / "one")
    assert distinct([two, one, other_layout]) == [two, one, other_layout]
    one.root.mkdir()
    assert distinct([two, one, other_layout]) == [two, one, other_layout]


def test_the_same_trouble_is_told_once() -> None:
    first, second = TargetNotUsable("--to names a file"), TargetNotUsable("--to names a file")
    other = TargetNotUsable("--to is empty")
    assert distinct([first, second, other]) == [first, other]
