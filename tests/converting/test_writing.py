"""The format, held against its own library."""

from __future__ import annotations

import hashlib
import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from vaehub.converting.writing import Entry, header, in_order, pour
from vaehub.errors import NotAModel
from vaehub.weights.safetensors_header import BITS, parse_header

if TYPE_CHECKING:
    from pathlib import Path


def test_the_header_is_what_the_reader_of_the_format_wants() -> None:
    entries = in_order(
        [Entry("b", "F32", (2, 3)), Entry("é", "I64", ()), Entry("a", "F16", (0, 4))]
    )
    raw = header(entries, {"z": "1", "a": "2"}, name="x.pt")
    length = int.from_bytes(raw[:8], "little")
    assert length == len(raw) - 8
    assert length % 8 == 0
    found = parse_header(raw[8:], data_size=8 + 24, name="x")
    assert found.metadata == {"z": "1", "a": "2"}
    assert [(key, one.dtype) for key, one in found.tensors.items()] == [
        ("é", "I64"),
        ("b", "F32"),
        ("a", "F16"),
    ]


@pytest.mark.parametrize("name", ["__metadata__", "a\ud800"])
def test_a_name_that_the_format_cannot_hold_is_refused(name: str) -> None:
    with pytest.raises(NotAModel):
        header([Entry(name, "F32", ())], {}, name="x.pt")


def test_every_type_of_the_format_has_a_place_in_its_order() -> None:
    entries = [Entry(dtype, dtype, (8,)) for dtype in BITS]
    assert {entry.dtype for entry in in_order(entries)} == set(BITS)


def test_what_is_poured_is_hashed_and_written() -> None:
    pieces = [bytes([i]) * 1000 for i in range(40)]
    file = io.BytesIO()
    assert pour(pieces, file) == hashlib.sha256(b"".join(pieces)).hexdigest()
    assert file.getvalue() == b"".join(pieces)
    assert pour(pieces, None) == hashlib.sha256(b"".join(pieces)).hexdigest()


def test_an_error_of_the_source_comes_out() -> None:
    def pieces() -> Any:
        yield b"a"
        raise NotAModel("cut off")

    with pytest.raises(NotAModel, match="cut off"):
        pour(pieces(), None)


def test_the_library_lays_the_same_tensors_out_the_same_way(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed (vaehub[smoke])")
    library = pytest.importorskip("safetensors.torch", reason="safetensors is not installed")
    kinds = {
        "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
        "I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8,
        "U8": torch.uint8, "BOOL": torch.bool, "U16": torch.uint16, "U32": torch.uint32,
        "U64": torch.uint64, "C64": torch.complex64, "F8_E4M3": torch.float8_e4m3fn,
        "F8_E5M2": torch.float8_e5m2,
    }  # fmt: skip
    weights = {
        f"{name}{at}": torch.zeros((2, 3), dtype=kind)
        for at in (2, 10, 1)
        for name, kind in kinds.items()
    }
    weights["none"] = torch.empty(0, 2)
    weights["number"] = torch.tensor(0.0)
    weights["层"] = torch.zeros(3)
    path = tmp_path / "theirs.safetensors"
    library.save_file(weights, path, metadata={"format": "pt"})
    names = {str(kind): name for name, kind in kinds.items()}
    entries = in_order(
        Entry(key, names[str(one.dtype)], tuple(one.shape)) for key, one in weights.items()
    )
    zeros = bytes(sum(entry.nbytes for entry in entries))
    assert header(entries, {"format": "pt"}, name="x") + zeros == path.read_bytes()
    assert json.loads(path.read_bytes()[8:].split(b"}}")[0] + b"}}")
