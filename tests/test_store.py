"""The store: complete blobs only, one download at a time, nothing removed that is in use."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.trees import forbidding_folder, snapshot
from vaehub.errors import TargetNotUsable
from vaehub.store import README, Store

DATA = b"weights " * 1000
SHA256 = hashlib.sha256(DATA).hexdigest()
posix = pytest.mark.skipif(os.name != "posix", reason="a POSIX matter")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def fill(store: Store, data: bytes = DATA) -> Path:
    sha256 = hashlib.sha256(data).hexdigest()
    partial = store.partial(sha256)
    partial.write_bytes(data)
    return store.adopt(partial, sha256)


def test_nothing_is_made_before_the_first_bytes_come(store: Store) -> None:
    assert not store.has(SHA256)
    assert store.size() == 0
    assert store.verify() == []
    assert store.gc(dry_run=False).removed == ()
    assert not store.root.exists()


def test_adopted_bytes_are_there_read_only_and_say_whose_they_are(store: Store) -> None:
    path = fill(store)
    assert path == store.root / "blobs" / "sha256" / SHA256[:2] / SHA256 == store.blob(SHA256)
    assert store.has(SHA256)
    assert store.has(SHA256, len(DATA))
    assert not store.has(SHA256, len(DATA) + 1)
    assert path.read_bytes() == DATA
    assert path.stat().st_mode & 0o222 == 0
    assert "vaehub" in (store.root / README).read_text()
    assert list((store.root / "partial").iterdir()) == []
    assert store.size() == len(DATA)


def test_adopting_again_is_fine(store: Store) -> None:
    fill(store)
    fill(store)
    assert store.has(SHA256)


def test_adopting_changes_the_time_by_less_than_a_second(store: Store) -> None:
    partial = store.partial(SHA256)
    partial.write_bytes(DATA)
    before = partial.stat().st_mtime
    assert abs(store.adopt(partial, SHA256).stat().st_mtime - before) < 1


@pytest.mark.parametrize("key", ["", "ab", "../" * 22, "A" * 64, SHA256 + "\n", f"/{SHA256}"])
def test_what_is_no_digest_becomes_no_path(store: Store, key: str) -> None:
    for use in (store.blob, store.partial, store.has, lambda key: store.adopt(Path("x"), key)):
        with pytest.raises(ValueError, match="hex"):
            use(key)
    with pytest.raises(ValueError, match="hex"), store.lock(key):
        pass
    assert not store.root.exists()


def test_a_blob_that_was_written_into_through_a_link_does_not_count(
    store: Store, tmp_path: Path
) -> None:
    blob = fill(store)
    (tmp_path / "installed.pt").hardlink_to(blob)
    blob.chmod(0o644)
    with (tmp_path / "installed.pt").open("r+b") as file:
        file.write(b"WEIGHTS ")
    assert not store.has(SHA256, len(DATA))
    # Fetched anew, it counts again, and the user's edited file is left alone.
    fill(store)
    assert store.has(SHA256, len(DATA))
    assert (tmp_path / "installed.pt").read_bytes().startswith(b"WEIGHTS ")


def test_a_blob_with_another_time_counts_once_it_was_hashed(store: Store) -> None:
    blob = fill(store)
    os.utime(blob, (1_000_000_000, 1_000_000_000))
    assert store.has(SHA256)
    assert int(blob.stat().st_mtime) == 1_000_000_000
    assert blob.stat().st_mtime_ns % 1_000_000_000 != 0


def test_a_link_or_a_folder_is_no_blob(store: Store, tmp_path: Path) -> None:
    blob = fill(store)
    blob.rename(tmp_path / "elsewhere")
    blob.symlink_to(tmp_path / "elsewhere")
    assert not store.has(SHA256)
    blob.unlink()
    blob.mkdir()
    assert not store.has(SHA256)


def test_verify_names_damaged_blobs_and_removes_none(store: Store, tmp_path: Path) -> None:
    fill(store)
    single, linked = fill(store, b"one"), fill(store, b"two")
    (tmp_path / "installed.pt").hardlink_to(linked)
    for blob in (single, linked):
        blob.chmod(0o644)
        blob.write_bytes(b"bad")
    problems = {problem.where: problem for problem in store.verify()}
    assert set(problems) == {str(single), str(linked)}
    assert {problem.code for problem in problems.values()} == {"blob-damaged"}
    assert hashlib.sha256(b"bad").hexdigest() in problems[str(single)].message
    assert "hard link" in str(problems[str(linked)].hint)
    assert single.exists()


def test_gc_keeps_what_is_installed_and_frees_the_rest(store: Store, tmp_path: Path) -> None:
    installed, cached = fill(store, b"installed"), fill(store, b"cached")
    (tmp_path / "a.pt").hardlink_to(installed)
    would = store.gc(dry_run=True)
    assert (would.removed, would.bytes_freed, would.kept) == ((cached,), len(b"cached"), 1)
    assert cached.exists()
    did = store.gc(dry_run=False)
    assert (did.removed, did.bytes_freed, did.kept) == (would.removed, would.bytes_freed, 1)
    assert not cached.exists()
    assert installed.exists()
    assert store.gc(dry_run=False).removed == ()


def test_gc_removes_downloads_that_nobody_goes_on_with(store: Store) -> None:
    young, old = store.partial("1" * 64), store.partial("2" * 64)
    notes = old.with_name(old.name + ".json")
    revived = store.partial("3" * 64)
    for path in (young, old, notes, revived, revived.with_name(revived.name + ".json")):
        path.write_bytes(b"half")
    long_ago = time.time() - 8 * 24 * 60 * 60
    for path in (old, notes, revived):
        os.utime(path, (long_ago, long_ago))
    collected = store.gc(dry_run=False)
    assert sorted(collected.removed) == [old, notes]
    assert collected.bytes_freed == 8
    assert young.exists()
    assert revived.exists()


def test_gc_leaves_what_is_not_ours(store: Store, tmp_path: Path) -> None:
    fill(store)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / ("cd" * 32)).write_text("mine")
    shards = store.root / "blobs" / "sha256"
    (shards / "cd").symlink_to(tmp_path / "mine", target_is_directory=True)
    (shards / SHA256[:2] / ("ef" * 32)).write_text("in the wrong shard")
    (shards / SHA256[:2] / "notes.txt").write_text("mine")
    (shards / "00").mkdir()
    (shards / "00" / ("00" * 32)).symlink_to(tmp_path / "mine" / ("cd" * 32))
    (store.root / "partial" / "mine.part").write_text("mine")
    os.utime(store.root / "partial" / "mine.part", (0, 0))
    before = snapshot(tmp_path)
    collected = store.gc(dry_run=False)
    assert collected.removed == (store.blob(SHA256),)
    after = snapshot(tmp_path)
    assert set(before) - set(after) == {store.blob(SHA256).relative_to(tmp_path).as_posix()}


@pytest.mark.parametrize("readme", [None, "My models"])
def test_gc_refuses_a_folder_that_is_not_a_store(tmp_path: Path, readme: str | None) -> None:
    blob = fill(Store(tmp_path))
    if readme is None:
        (tmp_path / README).unlink()
    else:
        (tmp_path / README).write_text(readme)
    with pytest.raises(TargetNotUsable, match="does not look like a store"):
        Store(tmp_path).gc(dry_run=False)
    assert blob.exists()


def test_a_store_below_a_file_is_an_error_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TargetNotUsable) as caught:
        Store(tmp_path / "file" / "store").partial(SHA256)
    assert "VAEHUB_STORE" in str(caught.value.hint)


@posix
def test_a_store_that_cannot_be_written_is_an_error_in_words() -> None:
    with forbidding_folder() as folder:
        store = Store(folder / "store")
        with pytest.raises(TargetNotUsable, match="Permission denied"):
            store.partial(SHA256)
        with pytest.raises(TargetNotUsable), store.lock(SHA256):
            pass
        assert not store.has(SHA256)


HOLD = """
import sys
from pathlib import Path
from vaehub.store import Store
with Store(Path(sys.argv[1])).lock(sys.argv[2]):
    print("held", flush=True)
    sys.stdin.read()
"""


def hold(store: Store, key: str = SHA256) -> subprocess.Popen[str]:
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(store.root), key],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    return child


@pytest.mark.parametrize("end", ["finish", "kill -9"])
def test_a_second_process_waits_and_says_so(store: Store, end: str) -> None:
    with hold(store) as child:
        looked = threading.Semaphore(0)
        got = threading.Event()

        def wait_for_it() -> None:
            with store.lock(SHA256, waiting=looked.release):
                got.set()

        waiter = threading.Thread(target=wait_for_it)
        waiter.start()
        for _ in range(2):  # not only once: it may take minutes
            assert looked.acquire(timeout=20)
        assert not got.is_set()
        if end == "finish":
            assert child.stdin is not None
            child.stdin.close()
        else:
            child.send_signal(signal.SIGKILL if os.name == "posix" else signal.SIGTERM)
        waiter.join(20)
        assert got.is_set()


def test_whoever_waits_may_give_up(store: Store) -> None:
    def give_up() -> None:
        raise KeyboardInterrupt

    with hold(store) as child:
        with pytest.raises(KeyboardInterrupt), store.lock(SHA256, waiting=give_up):
            pass
        child.kill()


def test_different_files_do_not_wait_for_each_other(store: Store) -> None:
    with hold(store) as child:
        looks: list[None] = []
        with store.lock("0" * 64, waiting=lambda: looks.append(None)):
            assert not looks
        child.kill()


def test_a_lock_is_free_again_after_an_error(store: Store) -> None:
    looks: list[None] = []
    with pytest.raises(KeyError), store.lock(SHA256):
        raise KeyError
    with store.lock(SHA256, waiting=lambda: looks.append(None)):
        assert not looks


def test_gc_keeps_what_a_running_download_holds(store: Store) -> None:
    blob = fill(store)
    partial = store.partial("4" * 64)
    partial.write_bytes(b"half")
    os.utime(partial, (0, 0))
    with hold(store) as child, hold(store, "4" * 64) as other:
        collected = store.gc(dry_run=False)
        child.kill()
        other.kill()
    assert (collected.removed, collected.kept) == ((), 1)
    assert blob.exists()
    assert partial.exists()
