"""What was recognised in which folder: records that give no right to anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from vaehub import adopted, ledger
from vaehub.adopted import AdoptedFile

if TYPE_CHECKING:
    from pathlib import Path

DIGEST = "a" * 64


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "models"


def test_what_was_remembered_is_read(state: Path, folder: Path) -> None:
    files = (AdoptedFile(folder / "a.pt", 3, DIGEST), AdoptedFile(folder / "x" / "b", 4, "b" * 64))
    assert adopted.remember(state, folder, files)
    assert adopted.remember(state, folder / "x", files[1:])
    first, second = adopted.read(state)
    assert (first.folder, first.files) == (folder, files)
    assert (second.folder, second.files) == (folder / "x", files[1:])
    assert first.at.endswith("+00:00")


def test_the_same_again_changes_nothing(state: Path, folder: Path) -> None:
    files = [AdoptedFile(folder / "a.pt", 3, DIGEST)]
    assert adopted.remember(state, folder, files)
    (record,) = (state / "adopted").iterdir()
    before = record.stat()
    assert not adopted.remember(state, folder, files)
    assert record.stat().st_ino == before.st_ino
    assert adopted.remember(state, folder, [AdoptedFile(folder / "a.pt", 4, DIGEST)])
    assert [file.size for file in adopted.read(state)[0].files] == [4]


def test_what_holds_nothing_any_more_is_forgotten(state: Path, folder: Path) -> None:
    assert not adopted.remember(state, folder, [])
    assert not (state / "adopted").exists()
    adopted.remember(state, folder, [AdoptedFile(folder / "a.pt", 3, DIGEST)])
    assert adopted.remember(state, folder, [])
    assert adopted.read(state) == []


def test_a_folder_is_forgotten_by_itself(state: Path, folder: Path) -> None:
    files = [AdoptedFile(folder / "x" / "a.pt", 3, DIGEST)]
    adopted.remember(state, folder, files)
    adopted.remember(state, folder / "x", files)
    assert adopted.forget(state, folder)
    assert not adopted.forget(state, folder)
    assert [one.folder for one in adopted.read(state)] == [folder / "x"]


SOUND = {"path": "a.pt", "size": 3, "sha256": DIGEST}


@pytest.mark.parametrize(
    "listed",
    [
        None,
        3,
        {},
        [3],
        [{}],
        [{**SOUND, "path": 3}],
        [{**SOUND, "path": "/etc/passwd"}],
        [{**SOUND, "path": "../a.pt"}],
        [{**SOUND, "path": "x/../../a.pt"}],
        [{**SOUND, "path": "a\0"}],
        [{**SOUND, "size": "3"}],
        [{**SOUND, "sha256": None}],
        [{**SOUND, "sha256": "A" * 64}],
        [{**SOUND, "sha256": DIGEST + "a"}],
    ],
)
def test_a_record_leads_nowhere_else(state: Path, folder: Path, listed: Any) -> None:
    sound = [*listed, SOUND] if isinstance(listed, list) else listed
    ledger.write(state / "adopted", folder, {"files": sound})
    (one,) = adopted.read(state)
    assert [file.path for file in one.files] == (
        [folder / "a.pt"] if isinstance(listed, list) else []
    )
