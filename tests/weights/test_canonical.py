"""Names: one for each tensor of every published autoencoder, whichever layout a file has."""

from __future__ import annotations

import pytest

from tests.weights.manifests import samples
from vaehub.weights import native, published
from vaehub.weights.architectures import TABLE
from vaehub.weights.canonical import canonical, half_of, rows_of
from vaehub.weights.found import Found

SAMPLES = samples()
PAIRS = [
    ("sd1 ldm", "sd1 diffusers"),
    ("sd1 ldm", "sd1 diffusers-old"),
    ("flux1 ldm", "flux1 diffusers"),
    ("flux2 ldm", "flux2 diffusers"),
    ("flux2 ldm", "flux2 as first published"),
    ("small ldm", "small diffusers"),
    ("wan native", "wan diffusers"),
    ("layered native", "layered diffusers"),
    ("paella native", "paella diffusers"),
    ("taesd 4 8 taesd {}.", "taesd 4 8 diffusers {}."),
    ("taesd 4 8 taesd {}.", "taesd 4 8 taesd taesd_{}."),
    ("taesd 32 8 taesd {}.", "taesd 32 8 diffusers {}."),
    *(
        (f"{id} {variant.name} diffusers", f"{id} {variant.name} {published.layouts(id)[1]}")
        for id in TABLE
        for variant in published.variants(id)
        if len(published.layouts(id)) > 1
    ),
]


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_two_layouts_of_one_autoencoder_have_the_same_names(one: str, other: str) -> None:
    first, second = ({p.name: p.shape for p in canonical(SAMPLES[x]).parts} for x in (one, other))
    assert first == second
    assert first


@pytest.mark.parametrize("sample", SAMPLES)
def test_every_tensor_has_one_name_and_one_half(sample: str) -> None:
    named = canonical(SAMPLES[sample])
    names = [part.name for part in named.parts]
    assert len(set(names)) == len(names)
    assert isinstance(named.found, Found)
    left = set(SAMPLES[sample]) - {part.original for part in named.parts}
    assert all(name.endswith("num_batches_tracked") for name in left)
    assert {"encoder", "decoder"} <= {part.half for part in named.parts} or "paella" in sample


@pytest.mark.parametrize("sample", SAMPLES)
def test_what_a_file_keeps_together_is_divided_without_rest(sample: str) -> None:
    rows: dict[str, list[int]] = {}
    for part in canonical(SAMPLES[sample]).parts:
        if part.rows is not None:
            rows.setdefault(part.original, []).extend(
                row for start, stop in part.rows for row in range(start, stop)
            )
    for name, taken in rows.items():
        assert sorted(taken) == list(range(SAMPLES[sample][name][0])), name


def test_the_halves_of_stacked_tensors_are_found_in_the_native_layouts() -> None:
    divided = {
        sample
        for sample in SAMPLES
        if any(part.rows is not None for part in canonical(SAMPLES[sample]).parts)
    }
    assert {name.split()[0] for name in divided} == {
        "autoencoder-kl-mochi",
        "autoencoder-kl-minimax-h3",
    }


def test_attention_is_a_convolution_in_either_layout() -> None:
    (part,) = (
        part
        for part in canonical(SAMPLES["sd1 diffusers"]).parts
        if part.name == "decoder.mid.attn_1.q.weight"
    )
    assert part.original == "decoder.mid_block.attentions.0.to_q.weight"
    assert part.shape == (512, 512, 1, 1)


@pytest.mark.parametrize(
    ("name", "half"),
    [
        ("quant_conv.weight", "encoder"),
        ("post_quant_conv.weight", "decoder"),
        ("conv1.weight", "encoder"),
        ("conv2.bias", "decoder"),
        ("bn.running_mean", "both"),
        ("decoder.conv_in.weight", "decoder"),
    ],
)
def test_halves(name: str, half: str) -> None:
    assert half_of(name) == half


def test_what_the_architecture_lacks_is_ignored() -> None:
    named = canonical({**SAMPLES["sd1 ldm"], "decoder.something.else": (3,)})
    assert named.ignored == ("decoder.something.else",)


def test_what_is_not_recognised_keeps_its_names() -> None:
    named = canonical({"vae.something": (3, 4)})
    assert [(part.name, part.original) for part in named.parts] == [("something", "vae.something")]
    assert named.architecture is None


@pytest.mark.parametrize(
    ("architecture", "name", "rows", "wanted"),
    [
        # Query, key and value one below the other.
        (
            "autoencoder-kl-mochi",
            "decoder.block_in.resnets.0.attentions.to_k.weight",
            6,
            [2, 3],
        ),
        # Of each of 32 heads its query, its key, its value.
        (
            "autoencoder-kl-minimax-h3",
            "decoder.transformer_blocks.0.attn.to_v.weight",
            192,
            [row for head in range(32) for row in (6 * head + 4, 6 * head + 5)],
        ),
        # The gate behind what it gates, and the other way round.
        (
            "autoencoder-kl-minimax-h3",
            "decoder.transformer_blocks.0.ff.net.0.proj.weight",
            6,
            [3, 4, 5, 0, 1, 2],
        ),
    ],
)
def test_which_rows_are_whose(architecture: str, name: str, rows: int, wanted: list[int]) -> None:
    place = native.place(architecture, "", name)
    found = rows_of(place, (rows, 7))
    assert found is not None
    assert [row for start, stop in found for row in range(start, stop)] == wanted
