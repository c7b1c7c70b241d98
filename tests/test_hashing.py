"""Hashing of files: each digest is that of its file, in order, whatever the number of threads."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vaehub.hashing import Hashes, sha256_of, sha256_of_each

if TYPE_CHECKING:
    from pathlib import Path


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=5000))
def test_the_hash_of_a_file(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    assert sha256_of(path) == digest(data)


@pytest.mark.parametrize("size", [(1 << 18) - 1, 1 << 18, (1 << 18) + 1, 2_560_000])
def test_the_hash_of_a_file_around_the_size_of_a_chunk(tmp_path: Path, size: int) -> None:
    data = (bytes(range(251)) * (size // 251 + 1))[:size]
    path = tmp_path / "file"
    path.write_bytes(data)
    assert sha256_of(path) == digest(data)


def test_the_hash_of_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        sha256_of(tmp_path / "file")


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40
)
@given(st.lists(st.one_of(st.none(), st.binary(max_size=100)), max_size=8))
def test_several_files_are_told_in_their_order(tmp_path: Path, files: list[bytes | None]) -> None:
    """None stands for a file that is not there, which hides none of the others."""
    paths = [tmp_path / str(number) for number in range(len(files))]
    for path, data in zip(paths, files, strict=True):
        path.unlink(missing_ok=True)
        if data is not None:
            path.write_bytes(data)
    found = sha256_of_each(paths)
    assert len(found) == len(files)
    for data, answer in zip(files, found, strict=True):
        if data is None:
            assert isinstance(answer, FileNotFoundError)
        else:
            assert answer == digest(data)


def test_large_and_small_files_do_not_change_places(tmp_path: Path) -> None:
    sizes = [3_000_000, 1, 2_000_000, 0, 2, 1_500_000]
    paths = [tmp_path / str(number) for number in range(len(sizes))]
    for path, size in zip(paths, sizes, strict=True):
        path.write_bytes(path.name.encode() * size)
    assert sha256_of_each(paths) == [digest(path.read_bytes()) for path in paths]


def test_the_same_file_twice_is_told_twice(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x")
    assert sha256_of_each([path, path]) == [digest(b"x")] * 2


def test_of_no_files_there_is_nothing_to_tell() -> None:
    assert sha256_of_each([]) == []


@pytest.mark.skipif(os.name != "posix", reason="an interrupt as POSIX sends it")
def test_an_interrupt_does_not_wait_for_the_files_on_their_way(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a", "b", "c")]
    for path in paths:
        path.touch()
        os.truncate(path, 1 << 40)  # a hole: nothing on the disk, and minutes to read
    code = (
        "import sys; from pathlib import Path; from vaehub.hashing import sha256_of_each\n"
        "print('go', flush=True)\n"
        "sha256_of_each([Path(name) for name in sys.argv[1:]])"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, paths)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "go\n"
    process.send_signal(signal.SIGINT)
    try:
        _, told = process.communicate(timeout=30)
    finally:
        process.kill()
    assert told.rstrip().endswith("KeyboardInterrupt")


# Hashes


def test_a_file_with_two_names_is_read_once(tmp_path: Path) -> None:
    one, two, other = tmp_path / "one", tmp_path / "two", tmp_path / "other"
    one.write_bytes(b"x")
    two.hardlink_to(one)
    other.write_bytes(b"y")
    hashes = Hashes()
    hashes.read((path, path.stat()) for path in (one, two))
    one.chmod(0o644)
    one.write_bytes(b"changed since")
    hashes.read((path, path.stat()) for path in (two, other))
    assert [hashes.of(path.stat()) for path in (one, two, other)] == [
        *[digest(b"x")] * 2,
        digest(b"y"),
    ]


def test_what_nobody_read_is_not_known_and_what_is_gone_says_why(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x")
    stat = path.stat()
    hashes = Hashes()
    assert hashes.of(stat) is None
    path.unlink()
    hashes.read([(path, stat)])
    assert isinstance(hashes.of(stat), FileNotFoundError)
