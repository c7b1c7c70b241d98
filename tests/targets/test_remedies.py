"""What is done about a file that a UI would not list or load as it is: without a disk."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vaehub.model import Artifact, Entry, License, SmokeFacts, Variant
from vaehub.targets import layouts
from vaehub.targets.remedies import Convert, Remedy, installed_names, of_entry, refusal, way_out

KL = SmokeFacts(architecture="autoencoder-kl")
EXTENSIONS = [".safetensors", ".sft", ".ckpt", ".pt", ".pth", ".bin", ".gguf", ".PT", ".txt", ""]


def one(name: str, keys: str | None = "ldm", size: int | None = None) -> tuple[Artifact, Variant]:
    artifact = Artifact(name, (), size, "ab" * 32)
    return artifact, Variant("v", (artifact,), layout=keys)


def entry(variant: Variant, slot: str = "vae") -> Entry:
    made = Entry("house", "mine", "House", "sd1", License("MIT"), (variant,), smoke=KL)
    return made._replace(slot="vae" if slot == "vae" else "vae-approx")


@pytest.mark.parametrize(
    ("layout", "name", "keys", "kind", "becomes"),
    [
        ("automatic1111", "a.safetensors", "ldm", "as-is", "a.safetensors"),
        ("automatic1111", "a.sft", "ldm", "rename", "a.safetensors"),
        ("automatic1111", "a.SafeTensors", "ldm", "rename", "a.safetensors"),
        ("automatic1111", "a.pth", "ldm", "rename", "a.pt"),
        ("automatic1111", "a.vae.bin", "ldm", "rename", "a.vae.pt"),
        ("automatic1111", "a.safetensors", "diffusers", "convert", "a.safetensors"),
        ("automatic1111", "a.bin", "diffusers", "convert", "a.safetensors"),
        ("automatic1111", "a.safetensors", "native", "refuse", "a.safetensors"),
        ("automatic1111", "a.gguf", "ldm", "refuse", "a.gguf"),
        ("forge", "a.pth", "ldm", "rename", "a.pt"),
        ("forge", "a.bin", "ldm", "as-is", "a.bin"),
        ("sdnext", "a.sft", "ldm", "rename", "a.safetensors"),
        ("sdnext", "a.ckpt", "ldm", "convert", "a.safetensors"),
        ("fooocus", "a.pt", "ldm", "rename", "a.ckpt"),
        ("swarmui", "a.PTH", "ldm", "rename", "a.pt"),
        ("comfyui", "a.PTH", "ldm", "as-is", "a.PTH"),
        ("invokeai", "a.safetensors", "ldm", "refuse", "a.safetensors"),
        ("folder", "a", None, "as-is", "a"),
    ],
)
def test_the_remedy(layout: str, name: str, keys: str, kind: str, becomes: str) -> None:
    artifact, variant = one(name, keys)
    found = of_entry(layouts()[layout], artifact, variant, entry(variant))
    assert (found.kind, found.name) == (kind, becomes)
    assert (found.reason is None) is (kind == "as-is")
    assert found.reason == layouts()[layout].accepts(artifact, variant, "vae")
    said = refusal(layouts()[layout], entry(variant), variant)
    assert said == (None if kind in {"as-is", "rename"} else found.reason)
    said = refusal(layouts()[layout], entry(variant), variant, may_convert=True)
    assert said == (found.reason if kind == "refuse" else None)
    assert (found.convert is not None) is (kind == "convert")


@pytest.mark.parametrize(
    ("name", "keys", "architecture", "convert"),
    [
        ("a.ckpt", "ldm", None, Convert()),
        ("a.safetensors", "diffusers", "autoencoder-kl", Convert("ldm")),
        ("a.bin", "diffusers", "autoencoder-kl", Convert("ldm")),
        ("a.safetensors", "diffusers", "wan", None),
        ("a.safetensors", "diffusers", None, None),
    ],
)
def test_whose_names_the_tensors_get(
    name: str, keys: str, architecture: str | None, convert: Convert | None
) -> None:
    """Other architectures than the AutoencoderKL have no second set of names."""
    layout = layouts()["sdnext" if keys == "ldm" else "automatic1111"]
    artifact, variant = one(name, keys)
    made = entry(variant)._replace(smoke=SmokeFacts(architecture=architecture))
    assert of_entry(layout, artifact, variant, made).convert == convert


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.ckpt", "convert"), ("a.PT", "convert"), ("a.safetensors", "as-is"), ("a.sft", "rename")],
)
def test_who_wants_no_pickle_gets_none(name: str, kind: str) -> None:
    artifact, variant = one(name)
    found = of_entry(layouts()["automatic1111"], artifact, variant, entry(variant), wish=True)
    assert (found.kind, found.name) == (kind, "a.safetensors")
    assert refusal(layouts()["automatic1111"], entry(variant), variant, wish=True) is None


def test_where_the_ui_looks_for_certain_names_nothing_is_renamed() -> None:
    artifact, variant = one("taesd_decoder.pt", "taesd")
    found = of_entry(layouts()["automatic1111"], artifact, variant, entry(variant, "vae-approx"))
    assert (found.kind, found.name) == ("rename", "taesd_decoder.pth")
    artifact, variant = one("tiny_decoder.pth", "taesd")
    found = of_entry(layouts()["automatic1111"], artifact, variant, entry(variant, "vae-approx"))
    assert found.kind == "refuse"


def test_a_small_file_is_not_made_larger_by_another_name() -> None:
    for name in ("a.safetensors", "a.sft", "a.ckpt"):
        artifact, variant = one(name, size=1000)
        assert of_entry(layouts()["sdnext"], artifact, variant, entry(variant)).kind == "refuse"


def test_one_file_of_a_pair_that_fits_nowhere_spoils_the_variant() -> None:
    pair = Variant("v", (Artifact("a.pth", ()), Artifact("b.gguf", ())))
    assert ".gguf" in str(refusal(layouts()["automatic1111"], entry(pair), pair))


@pytest.mark.parametrize(
    ("layout", "slot", "words"),
    [
        ("automatic1111", "vae", "another UI with --to"),
        ("invokeai", "vae", "POST /api/v2/models/install?source="),
        ("invokeai", "vae", "have xl in the name"),
        ("sdnext", "vae-approx", "choose TAESD"),
        ("swarmui", "vae-approx", "ComfyUI"),
    ],
)
def test_there_is_a_way_out(layout: str, slot: str, words: str) -> None:
    assert words in way_out(layouts()[layout], slot)


def test_names_to_fall_back_on() -> None:
    artifact, variant = one("a.sft")
    names = list(installed_names(layouts()["automatic1111"], entry(variant), variant, artifact))
    assert [name.name for name in names] == [
        "a.safetensors",
        "house.safetensors",
        "a-abababab.safetensors",
    ]
    assert {name.reason for name in names} == {
        "AUTOMATIC1111 does not list .sft files in models/VAE"
    }
    other = Artifact("b.safetensors", (), None, None, "host")
    pair = Variant("fp16", (artifact, other))
    found = installed_names(layouts()["comfyui"], entry(pair), pair, other)
    assert list(found) == [
        Remedy("as-is", "b.safetensors"),
        Remedy("rename", "b-house.safetensors"),
        Remedy("rename", "b-fp16.safetensors"),
    ]


def test_a_name_that_the_ui_looks_for_has_no_other() -> None:
    artifact, variant = one("taesd_decoder.pth", "taesd")
    made = entry(variant, "vae-approx")
    found = installed_names(layouts()["automatic1111"], made, variant, artifact)
    assert list(found) == [Remedy("as-is", "taesd_decoder.pth")]


@example("automatic1111", ".", "", "ldm", None, "vae", False, True)  # hardly a name
@given(
    st.sampled_from(sorted(layouts())),
    st.text("ab.-_é ", min_size=1, max_size=8),
    st.sampled_from(EXTENSIONS),
    st.sampled_from(["ldm", "diffusers", "native", None]),
    st.sampled_from([None, 10, 30_000_000, 2_000_000_000]),
    st.sampled_from(["vae", "vae-approx"]),
    st.booleans(),
    st.booleans(),
)
def test_whatever_is_installed_the_ui_takes(
    id_: str,
    stem: str,
    extension: str,
    keys: str | None,
    size: int | None,
    slot: str,
    wish: bool,
    may_convert: bool,
) -> None:
    layout = layouts()[id_]
    artifact, variant = one(stem + extension, keys, size)
    made = entry(variant, slot)
    if refusal(layout, made, variant, wish=wish, may_convert=may_convert) is not None:
        return
    for found in installed_names(layout, made, variant, artifact, wish=wish):
        renamed = artifact._replace(name=found.name)
        there = variant
        if found.convert is not None:
            assert may_convert or wish
            assert found.name.endswith(".safetensors")
            there = variant._replace(layout=found.convert.layout or keys)
        assert layout.accepts(renamed, there, slot) is None
