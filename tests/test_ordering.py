"""From names and places to jobs, and back to what became of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import builders
from tests.api_box import Box
from vaehub import api
from vaehub.errors import EntryNotFound, TargetNotUsable
from vaehub.outcome import InstallResult

if TYPE_CHECKING:
    from pathlib import Path

    from vaehub.loopback import LoopbackWorld
    from vaehub.ordering import Attempt


@pytest.fixture
def box(tmp_path: Path, world: LoopbackWorld) -> Box:
    box = Box(tmp_path, world)
    for n in range(2):
        box.add(f"file-{n}", {f"file-{n}.safetensors": builders.safetensors_bytes(9_000, seed=n)})
    return box


def attempts(box: Box, names: list[str], to: list[Path]) -> list[Attempt]:
    return api.install_each(names, to=to, settings=box.settings, catalogs=box.catalogs)


def test_name_by_name_and_target_by_target(box: Box, tmp_path: Path) -> None:
    one, two, file = tmp_path / "one", tmp_path / "two", tmp_path / "a-file"
    file.write_text("")
    done = attempts(box, ["nothing", "file-1", "file-0", "file-1"], [one, file, two, one])
    assert [(each.name, each.target and each.target.root) for each in done] == [
        ("nothing", None),
        ("file-1", one),
        (None, None),
        ("file-1", two),
        ("file-0", one),
        ("file-0", two),
    ]
    kinds = [type(each.outcome) for each in done]
    assert kinds[0] is EntryNotFound
    assert kinds[2] is TargetNotUsable
    assert {*kinds[1:2], *kinds[3:]} == {InstallResult}


def test_a_place_is_not_looked_at_for_a_name_that_leads_nowhere(box: Box, tmp_path: Path) -> None:
    (tmp_path / "a-file").write_text("")
    (only,) = attempts(box, ["nothing"], [tmp_path / "a-file"])
    assert isinstance(only.outcome, EntryNotFound)


def test_without_a_place_it_is_the_one_by_default(box: Box, tmp_path: Path) -> None:
    box.extra["VAEHUB_TO"] = str(tmp_path / "default")
    (only,) = attempts(box, ["file-0"], [])
    assert only.target is not None
    assert only.target.root == tmp_path / "default"
    assert attempts(box, [], []) == []
