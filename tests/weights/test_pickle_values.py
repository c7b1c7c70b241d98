"""Hold our interpreter of opcodes against Python's own unpickler."""

from __future__ import annotations

import io
import pickle
from collections import OrderedDict
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.weights.test_pickle_walk import SNIPPETS, Plain
from vaehub.errors import NotAModel, UnsafePickle
from vaehub.weights.pickle_values import Inert, Name, read_value


def refuse(identity: object) -> object:
    raise NotAModel(f"vae.pt: an id: {identity}")


def build(full: str, arguments: tuple[Any, ...]) -> object:
    if full == "collections.OrderedDict":
        return dict(*arguments)
    if full == "_codecs.encode":
        return arguments[0].encode(arguments[1])
    return Inert(full)


def inert(full: str, arguments: tuple[Any, ...]) -> object:
    return Inert(full)


def read(data: bytes, *, by: Any = build) -> Any:
    return read_value(io.BytesIO(data), name="vae.pt", build=by, persistent=refuse)


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(min_size=1),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.text() | st.integers(-9, 9), inner)
        | st.tuples(inner, inner)
        | st.tuples(inner)
        | st.dictionaries(st.text(), inner).map(OrderedDict)
    ),
    max_leaves=12,
)


@pytest.mark.parametrize("protocol", range(2, 6))
@given(value=PLAIN)
def test_plain_values_come_out_as_they_went_in(protocol: int, value: Any) -> None:
    assert read(pickle.dumps(value, protocol=protocol)) == value


def test_what_is_shared_stays_shared() -> None:
    inner: list[int] = [1]
    first, second = read(pickle.dumps((inner, inner), protocol=2))
    assert first is second


def test_globals_stay_names() -> None:
    found = read(b"\x80\x02cos\nsystem\n.")
    assert isinstance(found, Name)
    assert found.full == "os.system"


def test_state_beside_an_ordered_dict_is_passed_over() -> None:
    """As state dicts carry their versions."""
    value: Any = OrderedDict(a=1)
    value._metadata = {"": {"version": 2}}
    assert read(pickle.dumps(value, protocol=2)) == {"a": 1}


@settings(max_examples=400)
@given(snippets=SNIPPETS)
def test_any_opcodes_give_what_an_unpickler_gives(snippets: list[bytes]) -> None:
    """Where the real one fails ours may pass; where both pass, they agree on plain values."""
    data = b"\x80\x04" + b"".join(snippets) + b"."
    try:
        ours = read(data, by=inert)
    except (NotAModel, UnsafePickle):
        return
    try:
        theirs = Plain(io.BytesIO(data)).load()
    except Exception:  # the real ones raise anything at all
        return
    if isinstance(ours, list | tuple | dict | str | int):
        assert type(ours) is type(theirs)
    if isinstance(ours, str | int):
        assert ours == theirs
    elif isinstance(ours, list | tuple | dict) and isinstance(theirs, list | tuple | dict):
        assert len(ours) == len(theirs)
