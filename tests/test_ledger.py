"""Small records by path: whole or not there, whatever the path and whatever stands in the files."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vaehub import ledger

ABOUT = Path("/somewhere/models").absolute()
OTHER = Path("/somewhere/else").absolute()
NAMES = st.text(
    st.characters(exclude_characters="\0/\\", codec=None, max_codepoint=0xFFFF), min_size=1
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state" / "records"


def test_what_was_written_is_read(folder: Path) -> None:
    ledger.write(folder, ABOUT, {"what": 1})
    ledger.write(folder, OTHER, {"what": [2]})
    assert [(path, record["what"]) for path, record in ledger.read(folder)] == [
        (OTHER, [2]),
        (ABOUT, 1),
    ]
    one = ledger.read_one(folder, ABOUT)
    assert one is not None
    assert one["what"] == 1
    assert ledger.exists(folder, ABOUT)


def test_the_later_record_of_a_path_counts(folder: Path) -> None:
    ledger.write(folder, ABOUT, {"what": 1})
    ledger.write(folder, ABOUT, {"what": 2})
    assert [record["what"] for _, record in ledger.read(folder)] == [2]
    assert len(list(folder.iterdir())) == 1


def test_nothing_there_is_nothing(folder: Path) -> None:
    assert ledger.read(folder) == []
    assert ledger.read_one(folder, ABOUT) is None
    assert not ledger.exists(folder, ABOUT)
    assert not ledger.forget(folder, ABOUT)


def test_what_is_forgotten_is_gone(folder: Path) -> None:
    ledger.write(folder, ABOUT, {})
    ledger.write(folder, OTHER, {})
    assert ledger.forget(folder, ABOUT)
    assert [path for path, _ in ledger.read(folder)] == [OTHER]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(NAMES)
def test_any_path_will_do(tmp_path: Path, name: str) -> None:
    about = tmp_path / name
    ledger.write(tmp_path / "records", about, {"name": name})
    record = ledger.read_one(tmp_path / "records", about)
    assert record is not None
    assert record["name"] == name
    assert about in [path for path, _ in ledger.read(tmp_path / "records")]


def test_a_record_under_another_path_s_name_is_none(folder: Path) -> None:
    """It could be neither found nor forgotten."""
    ledger.write(folder, ABOUT, {})
    (file,) = folder.iterdir()
    file.rename(file.with_name("0" * 64 + ".json"))
    assert ledger.read(folder) == []
    ledger.write(folder, OTHER, {})
    other = next(path for path in folder.iterdir() if not path.name.startswith("0000"))
    other.write_text(other.read_text(encoding="ascii").replace("else", "models"), encoding="ascii")
    assert ledger.read_one(folder, OTHER) is None


@pytest.mark.parametrize(
    "record",
    [
        [],
        None,
        {},
        {"schema": 2, "path": str(ABOUT)},
        {"schema": 1},
        {"schema": 1, "path": 3},
        {"schema": 1, "path": "models"},
        {"schema": 1, "path": f"{ABOUT}\0"},
    ],
)
def test_what_is_no_record_of_ours_counts_as_none(folder: Path, record: object) -> None:
    ledger.write(folder, ABOUT, {})
    (file,) = folder.iterdir()
    file.write_text(json.dumps(record), encoding="ascii")
    about = record.get("path") if isinstance(record, dict) else None
    if isinstance(about, str):
        file.rename(file.with_stem(hashlib.sha256(about.encode()).hexdigest()))
        assert ledger.read_one(folder, Path(about)) is None
    assert ledger.read(folder) == []
    assert ledger.read_one(folder, ABOUT) is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_no_bytes_can_break_it(tmp_path: Path, content: bytes) -> None:
    folder = tmp_path / "records"
    ledger.write(folder, ABOUT, {})
    ledger.write(folder, OTHER, {})
    next(folder.iterdir()).write_bytes(content)
    assert len(ledger.read(folder)) == 1


def test_deep_and_endless_records_count_as_none(folder: Path) -> None:
    ledger.write(folder, ABOUT, {})
    (file,) = folder.iterdir()
    file.write_text("[" * 100_000, encoding="ascii")
    assert ledger.read(folder) == []
    ledger.write(folder, ABOUT, {"x": "y" * (8 << 20)})
    assert ledger.read(folder) == []


def test_only_the_newest_stay(folder: Path) -> None:
    paths = [ABOUT / str(number) for number in range(5)]
    for number, path in enumerate(paths):
        ledger.write(folder, path, {})
        newest = max(folder.glob("*.json"), key=lambda file: file.stat().st_mtime_ns)
        os.utime(newest, ns=(number, number))
    ledger.keep_newest(folder, 2)
    assert [path for path, _ in ledger.read(folder)] == paths[3:]
    ledger.keep_newest(folder / "none", 2)
