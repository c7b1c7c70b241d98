"""What was hashed is remembered, and never told of a file that has changed since."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.openings import watched
from vaehub import digests
from vaehub.digests import CEILING, RECORD, STEP, Digests

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROOT = Path(__file__).resolve().parents[1]
MINUTE = 60_000_000_000


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def later(nanoseconds: int = MINUTE) -> Callable[[], int]:
    """Give a clock that is ahead: what was written just now is old by it."""
    return lambda: time.time_ns() + nanoseconds


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def models(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    folder.mkdir()
    for name in ("a", "b", "c"):
        (folder / name).write_bytes(name.encode() * 1000)
    return folder


def told(cache: Path, *paths: Path, clock: Callable[[], int] | None = None) -> list[str | OSError]:
    return Digests(cache, clock=clock or later()).of_each(paths)


def test_what_was_hashed_is_not_read_again(cache: Path, models: Path) -> None:
    paths = [models / name for name in ("a", "b", "c")]
    right = [digest(path.read_bytes()) for path in paths]
    with watched(models) as opened:
        assert told(cache, *paths) == right
        assert sorted(opened) == ["a", "b", "c"]
        opened.clear()
        assert told(cache, *reversed(paths)) == right[::-1]
        assert told(cache, paths[1]) == right[1:2]
        assert opened == []


def test_only_what_is_new_is_read(cache: Path, models: Path) -> None:
    told(cache, models / "a")
    with watched(models) as opened:
        assert told(cache, models / "b", models / "a") == [digest(b"b" * 1000), digest(b"a" * 1000)]
        assert opened == ["b"]


def test_why_a_file_cannot_be_read(cache: Path, models: Path) -> None:
    first, second, third = told(cache, models / "gone", models / "a", models)
    assert isinstance(first, FileNotFoundError)
    assert second == digest(b"a" * 1000)
    assert isinstance(third, IsADirectoryError)


def _written(path: Path) -> None:
    path.write_bytes(b"x" * 1000)


def _replaced(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(b"x" * 1000)
    os.utime(other, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    other.replace(path)


def _written_with_the_old_time(path: Path) -> None:
    stat = path.stat()
    path.write_bytes(b"x" * 1000)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


@pytest.mark.parametrize("change", [_written, _replaced, _written_with_the_old_time])
def test_a_change_of_the_same_size_is_noticed(
    cache: Path, models: Path, change: Callable[[Path], None]
) -> None:
    if os.name == "nt" and change is _written_with_the_old_time:
        pytest.skip("there ctime is the time of creation")
    path = models / "a"
    told(cache, path)
    time.sleep(0.05)  # a tick of the clock that ctime goes by
    change(path)
    assert told(cache, path) == [digest(b"x" * 1000)]


def test_another_file_at_the_same_path_is_noticed(cache: Path, models: Path) -> None:
    link = models / "link"
    link.symlink_to("a")
    assert told(cache, link) == [digest(b"a" * 1000)]
    link.unlink()
    link.symlink_to("b")
    assert told(cache, link) == [digest(b"b" * 1000)]


class _Stat:
    """What a file system says whose times are other ones."""

    def __init__(self, real: os.stat_result, times: dict[str, int]) -> None:
        self._real, self._times = real, times

    def __getattr__(self, name: str) -> Any:
        return self._times[name] if name in self._times else getattr(self._real, name)


def _times_are(
    monkeypatch: pytest.MonkeyPatch, times: Callable[[os.stat_result], dict[str, int]]
) -> None:
    real = Path.stat

    def stat(self: Path, **options: Any) -> Any:
        found = real(self, **options)
        return _Stat(found, times(found))

    monkeypatch.setattr(Path, "stat", stat)


@pytest.fixture
def coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the times of all files count in steps of two seconds, as on FAT."""
    step = 2_000_000_000

    def times(stat: os.stat_result) -> dict[str, int]:
        return {
            "st_mtime_ns": stat.st_mtime_ns // step * step,
            "st_ctime_ns": stat.st_ctime_ns // step * step,
        }

    _times_are(monkeypatch, times)


@pytest.fixture
def created_long_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let ctime be the time of creation, as on Windows, and older than anything."""
    _times_are(monkeypatch, lambda stat: {"st_ctime_ns": -(10**15)})


def test_a_second_write_within_one_tick_is_noticed(cache: Path, models: Path, coarse: None) -> None:
    path = models / "a"
    same = 0
    for number in range(3):
        before = path.stat()
        assert told(cache, path, clock=time.time_ns) == [digest(path.read_bytes())]
        path.write_bytes(f"{number}".encode() * 1000)
        assert told(cache, path, clock=time.time_ns) == [digest(f"{number}".encode() * 1000)]
        same += before.st_mtime_ns == path.stat().st_mtime_ns
    assert same, "the clock is not that coarse"


def test_what_is_fresh_is_remembered_once_it_is_not_fresh_any_more(
    cache: Path, models: Path
) -> None:
    path = models / "a"
    written = max(path.stat().st_mtime_ns, path.stat().st_ctime_ns)
    with watched(models) as opened:
        for now in (written, written + STEP, written + STEP + 1, written + STEP + 2):
            told(cache, path, clock=lambda now=now: now)  # type: ignore[misc]
    assert opened == ["a", "a", "a"]


def test_a_time_in_the_future_is_never_trusted(cache: Path, models: Path) -> None:
    path = models / "a"
    ahead = time.time_ns() + 100 * MINUTE
    os.utime(path, ns=(ahead, ahead))
    with watched(models) as opened:
        told(cache, path)
        told(cache, path)
    assert opened == ["a", "a"]


def test_a_clock_that_went_back_makes_nothing_believable(cache: Path, models: Path) -> None:
    path = models / "a"
    told(cache, path, clock=later(60 * MINUTE))
    with watched(models) as opened:
        assert told(cache, path, clock=later(30 * MINUTE)) == [digest(b"a" * 1000)]
        assert opened == ["a"]
        assert told(cache, path, clock=later(31 * MINUTE)) == [digest(b"a" * 1000)]
        assert opened == ["a"], "what was hashed since counts"


def test_a_clock_before_1970_is_a_clock(cache: Path, models: Path, created_long_ago: None) -> None:
    os.utime(models / "a", ns=(-(10**12), -(10**12)))
    with watched(models) as opened:
        for _ in range(2):
            assert told(cache, models / "a", clock=lambda: -5) == [digest(b"a" * 1000)]
    assert opened == ["a"]


def test_a_file_that_changes_while_it_is_hashed_is_not_remembered(
    cache: Path, models: Path, created_long_ago: None
) -> None:
    path = models / "a"
    before = path.stat()
    with watched(models, then=lambda name: os.utime(name, ns=(5, 5))):
        told(cache, path)
    path.write_bytes(b"x" * 1000)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert told(cache, path) == [digest(b"x" * 1000)]


def test_another_file_with_the_same_times_is_noticed(
    cache: Path, models: Path, created_long_ago: None
) -> None:
    told(cache, models / "a")
    _replaced(models / "a")
    assert told(cache, models / "a") == [digest(b"x" * 1000)]


def test_the_notes_say_nothing_of_paths(cache: Path, models: Path) -> None:
    told(cache, models / "a")
    notes = (cache / "digests").read_bytes()
    assert len(notes) == RECORD
    assert b"models" not in notes


def test_a_name_that_is_no_text_is_a_name(cache: Path, models: Path) -> None:
    try:
        path = models / os.fsdecode(b"\xff\n")
        path.write_bytes(b"x")
    except (OSError, UnicodeError):
        pytest.skip("this file system takes text alone")
    assert told(cache, path) == told(cache, path) == [digest(b"x")]


def test_where_nothing_can_be_written_all_is_hashed(tmp_path: Path, models: Path) -> None:
    cache = tmp_path / "cache"
    cache.write_text("a file where the folder should be", encoding="utf-8")
    assert told(cache, models / "a") == told(cache, models / "a") == [digest(b"a" * 1000)]


def test_the_notes_have_a_ceiling_and_keep_the_newest(cache: Path, models: Path) -> None:
    cache.mkdir()
    (cache / "digests").write_bytes(os.urandom(CEILING))
    told(cache, models / "a")
    assert (cache / "digests").stat().st_size <= CEILING // 2
    with watched(models) as opened:
        told(cache, models / "a")
    assert opened == []


def test_notes_of_any_length_are_read_from_their_end(cache: Path, models: Path) -> None:
    told(cache, models / "a")
    notes = (cache / "digests").read_bytes()
    with (cache / "digests").open("wb") as file:
        file.truncate(1 << 40)  # a hole
        file.seek(0, os.SEEK_END)
        file.write(notes)
    with watched(models) as opened:
        assert told(cache, models / "a") == [digest(b"a" * 1000)]
    assert opened == []


def _changed(notes: bytes, edits: list[tuple[int, bytes, int]]) -> bytes:
    """Cut, insert and overwrite, as no program of ours would."""
    for where, new, gone in edits:
        at = where % (len(notes) + 1)
        notes = notes[:at] + new + notes[at + gone :]
    return notes


EDITS = st.lists(
    st.tuples(st.integers(0, 1 << 12), st.binary(max_size=40), st.integers(0, 120)), max_size=6
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(st.one_of(st.none(), st.binary(max_size=500)), EDITS)
def test_no_notes_can_break_it_or_make_it_wrong(
    cache: Path, models: Path, content: bytes | None, edits: list[tuple[int, bytes, int]]
) -> None:
    """Anything may stand there: other bytes, or notes that something cut and overwrote."""
    paths = [models / name for name in ("a", "b", "c")]
    cache.mkdir(exist_ok=True)
    (cache / "digests").unlink(missing_ok=True)
    if content is None:
        told(cache, *paths)
        content = (cache / "digests").read_bytes()
    (cache / "digests").write_bytes(_changed(content, edits))
    right = [digest(path.read_bytes()) for path in paths]
    assert told(cache, *paths) == right
    with watched(models) as opened:
        assert told(cache, *paths) == right
    assert opened == [], "what was hashed then is remembered, whatever stands before it"


def test_a_record_of_one_file_says_nothing_of_another(cache: Path, models: Path) -> None:
    """A stamp and a digest that never belonged together prove nothing."""
    told(cache, models / "a", models / "b")
    notes = (cache / "digests").read_bytes()
    first, second = notes[:RECORD], notes[RECORD:]
    (cache / "digests").write_bytes(first[:32] + second[32:] + second[:32] + first[32:])
    assert told(cache, models / "a", models / "b") == [digest(b"a" * 1000), digest(b"b" * 1000)]


CHILD = (
    "import sys, time; from pathlib import Path; from vaehub.digests import Digests\n"
    "for name in sys.argv[2:]:\n"
    "    Digests(Path(sys.argv[1]), clock=lambda: time.time_ns() + 60_000_000_000)"
    ".of_each([Path(name)])\n"
)


def test_processes_at_once_lose_nothing(cache: Path, tmp_path: Path) -> None:
    paths = [tmp_path / f"{process}-{number}" for process in range(4) for number in range(40)]
    for path in paths:
        path.write_text(path.name, encoding="utf-8")
    children = [
        subprocess.Popen(
            [sys.executable, "-c", CHILD, str(cache), *map(str, paths[at::4])],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        for at in range(4)
    ]
    assert [child.wait(timeout=60) for child in children] == [0] * 4
    assert (cache / "digests").stat().st_size == len(paths) * RECORD
    with watched(tmp_path) as opened:
        assert told(cache, *paths) == [digest(path.name.encode()) for path in paths]
    assert [name for name in opened if name != "cache/digests"] == []


def test_the_checks_are_not_those_of_any_hash(cache: Path) -> None:
    assert digests._check(b"") != hashlib.sha256(b"").digest()[:24]


def test_another_way_of_reading_is_used_for_what_nobody_remembers(
    cache: Path, models: Path
) -> None:
    paths = [models / "a", models / "b"]
    told(cache, paths[0])
    asked: list[Path] = []

    def by(some: Sequence[Path]) -> list[str | OSError]:
        asked.extend(some)
        return [digest(path.read_bytes()) for path in some]

    found = Digests(cache, clock=later()).of_each(paths, by=by)
    assert found == [digest(path.read_bytes()) for path in paths]
    assert asked == [paths[1]]
    assert told(cache, *paths) == found
