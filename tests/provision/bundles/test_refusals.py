"""A tar that is not a bundle to the byte is refused, and puts nothing anywhere but in the store."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import tarfile
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.provision.bundles import making
from tests.provision.bundles.making import FILES, Machine, Pipe, bundle_bytes, lock_of, sha256
from vaehub.errors import BundleRefused, IntegrityError, LockError
from vaehub.provision import lock as lock_module
from vaehub.provision.bundles import index as index_module
from vaehub.provision.bundles import tarred

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Parts = list[tuple[tarfile.TarInfo, bytes]]

ALL = {sha256(data): data for data in FILES.values()}
FIRST, SECOND, THIRD = sorted(ALL)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return bundle_bytes(lock_of(), FILES, tmp_path_factory.mktemp("made"))


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "machine")


ways = pytest.mark.parametrize("piped", [False, True], ids=["file", "pipe"])


def take_in(machine: Machine, content: bytes, *, piped: bool) -> None:
    if piped:
        machine.take_in(Pipe(content))
        return
    path = machine.folder.parent / "evil.tar"
    path.write_bytes(content)
    machine.take_in(path)


def made_of(
    data: bytes, change: Callable[[Parts], object], form: Any = tarfile.USTAR_FORMAT
) -> bytes:
    """Take a bundle apart, change its members, and put it together as any tar would."""
    parts = making.members(data)
    change(parts)
    return making.tar_of(parts, form)


def test_what_was_taken_apart_and_put_together_is_one_again(data: bytes) -> None:
    """So what the tests below refuse, they refuse for what was changed."""
    assert made_of(data, lambda parts: None) == data
    assert made_of(data, lambda parts: None, tarfile.PAX_FORMAT) == data


def member(name: str, content: bytes = b"x", **fields: Any) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.mode = 0o644
    info.size = len(content)
    for key, value in fields.items():
        setattr(info, key, value)
    return info, content


def at(place: int, **fields: Any) -> Callable[[Parts], object]:
    """Change a member's header."""

    def change(parts: Parts) -> None:
        for key, value in fields.items():
            setattr(parts[place][0], key, value)

    return change


def insert(place: int, name: str, **fields: Any) -> Callable[[Parts], object]:
    content = fields.pop("content", b"" if "type" in fields else b"x")
    return lambda parts: parts.insert(place, member(name, content, **fields))


EVIL: dict[str, Callable[[Parts], object]] = {
    "absolute": at(3, name="/etc/cron.d/evil"),
    "parent": at(3, name="../evil"),
    "parent further on": at(3, name=f"sha256/../../{FIRST}"),
    "backslashes": at(3, name="..\\evil"),
    "drive": at(3, name="C:\\evil"),
    "symbolic link": at(3, type=tarfile.SYMTYPE, linkname="/etc/passwd", size=0),
    "hard link": at(3, type=tarfile.LNKTYPE, linkname="vaehub.lock", size=0),
    "character device": at(3, type=tarfile.CHRTYPE, size=0),
    "block device": at(3, type=tarfile.BLKTYPE, size=0),
    "pipe": at(3, type=tarfile.FIFOTYPE, size=0),
    "folder": insert(3, "sha256", type=tarfile.DIRTYPE),
    "sparse": at(3, type=tarfile.GNUTYPE_SPARSE),
    "contiguous": at(3, type=tarfile.CONTTYPE),
    "old regular": at(3, type=tarfile.AREGTYPE),
    "not in the index": insert(3, "more"),
    "not in the index, a blob": insert(3, f"sha256/{'0' * 64}"),
    "not in the index, last": insert(6, "more"),
    "a link before": insert(3, "sha256", type=tarfile.SYMTYPE, linkname="/tmp"),
    "missing": lambda parts: parts.pop(4),
    "missing, last": lambda parts: parts.pop(),
    "twice": lambda parts: parts.insert(4, parts[4]),
    "twice, last": lambda parts: parts.append(parts[-1]),
    "out of order": lambda parts: parts.insert(3, parts.pop()),
    "index not first": lambda parts: parts.insert(0, parts.pop(1)),
    "no lock": lambda parts: parts.pop(1),
    "executable": at(3, mode=0o755),
    "setuid": at(3, mode=0o4755),
    "an owner": at(3, uid=1000),
    "a named owner": at(3, uname="root"),
    "a time": at(3, mtime=1_700_000_000),
}


@ways
@pytest.mark.parametrize("kind", EVIL)
def test_what_else_a_tar_can_hold(data: bytes, machine: Machine, kind: str, piped: bool) -> None:
    evil = made_of(data, EVIL[kind])
    with pytest.raises(BundleRefused) as refused:
        take_in(machine, evil, piped=piped)
    assert refused.value.exit_code == 6
    assert refused.value.hint
    assert machine.outside() <= {"state", "cache"}
    if not piped:
        assert not (machine.folder / "store").exists(), "not even the store was touched"
    assert machine.blobs().keys() <= ALL.keys()


@pytest.mark.parametrize(
    ("headers", "form"),
    [
        ({"path": "/etc/evil"}, tarfile.PAX_FORMAT),
        ({"size": "5"}, tarfile.PAX_FORMAT),
        ({"comment": "harmless"}, tarfile.PAX_FORMAT),
        ({"GNU.sparse.major": "1", "GNU.sparse.size": "9"}, tarfile.PAX_FORMAT),
    ],
    ids=["rename", "resize", "comment", "sparse"],
)
@ways
def test_extended_headers(
    data: bytes, machine: Machine, headers: dict[str, str], form: Any, piped: bool
) -> None:
    evil = made_of(data, at(3, pax_headers=headers), form)
    with pytest.raises(BundleRefused, match="an extended header"):
        take_in(machine, evil, piped=piped)
    assert machine.outside() <= {"state", "cache"}


@ways
def test_a_long_name_of_gnus(data: bytes, machine: Machine, piped: bool) -> None:
    evil = made_of(data, at(3, name="x" * 300), tarfile.GNU_FORMAT)
    with pytest.raises(BundleRefused, match="a long name"):
        take_in(machine, evil, piped=piped)


def resized(data: bytes, size: int, *, place: int) -> bytes:
    """Let a header lie about its size."""
    parts = making.members(data)
    made = b""
    for number, (info, content) in enumerate(parts):
        block = bytearray(tarred.header(info.name, info.size))
        if number == place:
            block[:] = tarred.header(info.name, size)
        made += bytes(block) + content + bytes(-len(content) % 512)
    return made + bytes(1024)


@ways
@pytest.mark.parametrize("place", [0, 1, 2, 3, 5])
@pytest.mark.parametrize("size", [0, 7, 100_000, 1 << 40])
def test_a_size_that_is_not_the_indexs(
    data: bytes, machine: Machine, piped: bool, place: int, size: int
) -> None:
    assert resized(data, making.members(data)[place][0].size, place=place) == data
    with pytest.raises(BundleRefused):
        take_in(machine, resized(data, size, place=place), piped=piped)
    assert machine.outside() <= {"state", "cache"}


@ways
@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda data: data + b"x", None),
        (lambda data: data + bytes(512), None),
        (lambda data: data + data, None),
        (lambda data: data[:-1], "cut off"),
        (lambda data: data[:-1024], "cut off"),
        (lambda data: data[:-1024] + b"x" * 1024, "holds more than its index lists"),
        (lambda data: b"", "cut off"),
        (lambda data: data[:100], None),
        (lambda data: bytes(10_240), "no bundle of vaehub: it ends before"),
        (lambda data: b"hello" * 1000, "no bundle of vaehub"),
        (gzip.compress, "is packed with gzip"),
    ],
    ids=[
        *("a byte more", "a block more", "twice", "a byte less", "no end", "other end"),
        *("nothing", "a hundred bytes", "an empty tar", "no tar", "gzip"),
    ],
)
def test_what_is_no_bundle_at_all(
    data: bytes, machine: Machine, piped: bool, spoil: Any, says: str | None
) -> None:
    evil = spoil(data)
    with pytest.raises(BundleRefused, match=says):
        take_in(machine, evil, piped=piped)
    assert machine.outside() <= {"state", "cache"}
    if len(evil) >= len(data) and not piped:
        assert not (machine.folder / "store").exists(), "not even the store was touched"


def test_a_packed_bundle_says_how_to_unpack_it(data: bytes, machine: Machine) -> None:
    with pytest.raises(BundleRefused) as refused:
        take_in(machine, gzip.compress(data), piped=False)
    assert "gunzip" in (refused.value.hint or "")


def with_lock(data: bytes, text: bytes) -> bytes:
    """Put something else in place of the lock, and let index and tar agree with it."""
    parts = making.members(data)
    said = json.loads(parts[0][1])
    said["members"][0].update(size=len(text), sha256=sha256(text))
    said["lock"] = sha256(text)
    with contextlib.suppress(LockError):
        said["vaes"] = index_module.about(lock_module.parse(text, origin="test"))
    contents = [json.dumps(said).encode(), text, *(content for _, content in parts[2:])]
    made = b""
    for (info, _), content in zip(parts, contents, strict=True):
        made += tarred.header(info.name, len(content))
        made += content + bytes(-len(content) % 512)
    return made + bytes(1024)


@ways
def test_the_lock_must_be_what_the_index_says(data: bytes, machine: Machine, piped: bool) -> None:
    with pytest.raises(BundleRefused, match="is not what the index says"):
        take_in(machine, data.replace(b"A VAE for tests", b"A VAE for TESTS"), piped=piped)


@ways
@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"", "its lock cannot be read"),
        (b"[" * 100_000, "its lock cannot be read"),
        (b"{}", "its lock cannot be read"),
        (lock_of({"x.safetensors": b"x"}).text().encode(), "does not list x.safetensors"),
        (
            lock_of({"one.safetensors": FILES["one.safetensors"]}).text().encode(),
            "which the lock does not name",
        ),
        (lock_of().text().replace("5096", "5097").encode(), "another size than the lock"),
        (lock_of().text().replace('"one.safe', '"../one.safe').encode(), "its lock cannot be read"),
    ],
    ids=["empty", "deep", "no lock", "other files", "fewer files", "other size", "evil name"],
)
def test_a_lock_that_the_files_do_not_go_with(
    data: bytes, machine: Machine, piped: bool, text: bytes, says: str
) -> None:
    assert with_lock(data, lock_of().text().encode()) != data  # but sound:
    take_in(machine, with_lock(data, lock_of().text().encode()), piped=piped)
    other = Machine(machine.folder.with_name("other"))
    with pytest.raises(BundleRefused, match=says):
        take_in(other, with_lock(data, text), piped=piped)
    assert not (other.folder / "store").exists()


@ways
def test_an_index_that_leaves_its_folder(data: bytes, machine: Machine, piped: bool) -> None:
    evil = making.with_index(data, lambda said: said["members"][2].update(name="../../evil"))
    with pytest.raises(BundleRefused, match="which is no sha256/ and digest"):
        take_in(machine, evil, piped=piped)


@ways
@pytest.mark.parametrize(
    "change",
    [
        lambda said: said["vaes"][0]["license"].update(id="CC0-1.0"),
        lambda said: said["vaes"][0].update(name="other"),
        lambda said: said["vaes"].pop(),
        lambda said: said.update(vaes={}),
        lambda said: said.update(vaes=None),
    ],
    ids=["license", "name", "fewer", "no list", "nothing"],
)
def test_an_index_that_tells_people_something_else_than_the_lock(
    data: bytes, machine: Machine, piped: bool, change: Any
) -> None:
    with pytest.raises(BundleRefused, match="something else of its VAEs than the lock"):
        take_in(machine, making.with_index(data, change), piped=piped)
    assert not (machine.folder / "store").exists()


@ways
def test_an_index_may_be_laid_out_otherwise(data: bytes, machine: Machine, piped: bool) -> None:
    other = making.with_index(data, lambda said: None)
    assert other != data
    take_in(machine, other, piped=piped)
    assert machine.blobs() == ALL


@ways
def test_an_index_of_absurd_size_is_not_read(machine: Machine, piped: bool) -> None:
    huge = tarred.header(index_module.NAME, index_module.CEILING + 1)
    pipe = Pipe(huge + bytes(1 << 20))
    path = machine.folder / "huge.tar"
    path.write_bytes(huge + bytes(1 << 20))
    with pytest.raises(BundleRefused, match="no bundle has more than"):
        machine.take_in(pipe if piped else path)
    assert pipe.read_bytes == (512 if piped else 0)


@ways
def test_files_of_absurd_size_are_not_made_room_for(
    data: bytes, machine: Machine, piped: bool
) -> None:
    text = lock_of().text().replace("5096", str(1 << 52))
    absurd = with_lock(data, text.encode())
    with pytest.raises(BundleRefused):
        take_in(machine, absurd, piped=piped)


@ways
def test_bytes_that_hide_behind_a_file(data: bytes, machine: Machine, piped: bool) -> None:
    for name in (index_module.NAME, "vaehub.lock", f"sha256/{FIRST}", f"sha256/{THIRD}"):
        size = next(info.size for info, _ in making.members(data) if info.name == name)
        behind = data.index(name.encode() + b"\0") + 512 + size
        assert data[behind] == 0
        evil = data[:behind] + b"x" + data[behind + 1 :]
        with pytest.raises(BundleRefused, match=f"hides bytes behind {name}"):
            take_in(machine, evil, piped=piped)
    assert machine.outside() <= {"state", "cache"}


# Anything at all


@st.composite
def mutations(draw: st.DrawFn) -> list[tuple[str, int, bytes]]:
    return draw(
        st.lists(
            st.tuples(
                st.sampled_from(["replace", "insert", "remove", "cut"]),
                st.integers(0, 25_000),
                st.binary(min_size=1, max_size=40) | st.sampled_from([bytes(512), b"/", b".."]),
            ),
            min_size=1,
            max_size=3,
        )
    )


def mutated(data: bytes, changes: list[tuple[str, int, bytes]]) -> bytes:
    for kind, place, piece in changes:
        place %= len(data) + 1
        if kind == "replace":
            data = data[:place] + piece + data[place + len(piece) :]
        elif kind == "insert":
            data = data[:place] + piece + data[place:]
        elif kind == "remove":
            data = data[:place] + data[place + len(piece) :]
        else:
            data = data[:place]
    return data


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=mutations(), piped=st.booleans())
def test_whatever_is_changed_it_is_refused_or_gives_exactly_the_right_files(
    data: bytes,
    tmp_path_factory: pytest.TempPathFactory,
    changes: list[tuple[str, int, bytes]],
    piped: bool,
) -> None:
    folder = tmp_path_factory.mktemp("any")
    machine = Machine(folder / "machine")
    content = mutated(data, changes)
    try:
        take_in(machine, content, piped=piped)
    except IntegrityError:  # and no other error
        assert machine.blobs().keys() <= ALL.keys()
    else:
        # The layout of the index is all that may differ.
        found = making.members(content)
        assert json.loads(found[0][1]) == json.loads(making.members(data)[0][1])
        assert [content for _, content in found[1:]] == [
            content for _, content in making.members(data)[1:]
        ]
        assert machine.blobs() == ALL
    assert machine.outside() <= {"state", "cache"}
    assert {path.name for path in folder.iterdir()} <= {"machine", "evil.tar"}
    inside = {path.name for path in (machine.folder / "store").glob("*")}
    assert inside <= {"README.txt", "blobs", "locks", "partial"}


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=2000), piped=st.booleans())
def test_anything_else_is_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, piped: bool
) -> None:
    machine = Machine(tmp_path_factory.mktemp("any") / "machine")
    with pytest.raises(BundleRefused):
        take_in(machine, content, piped=piped)
    assert machine.outside() == set()


def test_bytes_go_through_one_small_buffer(machine: Machine, data: bytes) -> None:
    asked: list[int] = []

    class Watched(io.BytesIO):
        def readinto(self, buffer: Any) -> int:
            asked.append(len(buffer))
            return super().readinto(buffer)

        def fileno(self) -> int:
            raise io.UnsupportedOperation

    machine.take_in(Watched(data))
    assert max(asked) <= 1 << 20
