"""What was found, kept for each file; without torch."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaehub.smoke.records import Record, recall, recall_golden, remember, remember_golden
from vaehub.smoke.report import Decoded, SmokeReport

ONE, TWO = "1" * 64, "2" * 64
REPORT = SmokeReport(
    *("house", (Path("house.safetensors"),), (ONE,), "mine/house", "not-in-fp16"),
    decoded=(Decoded("cpu", "fp32", "works"), Decoded("cuda:0", "fp16", "not-in-fp16")),
)


def file(state: Path, sha256: str = ONE) -> Path:
    return state / "smoke" / f"{sha256}.json"


def test_a_record_comes_back(tmp_path: Path) -> None:
    remember(tmp_path, REPORT, golden={"8": {"version": 1}})
    record = recall(tmp_path, ONE)
    assert record is not None
    assert record.verdict == "not-in-fp16"
    assert record.decoded == (("cpu", "fp32", "works"), ("cuda:0", "fp16", "not-in-fp16"))
    assert record.golden == {"8": {"version": 1}}
    assert record.at.endswith("+00:00")
    said = record.as_json()
    assert said["decoded"][1] == {"device": "cuda:0", "dtype": "fp16", "verdict": "not-in-fp16"}
    assert "golden" not in said


def test_the_last_one_counts_and_nothing_else_is_left(tmp_path: Path) -> None:
    for verdict in ("damaged", "works"):
        remember(tmp_path, REPORT._replace(verdict=verdict))
    record = recall(tmp_path, ONE)
    assert record is not None
    assert record.verdict == "works"
    assert list((tmp_path / "smoke").iterdir()) == [file(tmp_path)]


def test_what_it_decoded_to_is_kept_when_nothing_new_is_known(tmp_path: Path) -> None:
    remember(tmp_path, REPORT, golden={"8": 1})
    remember(tmp_path, REPORT._replace(verdict="wrong-family"))
    record = recall(tmp_path, ONE)
    assert record is not None
    assert (record.verdict, record.golden) == ("wrong-family", {"8": 1})


def test_of_a_pair_the_first_keeps_what_both_decode_to(tmp_path: Path) -> None:
    remember(tmp_path, REPORT._replace(sha256=(ONE, TWO)), golden={"8": 1})
    one, two = recall(tmp_path, ONE), recall(tmp_path, TWO)
    assert one is not None
    assert two is not None
    assert (one.golden, two.golden) == ({"8": 1}, None)
    assert one.verdict == two.verdict


def test_a_report_of_no_file_is_not_kept(tmp_path: Path) -> None:
    remember(tmp_path, REPORT._replace(sha256=()))
    assert list(tmp_path.iterdir()) == []


def test_where_there_is_none(tmp_path: Path) -> None:
    assert recall(tmp_path, ONE) is None
    file(tmp_path).mkdir(parents=True)
    assert recall(tmp_path, ONE) is None


@pytest.mark.parametrize("sha256", ["", "../" * 21 + "x", "0" * 63, "A" * 64, "0" * 64 + "\n"])
def test_what_is_no_sha256_leads_to_no_file(tmp_path: Path, sha256: str) -> None:
    assert recall(tmp_path, sha256) is None
    with pytest.raises(ValueError, match="not a sha256"):
        remember(tmp_path, REPORT._replace(sha256=(sha256,)))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "change",
    [
        {"schema": 2},
        {"verdict": "splendid"},
        {"verdict": ["works"]},
        {"decoded": None},
        {"decoded": [["cpu", "fp32"]]},
        {"decoded": 7},
    ],
)
def test_a_record_that_makes_no_sense_is_none(tmp_path: Path, change: dict[str, Any]) -> None:
    remember(tmp_path, REPORT)
    path = file(tmp_path)
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    assert recall(tmp_path, ONE) is None
    remember(tmp_path, REPORT)
    assert recall(tmp_path, ONE) is not None


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe", b"null", b"[]", b"[" * 100_000])
def test_a_damaged_file_is_none(tmp_path: Path, data: bytes) -> None:
    file(tmp_path).parent.mkdir()
    file(tmp_path).write_bytes(data)
    assert recall(tmp_path, ONE) is None


@given(st.binary(max_size=200), st.integers(0, 400))
def test_no_overwritten_record_is_an_error(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, at: int
) -> None:
    state = tmp_path_factory.mktemp("state")
    remember(state, REPORT)
    whole = file(state).read_bytes()
    file(state).write_bytes(whole[:at] + data + whole[at + len(data) :])
    assert isinstance(recall(state, ONE), (Record, type(None)))


def test_a_folder_that_cannot_be_made_loses_only_the_record(tmp_path: Path) -> None:
    (tmp_path / "smoke").write_text("in the way")
    remember(tmp_path, REPORT)
    assert recall(tmp_path, ONE) is None
    assert (tmp_path / "smoke").read_text() == "in the way"


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
def test_a_folder_that_cannot_be_written_loses_only_the_record(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        remember(tmp_path, REPORT)
    finally:
        tmp_path.chmod(0o700)


def test_what_weights_decoded_to_is_kept_beside_what_is_known(tmp_path: Path) -> None:
    remember_golden(tmp_path, ONE, {"8": 1})
    remember_golden(tmp_path, ONE, {"16": 2})
    assert recall_golden(tmp_path, ONE) == {"8": 1, "16": 2}
    assert recall_golden(tmp_path, TWO) == {}
    assert recall(tmp_path, ONE) is None  # the record of a file is another one


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": 1, "golden": 3}', "[" * 9999])
def test_a_damaged_record_of_weights_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "smoke" / "weights" / f"{ONE}.json"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    assert recall_golden(tmp_path, ONE) == {}
    remember_golden(tmp_path, ONE, {"8": 1})
    assert recall_golden(tmp_path, ONE) == {"8": 1}
