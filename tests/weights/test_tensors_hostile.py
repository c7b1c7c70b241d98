"""What must not run, run out of memory or crash when tensors are read; torch is not needed."""

from __future__ import annotations

import os
import pickle
import struct
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.weights.checkpoints import (
    ONE_TO_FOUR,
    WEIGHTS,
    Call,
    Global,
    Raw,
    contents,
    in_archive,
    in_sequence,
    pickled,
    read,
    tensor,
)
from tests.weights.files import legacy, safetensors, torch_zip
from vaehub.errors import NotAModel, UnsafePickle
from vaehub.weights import check_file
from vaehub.weights.tensors import Tensors, read_tensors

either = pytest.mark.parametrize("pack", [in_archive, in_sequence])


# What would run


class Evil:
    """Would make a folder when unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.marker),)


@pytest.mark.parametrize("protocol", range(2, 6))
@pytest.mark.parametrize("wrap", [torch_zip, legacy])
def test_code_is_refused_and_never_run(tmp_path: Path, wrap: Any, protocol: int) -> None:
    marker = tmp_path / "it-ran"
    with pytest.raises(UnsafePickle, match="mkdir"):
        read(tmp_path, wrap(pickle.dumps({"state_dict": Evil(marker)}, protocol=protocol)))
    assert not marker.exists()


MADE = Raw(b"ccollections\nOrderedDict\n)R")


@pytest.mark.parametrize(
    "value",
    [
        Call("os.system", ("true",)),
        Call("builtins.eval", ("1",)),
        Call("runpy.run_path", ("x",)),
        Call("builtins.getattr", (Global("os"), "system")),
        Call("torch.storage._load_from_bytes", (b"",)),
        Call("functools.partial", (Global("builtins.eval"), "1")),
        Raw(b"\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R"),
        Raw(b"(X\x04\x00\x00\x00trueios\nsystem\n"),
        Raw(b"\x82\x01"),
        # REDUCE and OBJ on what a call made; BUILD on what is made already.
        Raw(MADE.opcodes + b")R"),
        Raw(b"(" + MADE.opcodes + b"o"),
        Raw(b"K\x01)R"),
        Raw(pickled(WEIGHTS["w"])[2:-1] + b"}b"),
        Raw(b"]}b"),
    ],
    ids=str,
)
@either
def test_tricks_are_refused(tmp_path: Path, pack: Any, value: Any) -> None:
    with pytest.raises(UnsafePickle):
        read(tmp_path, pack({"w": WEIGHTS["w"], "x": value}))


@pytest.mark.parametrize(
    "value",
    [
        Call("argparse.Namespace", ()),
        Call("pathlib.PosixPath", ("a", "b")),
        Call("collections.defaultdict", (Global("builtins.list"),)),
        Call("numpy.dtype", ("f8", False, True)),
        Call("builtins.set", ([1],)),
        Raw(b"cargparse\nNamespace\n)\x81}b"),
        Raw(b"cargparse\nNamespace\n)}\x92"),
        Raw(b"(iargparse\nNamespace\n"),
        Raw(b"(cargparse\nNamespace\nK\x01o"),
        Call("collections.Counter", ({},)),
    ],
    ids=str,
)
@either
def test_harmless_names_are_passed_over(tmp_path: Path, pack: Any, value: Any) -> None:
    found = read(tmp_path, pack({"state_dict": WEIGHTS, "x": value}))
    assert list(found.stored) == ["w"]
    assert "x" in found.left_out


def test_what_we_can_read_is_not_thereby_installed(tmp_path: Path) -> None:
    found = read(tmp_path, in_archive({"state_dict": WEIGHTS, "x": Call("argparse.Namespace", ())}))
    with pytest.raises(UnsafePickle, match=r"argparse\.Namespace"):
        check_file(found.path, name="vae.pt")


# Bombs


@pytest.mark.parametrize(
    "opcodes",
    [
        # Tuples in tuples as a key: hashing it would overflow the stack of C.
        b"}N" + b"\x85" * 300_000 + b"K\x01s0",
        # Each tuple holds the one before it twice: hashing or printing takes for ever.
        b"}N" + b"2\x86" * 100_000 + b"K\x01s0",
        b"]" + b"(]" * 100_000 + b"0" * 200_000 + b"0",
        b"N" + b"\x85" * 300_000 + b"0",
    ],
    ids=["deep key", "wide key", "lists", "deep tuple"],
)
def test_nesting_costs_neither_time_nor_stack(tmp_path: Path, opcodes: bytes) -> None:
    value = {"w": Raw(opcodes + pickled(WEIGHTS["w"])[2:-1])}
    assert contents(read(tmp_path, in_archive(value))) == {"w": ONE_TO_FOUR}


def test_copies_made_over_and_over_are_not_made(tmp_path: Path) -> None:
    size = Raw(
        b"ctorch\nSize\nq\x000](" + b"K\x01" * 100_000 + b"e\x85q\x010" + b"h\x00h\x01R0" * 90_000
    )
    with pytest.raises(NotAModel, match="unfolds"):
        read(tmp_path, in_archive({"w": Raw(size.opcodes + b"N")}))


# Anything at all


VALUE = {
    "state_dict": {"a": tensor("0", (2, 2), (1, 2)), "b": tensor("0", (2,), (1,), start=1)},
    "epoch": 3,
    "x": Call("argparse.Namespace", ()),
}
SAMPLES = {
    "a.pt": in_archive(VALUE),
    "b.pt": in_sequence(VALUE),
    "c.safetensors": safetensors(ONE_TO_FOUR),
}
RIGHT = {
    "a": struct.pack("<4f", 1, 3, 2, 4),
    "b": struct.pack("<2f", 2, 3),
    "w": ONE_TO_FOUR,
}
edits = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 3), st.binary(max_size=4)),
    min_size=1,
    max_size=3,
)


def judge(name: str, data: bytes) -> Tensors | None:
    """Read a file whole, or tell that it was refused as files are."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        try:
            found = read_tensors(path)
            got = contents(found)
        except (NotAModel, UnsafePickle) as error:
            said = error.message
        else:
            for key, stored in found.stored.items():
                assert len(got[key]) == stored.nbytes
                assert stored.offset + stored.span <= len(data)
            return found
    assert said.startswith(name)
    return None


@given(name=st.sampled_from(list(SAMPLES)), edits=edits)
def test_mutations_are_read_or_refused(name: str, edits: list[tuple[float, int, bytes]]) -> None:
    data = bytearray(SAMPLES[name])
    for where, cut, new in edits:
        at = int(where * len(data))
        data[at : at + cut] = new
    judge(name, bytes(data))


@given(name=st.sampled_from(list(SAMPLES)), keep=st.floats(0, 1, exclude_max=True))
def test_truncations_are_refused(name: str, keep: float) -> None:
    data = SAMPLES[name]
    assert judge(name, data[: int(keep * len(data))]) is None


@given(opcodes=st.binary(max_size=60))
def test_any_opcodes_are_read_or_refused(opcodes: bytes) -> None:
    judge("a.pt", torch_zip(b"\x80\x04" + opcodes + b"."))
    judge("a.pt", in_archive({"w": tensor("0", (2,), (1,)), "x": Raw(opcodes)}))


@pytest.mark.parametrize("name", list(SAMPLES))
def test_the_samples_are_right(name: str) -> None:
    found = judge(name, SAMPLES[name])
    assert found is not None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(SAMPLES[name])
        for key, raw in contents(read_tensors(path)).items():
            assert raw == RIGHT[key]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_member_that_stands_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "vae.pt"
    path.write_bytes(in_archive(WEIGHTS))
    with zipfile.ZipFile(path, "a") as more:
        more.writestr(zipfile.ZipInfo("archive/data/0"), bytes(16))
    with pytest.raises(UnsafePickle, match="twice"):
        read_tensors(path)
