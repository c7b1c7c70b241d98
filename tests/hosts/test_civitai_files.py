from __future__ import annotations

import math
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hosts.conftest import sample
from tests.hosts.mutations import mutated, outcome
from vaehub.errors import (
    HashMismatch,
    SourceError,
    SourceGone,
    SourceRefused,
    SourceUnusable,
)
from vaehub.hosts import civitai_files
from vaehub.hosts.civitai_files import CivitaiFile

FOUR_FILES: Any = sample("civitai-multifile-version-43888")["version"]
ROUNDED: Any = sample("civitai-version-2514310")
NOON = datetime(2026, 6, 1, 12, tzinfo=timezone.utc)


def pick(version: Any = FOUR_FILES, **wanted: Any) -> CivitaiFile:
    return civitai_files.pick(version, what="Civitai version 43888", **{"sha256": None, **wanted})


def test_the_sizes_of_a_recorded_version_are_whole_bytes() -> None:
    sizes = {file.id: file.bytes(None) for file in civitai_files.files(FOUR_FILES)}
    assert sizes == {
        33259: 5963234263,
        33262: 5963610074,
        33254: 7392259782,
        37990: 7391881369,
    }


def test_the_file_id_decides() -> None:
    assert pick(file_id="37990").name == "dreamshaper_5BakedVae.safetensors"
    assert pick(file_id="37990").format == "SafeTensor"


def test_the_pinned_sha256_decides_and_is_given_in_lower_case() -> None:
    digest = "519e6fe53029c7896467d3e4e806891b4c115790a7f418d484a1daf890ecc3c2"
    found = pick(sha256=digest)
    assert (found.id, found.sha256) == (33254, digest)


def test_a_type_and_a_format_that_leave_one_file_do() -> None:
    version = {**FOUR_FILES, "files": FOUR_FILES["files"][:2]}
    assert pick(version, type_="model", format_="PickleTensor").id == 33262


def test_a_choice_between_files_is_never_guessed() -> None:
    with pytest.raises(SourceUnusable) as caught:
        pick(type_="Model", format_="SafeTensor")
    assert "2 files" in caught.value.message
    assert "33259" in caught.value.message
    assert "37990" in caught.value.message
    assert "33262" not in caught.value.message
    assert "file" in (caught.value.hint or "")


def test_a_checkpoint_s_own_weights_are_not_taken_for_a_vae() -> None:
    with pytest.raises(SourceGone, match="33259"):
        pick()


def test_a_vae_is_a_file_of_that_type_or_of_a_model_of_that_type() -> None:
    attached = {"files": [*FOUR_FILES["files"], {"id": 7, "type": "VAE"}]}
    assert pick(attached).id == 7
    model = {
        "model": {"type": "VAE"},
        "files": [{"id": 8, "type": "Model"}, {"id": 9, "type": "Training Data"}],
    }
    assert pick(model).id == 8


def test_bytes_that_were_exchanged_under_a_version_are_told_with_what_is_there_now() -> None:
    with pytest.raises(HashMismatch) as caught:
        pick(sha256="0" * 64)
    assert "a60cfaa90d" in caught.value.message


def test_a_file_of_unknown_hash_is_tried_if_it_is_the_only_one() -> None:
    files = [{**file, "hashes": {}} for file in FOUR_FILES["files"]]
    one = {"files": [FOUR_FILES["files"][0], {**files[1], "hashes": None}]}
    assert pick(one, sha256="0" * 64, type_="Model", format_="PickleTensor").id == 33262
    with pytest.raises(SourceUnusable, match="2 files"):
        pick({"files": files}, sha256="0" * 64, type_="Model", format_="SafeTensor")


def test_a_format_that_the_site_does_not_know_goes_with_any() -> None:
    version = {"files": [{"id": 1, "type": "VAE", "metadata": {}}]}
    assert pick(version, type_="VAE", format_="Other").id == 1


def test_no_file_at_all_is_gone() -> None:
    with pytest.raises(SourceGone, match="holds no file"):
        pick({"files": []}, sha256="0" * 64)
    with pytest.raises(SourceGone, match="any more"):
        pick(file_id="1")


@pytest.mark.parametrize(
    ("kilobytes", "expected", "size"),
    [
        (326798.037109375, None, 334641190),
        (326798.037109375, 334641190, 334641190),
        (326798.037109375, 334641000, 334641000),  # less than a unit off: the sha256 decides
        (326798.037109375, 334600000, 334641190),  # more than that: another file
        (326798.04, 334641190, 334641190),  # rounded
        (326798.04, None, None),
        (326798, 334641190, 334641190),  # cut
        (326798, None, None),
        (None, 334641190, None),
    ],
)
def test_a_size_in_kilobytes_is_as_exact_as_it_can_be(
    kilobytes: float | None, expected: int | None, size: int | None
) -> None:
    assert CivitaiFile(1, "a", "VAE", None, kilobytes, None).bytes(expected) == size


def test_the_documented_sample_has_lost_decimals() -> None:
    [file] = civitai_files.files(ROUNDED)
    assert file.bytes(None) is None
    assert file.bytes(6938040682) == 6938040682


@pytest.mark.parametrize("junk", [math.nan, math.inf, -1, True, "12", 1e300, [1]])
def test_a_size_that_is_none_is_unknown(junk: object) -> None:
    [file] = civitai_files.files({"files": [{"id": 1, "sizeKB": junk}]})
    assert file.bytes(None) is None


@given(st.integers(1, 1 << 45))
def test_every_size_survives_the_site_s_division(size: int) -> None:
    file = CivitaiFile(1, "a", "VAE", None, size / 1024, None)
    assert file.bytes(size) == size
    assert file.bytes(None) == (size if size % 1024 else None)


def barrier(version: Any, *, has_token: bool = False) -> SourceError | None:
    return civitai_files.barrier(version, what="v", has_token=has_token, now=NOON)


def test_nothing_stands_before_a_public_file() -> None:
    assert barrier(ROUNDED) is None
    assert barrier(FOUR_FILES) is None


@pytest.mark.parametrize(("mode", "word"), [("Archived", "archived"), ("TakenDown", "taken down")])
def test_a_model_that_is_archived_or_taken_down_is_gone(mode: str, word: str) -> None:
    stop = barrier({**ROUNDED, "model": {"mode": mode}})
    assert isinstance(stop, SourceGone)
    assert word in stop.message


def test_a_model_for_use_on_the_site_only_is_refused() -> None:
    stop = barrier({**ROUNDED, "usageControl": "Generation"})
    assert isinstance(stop, SourceRefused)


@pytest.mark.parametrize(
    ("ends", "stopped"),
    [
        ("2026-07-01T00:00:00.000Z", True),
        ("2026-07-01", True),
        (None, True),
        ("some day", True),
        ("2026-05-01T00:00:00.000Z", False),
    ],
)
def test_early_access_stops_whom_it_must(ends: str | None, stopped: bool) -> None:
    version = {**ROUNDED, "availability": "EarlyAccess", "earlyAccessEndsAt": ends}
    stop = barrier(version)
    assert isinstance(stop, SourceRefused) is stopped
    if stop is not None and ends == "2026-07-01T00:00:00.000Z":
        assert "until 2026-07-01" in stop.message
    # Who has a token may have bought access: only the download itself tells.
    assert barrier(version, has_token=True) is None


@given(
    mutated(FOUR_FILES) | mutated(ROUNDED),
    st.sampled_from([None, "0" * 64, ROUNDED["files"][0]["hashes"]["SHA256"].lower()]),
    st.sampled_from([None, "33259"]),
    st.sampled_from([None, "Model"]),
)
def test_a_payload_gone_wrong_ends_in_our_errors_only(
    version: Any, sha256: str | None, file_id: str | None, type_: str | None
) -> None:
    version = version if isinstance(version, dict) else {}
    civitai_files.barrier(version, what="v", has_token=False)
    found = outcome(lambda: pick(version, sha256=sha256, file_id=file_id, type_=type_))
    assert str(found).isprintable()
    if isinstance(found, CivitaiFile):
        assert found.sha256 is None or len(found.sha256) == 64
        assert (found.bytes(None) or 0) >= 0
