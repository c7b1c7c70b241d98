"""The header of a member: what every tar reads, and nothing else."""

from __future__ import annotations

import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaehub.provision.bundles import tarred

NAME = "sha256/" + "a" * 64
SIZES = st.integers(0, tarred.LARGEST)


def read(block: bytes) -> tarfile.TarInfo:
    return tarfile.TarInfo.frombuf(block, "utf-8", "strict")


@given(SIZES)
def test_other_readers_find_a_plain_file_of_nobodys(size: int) -> None:
    info = read(tarred.header(NAME, size))
    assert (info.name, info.size, info.mode, info.mtime) == (NAME, size, 0o644, 0)
    assert (info.uid, info.gid, info.uname, info.gname, info.linkname) == (0, 0, "", "", "")
    assert info.isreg()


@given(SIZES)
def test_the_size_is_read_back(size: int) -> None:
    assert tarred.size_in(tarred.header(NAME, size)) == size


@pytest.mark.parametrize("size", [8**11 - 1, 8**11])
def test_sizes_are_octal_as_long_as_that_has_digits(size: int) -> None:
    in_octal = size < 8 << 30
    assert (tarred.header(NAME, size)[124:136] == b"%011o\0" % size) == in_octal
    assert (tarred.header(NAME, size)[124] == 0x80) == (not in_octal)


@pytest.mark.parametrize(
    "field",
    [
        b"00000000008\0",  # no octal digit
        b"           \0",
        b"0000000001 \0",
        b"000000000001",
        b"\x80" + (5).to_bytes(11, "big"),  # octal would do
        b"\x80" + (1 << 53).to_bytes(11, "big"),
        b"\xff" * 12,  # a negative one
        b"\xb2\xb2         \0",
    ],
)
def test_a_size_has_one_form(field: bytes) -> None:
    block = tarred.header(NAME, 5)
    assert tarred.size_in(block[:124] + field + block[136:]) is None


@given(st.integers(0, 511), st.integers(0, 255), st.integers(0, 10_000))
def test_any_other_header_is_told_apart_and_put_into_words(at: int, byte: int, size: int) -> None:
    block = bytearray(tarred.header(NAME, size))
    block[at] = byte
    same = bytes(block) == tarred.header(NAME, size)
    assert same == (byte == tarred.header(NAME, size)[at])
    assert tarred.difference(bytes(block), NAME, size)


def changed(**fields: object) -> bytes:
    info = tarfile.TarInfo(NAME)
    info.size = 5
    info.mode = 0o644
    for key, value in fields.items():
        setattr(info, key, value)
    return info.tobuf(tarfile.USTAR_FORMAT)[:512]


@pytest.mark.parametrize(
    ("block", "said"),
    [
        (changed(type=tarfile.SYMTYPE, linkname="/etc"), "a symbolic link"),
        (changed(type=tarfile.LNKTYPE, linkname="x"), "a hard link"),
        (changed(type=tarfile.CHRTYPE), "a device"),
        (changed(type=tarfile.BLKTYPE), "a device"),
        (changed(type=tarfile.FIFOTYPE), "a named pipe"),
        (changed(type=tarfile.DIRTYPE), "a folder"),
        (changed(type=tarfile.GNUTYPE_SPARSE), "a sparse file"),
        (changed(type=tarfile.XHDTYPE), "an extended header"),
        (changed(type=tarfile.XGLTYPE), "an extended header"),
        (changed(type=b"Z"), "something unknown"),
        (changed(name="/etc/passwd"), "'/etc/passwd', which would leave its folder"),
        (changed(name="a/../../b"), "which would leave its folder"),
        (changed(name="..\\b"), "which would leave its folder"),
        (changed(name="C:/b"), "which would leave its folder"),
        (changed(name="other"), "holds 'other', in place of"),
        (changed(name="p" * 60 + "/" + "q" * 60), "holds 'ppp"),
        (changed(size=6), "says 6 bytes, and the index 5"),
        (changed(mode=0o755), "owner, mode, time or format"),
        (changed(mtime=1), "owner, mode, time or format"),
        (changed(uname="me"), "owner, mode, time or format"),
        (bytes(512), "it ends before"),
        (b"x" * 512, "is none"),
        (b"x", "is none"),
    ],
)
def test_what_stands_there_instead_is_named(block: bytes, said: str) -> None:
    assert said in tarred.difference(block, NAME, 5)


@pytest.mark.parametrize(("mode", "form"), [("w:gz", "gzip"), ("w:bz2", "bzip2"), ("w:xz", "xz")])
def test_a_packed_tar_is_recognised(mode: str, form: str) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as tar:  # type: ignore[call-overload]
        tar.addfile(tarfile.TarInfo(NAME))
    found = tarred.packed_as(packed.getvalue())
    assert found is not None
    assert found[0] == form
    assert tarred.packed_as(tarred.header(NAME, 5)) is None


@given(st.integers(0, 5000))
def test_members_fill_whole_blocks(size: int) -> None:
    assert (size + tarred.padding(size)) % 512 == 0
    assert 0 <= tarred.padding(size) < 512
    assert tarred.length(size) == 512 + size + tarred.padding(size)
