"""Hold our reading of opcodes against what real unpicklers would import.

The unpicklers here import nothing: they put every global down and hand out an inert class.
"""

from __future__ import annotations

import io
import pickle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vaehub.errors import NotAModel, UnsafePickle
from vaehub.weights.pickle_walk import walk


class Inert:
    def __new__(cls, *args: Any, **options: Any) -> Inert:
        return super().__new__(cls)

    def __init__(self, *args: Any, **options: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass


class _Recording:
    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)  # type: ignore[call-arg]
        self.found: set[str] = set()

    def find_class(self, module: str, name: str) -> type:
        self.found.add(f"{module}.{name}")
        return Inert

    def persistent_load(self, pid: Any) -> None:
        return None


class Quick(_Recording, pickle.Unpickler):
    """The one written in C."""


class Plain(_Recording, pickle._Unpickler):
    """The one written in Python."""


def text(value: str) -> bytes:
    return b"\x8c" + bytes([len(value)]) + value.encode()


STRINGS = [text("os"), text("system"), b"X\x02\x00\x00\x00ab", b"Vcollections\n"]
MEMO = [b"\x94", b"q\x00", b"q\x01", b"q\x05", b"p0\n", b"r\x01\x00\x00\x00"]
RECALL = [b"h\x00", b"h\x01", b"h\x05", b"g0\n", b"j\x01\x00\x00\x00"]
GLOBALS = [b"cos\nsystem\n", b"(icollections\nOrderedDict\n", b"\x93"]
STACK = [b"0", b"1", b"2", b"(", b")", b"]", b"}", b"t", b"\x85", b"\x86", b"\x87", b"N"]
BUILD = [b"R", b"b", b"\x81", b"o", b"s", b"a", b"e", b"u", b"Q", b"K\x05", b"\x8a\x01\x07"]
FRAMES = [b"\x95" + size.to_bytes(8, "little") for size in (1, 4, 30)]
SNIPPETS = st.lists(
    st.sampled_from([*STRINGS, *MEMO, *RECALL, *GLOBALS, *STACK, *BUILD, *FRAMES])
    # What a pickler really writes, so that whole loads are among the examples.
    | st.sampled_from([text("os") + b"\x94" + text("system") + b"\x94\x93", b"h\x00h\x01\x93"]),
    max_size=14,
)


@pytest.mark.parametrize("kind", [Quick, Plain])
@settings(max_examples=300)
@given(snippets=SNIPPETS, after=st.binary(max_size=4))
def test_no_import_goes_unseen(
    kind: type[Quick | Plain], snippets: list[bytes], after: bytes
) -> None:
    data = b"\x80\x04" + b"".join(snippets) + b"." + after
    ours = io.BytesIO(data)
    try:
        seen, number = walk(ours, name="vae.pt")
    except (NotAModel, UnsafePickle):
        return
    unpickler = kind(theirs := io.BytesIO(data))
    whole = False
    try:
        value = unpickler.load()
        whole = True
    except Exception:  # the real ones raise anything at all
        value = None
    assert unpickler.found <= seen
    if whole:
        assert theirs.tell() == ours.tell()
        assert number in (None, value)


@pytest.mark.parametrize("protocol", range(6))
@given(
    value=st.recursive(
        st.none() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
        max_leaves=10,
    )
)
def test_plain_values_name_nothing_but_bytes_helpers(protocol: int, value: Any) -> None:
    data = pickle.dumps(value, protocol=protocol)
    file = io.BytesIO(data)
    seen, _ = walk(file, name="vae.pt")
    assert seen <= {"_codecs.encode", "__builtin__.bytes"}
    assert file.tell() == len(data)
