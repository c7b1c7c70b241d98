"""Locks between processes."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from vaehub.locks import Lock

if TYPE_CHECKING:
    from pathlib import Path

HOLDER = """
import sys
from pathlib import Path
from vaehub.locks import Lock
lock = Lock(Path(sys.argv[1]))
print(lock.acquire(), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "one.lock"


def holder(path: Path) -> subprocess.Popen[str]:
    """Hold the lock in another process, until its stdin is closed."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "True\n"
    return process


def test_two_exclude_each_other_within_one_process(path: Path) -> None:
    one, other = Lock(path), Lock(path)
    assert one.acquire()
    assert not other.acquire()
    one.release()
    assert other.acquire()
    other.release()


def test_a_lock_is_taken_again_after_it_was_given_back(path: Path) -> None:
    lock = Lock(path)
    for _ in range(2):
        assert lock.acquire()
        lock.release()
        lock.release()  # once more than held


def test_another_process_keeps_us_out_for_as_long_as_it_lives(path: Path) -> None:
    with holder(path) as process:
        lock = Lock(path)
        assert not lock.acquire()
        assert not lock.acquire(patience=0.2)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert lock.acquire(patience=30)
        lock.release()


def test_the_one_who_waits_gets_it_when_it_is_given_back(path: Path) -> None:
    lock, waiting = Lock(path), Lock(path)
    assert lock.acquire()
    got: list[bool] = []
    thread = threading.Thread(target=lambda: got.append(waiting.acquire(patience=60)))
    thread.start()
    lock.release()
    thread.join()
    assert got == [True]
    waiting.release()


def test_the_file_stays_and_keeps_what_it_holds(path: Path) -> None:
    path.write_text("a note of somebody's")
    lock = Lock(path)
    assert lock.acquire()
    lock.release()
    assert path.read_text() == "a note of somebody's"


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Lock(tmp_path / "none" / "one.lock").acquire()


def test_what_a_child_inherits_does_not_hold_it(path: Path) -> None:
    lock = Lock(path)
    assert lock.acquire()
    with subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, close_fds=False
    ) as child:
        lock.release()
        assert Lock(path).acquire()
        child.communicate(b"\n")
