"""Which files have the same bytes, and what the catalogs know by them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vaehub.doctor import sameness
from vaehub.doctor.facts import Seen
from vaehub.model import Artifact, Entry, License, Variant

if TYPE_CHECKING:
    from pathlib import Path

BODIES = st.lists(st.sampled_from([b"", b"a", b"b", b"aa", b"bb", b"ccc"]), max_size=8)


def note(path: Path, data: bytes) -> Seen:
    path.write_bytes(data)
    stat = path.stat()
    return Seen(
        path,
        "vae",
        path.parent,
        stat.st_size,
        identity=(stat.st_dev, stat.st_ino),
        listed_as=path.name,
    )


def entry(id_: str, data: bytes, *, size: int | None = -1) -> Entry:
    artifact = Artifact(
        "x.pt",
        (),
        size=len(data) if size == -1 else size,
        sha256=hashlib.sha256(data).hexdigest(),
    )
    return Entry(id_, "mine", "", "sd1", License("MIT"), (Variant("v", (artifact,)),))


@given(bodies=BODIES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_same_is_what_has_the_same_bytes(tmp_path: Path, bodies: list[bytes]) -> None:
    files = [note(tmp_path / f"{at}.pt", body) for at, body in enumerate(bodies)]
    found = sameness.identified(files, [entry("one", b"bb"), entry("two", b"bb")])
    first = {body: at for at, body in reversed(list(enumerate(bodies)))}
    for at, (one, body) in enumerate(zip(found, bodies, strict=True)):
        expected = files[first[body]].path if body and first[body] != at else None
        assert one.same_as == expected
        known = one.known.entry.id if one.known is not None else None
        assert known == ("one" if body == b"bb" else None)
        if one.sha256 is not None:
            assert one.sha256 == hashlib.sha256(body).hexdigest()
    extra = sum(len(body) for at, body in enumerate(bodies) if first[body] != at)
    assert sameness.wasted(found) == extra


def test_only_what_may_be_the_same_is_read_and_that_is_said(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []

    def hashing(files: int, size: int) -> None:
        told.append((files, size))

    files = [note(tmp_path / "a.pt", b"1"), note(tmp_path / "b.pt", b"22")]
    found = sameness.identified(files, [entry("x", b"333")], hashing=hashing)
    assert ([one.sha256 for one in found], told) == ([None, None], [])
    files.append(note(tmp_path / "c.pt", b"23"))
    found = sameness.identified(files, [entry("x", b"1")], hashing=hashing)
    assert told == [(3, 5)]
    assert found[0].known is not None
    # An entry whose size nobody knows is no reason to read everything.
    found = sameness.identified(files[:1], [entry("x", b"1", size=None)], hashing=hashing)
    assert (found[0].sha256, len(told)) == (None, 1)


def test_names_of_one_file_are_read_once(tmp_path: Path) -> None:
    first = note(tmp_path / "a.pt", b"12")
    (tmp_path / "b.pt").hardlink_to(first.path)
    second = first._replace(path=tmp_path / "b.pt")
    told: list[int] = []
    found = sameness.identified(
        [first, second], [entry("x", b"12")], hashing=lambda files, size: told.append(files)
    )
    assert told == [1]
    assert [one.known is not None for one in found] == [True, True]
    assert [one.same_as for one in found] == [None, None]


def test_a_receipt_tells_the_digest_of_all_names_of_a_file(tmp_path: Path) -> None:
    first = note(tmp_path / "a.pt", b"12")
    (tmp_path / "b.pt").hardlink_to(first.path)
    second = first._replace(path=tmp_path / "b.pt")
    told: list[int] = []
    found = sameness.identified(
        [first._replace(sha256="from the receipt"), second],
        [entry("x", b"12")],
        hashing=lambda files, size: told.append(files),
    )
    assert told == []
    assert [one.sha256 for one in found] == ["from the receipt"] * 2


def test_only_on_one_file_system_can_two_be_one(tmp_path: Path) -> None:
    files = [note(tmp_path / "a.pt", b"12"), note(tmp_path / "b.pt", b"12")]
    assert [one.could_be_one for one in sameness.identified(files, [])] == [False, True]
    files[1] = files[1]._replace(identity=(-1, 1))  # of another file system
    found = sameness.identified(files, [])
    assert [one.could_be_one for one in found] == [False, False]
    assert found[1].same_as == files[0].path


def test_what_cannot_be_read_is_like_nothing(tmp_path: Path) -> None:
    files = [note(tmp_path / "a.pt", b"12"), note(tmp_path / "b.pt", b"12")]
    files[1].path.unlink()
    found = sameness.identified(files, [])
    assert [one.same_as for one in found] == [None, None]
    files = [note(tmp_path / "a.pt", b"12"), note(tmp_path / "b.pt", b"12")]
    files[1] = files[1]._replace(unfinished=files[1].path)
    found = sameness.identified(files, [])
    assert [one.sha256 for one in found] == [None, None]
