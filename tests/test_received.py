"""Which targets received installs is known, and nothing depends on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.openings import watched
from tests.trees import forbidding_folder
from vaehub import ledger, received
from vaehub.model import Target

if TYPE_CHECKING:
    from pathlib import Path


def test_what_was_noted_is_read(tmp_path: Path) -> None:
    state = tmp_path / "not" / "there" / "yet"
    targets = [Target("comfyui", tmp_path / "a"), Target("folder", tmp_path / "b")]
    for target in reversed(targets):
        received.note(state, target)
    assert received.read(state) == targets


def test_a_target_is_noted_once(tmp_path: Path) -> None:
    received.note(tmp_path, Target("folder", tmp_path / "a"))
    (file,) = (tmp_path / "targets").iterdir()
    before = file.stat()
    with watched(tmp_path) as opened:
        received.note(tmp_path, Target("folder", tmp_path / "a"))
    assert opened == []
    assert file.stat().st_mtime_ns == before.st_mtime_ns


def test_there_are_not_ever_more_of_them(tmp_path: Path) -> None:
    for number in range(70):
        received.note(tmp_path, Target("folder", tmp_path / str(number)))
    assert len(received.read(tmp_path)) == 64
    assert Target("folder", tmp_path / "69") in received.read(tmp_path)


def test_a_state_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    with forbidding_folder(0o000) as folder:
        received.note(folder / "state", Target("folder", tmp_path))
        assert received.read(folder / "state") == []


@pytest.mark.parametrize("record", [{}, {"layout": 3}, {"layout": None}])
def test_a_record_without_a_layout_is_none(tmp_path: Path, record: dict[str, object]) -> None:
    ledger.write(tmp_path / "targets", tmp_path / "a", record)
    assert received.read(tmp_path) == []
