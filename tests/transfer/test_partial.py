from __future__ import annotations

import hashlib
import json
import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaehub.errors import DiskFull, TargetNotUsable
from vaehub.transfer.declared import Expected
from vaehub.transfer.extents import Extent, Owner
from vaehub.transfer.partial import Partial, remove

if TYPE_CHECKING:
    from pathlib import Path

DATA = bytes(range(256)) * 8
WANTED = Expected(hashlib.sha256(DATA).hexdigest(), len(DATA))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "partial" / "x.part"


def grow(path: Path, data: bytes, source: str = "first") -> None:
    with Partial(path) as partial:
        partial.expect(WANTED)
        partial.begin(source)
        partial.receive(source, partial.length, data)


def test_it_goes_on_where_it_ended(path: Path) -> None:
    grow(path, DATA[:100])
    with Partial(path) as partial:
        partial.expect(WANTED)
        assert (partial.length, partial.inherited) == (100, 100)
        partial.begin("second")
        partial.receive("second", 100, DATA[100:])
        assert partial.digest() == WANTED.sha256
        assert partial.extents() == (
            Extent(0, 100, Owner("first", in_this_run=False)),
            Extent(100, len(DATA), Owner("second", in_this_run=True)),
        )
        assert partial.inherited == 100
        partial.settle()
    assert path.read_bytes() == DATA
    assert [file.name for file in path.parent.iterdir()] == ["x.part"]


def test_the_sidecar_says_whose_bytes_they_are(path: Path) -> None:
    grow(path, DATA[:100])
    grow(path, DATA[100:200], "second")
    sidecar = json.loads(path.with_name("x.part.json").read_text())
    assert sidecar == {
        "schema": 1,
        "sha256": WANTED.sha256,
        "size": len(DATA),
        "stretches": [{"from": 0, "source": "first"}, {"from": 100, "source": "second"}],
    }


def test_the_sidecar_is_written_when_a_source_begins_and_not_while_it_sends(path: Path) -> None:
    with Partial(path) as partial:
        partial.expect(WANTED)
        partial.begin("first")
        before = partial.sidecar.stat()
        for at in range(0, 1000, 10):
            partial.receive("first", at, DATA[at : at + 10])
            partial.begin("first")
        after = partial.sidecar.stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_what_was_written_before_a_kill_is_gone_on_with(path: Path) -> None:
    """The sidecar's last stretch has no end: the file's own length says where it is."""
    grow(path, DATA[:10])
    with path.open("ab") as file:
        file.write(DATA[10:50])
    with Partial(path) as partial:
        partial.expect(WANTED)
        assert partial.length == 50
        assert partial.digest() == hashlib.sha256(DATA[:50]).hexdigest()


def test_a_stretch_whose_bytes_never_reached_the_disk_is_forgotten(path: Path) -> None:
    grow(path, DATA[:100])
    grow(path, DATA[100:200], "second")
    with path.open("r+b") as file:
        file.truncate(50)
    with Partial(path) as partial:
        assert partial.extents() == (Extent(0, 50, Owner("first", in_this_run=False)),)


def test_the_digest_is_over_what_is_on_the_disk(path: Path) -> None:
    grow(path, DATA[:100])
    path.write_bytes(bytes(100))
    with Partial(path) as partial:
        partial.expect(WANTED)
        partial.begin("second")
        partial.receive("second", 100, DATA[100:])
        assert partial.digest() == hashlib.sha256(bytes(100) + DATA[100:]).hexdigest()


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"stretches": 1}', '{"sha256": 1, "stretches": [{"from": "x"}]}', "["],
)
def test_a_sidecar_that_makes_no_sense_harms_nobody(path: Path, text: str) -> None:
    grow(path, DATA[:100])
    path.with_name("x.part.json").write_text(text * 1000 if text == "[" else text)
    with Partial(path) as partial:
        partial.expect(WANTED)
        assert partial.extents() == (Extent(0, 100, Owner("an earlier run", in_this_run=False)),)


def test_bytes_towards_another_file_are_dropped(path: Path) -> None:
    grow(path, DATA[:100])
    with Partial(path) as partial:
        partial.expect(Expected("b" * 64, len(DATA)))
        assert (partial.length, partial.extents()) == (0, ())
    assert path.stat().st_size == 0


def test_too_many_bytes_are_dropped(path: Path) -> None:
    grow(path, DATA)
    with Partial(path) as partial:
        partial.expect(Expected(WANTED.sha256, len(DATA) - 1))
        assert partial.length == 0


def test_only_the_last_source_is_dropped(path: Path) -> None:
    grow(path, DATA[:100])
    with Partial(path) as partial:
        partial.expect(WANTED)
        partial.begin("second")
        partial.receive("second", 100, b"wrong")
        partial.drop("somebody else")
        assert partial.length == 105
        partial.drop("second")
        partial.drop("second")
        assert partial.length == 100
        partial.begin("third")
        partial.receive("second", 100, DATA[100:])
        assert partial.digest() == WANTED.sha256


def test_an_earlier_run_is_not_dropped(path: Path) -> None:
    grow(path, DATA[:100])
    with Partial(path) as partial:
        partial.drop("first")
        assert partial.length == 100


def test_bytes_that_one_source_sent_again_are_its_own(path: Path) -> None:
    grow(path, DATA[:100])
    with Partial(path) as partial:
        partial.expect(WANTED)
        partial.receive("second", 0, DATA[:60])
        assert partial.owners() == {
            Owner("first", in_this_run=False): 40,
            Owner("second", in_this_run=True): 60,
        }
        partial.receive("second", 60, b"else")
        assert partial.length == 64, "from the first difference on the old bytes are given up"
        partial.drop("second")
        partial.receive("third", 0, DATA)
        assert partial.digest() == WANTED.sha256
    assert path.read_bytes() == DATA


def test_space_is_looked_for_first(path: Path) -> None:
    with Partial(path) as partial:
        partial.expect(WANTED)
        partial.check_space()
        partial.expect(Expected("a" * 64, None))
        partial.check_space()
        partial.expect(Expected("a" * 64, 10**18))
        with pytest.raises(DiskFull) as caught:
            partial.check_space()
    assert "1,000,000,000,000,000,000 bytes are needed" in caught.value.message
    assert "are free" in caught.value.message
    assert str(path.parent) in caught.value.message
    assert caught.value.exit_code == 7


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")  # noqa: PTH110
def test_a_disk_that_fills_up_meanwhile(path: Path) -> None:
    path.parent.mkdir()
    path.symlink_to("/dev/full")
    with pytest.raises(DiskFull):
        grow(path, DATA)


def test_a_folder_that_cannot_be_written(path: Path) -> None:
    path.parent.write_text("a file, not a folder")
    with pytest.raises(TargetNotUsable):
        Partial(path)


@given(
    pieces=st.lists(st.tuples(st.binary(max_size=50), st.booleans(), st.sampled_from("abc"))),
)
def test_the_digest_always_agrees_with_the_file(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[tuple[bytes, bool, str]]
) -> None:
    path = tmp_path_factory.mktemp("partial") / "x.part"
    whole = b""
    partial = Partial(path)
    for data, restart, source in pieces:
        if restart:
            partial.__exit__(None, None, None)
            partial = Partial(path)
        partial.begin(source)
        partial.receive(source, partial.length, data)
        whole += data
    digest = partial.digest()
    partial.settle()
    partial.__exit__(None, None, None)
    assert path.read_bytes() == whole
    assert digest == hashlib.sha256(whole).hexdigest()


def test_to_remove_one_leaves_nothing_of_it_and_all_else(path: Path) -> None:
    other = path.with_name(f"{path.name}.nearby")
    other.parent.mkdir()
    other.write_bytes(b"another")
    with Partial(path) as partial:
        partial.begin("a")
        partial.receive("a", 0, b"bytes")
        partial.record()
    path.with_name(f"{path.name}.now").touch()
    assert len(list(path.parent.iterdir())) == 4
    remove(path)
    assert list(path.parent.iterdir()) == [other]
    remove(path)
