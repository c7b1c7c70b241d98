from __future__ import annotations

import io
import os
import pickle
import struct
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.weights.files import MAGIC, PLAIN, legacy, naming, stack_global, torch_zip
from vaehub.errors import NotAModel, UnsafePickle
from vaehub.weights import check_file
from vaehub.weights.pickles import pickle_globals

PLAIN_GLOBALS = {
    "collections.OrderedDict",
    "torch._utils._rebuild_tensor_v2",
    "torch.FloatStorage",
}


class Evil:
    """Would make a folder when unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.marker),)


def write(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "vae.pt"
    path.write_bytes(data)
    return path


def check(tmp_path: Path, data: bytes) -> None:
    check_file(write(tmp_path, data), name="vae.pt")


@pytest.mark.parametrize("wrap", [torch_zip, legacy])
def test_plain_checkpoints_pass(tmp_path: Path, wrap: Any) -> None:
    data = wrap(PLAIN)
    check(tmp_path, data)
    assert pickle_globals(tmp_path / "vae.pt") == PLAIN_GLOBALS


def test_real_weights_pass_with_the_globals_known(shared_weights: Path) -> None:
    files = sorted(shared_weights.glob("*.pth"))
    assert len(files) == 2
    for file in files:
        check_file(file, name=file.name)
        assert pickle_globals(file) == {
            "collections.OrderedDict",
            "torch._utils._rebuild_tensor_v2",
            "torch.HalfStorage",
        }


def test_a_lightning_checkpoint_passes(tmp_path: Path) -> None:
    check(
        tmp_path,
        torch_zip(
            naming(
                "torch._utils._rebuild_tensor_v2",
                "pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint",
                "numpy.core.multiarray.scalar",
                "numpy.dtype",
                "_codecs.encode",
            )
        ),
    )


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("wrap", [torch_zip, legacy, bytes])
def test_code_is_refused_and_never_run(tmp_path: Path, wrap: Any, protocol: int) -> None:
    marker = tmp_path / "it-ran"
    pickled = pickle.dumps({"state_dict": Evil(marker)}, protocol=protocol)
    # A bare pickle of protocol 0 or 1 does not even begin like one.
    with pytest.raises((UnsafePickle, NotAModel)) as caught:
        check(tmp_path, wrap(pickled))
    assert not marker.exists()
    if wrap is not bytes or protocol >= 2:
        assert isinstance(caught.value, UnsafePickle)
        assert "mkdir" in caught.value.message
        assert caught.value.hint


@pytest.mark.parametrize(
    "name",
    [
        "torch.storage._load_from_bytes",
        "builtins.eval",
        "torch.nn.modules.conv.Conv2d",
        "collections.OrderedDict.__init__",
        "functools.partial",
        "argparse.Namespace",
    ],
)
def test_what_is_not_allowed_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnsafePickle) as caught:
        check(tmp_path, torch_zip(naming("collections.OrderedDict", name)))
    assert name in caught.value.message


def test_stack_globals_are_read(tmp_path: Path) -> None:
    check(tmp_path, torch_zip(stack_global("collections", "OrderedDict")))
    assert pickle_globals(write(tmp_path, torch_zip(stack_global("os", "system")))) == {"os.system"}


def test_stack_globals_are_read_through_the_memo(tmp_path: Path) -> None:
    # "os" is put down in the memo, dropped, and fetched again beneath "system".
    pickled = b"\x80\x04\x8c\x02os\x940h\x00\x8c\x06system\x94\x93."
    assert pickle_globals(write(tmp_path, torch_zip(pickled))) == {"os.system"}


@pytest.mark.parametrize(
    "pickled",
    [
        b"\x80\x04\x8c\x02os\x8c\x06system\x8c\x01x0\x93.",  # the name is what POP leaves
        b"\x80\x04\x8c\x02osh\x07\x93.",  # a memo entry that nobody made
        b"\x80\x04\x8c\x01a2\x93.",  # DUP
        b"\x80\x04\x8c\x06system\x93.",  # nothing beneath
        b"\x80\x04\x8c\x02os)\x94\x8c\x06system0h\x00\x93.",  # the memo holds a tuple
    ],
)
def test_a_name_that_is_computed_is_refused(tmp_path: Path, pickled: bytes) -> None:
    with pytest.raises(UnsafePickle, match="computes the name"):
        pickle_globals(write(tmp_path, torch_zip(pickled)))


def test_a_memo_entry_may_be_overwritten(tmp_path: Path) -> None:
    # Entry 0 is first "collections", then "os": what counts is the second.
    pickled = b"\x80\x04\x8c\x0bcollectionsq\x000\x8c\x02osq\x000h\x00\x8c\x06system\x93."
    assert pickle_globals(write(tmp_path, torch_zip(pickled))) == {"os.system"}


@pytest.mark.parametrize("opcode", [b"\x82\x01", b"\x83\x01\x00", b"\x84\x01\x00\x00\x00"])
def test_extension_codes_are_refused(tmp_path: Path, opcode: bytes) -> None:
    with pytest.raises(UnsafePickle, match="by a number"):
        check(tmp_path, torch_zip(b"\x80\x02" + opcode + b"."))


def test_inst_is_a_global(tmp_path: Path) -> None:
    with pytest.raises(UnsafePickle, match=r"os\.system"):
        check(tmp_path, torch_zip(b"\x80\x02(ios\nsystem\n."))


def test_a_name_with_blanks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsafePickle, match="not one name"):
        check(tmp_path, torch_zip(b"\x80\x02ctorch x\nSize\n."))


def test_persistent_ids_are_fine(tmp_path: Path) -> None:
    check(tmp_path, torch_zip(b"\x80\x02X\x01\x00\x00\x00aQ."))


def test_a_pickle_that_ends_before_its_frame_is_refused(tmp_path: Path) -> None:
    """An unpickler goes on behind the frame, so the pickles that follow would be others."""
    magic = pickle.dumps(MAGIC, protocol=2)[2:]
    benign = legacy(b"\x80\x02N.")[len(magic) + 2 : -24]
    framed = b"\x80\x04\x95" + struct.pack("<Q", len(magic) + len(benign)) + magic + benign
    with pytest.raises(UnsafePickle, match="frame"):
        check(tmp_path, framed + legacy(naming("os.system")))


def frame(size: int) -> bytes:
    return b"\x95" + struct.pack("<Q", size)


@pytest.mark.parametrize(
    "pickled",
    [
        b"\x80\x04" + frame(30) + frame(2) + b"N." + b"N" * 20,
        b"\x80\x04" + frame(4) + b"(icollections\nOrderedDict\n.",
        b"\x80\x04" + frame(3) + b"N.",
        b"\x80\x04" + frame(2) + b"K\x05N0" + frame(9) + b".",
    ],
)
def test_frames_that_opcodes_do_not_fill_are_refused(tmp_path: Path, pickled: bytes) -> None:
    with pytest.raises(UnsafePickle, match="frame"):
        check(tmp_path, torch_zip(pickled))


def test_a_tar_in_disguise_is_refused(tmp_path: Path) -> None:
    """The loader would look into the tar, whose first member is named like a checkpoint."""
    disguise = legacy(b"\x80\x02N.")[:-24]
    assert len(disguise) <= 100
    block = bytearray(tarfile.TarInfo("x").tobuf(tarfile.USTAR_FORMAT))
    block[:100] = disguise.ljust(100, b"x")
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    data = bytes(block) + bytes(1024)
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
        assert len(archive.getmembers()) == 1
    with pytest.raises(UnsafePickle, match="tar"):
        check(tmp_path, data)


def test_torchscript_is_refused_as_code(tmp_path: Path) -> None:
    with pytest.raises(UnsafePickle, match="TorchScript"):
        check(tmp_path, torch_zip(PLAIN, more={"code/__torch__.py": b"", "constants.pkl": b"N."}))


@pytest.mark.parametrize("name", ["evil.pkl", "sub/data.pkl", "x.py", "data/0/../x", "data/x"])
def test_a_strange_member_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnsafePickle, match="no torch checkpoint has"):
        check(tmp_path, torch_zip(PLAIN, more={name: naming("os.system")}))


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("second", ["archive/data.pkl", "other/data.pkl", "other/version"])
def test_members_in_two_versions_are_refused(tmp_path: Path, second: str) -> None:
    buffer = io.BytesIO(torch_zip(PLAIN))
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr(zipfile.ZipInfo(second), naming("os.system"))
    with pytest.raises(UnsafePickle, match="twice"):
        check(tmp_path, buffer.getvalue())


def test_an_archive_after_another_is_refused(tmp_path: Path) -> None:
    """Readers that follow offsets and readers that follow the end would see two archives."""
    with pytest.raises((UnsafePickle, NotAModel)):
        check(tmp_path, torch_zip(naming("os.system")) + torch_zip(PLAIN))


@pytest.mark.parametrize("keep", [0.3, 0.9, 0.999])
@pytest.mark.parametrize("wrap", [torch_zip, legacy])
def test_a_cut_checkpoint_is_no_model(tmp_path: Path, wrap: Any, keep: float) -> None:
    data = wrap(PLAIN)
    if wrap is legacy:  # the storages at its end are for the digest to check
        data = data[:-24]
    with pytest.raises(NotAModel):
        check(tmp_path, data[: int(len(data) * keep)])


def test_a_bare_pickle_is_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(NotAModel, match="magic number"):
        check(tmp_path, pickle.dumps({"a": [1.0, 2.0]}, protocol=2))


def test_an_archive_without_a_pickle_is_no_checkpoint(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/version", "3")
    with pytest.raises(NotAModel, match="without a torch checkpoint"):
        check(tmp_path, buffer.getvalue())


def test_an_unknown_protocol_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotAModel, match="protocol 6"):
        check(tmp_path, torch_zip(b"\x80\x06N."))


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    bomb = b"\x80\x02" + b"X\x00\x00\x00\x05" + bytes(0x5000000)
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("archive/data.pkl", bomb + b".")
    with pytest.raises(NotAModel, match="larger than"):
        check(tmp_path, buffer.getvalue())


def test_an_endless_pickle_is_not_read_to_its_end(tmp_path: Path) -> None:
    with pytest.raises(NotAModel, match="never seems to end"):
        check(tmp_path, torch_zip(b"\x80\x02" + b"N" * 500_000 + b"."))


def test_a_name_with_a_hidden_end_is_refused(tmp_path: Path) -> None:
    """Some readers end a name at its zero byte, and others do not."""
    data = torch_zip(PLAIN, more={"data/1?evil.pkl": naming("os.system")})
    with pytest.raises(UnsafePickle, match="no torch checkpoint has"):
        check(tmp_path, data.replace(b"data/1?evil", b"data/1\0evil"))


def test_a_giant_table_of_contents_is_not_read(tmp_path: Path) -> None:
    data = bytearray(torch_zip(PLAIN))
    struct.pack_into("<L", data, len(data) - 22 + 12, 0x7FFFFFFF)
    with pytest.raises(NotAModel, match="table of contents"):
        check(tmp_path, bytes(data))


SAMPLES = [
    torch_zip(PLAIN),
    legacy(PLAIN),
    torch_zip(stack_global("collections", "OrderedDict")),
    pickle.dumps({"a": [1, 2.0, "x", (b"y",), {3}]}, protocol=4),
]
edits = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 3), st.binary(max_size=4)),
    min_size=1,
    max_size=4,
)


@given(sample=st.sampled_from(SAMPLES), edits=edits)
def test_mutations_pass_or_are_refused(
    sample: bytes, edits: list[tuple[float, int, bytes]]
) -> None:
    data = bytearray(sample)
    for where, cut, new in edits:
        at = int(where * len(data))
        data[at : at + cut] = new
    _judge(bytes(data))


@given(st.sampled_from([b"", b"\x80\x02", b"\x80\x04", b"PK\x03\x04"]), st.binary(max_size=300))
def test_any_bytes_pass_or_are_refused(start: bytes, data: bytes) -> None:
    _judge(start + data)


@given(st.binary(max_size=60))
def test_any_opcodes_pass_or_are_refused(opcodes: bytes) -> None:
    _judge(torch_zip(b"\x80\x04" + opcodes + b"."))


def _judge(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vae.pt"
        path.write_bytes(data)
        said = "vae.pt"
        try:
            check_file(path, name="vae.pt")
        except (NotAModel, UnsafePickle) as error:
            said = error.message
        assert said.startswith("vae.pt")
