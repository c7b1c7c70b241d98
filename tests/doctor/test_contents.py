"""What a file holds, whatever it is called."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.doctor.uis import DIFFUSERS, KL, LORA, tiny, vae
from tests.smoke import handmade
from tests.weights import checkpoints
from tests.weights.checkpoints import Global, archive, sequence, tensor
from tests.weights.files import naming, torch_zip
from tests.weights.manifests import SMALL
from vaehub.doctor import contents
from vaehub.weights import kl

if TYPE_CHECKING:
    from pathlib import Path

    from vaehub.doctor.facts import Content

PICKLED = {name: tensor("0", shape, (0,) * len(shape)) for name, shape in KL.items()}
"""The tensors of a VAE, all of them one number over and over."""


def codes(content: Content) -> list[str]:
    return [reason.code for reason in content.reasons]


@pytest.mark.parametrize(
    ("shapes", "architecture", "layout"),
    [
        (KL, "autoencoder-kl", "ldm"),
        (DIFFUSERS, "autoencoder-kl", "diffusers"),
        (kl.manifest(SMALL, layout="diffusers-old"), "autoencoder-kl", "diffusers"),
        (tiny(), "taesd", "taesd"),
    ],
    ids=["ldm", "diffusers", "diffusers of old", "taesd"],
)
def test_an_autoencoder_in_the_words_of_the_catalog(
    tmp_path: Path, shapes: dict[str, tuple[int, ...]], architecture: str, layout: str
) -> None:
    found = contents.read(vae(tmp_path / "x.safetensors", shapes))
    assert (found.architecture, found.layout, found.container) == (
        *(architecture, layout),
        "safetensors",
    )
    assert found.condemned == ()


@pytest.mark.parametrize("name", ["x.pt", "x.ckpt", "x.pkl", "x.pt2", "x.PTH"])
@pytest.mark.parametrize("make", [checkpoints.in_archive, checkpoints.in_sequence])
def test_pickles_under_any_of_their_extensions(tmp_path: Path, name: str, make: object) -> None:
    assert callable(make)
    path = tmp_path / name
    path.write_bytes(make(PICKLED))
    found = contents.read(path)
    assert (found.architecture, found.container, codes(found)) == ("autoencoder-kl", "pickle", [])


def test_a_pickle_that_is_harmless_and_that_a_ui_may_refuse(tmp_path: Path) -> None:
    path = tmp_path / "x.ckpt"
    value = {"state_dict": PICKLED, "args": Global("argparse.Namespace")}
    for data in (
        archive(value, {"0": checkpoints.ONE_TO_FOUR}),
        sequence(value, {"0": (4, checkpoints.ONE_TO_FOUR)}),
    ):
        path.write_bytes(data)
        found = contents.read(path)
        assert codes(found) == ["unusual-pickle"]
        assert "argparse.Namespace" in found.reasons[0].message
        assert (found.condemned, found.architecture) == ((), "autoencoder-kl")


@pytest.mark.parametrize(
    ("name", "container", "codes_"),
    [
        ("x.safetensors", "safetensors", []),
        ("x.SFT", "safetensors", []),
        ("x.pt", "safetensors", ["wrong-extension"]),
        ("x", "safetensors", ["wrong-extension"]),
        ("x.gguf", "safetensors", ["wrong-extension"]),
        ("x.safetensors", "pickle", ["wrong-extension"]),
        ("x.sft", "pickle", ["wrong-extension"]),
        ("x.bin", "pickle", []),
    ],
)
def test_the_container_and_the_extension(
    tmp_path: Path, name: str, container: str, codes_: list[str]
) -> None:
    path = tmp_path / name
    if container == "safetensors":
        vae(tmp_path / "made.safetensors").rename(path)
    else:
        path.write_bytes(checkpoints.in_archive(PICKLED))
    found = contents.read(path)
    assert (codes(found), found.container) == (codes_, container)
    assert found.architecture == "autoencoder-kl"
    if codes_:
        what = "a safetensors file" if container == "safetensors" else "a checkpoint of torch's"
        otherwise = "is missing" if name == "x" else "says otherwise"
        assert found.reasons[0].message == f"{what}, and its extension {otherwise}"


def test_what_is_condemned_is_so_under_any_extension(tmp_path: Path) -> None:
    path = vae(tmp_path / "made.safetensors", LORA).rename(tmp_path / "x.pt")
    found = contents.read(path)
    assert (codes(found), found.kind) == (["unknown"], "a LoRA")
    path.write_bytes(torch_zip(naming("os.system")))
    assert codes(contents.read(path.rename(tmp_path / "x.safetensors"))) == ["unsafe-pickle"]


@pytest.mark.parametrize("data", [b"GGUF" + bytes(32), b"\x00\x01\x02\x03" * 8, b"P", b"\x80"])
def test_what_we_cannot_look_into_is_not_condemned(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.engine"
    path.write_bytes(data)
    found = contents.read(path)
    assert codes(found) == ["not-looked-into"]
    assert (found.opaque, found.condemned) == (True, ())


def test_a_pointer_says_to_what(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    for end in (b"\n", b"\r\n"):
        text = b"version https://git-lfs.github.com/spec/v1" + end
        path.write_bytes(text + b"oid sha256:" + b"ab" * 32 + end + b"size 4" + end)
        found = contents.read(path)
        assert (codes(found), found.pointer) == (["lfs-pointer"], "ab" * 32)


def test_types_are_told_too(tmp_path: Path) -> None:
    path = handmade.hollow(tmp_path / "x.safetensors", KL, dtype="F8_E4M3", width=1)
    assert codes(contents.read(path)) == ["eight-bit"]
