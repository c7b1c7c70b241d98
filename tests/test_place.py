"""Placing: whole or not at all, over nobody's file, with nothing left behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.trees import another_file_system, forbidding_folder, snapshot
from vaehub import folders, staging
from vaehub.errors import DiskFull, FileInTheWay, TargetNotUsable
from vaehub.place import place, publish, rename_without_replacing

DATA = bytes(range(256)) * 1000
posix = pytest.mark.skipif(os.name != "posix", reason="a POSIX matter")
linux = pytest.mark.skipif(sys.platform != "linux", reason="a Linux matter")


@pytest.fixture
def blob(tmp_path: Path) -> Path:
    path = tmp_path / "store" / "blob"
    path.parent.mkdir()
    path.write_bytes(DATA)
    path.chmod(0o444)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "ui" / "models" / "VAE"
    path.mkdir(parents=True)
    return path


def test_a_blob_is_placed_without_a_second_copy_or_a_trace(blob: Path, folder: Path) -> None:
    method = place(blob, folder / "a.pt", keep_source=True)
    assert method in {"reflink", "hardlink"}
    assert snapshot(folder) == {"a.pt": DATA}
    assert blob.read_bytes() == DATA
    assert (folder / "a.pt").samefile(blob) == (method == "hardlink")


@posix
def test_a_hard_link_is_read_only_and_can_be_deleted(blob: Path, folder: Path) -> None:
    if place(blob, folder / "a.pt", keep_source=True) != "hardlink":
        pytest.skip("this file system shares blocks, not files")
    assert (folder / "a.pt").stat().st_mode & 0o777 == 0o444
    (folder / "a.pt").unlink()
    assert blob.read_bytes() == DATA


@posix
def test_an_installed_file_that_is_linked_to_becomes_read_only(folder: Path) -> None:
    other = folder / "b.pt"
    other.write_bytes(DATA)
    other.chmod(0o640)
    if place(other, folder / "a.pt", keep_source=True) != "hardlink":
        pytest.skip("this file system shares blocks, not files")
    assert other.samefile(folder / "a.pt")
    assert other.stat().st_mode & 0o777 == 0o440


@posix
def test_an_installed_file_that_is_copied_stays_as_it_is(folder: Path, tmp_path: Path) -> None:
    far = another_file_system(than=tmp_path)
    try:
        other = far / "b.pt"
        other.write_bytes(DATA)
        other.chmod(0o640)
        assert place(other, folder / "a.pt", keep_source=True) == "copy"
        assert other.stat().st_mode & 0o777 == 0o640
    finally:
        shutil.rmtree(far)


def test_a_reflink_shares_nothing_that_can_be_seen(blob: Path, folder: Path) -> None:
    if place(blob, folder / "a.pt", keep_source=True) != "reflink":
        pytest.skip("this file system has no reflinks")
    (folder / "a.pt").write_bytes(b"edited")
    assert blob.read_bytes() == DATA


def test_another_file_system_gets_an_independent_copy(blob: Path) -> None:
    folder = another_file_system(blob.parent)
    try:
        assert place(blob, folder / "a.pt", keep_source=True) == "copy"
        assert snapshot(folder) == {"a.pt": DATA}
        mask = os.umask(0)
        os.umask(mask)
        assert (folder / "a.pt").stat().st_mode & 0o777 == 0o666 & ~mask
    finally:
        shutil.rmtree(folder)


def test_a_partial_is_moved_on_its_own_file_system(folder: Path) -> None:
    partial = folder / ".vaehub" / "x.part"
    partial.parent.mkdir()
    partial.write_bytes(DATA)
    inode = partial.stat().st_ino
    assert place(partial, folder / "a.pt", keep_source=False) == "moved"
    assert snapshot(folder) == {"a.pt": DATA}
    assert (folder / "a.pt").stat().st_ino == inode
    assert (folder / "a.pt").stat().st_nlink == 1


def test_a_partial_is_copied_and_removed_across_file_systems(tmp_path: Path) -> None:
    partial = tmp_path / "x.part"
    partial.write_bytes(DATA)
    folder = another_file_system(tmp_path)
    try:
        assert place(partial, folder / "a.pt", keep_source=False) == "copy"
        assert snapshot(folder) == {"a.pt": DATA}
        assert not partial.exists()
    finally:
        shutil.rmtree(folder)


@linux
def test_what_we_may_not_link_to_is_copied() -> None:
    protected = Path("/proc/sys/fs/protected_hardlinks")
    if not protected.exists() or protected.read_text().strip() != "1":
        pytest.skip("this system lets everybody link to everything")
    program = Path("/bin/sh").resolve()  # the administrator's, readable for everybody
    with forbidding_folder(0o777) as folder:
        assert place(program, folder / "a.pt", keep_source=True) in {"copy", "reflink"}
        assert snapshot(folder) == {"a.pt": program.read_bytes()}
        assert (folder / "a.pt").stat().st_mode & 0o111 == 0


def test_an_empty_file_and_one_over_a_chunk_are_copied(tmp_path: Path) -> None:
    folder = another_file_system(tmp_path)
    try:
        for size in (0, (16 << 20) + 1):
            source = tmp_path / str(size)
            source.write_bytes(os.urandom(1024) * (size // 1024 + 1))
            os.truncate(source, size)
            assert place(source, folder / f"{size}.pt", keep_source=True) == "copy"
            assert (folder / f"{size}.pt").read_bytes() == source.read_bytes()
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize("keep_source", [True, False])
@pytest.mark.parametrize("kind", ["file", "folder", "link", "dangling link"])
def test_whatever_has_the_name_is_not_touched(
    blob: Path, folder: Path, kind: str, keep_source: bool
) -> None:
    taken = folder / "a.pt"
    match kind:
        case "file":
            taken.write_bytes(b"mine")
        case "folder":
            taken.mkdir()
        case "link":
            (folder / "real.pt").write_bytes(b"mine")
            taken.symlink_to("real.pt")
        case "dangling link":
            taken.symlink_to("nowhere")
    before = snapshot(folder)
    with pytest.raises(FileInTheWay) as caught:
        place(blob, taken, keep_source=keep_source)
    assert str(taken) in caught.value.message
    assert snapshot(folder) == before
    assert blob.read_bytes() == DATA
    assert ("does not exist" in caught.value.message) == (kind == "dangling link")


@pytest.mark.parametrize("give_name", [publish, rename_without_replacing])
def test_no_way_of_publishing_overwrites(tmp_path: Path, give_name: object) -> None:
    assert callable(give_name)
    temporary, final = tmp_path / "x.part", tmp_path / "a.pt"
    temporary.write_bytes(DATA)
    final.write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        give_name(temporary, final)
    assert snapshot(tmp_path) == {"a.pt": b"mine", "x.part": DATA}
    final.unlink()
    final.symlink_to("nowhere")
    with pytest.raises(FileExistsError):
        give_name(temporary, final)
    final.unlink()
    give_name(temporary, final)
    assert snapshot(tmp_path) == {"a.pt": DATA}


def test_a_missing_folder_is_made(blob: Path, tmp_path: Path) -> None:
    place(blob, tmp_path / "new" / "VAE" / "a.pt", keep_source=True)
    assert snapshot(tmp_path / "new") == {"VAE/": "", "VAE/a.pt": DATA}


def test_folders_made_in_vain_go_again(tmp_path: Path) -> None:
    with pytest.raises(TargetNotUsable, match="cannot read"):
        place(tmp_path / "gone", tmp_path / "new" / "VAE" / "a.pt", keep_source=True)
    assert snapshot(tmp_path) == {}


def test_a_file_on_the_way_is_named(blob: Path, tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file")
    with pytest.raises(TargetNotUsable) as caught:
        place(blob, tmp_path / "models" / "VAE" / "a.pt", keep_source=True)
    assert str(tmp_path / "models") in caught.value.message
    (tmp_path / "models").unlink()
    (tmp_path / "models").symlink_to("nowhere")
    with pytest.raises(TargetNotUsable, match="leads nowhere"):
        folders.make(tmp_path / "models" / "VAE")


@posix
def test_a_forbidding_folder_says_so_and_stays_as_it_was(tmp_path: Path) -> None:
    source = Path("/bin/sh")  # readable for everybody
    with forbidding_folder() as folder:
        for destination in (folder / "a.pt", folder / "VAE" / "a.pt"):
            with pytest.raises(TargetNotUsable) as caught:
                place(source, destination, keep_source=True)
            assert str(folder) in caught.value.message
            assert "ermission" in caught.value.message
            assert caught.value.hint
        assert snapshot(folder) == {}


def test_a_name_that_the_disk_refuses_is_an_error_in_words(blob: Path, folder: Path) -> None:
    with pytest.raises(TargetNotUsable):
        place(blob, folder / ("x" * 300 + ".pt"), keep_source=True)
    assert snapshot(folder) == {}


def test_our_folder_taken_by_a_file_is_an_error_in_words(blob: Path, folder: Path) -> None:
    (folder / ".vaehub").write_text("mine")
    with pytest.raises(TargetNotUsable):
        place(blob, folder / "a.pt", keep_source=True)
    assert snapshot(folder) == {".vaehub": b"mine"}


@linux
def test_a_copy_that_cannot_fit_is_refused_before_it_starts(tmp_path: Path) -> None:
    folder = another_file_system(tmp_path)
    try:
        huge = tmp_path / "huge"
        huge.touch()
        os.truncate(huge, shutil.disk_usage(folder).total + 1)  # a hole: takes no room
        with pytest.raises(DiskFull) as caught:
            place(huge, folder / "a.pt", keep_source=True)
        assert f"{huge.stat().st_size:,}" in caught.value.message
        assert str(folder) in caught.value.message
        assert snapshot(folder) == {}
    finally:
        shutil.rmtree(folder)


@linux
def test_a_disk_that_fills_up_on_the_way_leaves_nothing(tmp_path: Path) -> None:
    """A limit on the size of files stops the copy half-way, as a full disk or a quota would."""
    folder = another_file_system(tmp_path)
    try:
        (tmp_path / "blob").write_bytes(DATA)
        script = """
import resource, signal, sys
from pathlib import Path
from vaehub.errors import TargetError
from vaehub.place import place
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    place(Path(sys.argv[1]), Path(sys.argv[2]), keep_source=True)
except TargetError as error:
    print(error.code)
"""
        paths = [str(tmp_path / "blob"), str(folder / "new" / "a.pt")]
        arguments = [sys.executable, "-c", script, *paths]
        done = subprocess.run(arguments, capture_output=True, text=True)
        assert (done.stdout.strip(), done.stderr) == ("target-not-usable", "")
        assert snapshot(folder) == {}
    finally:
        shutil.rmtree(folder)


def _dead_process() -> int:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


@posix
def test_what_a_killed_process_left_goes_with_the_next_placing(blob: Path, folder: Path) -> None:
    ours = folder / ".vaehub"
    living = staging.create(ours)
    dead = ours / staging.new_name().replace(f"-{os.getpid()}-", f"-{_dead_process()}-")
    elsewhere = ours / f"vaehub-{'0' * 12}-1-01234567.part"
    forgotten = ours / f"vaehub-{'1' * 12}-1-01234567.part"
    download = ours / f"{'a' * 64}.part"
    for path in (dead, elsewhere, forgotten, download):
        path.write_bytes(b"half")
    two_days_ago = time.time() - 2 * 24 * 60 * 60
    for path in (forgotten, download):
        os.utime(path, (two_days_ago, two_days_ago))
    place(blob, folder / "a.pt", keep_source=True)
    assert sorted(ours.iterdir()) == sorted([living, elsewhere, download])


def test_sweeping_follows_no_link(tmp_path: Path) -> None:
    (tmp_path / "mine").write_bytes(b"mine")
    name = f"vaehub-{'1' * 12}-1-01234567.part"
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / name).symlink_to(tmp_path / "mine")
    os.utime(tmp_path / "mine", (0, 0))
    staging.sweep(tmp_path / "folder")
    staging.sweep(tmp_path / "missing")
    assert (tmp_path / "mine").read_bytes() == b"mine"
    assert (tmp_path / "folder" / name).is_symlink()


PLACE_FOREVER = """
import sys
from pathlib import Path
from vaehub.place import place
blob, folder = map(Path, sys.argv[1:])
print("ready", flush=True)
while True:
    place(blob, folder / "a.pt", keep_source=True)
    (folder / "a.pt").unlink()
"""


@posix
@pytest.mark.parametrize("where", ["same", "other"])
def test_a_kill_leaves_the_whole_file_or_none(tmp_path: Path, blob: Path, where: str) -> None:
    folder = tmp_path / "VAE" if where == "same" else another_file_system(tmp_path)
    folder.mkdir(exist_ok=True)
    try:
        for delay in (0.0, 0.004, 0.009, 0.013):
            child = subprocess.Popen(
                [sys.executable, "-c", PLACE_FOREVER, str(blob), str(folder)],
                stdout=subprocess.PIPE,
                text=True,
            )
            assert child.stdout is not None
            with child.stdout:
                assert child.stdout.readline() == "ready\n"
                time.sleep(delay)
                child.send_signal(signal.SIGKILL)
                child.wait()
            final = folder / "a.pt"
            assert not final.exists() or final.read_bytes() == DATA
            final.unlink(missing_ok=True)
        place(blob, folder / "a.pt", keep_source=True)
        assert snapshot(folder) == {"a.pt": DATA}
    finally:
        shutil.rmtree(folder)


def test_only_one_of_many_gets_the_name(tmp_path: Path, folder: Path) -> None:
    children = []
    for number in range(3):
        source = tmp_path / f"{number}"
        source.write_text(f"{number}")
        script = (
            "import sys; from pathlib import Path; from vaehub.place import place\n"
            "from vaehub.errors import FileInTheWay\n"
            "try: place(Path(sys.argv[1]), Path(sys.argv[2]), keep_source=True)\n"
            "except FileInTheWay: sys.exit(7)"
        )
        arguments = [sys.executable, "-c", script, str(source), str(folder / "a.pt")]
        children.append(subprocess.Popen(arguments))
    codes = [child.wait() for child in children]
    assert sorted(codes) == [0, 7, 7]
    assert (folder / "a.pt").read_text() == str(codes.index(0))
