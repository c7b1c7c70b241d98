"""A partial that is filled in any order: what is here, what is missing, what survives."""

from __future__ import annotations

import hashlib
import itertools
import json
import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vaehub.transfer import disk
from vaehub.transfer.declared import Expected
from vaehub.transfer.extents import Extent, Owner
from vaehub.transfer.journal import boot_id
from vaehub.transfer.partial import Partial, peek

if TYPE_CHECKING:
    from io import FileIO
    from pathlib import Path

SIZE = 1000
DATA = random.Random(3).randbytes(SIZE)
WANTED = Expected(hashlib.sha256(DATA).hexdigest(), SIZE)


def opened(path: Path) -> Partial:
    partial = Partial(path)
    partial.expect(WANTED)
    return partial


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.sets(st.integers(1, SIZE - 1), max_size=12), st.randoms(use_true_random=False))
def test_any_order_gives_the_same_bytes(
    tmp_path_factory: pytest.TempPathFactory, edges: set[int], chance: random.Random
) -> None:
    path = tmp_path_factory.mktemp("p") / "x.part"
    cuts = [0, *sorted(edges), SIZE]
    pieces = list(itertools.pairwise(cuts))
    chance.shuffle(pieces)
    with opened(path) as partial:
        partial.spread()
        missing = SIZE
        for start, end in pieces:
            partial.put("one", start, DATA[start:end])
            missing -= end - start
            assert sum(b - a for a, b in partial.missing()) == missing
            assert partial.present == SIZE - missing
            partial.follow()
        assert partial.length == SIZE
        assert partial.digest() == WANTED.sha256
        assert partial.owners() == {Owner("one", in_this_run=True): SIZE}
    assert path.read_bytes() == DATA


def test_what_was_recorded_is_there_in_the_next_run(tmp_path: Path) -> None:
    path = tmp_path / "x.part"
    with opened(path) as partial:
        partial.spread()
        partial.put("one", 0, DATA[:100])
        partial.put("two", 500, DATA[500:700])
        partial.record()
        partial.put("two", 700, DATA[700:900])  # after the last record: not to be trusted
    with opened(path) as partial:
        assert partial.missing() == [(100, 500), (700, SIZE)]
        assert partial.owners() == {
            Owner("one", in_this_run=False): 100,
            Owner("two", in_this_run=False): 200,
        }
        partial.spread()
        partial.put("three", 700, DATA[700:])
        partial.put("three", 100, DATA[100:500])
        sources = [part.owner.source for part in partial.extents()]
        assert sources == ["one", "three", "two", "three"]
        assert partial.digest() == WANTED.sha256


def test_another_process_can_see_how_much_is_here(tmp_path: Path) -> None:
    path = tmp_path / "x.part"
    assert peek(path) is None
    with opened(path) as partial:
        partial.begin("one")
        partial.receive("one", 0, DATA[:50])
        assert peek(path) == 50
        partial.spread()
        partial.put("one", 50, DATA[50:100])
        partial.put("one", 500, DATA[500:700])
        partial.record()
        assert peek(path) == 300
        partial.put("one", 700, DATA[700:800])
        partial.note()
        assert peek(path) == (300 if boot_id() is None else 400)


def test_one_stream_fills_the_gaps_and_keeps_the_islands(tmp_path: Path) -> None:
    path = tmp_path / "x.part"
    with opened(path) as partial:
        partial.spread()
        partial.put("one", 0, DATA[:100])
        partial.put("one", 500, DATA[500:700])
        partial.record()
    with opened(path) as partial:
        partial.begin("two")
        for at in range(0, 600, 150):
            partial.receive("two", at, DATA[at : at + 150])
        assert partial.missing() == [(700, SIZE)], "a break takes away nothing that was here"
        partial.receive("two", 600, DATA[600:])
        assert partial.digest() == WANTED.sha256
        assert partial.owners() == {Owner("two", in_this_run=True): SIZE}


def test_islands_that_one_stream_contradicts_are_given_up(tmp_path: Path) -> None:
    path = tmp_path / "x.part"
    with opened(path) as partial:
        partial.spread()
        partial.put("one", 0, DATA[:100])
        partial.put("one", 500, b"wrong" + DATA[505:700])
        partial.receive("two", 0, DATA[:600])
        assert partial.missing() == [(600, SIZE)]
        partial.receive("two", 600, DATA[600:])
        assert partial.digest() == WANTED.sha256


def test_what_a_wrong_source_brought_is_dropped(tmp_path: Path) -> None:
    with opened(tmp_path / "x.part") as partial:
        partial.spread()
        partial.put("wrong", 300, DATA[300:400])
        partial.put("right", 600, DATA[600:700])
        partial.drop("wrong")
        assert partial.missing() == [(0, 600), (700, SIZE)]


def test_bytes_that_were_hashed_may_be_given_up_and_replaced(tmp_path: Path) -> None:
    wrong, right = Owner("wrong", in_this_run=True), Owner("right", in_this_run=True)
    with opened(tmp_path / "x.part") as partial:
        partial.spread()
        partial.put("right", 0, DATA[:300])
        partial.put("wrong", 300, bytes(100))
        partial.put("right", 400, DATA[400:])
        before = partial.digest()
        gone = partial.release(wrong)
        assert gone == (Extent(300, 400, wrong),)
        assert partial.missing() == [(300, 400)]
        partial.put("right", 300, bytes(100))
        assert partial.digest() == before
        partial.attribute(gone)
        assert partial.owners() == {right: 900, wrong: 100}
        partial.release(wrong)
        partial.put("right", 300, DATA[300:400])
        assert partial.digest() == WANTED.sha256


def test_bytes_that_are_given_up_while_they_are_hashed_do_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another thread releases them between the read and the hash."""
    wrong = Owner("wrong", in_this_run=True)
    with opened(tmp_path / "x.part") as partial:
        partial.spread()
        partial.put("wrong", 0, bytes(300))
        partial.put("right", 300, DATA[300:])
        read_into = disk.read_into

        def released_meanwhile(file: FileIO, view: memoryview, at: int) -> int:
            count = read_into(file, view, at)
            monkeypatch.setattr(disk, "read_into", read_into)
            partial.release(wrong)
            partial.put("right", 0, DATA[:300])
            return count

        monkeypatch.setattr(disk, "read_into", released_meanwhile)
        partial.follow()
        assert partial.digest() == WANTED.sha256


def test_a_whole_file_that_grew_at_its_end_may_get_gaps(tmp_path: Path) -> None:
    path = tmp_path / "x.part"
    with opened(path) as partial:
        partial.begin("one")
        partial.receive("one", 0, DATA[:400])
        partial.begin("two")
        partial.receive("two", 400, DATA[400:])
        partial.release(Owner("one", in_this_run=True))
        assert partial.missing() == [(0, 400)]
    with opened(path) as partial:
        assert partial.missing() == [(0, 400)], "the journal knows of the gap"


@pytest.mark.parametrize(
    "change",
    [
        {"length": 2000},
        {"length": -1},
        {"islands": [[50, 40, "one"]]},
        {"islands": [[0, 5000, "one"]]},
        {"islands": [["a", "b", "c"]]},
        {"islands": 7},
        {"length": None},
    ],
)
def test_a_journal_that_makes_no_sense_is_not_believed(
    tmp_path: Path, change: dict[str, object]
) -> None:
    path = tmp_path / "x.part"
    with opened(path) as partial:
        partial.spread()
        partial.put("one", 0, DATA[:100])
        partial.record()
    sidecar = path.with_name("x.part.json")
    sidecar.write_text(json.dumps({**json.loads(sidecar.read_text()), **change}))
    with opened(path) as partial:
        # The file has its full length, and nobody knows what of it is true: the digest tells.
        assert partial.length == SIZE
        assert partial.digest() != WANTED.sha256


needs_boot_id = pytest.mark.skipif(boot_id() is None, reason="this system has no boot id")


@needs_boot_id
def test_after_a_kill_all_that_was_noted_is_believed(tmp_path: Path) -> None:
    path = tmp_path / "x.part"
    with opened(path) as partial:
        partial.spread()
        partial.put("one", 0, DATA[:100])
        partial.record()
        partial.put("one", 400, DATA[400:600])
        partial.note()
    with opened(path) as partial:
        assert partial.missing() == [(100, 400), (600, SIZE)]


@needs_boot_id
def test_after_a_power_cut_only_what_was_flushed_is_believed(tmp_path: Path) -> None:
    path = tmp_path / "x.part"
    with opened(path) as partial:
        partial.spread()
        partial.put("one", 0, DATA[:100])
        partial.record()
        partial.put("one", 400, DATA[400:600])
        partial.note()
    hint = path.with_name("x.part.now")
    hint.write_text(json.dumps({**json.loads(hint.read_text()), "boot": "another"}))
    with opened(path) as partial:
        assert partial.missing() == [(100, SIZE)]


@needs_boot_id
def test_notes_do_not_outlive_what_they_speak_of(tmp_path: Path) -> None:
    path = tmp_path / "x.part"
    with opened(path) as partial:
        partial.spread()
        partial.put("wrong", 300, DATA[300:400])
        partial.note()
        partial.drop("wrong")
    with opened(path) as partial:
        assert partial.missing() == [(0, SIZE)]
        partial.put("one", 0, DATA)
        partial.note()
        partial.settle()
    assert sorted(tmp_path.iterdir()) == [path]
