from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.weights.checkpoints import ONE_TO_FOUR, archive, in_sequence, tensor
from vaehub.errors import NotAModel
from vaehub.weights.checksums import wrong_storages
from vaehub.weights.tensors import Tensors, read_tensors

if TYPE_CHECKING:
    from pathlib import Path

VALUE = {
    "a": tensor("0", (4,), (1,)),
    "b": tensor("1", (4,), (1,)),
    "c": tensor("2", (0,), (1,), count=0),
}


@pytest.fixture
def tensors(tmp_path: Path) -> Tensors:
    path = tmp_path / "vae.pt"
    path.write_bytes(archive(VALUE, {"0": ONE_TO_FOUR, "1": b"\1" * 16, "2": b""}))
    return read_tensors(path)


def flip(tensors: Tensors, name: str) -> None:
    data = bytearray(tensors.path.read_bytes())
    data[tensors.stored[name].offset + 7] ^= 16
    tensors.path.write_bytes(data)


def test_one_flipped_bit_is_found(tensors: Tensors) -> None:
    assert wrong_storages(tensors) == frozenset()
    flip(tensors, "b")
    assert wrong_storages(tensors) == {"1"}


def test_every_wrong_storage_is_named(tensors: Tensors) -> None:
    flip(tensors, "a")
    flip(tensors, "b")
    assert wrong_storages(tensors) == {"0", "1"}


def test_a_container_without_checksums_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "vae.pt"
    path.write_bytes(in_sequence({"w": tensor("0", (4,), (1,))}))
    assert wrong_storages(read_tensors(path)) == frozenset()


def test_a_file_that_changed_is_told(tensors: Tensors) -> None:
    tensors.path.write_bytes(b"")
    with pytest.raises(NotAModel, match="has 0 now"):
        wrong_storages(tensors)


def test_real_weights_have_right_checksums(shared_weights: Path) -> None:
    for path in sorted(shared_weights.glob("*.pth")):
        assert wrong_storages(read_tensors(path)) == frozenset()
