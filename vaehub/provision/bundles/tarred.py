"""The tar of a bundle: the one header that each member has, and what else a header may be.

Pure. A bundle has one form: the header of a member follows from its name and size, to the byte. So
a reader has nothing to interpret, and whatever else a tar can say (links, devices, sparse files,
extended headers, owners) is not refused because it is on a list, but because it is not that header.
What is there instead is looked at for the message alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

BLOCK = 512
END = bytes(2 * BLOCK)
"""Ends the tar, and the file with it."""
LARGEST = (1 << 53) - 1
"""Bytes of a member: what every JSON reader gets right."""
_LARGEST_IN_OCTAL = 8**11 - 1
_NAME, _SIZE, _CHECKSUM, _TYPE = slice(0, 100), slice(124, 136), slice(148, 156), slice(156, 157)
_MAGIC, _PREFIX = slice(257, 265), slice(345, 500)
_USTAR = b"ustar\x0000"
_KINDS: Mapping[bytes, str] = {
    b"1": "a hard link",
    b"2": "a symbolic link",
    b"3": "a device",
    b"4": "a device",
    b"5": "a folder",
    b"6": "a named pipe",
    b"7": "a contiguous file",
    b"S": "a sparse file",
    b"x": "an extended header",
    b"g": "an extended header",
    b"K": "a long name",
    b"L": "a long name",
}
_PACKED: Mapping[bytes, tuple[str, str]] = {
    b"\x1f\x8b": ("gzip", "gunzip"),
    b"BZh": ("bzip2", "bunzip2"),
    b"\xfd7zXZ": ("xz", "unxz"),
    b"\x28\xb5\x2f\xfd": ("zstd", "unzstd"),
    b"PK\x03\x04": ("zip", "unzip"),
}
_SHOWN = 80


def header(name: str, size: int) -> bytes:
    """Give the header of a member: a plain file of nobody's, from the beginning of time.

    Plain ustar; a size of 8 GiB and more, for which that has no digits, is in base 256.
    """
    encoded = name.encode("ascii")
    assert len(encoded) <= 100
    assert 0 <= size <= LARGEST
    block = b"".join(
        (
            encoded.ljust(100, b"\0"),
            b"0000644\0",  # mode
            b"0000000\0",  # owner
            b"0000000\0",  # group
            _size_field(size),
            b"00000000000\0",  # time
            b" " * 8,  # the checksum is taken with blanks in its place
            b"0",  # a plain file
            bytes(100),  # link
            _USTAR,
            bytes(64),  # names of owner and group
            b"0000000\0" * 2,  # device
            bytes(155 + 12),  # prefix of the name
        )
    )
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def padding(size: int) -> int:
    """Count the zeros after a member of this size."""
    return -size % BLOCK


def length(size: int) -> int:
    """Count the bytes that a member of this size takes."""
    return BLOCK + size + padding(size)


def size_in(block: bytes) -> int | None:
    """Read the size in a header; None where it says none that a bundle may have."""
    field = block[_SIZE]
    if field[:1] == b"\x80":
        size = int.from_bytes(field[1:], "big")
        return size if _LARGEST_IN_OCTAL < size <= LARGEST else None
    digits = field[:-1]
    if field[-1:] != b"\0" or not digits.isdigit() or digits.strip(b"01234567"):
        return None
    return int(digits, 8)


def packed_as(beginning: bytes) -> tuple[str, str] | None:
    """Say which compression a file begins like, and which command takes it off."""
    return next((said for magic, said in _PACKED.items() if beginning.startswith(magic)), None)


def difference(block: bytes, name: str, size: int) -> str:
    """Say in words what stands in a tar in place of the header of a member."""
    if not any(block):
        return f"it ends before {name}"
    if not _is_header(block):
        return f"what should be the header of {name} is none"
    found = _text(block[_PREFIX]) + ("/" if block[_PREFIX].strip(b"\0") else "")
    found = _short(found + _text(block[_NAME]))
    kind = block[_TYPE]
    if kind not in {b"0", b"\0"}:
        return f"it holds {_KINDS.get(kind, 'something unknown')} ({found}) in place of {name}"
    if found != name:
        parts = found.replace("\\", "/").split("/")
        leaves = found.startswith(("/", "\\")) or ".." in parts or ":" in parts[0]
        where = ", which would leave its folder" if leaves else ""
        return f"it holds {found!r}{where}, in place of {name}"
    if size_in(block) != size:
        got = size_in(block)
        said = "no size" if got is None else f"{got:,} bytes"
        return f"the header of {name} says {said}, and the index {size:,}"
    return f"the header of {name} is not the one that a bundle has: owner, mode, time or format"


def _size_field(size: int) -> bytes:
    if size > _LARGEST_IN_OCTAL:
        return b"\x80" + size.to_bytes(11, "big")
    return b"%011o\0" % size


def _is_header(block: bytes) -> bool:
    if len(block) != BLOCK:
        return False
    digits = block[_CHECKSUM].strip(b" \0")
    blank = block[:148] + b" " * 8 + block[156:]
    return digits.isdigit() and not digits.strip(b"01234567") and int(digits, 8) == sum(blank)


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("utf-8", "backslashreplace")


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
