from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

import pytest

from vaehub.weights import kl
from vaehub.weights.architectures import Found, find
from vaehub.weights.safetensors_header import parse_header

torch = pytest.importorskip("torch", reason="torch is not installed")
numpy = pytest.importorskip("numpy", reason="numpy is not installed")
load = pytest.importorskip("safetensors.torch", reason="safetensors is not installed").load

from benchmarks.pictures import draw  # noqa: E402 (they need numpy)
from vaehub.smoke import engine, fields  # noqa: E402 (they need torch)

if TYPE_CHECKING:
    from torch import Tensor

    from vaehub.weights.safetensors_header import Header

FILE = files("vaehub.smoke") / "self" / "autoencoder.safetensors"
HELD_OUT = 5_000_000
"""Far above the numbers of the pictures that the training uses."""


@pytest.fixture(scope="module")
def header() -> Header:
    data = FILE.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    return parse_header(data[8:start], data_size=len(data) - start, name=FILE.name)


@pytest.fixture(scope="module")
def found(header: Header) -> Found:
    shapes = {name: tensor.shape for name, tensor in header.tensors.items()}
    found = find(shapes)
    assert isinstance(found, Found)
    assert found.difference(shapes).complete
    return found


@pytest.fixture(scope="module")
def weights() -> dict[str, Tensor]:
    return {name: tensor.float() for name, tensor in load(FILE.read_bytes()).items()}


@pytest.fixture(scope="module")
def groups(header: Header) -> int:
    return int(header.metadata["norm_num_groups"])


def test_it_is_a_whole_autoencoder_of_no_published_family(found: Found) -> None:
    assert found.architecture == "autoencoder-kl"
    assert found.half == "both"
    assert found.families == ()
    assert found.layout == "ldm"
    assert (found.latent_channels, found.downscale, found.image_channels) == (4, 8, 3)
    assert isinstance(found.sizes, kl.Sizes)
    assert found.sizes.quant


def test_it_is_small_enough_for_the_wheel(header: Header) -> None:
    assert len(FILE.read_bytes()) < 1_050_000
    assert {tensor.dtype for tensor in header.tensors.values()} == {"F16"}


def test_it_says_what_no_tensor_tells(header: Header) -> None:
    assert header.metadata["license"] == "Apache-2.0"
    assert float(header.metadata["scaling_factor"]) > 0
    assert int(header.metadata["norm_num_groups"]) in {4, 8}


def test_no_tensor_looks_damaged(weights: dict[str, Tensor]) -> None:
    for name, tensor in weights.items():
        assert tensor.isfinite().all(), name
        assert tensor.abs().max() < 100, name
        assert tensor.std() > 0, name


@pytest.mark.parametrize(("size", "count"), [(64, 16), (128, 8), (256, 2)])
def test_pictures_it_never_saw_come_back(
    weights: dict[str, Tensor], found: Found, groups: int, size: int, count: int
) -> None:
    images = torch.from_numpy(numpy.stack([draw(HELD_OUT + at, size) for at in range(count)]))
    latents = engine.encode(weights, images, found=found, groups=groups)
    again = engine.decode(weights, latents, found=found, groups=groups)
    assert _decibels(again, images) > 24
    shift = (again.clamp(-1, 1) - images).mean(dim=(2, 3)).abs() / 2
    assert shift.mean() < 0.02


def test_the_landscape_comes_back(weights: dict[str, Tensor], found: Found, groups: int) -> None:
    image = fields.picture(128)
    latents = engine.encode(weights, image, found=found, groups=groups)
    again = engine.decode(weights, latents, found=found, groups=groups)
    assert _decibels(again, image) > 20


def test_normalised_latents_have_unit_deviation(
    header: Header, weights: dict[str, Tensor], found: Found, groups: int
) -> None:
    images = torch.from_numpy(numpy.stack([draw(HELD_OUT + at, 64) for at in range(24)]))
    latents = engine.encode(weights, images, found=found, groups=groups)
    normalised = latents * float(header.metadata["scaling_factor"])
    assert 0.8 < normalised.std() < 1.2


def test_half_precision_agrees(weights: dict[str, Tensor], found: Found, groups: int) -> None:
    largest = 0.0

    def watch(name: str, activation: Tensor) -> None:
        nonlocal largest
        largest = max(largest, float(activation.abs().max()))

    short = {name: tensor.bfloat16() for name, tensor in weights.items()}
    for kind in fields.KINDS:
        latents = fields.latents(kind, channels=4, size=16) * 2
        full = engine.decode(weights, latents, found=found, groups=groups, watch=watch)
        half = engine.decode(short, latents.bfloat16(), found=found, groups=groups)
        assert _decibels(half.float(), full) > 35, kind
    assert largest < 1000


def _decibels(picture: Tensor, other: Tensor) -> float:
    """Mean over the batch of the peak signal-to-noise ratio, of pictures taken from 0 to 1."""
    wrong = (picture.clamp(-1, 1) - other.clamp(-1, 1)) / 2
    return float((-10 * wrong.square().mean(dim=(1, 2, 3)).log10()).mean())
