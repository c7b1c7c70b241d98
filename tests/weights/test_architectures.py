from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.weights.manifests import FLUX1, FLUX2, SD1, SMALL, samples
from vaehub.catalog import load_catalogs
from vaehub.settings import Settings
from vaehub.weights import kl, published, sequential, wan
from vaehub.weights.architectures import TABLE, Found, Unknown, alike, examine, find
from vaehub.weights.kl_naming import LAYOUTS, from_ldm, to_ldm

if TYPE_CHECKING:
    from pathlib import Path

    from vaehub.model import SmokeFacts
    from vaehub.weights.compare import Shapes

SAMPLES = samples()
COUNTS = {"sd1": 248, "flux1": 244, "flux2": 251, "wan": 194}


def found(shapes: Shapes, *, likely: str | None = None) -> Found:
    answer = find(shapes, likely=likely)
    assert isinstance(answer, Found), answer.message
    return answer


@pytest.mark.parametrize("name", SAMPLES)
def test_recognises_every_published_autoencoder_as_complete(name: str) -> None:
    shapes = SAMPLES[name]
    answer = found(shapes)
    assert list(answer.difference(shapes).lines()) == []
    assert answer.half == "both"
    if published.variants(name.split()[0]):
        assert name.split()[0] in alike(answer.architecture)
        ours = TABLE[answer.architecture].engine in {"kl", "mage"}
        assert answer.layout == ("native" if ours else name.split()[2])


@pytest.mark.parametrize("name", [name for name in SAMPLES if name.split()[0] in COUNTS])
def test_counts_the_tensors_that_real_files_have(name: str) -> None:
    if "small" not in name:
        assert len(SAMPLES[name]) == COUNTS[name.split()[0]]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    ("sizes", "architecture", "families"),
    [
        (SD1, "autoencoder-kl", {"sd1", "sd2", "sdxl"}),
        (FLUX1, "autoencoder-kl", {"sd3", "flux1"}),
        (FLUX2, "autoencoder-kl-flux2", {"flux2"}),
        (SMALL, "autoencoder-kl", set()),
    ],
)
def test_tells_what_shapes_tell(
    sizes: kl.Sizes, architecture: str, families: set[str], layout: str
) -> None:
    answer = found(kl.manifest(sizes, layout=layout))
    assert (answer.architecture, answer.layout) == (architecture, layout)
    assert (answer.latent_channels, answer.downscale) == (sizes.latent_channels, 8)
    assert families <= set(answer.families)
    assert answer.sizes == sizes


@pytest.mark.parametrize("half", ["encoder", "decoder"])
@pytest.mark.parametrize("name", ["sd1 ldm", "flux1 diffusers", "wan native", "small ldm"])
def test_recognises_one_half_alone(name: str, half: kl.Half) -> None:
    kept = {
        "encoder": ("encoder.", "quant_conv.", "conv1."),
        "decoder": ("decoder.", "post_quant_conv.", "conv2."),
    }
    shapes = {n: s for n, s in SAMPLES[name].items() if n.startswith(kept[half])}
    answer = found(shapes)
    assert answer.half == half
    assert answer.difference(shapes).complete


@pytest.mark.parametrize("half", ["encoder", "decoder"])
@pytest.mark.parametrize("sizes", [sizes for sizes, _ in sequential.known_image_sizes()])
def test_recognises_one_half_of_a_tiny_one_without_prefix(
    sizes: sequential.Sizes, half: kl.Half
) -> None:
    for layout in ("taesd", "diffusers"):
        shapes = sequential.image_manifest(sizes, half=half, layout=layout, before="")
        answer = found(shapes)
        assert (answer.half, answer.sizes) == (half, sizes)
        assert answer.difference(shapes).complete


def without(shapes: Shapes, *starts: str) -> Shapes:
    return {name: shape for name, shape in shapes.items() if not name.startswith(starts)}


@pytest.mark.parametrize(
    ("starts", "lines"),
    [
        (("decoder.up.1.",), ["missing: decoder.up.1 (28 tensors)"]),
        (("decoder.up.0.block.2.",), ["missing: decoder.up.0.block.2 (8 tensors)"]),
        (("encoder.down.3.block.1.",), ["missing: encoder.down.3.block.1 (8 tensors)"]),
        (("decoder.up.1.upsample.",), ["missing: decoder.up.1.upsample (2 tensors)"]),
        (("decoder.conv_out.bias",), ["missing: decoder.conv_out.bias"]),
        (("decoder.", "post_quant_conv."), []),
        (
            tuple(f"encoder.down.{level}.block.1." for level in range(4))
            + tuple(f"decoder.up.{level}.block.2." for level in range(4)),
            ["missing: encoder.down.0.block.1 (8 tensors)"],
        ),
        (("quant_conv.", "post_quant_conv."), ["missing: quant_conv (2 tensors)"]),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_names_the_parts_that_are_missing(starts: tuple[str, ...], lines: list[str]) -> None:
    shapes = without(kl.manifest(SD1, layout="ldm"), *starts)
    answer = found(shapes)
    told = list(answer.difference(shapes).lines())
    assert set(lines) <= set(told)
    assert bool(lines) == bool(told)
    assert "sd1" in answer.families


def test_notices_that_the_lowest_level_is_missing_everywhere() -> None:
    for layout in LAYOUTS:
        last = "up_blocks.0" if layout != "ldm" else "up.3"
        first = "down_blocks.3" if layout != "ldm" else "down.3"
        shapes = without(kl.manifest(SD1, layout=layout), f"encoder.{first}.", f"decoder.{last}.")
        assert not found(shapes).difference(shapes).complete


@given(st.data())
def test_notices_any_tensor_dropped_reshaped_or_renamed(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(SAMPLES)))
    shapes = dict(SAMPLES[name])
    tensor = data.draw(
        st.sampled_from([n for n in shapes if not n.endswith("num_batches_tracked")])
    )
    shape = shapes.pop(tensor)
    match data.draw(st.sampled_from(["drop", "reshape", "rename"])):
        case "reshape":
            shapes[tensor] = (*shape[:-1], shape[-1] + data.draw(st.integers(1, 64)))
        case "rename":
            shapes[tensor + data.draw(st.sampled_from(["_", ".weight", ".lora", "2"]))] = shape
    answer = find(shapes)
    if isinstance(answer, Found):
        assert not answer.difference(shapes).complete


@st.composite
def sizes_of_any_kl(draw: st.DrawFn) -> kl.Sizes:
    levels = draw(st.integers(1, 5))
    widths = st.lists(st.integers(1, 16).map(lambda n: 8 * n), min_size=levels, max_size=levels)
    encoder = tuple(draw(widths))
    quant = draw(st.booleans())
    z = draw(st.integers(1, 64))
    return kl.Sizes(
        encoder_widths=encoder,
        decoder_widths=draw(st.just(encoder) | widths.map(tuple)),
        blocks=draw(st.integers(1, 3)),
        z_channels=z,
        latent_channels=draw(st.integers(1, 64)) if quant else z,
        image_channels=draw(st.integers(1, 4)),
        quant=quant,
        attention=tuple(sorted(draw(st.sets(st.integers(0, levels - 1))))),
    )


@given(sizes_of_any_kl(), st.sampled_from(LAYOUTS))
def test_accepts_an_autoencoder_kl_of_any_sizes(sizes: kl.Sizes, layout: str) -> None:
    shapes = kl.manifest(sizes, layout=layout)
    answer = found(shapes)
    assert answer.difference(shapes).complete
    assert answer.sizes == sizes


@given(sizes_of_any_kl(), st.sampled_from(LAYOUTS))
def test_renames_to_and_fro(sizes: kl.Sizes, layout: str) -> None:
    levels = len(sizes.encoder_widths)
    for name in kl.manifest(sizes, layout="ldm"):
        other = from_ldm(name, layout=layout, levels=levels)
        assert (to_ldm(other, levels=levels) if layout != "ldm" else other) == name


@given(st.integers(1, 8).map(lambda n: 8 * n), st.integers(1, 32), st.sampled_from([3, 4]))
def test_accepts_a_wan_of_any_width(width: int, channels: int, image: int) -> None:
    sizes = wan.Sizes(width=width, latent_channels=channels, image_channels=image)
    for layout in ("native", "diffusers"):
        shapes = wan.manifest(sizes, layout=layout)
        answer = found(shapes)
        assert answer.sizes == sizes
        assert answer.difference(shapes).complete


def test_what_is_likely_decides_between_equals() -> None:
    shapes = SAMPLES["wan native"]
    for architecture in ("autoencoder-kl-wan", "autoencoder-kl-qwen-image"):
        assert found(shapes, likely=architecture).architecture == architecture
        assert architecture in alike("autoencoder-kl-wan")
    assert alike("taesd") == {"taesd"}


OTHERS: dict[str, dict[str, tuple[int, ...]]] = {
    "a LoRA": {"lora_unet_down_blocks_0_attn.lora_down.weight": (8, 320), "x.alpha": ()},
    "a diffusion model (UNet)": {
        "down_blocks.0.resnets.0.conv1.weight": (320, 320, 3, 3),
        "time_embedding.linear_1.weight": (1280, 320),
    },
    "a diffusion model (transformer)": {"double_blocks.0.img_attn.qkv.weight": (9216, 3072)},
    "a text encoder": {"text_model.encoder.layers.0.mlp.fc1.weight": (3072, 768)},
    "a ControlNet": {"control_model.input_blocks.0.0.weight": (320, 4, 3, 3)},
    "an upscaler": {"model.1.sub.0.RDB1.conv1.0.weight": (32, 64, 3, 3)},
    "a textual inversion": {"emb_params": (8, 768)},
}


@pytest.mark.parametrize("kind", OTHERS)
def test_says_what_else_a_file_is(kind: str) -> None:
    answer = find(OTHERS[kind])
    assert isinstance(answer, Unknown)
    assert answer.kind == kind
    assert answer.message == f"this is {kind}, not a VAE"


def test_explains_what_the_nearest_would_need() -> None:
    shapes = {n: s for n, s in SAMPLES["sd1 ldm"].items() if n.startswith("encoder.down.0.")}
    answer = find(shapes)
    assert isinstance(answer, Unknown)
    assert answer.nearest == "autoencoder-kl"
    assert "encoder.mid (26 tensors)" in answer.message


@pytest.mark.parametrize("shapes", [{}, {"foo": (1,)}], ids=["empty", "foreign"])
def test_says_when_nothing_fits(shapes: Shapes) -> None:
    answer = find(shapes)
    assert isinstance(answer, Unknown)
    assert answer.message == "no tensor here has a name that a VAE would have"


def test_finds_the_vae_in_a_checkpoint() -> None:
    inside = SAMPLES["sd1 ldm"]
    shapes = {f"first_stage_model.{name}": shape for name, shape in inside.items()}
    shapes["model.diffusion_model.input_blocks.0.0.weight"] = (320, 4, 3, 3)
    shapes["cond_stage_model.transformer.text_model.final_layer_norm.weight"] = (768,)
    wrapped, answer = examine(shapes)
    assert wrapped.checkpoint
    assert wrapped.prefix == "first_stage_model."
    assert isinstance(answer, Found)
    assert answer.difference(wrapped.shapes).complete


def test_a_checkpoint_without_vae_is_no_vae() -> None:
    answer = examine({"model.diffusion_model.input_blocks.0.0.weight": (320, 4, 3, 3)})[1]
    assert isinstance(answer, Unknown)
    assert answer.kind == "a diffusion model (UNet)"


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, SmokeFacts]:
    here: Path = tmp_path_factory.mktemp("catalogs")
    catalogs = load_catalogs(Settings(store=here, state=here, cache=here))
    return {entry.id: entry.smoke for entry in catalogs.entries() if entry.smoke is not None}


def test_table_and_catalog_name_the_same_architectures(facts: dict[str, SmokeFacts]) -> None:
    named = {fact.architecture for fact in facts.values()} - {None}
    assert named <= set(TABLE)
    # Never named by an entry: what one variant of an entry is instead.
    assert set(TABLE) - named == {"ltx2-diffusion-decoder"}


def test_every_architecture_is_decodable_or_says_why_not() -> None:
    for row in TABLE.values():
        assert (row.engine is None) == bool(row.reason), row.id


def test_the_catalog_and_the_manifests_agree_on_channels_and_downscale(
    facts: dict[str, SmokeFacts],
) -> None:
    known: dict[str, set[tuple[int, int, int]]] = {}
    for shapes in SAMPLES.values():
        answer = found(shapes)
        triple = (answer.latent_channels, answer.downscale, answer.temporal_downscale)
        for architecture in alike(answer.architecture):
            known.setdefault(architecture, set()).add(triple)
    for id, fact in facts.items():
        if fact.architecture not in known or fact.downscale is None:
            continue
        stated = (fact.latent_channels, fact.downscale, fact.temporal_downscale or 1)
        assert stated in known[str(fact.architecture)], id


def test_data_files_belong_to_the_table() -> None:
    for id, row in TABLE.items():
        if row.engine == "diffusers":
            assert published.variants(id)
            assert all(variant.diffusers_class for variant in published.variants(id))
