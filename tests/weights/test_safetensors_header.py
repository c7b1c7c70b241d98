from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.weights.files import safetensors
from vaehub.errors import NotAModel
from vaehub.weights import Tensor, read_header
from vaehub.weights.safetensors_header import parse_header

if TYPE_CHECKING:
    from pathlib import Path


def tensor(
    start: int, end: int, *, dtype: str = "U8", shape: list[Any] | None = None
) -> dict[str, Any]:
    return {
        "dtype": dtype,
        "shape": [end - start] if shape is None else shape,
        "data_offsets": [start, end],
    }


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_a_header_is_read(tmp_path: Path) -> None:
    header = {
        "__metadata__": {"format": "pt"},
        "b": tensor(12, 16, dtype="F16", shape=[2]),
        "a": tensor(0, 12, dtype="F32", shape=[3, 1]),
        "empty": tensor(16, 16, dtype="F32", shape=[0, 5]),
        "scalar": tensor(16, 18, dtype="BF16", shape=[]),
    }
    data = safetensors(bytes(18), header=header)
    found = read_header(write(tmp_path / "vae.safetensors", data))
    assert found.metadata == {"format": "pt"}
    assert found.tensors["b"] == Tensor("F16", (2,), 12, 16)
    assert found.tensors["a"].shape == (3, 1)
    assert found.data_start == len(data) - 18


@pytest.mark.parametrize(
    ("header", "size", "words"),
    [
        ({"a": tensor(0, 8), "b": tensor(9, 16)}, 16, "leaves a hole"),
        ({"a": tensor(0, 8), "b": tensor(7, 16)}, 16, "overlaps"),
        ({"a": tensor(1, 16)}, 16, "leaves a hole"),
        ({"a": tensor(0, 16)}, 15, "cut off"),
        ({"a": tensor(0, 16)}, 17, "belong to no tensor"),
        ({}, 1, "belong to no tensor"),
        ({"a": tensor(0, 16, dtype="F32", shape=[3])}, 16, "do not fill"),
        ({"a": tensor(0, 16, dtype="F33")}, 16, "unknown type 'F33'"),
        ({"a": tensor(0, 16, shape=[-16])}, 16, "no valid shape"),
        ({"a": tensor(0, 16, shape=[True])}, 16, "no valid shape"),
        ({"a": tensor(0, 16, shape=[2**70])}, 16, "no valid shape"),
        ({"a": tensor(0, 16, shape=[2**60] * 1_000_000)}, 16, "has 1,000,000 dimensions"),
        ({"a": {"dtype": "U8", "shape": [16], "data_offsets": [0]}}, 16, "no valid offsets"),
        ({"a": {"dtype": "U8", "shape": [16]}}, 16, "no valid offsets"),
        ({"a": {"dtype": ["U8"], "shape": [], "data_offsets": [0, 1]}}, 1, "unknown type"),
        ({"a": [0, 16]}, 16, "is not a map"),
        ({"__metadata__": {"n": 1}}, 0, "metadata"),
        ({"__metadata__": [1]}, 0, "metadata"),
    ],
)
def test_nonsense_is_refused(header: dict[str, Any], size: int, words: str) -> None:
    with pytest.raises(NotAModel, match=words):
        parse_header(json.dumps(header).encode(), data_size=size, name="vae.safetensors")


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"[]", "brace"),
        (b"", "brace"),
        (b'{"a": ', "not valid JSON"),
        (b'{"a": 1, "a": 1}', "the key 'a' stands there twice"),
        (b'{"\xff": 1}', "not valid JSON"),
        (b'{"a":' * 100_000, "not valid JSON"),
    ],
)
def test_broken_json_is_refused(raw: bytes, words: str) -> None:
    with pytest.raises(NotAModel, match=words):
        parse_header(raw, data_size=0, name="vae.safetensors")


def test_a_giant_header_is_refused_unread(tmp_path: Path) -> None:
    data = (100_000_001).to_bytes(8, "little") + b"{"
    with pytest.raises(NotAModel, match="100,000,001"):
        read_header(write(tmp_path / "vae.safetensors", data))


@given(st.binary(max_size=120))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    said = "vae.safetensors"
    try:
        parse_header(b"{" + data, data_size=len(data), name="vae.safetensors")
    except NotAModel as error:
        said = error.message
    assert "vae.safetensors" in said


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)
entries = st.fixed_dictionaries(
    {},
    optional={
        "dtype": st.sampled_from(["U8", "F16", "F4"]) | json_values,
        "shape": st.lists(st.integers(-1, 9), max_size=3) | json_values,
        "data_offsets": st.lists(st.integers(-1, 9), max_size=3) | json_values,
    },
)


@given(st.dictionaries(st.text(max_size=12), entries | json_values), st.integers(0, 20))
def test_what_passes_covers_the_file_exactly(body: dict[str, Any], size: int) -> None:
    try:
        found = parse_header(json.dumps(body).encode(), data_size=size, name="x")
    except NotAModel:
        return
    covered = sorted((t.start, t.end) for t in found.tensors.values())
    assert sum(end - start for start, end in covered) == size
    assert [start for start, _ in covered[1:]] == [end for _, end in covered[:-1]]
