"""Reading tensors, held against files spelled out byte by byte; torch is not needed here."""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, Any

import pytest

from tests.weights.checkpoints import (
    ONE_TO_FOUR,
    REBUILD,
    WEIGHTS,
    Call,
    Global,
    Raw,
    Stored,
    archive,
    contents,
    in_archive,
    in_sequence,
    read,
    sequence,
    tensor,
)
from tests.weights.files import safetensors
from vaehub.errors import NotAModel
from vaehub.weights.tensors import read_tensors

if TYPE_CHECKING:
    from pathlib import Path

either = pytest.mark.parametrize("pack", [in_archive, in_sequence])


def test_a_safetensors_file_is_listed_and_read(tmp_path: Path) -> None:
    header = {
        "__metadata__": {"format": "pt"},
        "b": {"dtype": "F32", "shape": [], "data_offsets": [4, 8]},
        "a": {"dtype": "BF16", "shape": [2, 1], "data_offsets": [0, 4]},
        "none": {"dtype": "F16", "shape": [0, 3], "data_offsets": [8, 8]},
    }
    data = safetensors(b"abcdefgh", header=header)
    found = read(tmp_path, data, name="vae.safetensors")
    assert (found.kind, found.metadata, found.size) == ("safetensors", {"format": "pt"}, len(data))
    assert list(found.stored) == ["b", "a", "none"]
    assert found.stored["a"].shape == (2, 1)
    assert found.stored["a"].strides == (1, 1)
    assert found.stored["a"].offset == len(data) - 8
    assert found.stored["b"].elements == 1
    assert contents(found) == {"b": b"efgh", "a": b"abcd", "none": b""}


@either
def test_a_checkpoint_is_listed_and_read(tmp_path: Path, pack: Any) -> None:
    found = read(tmp_path, pack(WEIGHTS))
    assert found.kind == ("zip pickle" if pack is in_archive else "legacy pickle")
    [stored] = found.stored.values()
    assert (stored.dtype, stored.shape, stored.strides) == ("F32", (2, 2), (2, 1))
    assert stored.is_contiguous
    assert (tmp_path / "vae.pt").read_bytes()[stored.offset :][:16] == ONE_TO_FOUR
    assert contents(found) == {"w": ONE_TO_FOUR}
    assert (found.wrapper, found.metadata, found.left_out) == ((), {}, {})


@either
def test_views_and_strides_are_gathered(tmp_path: Path, pack: Any) -> None:
    value = {
        "turned": tensor("0", (2, 2), (1, 2)),
        "row": tensor("0", (2,), (1,), start=2),
        "column": tensor("0", (2,), (2,), start=1),
        "number": tensor("0", (), (), start=3),
        "repeated": tensor("0", (3, 2), (0, 1)),
        "nothing": tensor("0", (2, 0), (1, 1)),
    }
    found = read(tmp_path, pack(value))
    assert {
        key: struct.unpack(f"<{len(raw) // 4}f", raw) for key, raw in contents(found).items()
    } == {
        "turned": (1, 3, 2, 4),
        "row": (3, 4),
        "column": (2, 4),
        "number": (4,),
        "repeated": (1, 2, 1, 2, 1, 2),
        "nothing": (),
    }
    assert {stored.storage for stored in found.stored.values()} == {"0"}
    assert not found.stored["column"].is_contiguous
    assert found.stored["row"].is_contiguous


@either
def test_the_weights_are_found_where_uis_find_them(tmp_path: Path, pack: Any) -> None:
    value = {
        "epoch": 7,
        "pytorch-lightning_version": "1.4.2",
        "state_dict": WEIGHTS,
        "optimizer_states": [{"state": WEIGHTS}],
        "ema": WEIGHTS["w"],
        "callbacks": {
            Global("pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint"): {"best": 0.5}
        },
        "hyper_parameters": Call("argparse.Namespace", ()),
    }
    found = read(tmp_path, pack(value))
    assert found.wrapper == ("state_dict",)
    assert list(found.stored) == ["w"]
    assert found.metadata == {"epoch": "7", "pytorch-lightning_version": "1.4.2"}
    assert found.left_out == {
        "optimizer_states": "list",
        "ema": "tensor",
        "callbacks": "map",
        "hyper_parameters": "argparse.Namespace",
    }


@pytest.mark.parametrize(
    ("value", "wrapper"),
    [
        ({"model": WEIGHTS}, ("model",)),
        ({"generator": {"state_dict": WEIGHTS}}, ("generator", "state_dict")),
        ({"state_dict": {"state_dict": WEIGHTS}}, ("state_dict", "state_dict")),
        ({"params": WEIGHTS, "options": {"a": 1}}, ("params",)),
    ],
)
def test_wrappers_are_entered(tmp_path: Path, value: Any, wrapper: tuple[str, ...]) -> None:
    found = read(tmp_path, in_archive(value))
    assert found.wrapper == wrapper
    assert list(found.stored) == ["w"]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([WEIGHTS], "a pickle of a list"),
        (WEIGHTS["w"], "a pickle of a tensor"),
        ({"encoder": WEIGHTS, "decoder": WEIGHTS}, "2 sets of tensors.*'encoder', 'decoder'"),
        ({"w": tensor("0", (5,), (1,))}, "reaches to byte 20 of its storage '0', which has 16"),
        ({"w": tensor("0", (2,), (1,), start=3)}, "reaches to byte 20"),
        ({"w": tensor("0", (2, 2), (4, 1))}, "reaches to byte 24"),
        ({"w": tensor("0", (1 << 40,), (0,))}, "a bomb"),
        ({"w": tensor("0", (2, 2), (1,))}, "no valid shape"),
        ({"w": tensor("0", (-1, 2), (1, 1))}, "no valid shape"),
        ({"w": tensor("0", (2,), (-1,), start=1)}, "no valid shape"),
        ({"w": tensor("0", (1,) * 65, (1,) * 65)}, "no valid shape"),
        ({"w": tensor("0", (2,), (1,), kind="torch.QInt8Storage")}, "QInt8Storage: quantised"),
        ({"w": tensor("0", (2,), (1,), count=-1)}, "claims -1 elements"),
        ({"w": Call(REBUILD, (1, 2, 3))}, "with what is no tensor"),
        ({"w": tensor("0", (1,), (1,)), "v": tensor("0", (1,), (1,), count=3)}, "two types"),
        ({"w": Raw(b"K\x01Q")}, "refers to something that is no storage"),
        ({"w": Raw(b"h\x07")}, "never put down"),
        ({"w": Raw(b"00")}, "a mark is missing"),
        (Raw(b"}(X\x01\x00\x00\x00aK\x01X\x01\x00\x00\x00aK\x02u"), "'a' stands there twice"),
    ],
    ids=str,
)  # fmt: skip
@either
def test_lies_are_told(tmp_path: Path, pack: Any, value: Any, said: str) -> None:
    with pytest.raises(NotAModel, match=said) as caught:
        read(tmp_path, pack(value))
    assert caught.value.message.startswith("vae.pt: ")


def test_sizes_that_differ_are_told(tmp_path: Path) -> None:
    with pytest.raises(NotAModel, match="'0' has 12 bytes, and its pickle says 16"):
        read(tmp_path, archive(WEIGHTS, {"0": bytes(12)}))
    with pytest.raises(NotAModel, match=r"has 12 bytes at byte .*, and 16 were announced"):
        read(tmp_path, sequence(WEIGHTS, {"0": (3, bytes(12))}))


def test_a_storage_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotAModel, match="storage '0' is missing"):
        read(tmp_path, archive(WEIGHTS, {"1": ONE_TO_FOUR}))
    with pytest.raises(NotAModel, match=r"\(0\) are not those .* \(1\)"):
        read(tmp_path, sequence(WEIGHTS, {}))


def test_a_cut_sequence_is_told(tmp_path: Path) -> None:
    whole = in_sequence(WEIGHTS)
    for cut in range(1, 25):
        with pytest.raises(NotAModel, match="cut off"):
            read(tmp_path, whole[:-cut])


def test_what_follows_the_last_storage_is_named(tmp_path: Path) -> None:
    found = read(tmp_path, in_sequence(WEIGHTS) + bytes(7))
    assert found.left_out == {"(behind the last storage)": "7 bytes"}
    assert contents(found) == {"w": ONE_TO_FOUR}


def test_a_compressed_archive_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(NotAModel, match="compressed") as caught:
        read(tmp_path, archive(WEIGHTS, {"0": ONE_TO_FOUR}, stored=False))
    assert caught.value.hint
    assert "zip -0" in caught.value.hint


@pytest.mark.parametrize(("at", "new"), [(0, b"XX"), (8, b"\x08"), (30, b"X"), (18, b"")])
def test_an_archive_of_two_minds_is_told(tmp_path: Path, at: int, new: bytes) -> None:
    """The head of a member and the table of contents must agree on what is read."""
    data = bytearray(in_archive(WEIGHTS))
    head = data.index(b"archive/data/0") - 30
    data[head + at : head + at + len(new)] = new
    if new:
        with pytest.raises(NotAModel, match="storage '0'"):
            read(tmp_path, bytes(data))
    else:
        assert contents(read(tmp_path, bytes(data))) == {"w": ONE_TO_FOUR}


def test_a_member_longer_than_the_file_is_told(tmp_path: Path) -> None:
    data = bytearray(in_archive(WEIGHTS))
    entry = data.rindex(b"archive/data/0") - 46
    struct.pack_into("<LL", data, entry + 20, 1 << 30, 1 << 30)
    with pytest.raises(NotAModel, match=r"claims 1,073,741,824 bytes"):
        read(tmp_path, bytes(data))


def test_a_big_end_first_archive_is_turned_round(tmp_path: Path) -> None:
    value = {
        "w": tensor("0", (2, 2), (1, 2)),
        "c": tensor("1", (2,), (1,), kind="torch.ComplexFloatStorage", count=2),
        "b": tensor("2", (3,), (1,), kind="torch.BoolStorage", count=3),
    }
    storages = {
        "0": struct.pack(">4f", 1, 2, 3, 4),
        "1": struct.pack(">4f", 5, 6, 7, 8),
        "2": b"\1\0\1",
    }
    found = read(tmp_path, archive(value, storages, more={"byteorder": b"big"}))
    assert found.byteorder == "big"
    assert contents(found) == {
        "w": struct.pack("<4f", 1, 3, 2, 4),
        "c": struct.pack("<4f", 5, 6, 7, 8),
        "b": b"\1\0\1",
    }  # fmt: skip


def test_an_unknown_order_of_bytes_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotAModel, match="order of bytes: b'middle'"):
        read(tmp_path, archive(WEIGHTS, {"0": ONE_TO_FOUR}, more={"byteorder": b"middle"}))


def test_views_of_before_torch_0_4_are_followed(tmp_path: Path) -> None:
    rebuilt = Call(
        "torch._utils._rebuild_tensor",
        (Stored("torch.FloatStorage", "0", 4, (("view", 1, 3),)), 1, (2,), (1,)),
    )
    found = read(tmp_path, in_sequence({"w": rebuilt}))
    assert contents(found) == {"w": struct.pack("<2f", 3, 4)}
    beyond = Stored("torch.FloatStorage", "0", 4, (("view", 2, 3),))
    with pytest.raises(NotAModel, match="beyond the storage"):
        read(
            tmp_path, in_sequence({"w": Call("torch._utils._rebuild_tensor", (beyond, 0, (), ()))})
        )


def test_parameters_and_typed_views_are_tensors(tmp_path: Path) -> None:
    untyped = Stored("torch.storage.UntypedStorage", "0", 16)
    bare = Call(
        "torch._utils._rebuild_tensor_v3",
        (untyped, 1, (2,), (1,), False, {}, Global("torch.float8_e4m3fn")),
    )
    value = {
        "p": Call("torch._utils._rebuild_parameter", (bare, True, {})),
        "t": Call(
            "torch._tensor._rebuild_from_type_v2",
            (Global(REBUILD), Global("torch.Tensor"), (untyped, 0, (), ()), {}),
        ),
    }
    with pytest.raises(NotAModel, match="has no type"):
        read(tmp_path, in_archive(value))
    found = read(tmp_path, in_archive({"p": value["p"]}))
    assert found.stored["p"].dtype == "F8_E4M3"
    assert contents(found) == {"p": ONE_TO_FOUR[1:3]}


def test_the_wrong_container_for_the_name_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotAModel, match="zip archive"):
        read(tmp_path, in_archive(WEIGHTS), name="vae.safetensors")
    with pytest.raises(NotAModel, match="safetensors file under the name of a pickle"):
        read(tmp_path, safetensors(), name="vae.ckpt")
    with pytest.raises(NotAModel, match="neither a safetensors file nor"):
        read(tmp_path, b"BM" + bytes(60), name="blob")
    # A header of 0x80 bytes begins like a pickle does.
    header: dict[str, Any] = {"w": {"dtype": "U8", "shape": [16], "data_offsets": [0, 16]}}
    header["__metadata__"] = {"a": " " * (128 + 24 - len(safetensors(header=header)) - 27)}
    data = safetensors(header=header)
    assert data[:1] == b"\x80"
    assert read(tmp_path, data, name="blob").kind == "safetensors"


def test_a_file_without_tensors_is_no_model(tmp_path: Path) -> None:
    for value in ({}, {"state_dict": {"epoch": 1}}):
        with pytest.raises(NotAModel, match="without a tensor"):
            read(tmp_path, archive(value, {}))
    with pytest.raises(NotAModel, match="without a tensor"):
        read(tmp_path, safetensors(b"", header={}), name="vae.safetensors")


def test_a_file_that_shrinks_is_told(tmp_path: Path) -> None:
    found = read(tmp_path, in_archive(WEIGHTS))
    os.truncate(found.path, 100)
    with pytest.raises(NotAModel, match="has 100 now"), found.open():
        pass


def test_real_weights_are_listed(shared_weights: Path) -> None:
    for path in sorted(shared_weights.glob("*.pth")):
        found = read_tensors(path)
        assert len(found.stored) == 79
        assert {stored.dtype for stored in found.stored.values()} == {"F16"}
        assert len(found.checksums) == 79
        assert sum(map(len, contents(found).values())) == sum(
            stored.nbytes for stored in found.stored.values()
        )
