from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.provision.importing.samples import api_workflow, loader, ui_workflow
from vaehub.provision.importing import workflows
from vaehub.provision.importing.mentions import Digest, Mention

URL = "https://huggingface.co/acme/vae/resolve/main/house.safetensors"


def read(data: Any) -> list[Mention]:
    return workflows.mentions(data, origin="w.json")


def files(data: Any) -> list[str]:
    return [mention.file for mention in read(data)]


def test_a_node_of_the_ui_format_names_its_file() -> None:
    found = read(ui_workflow(loader(12, "house.safetensors")))

    assert found == [Mention("house.safetensors", ("w.json, node 12 VAELoader",))]


def test_a_node_of_the_api_format_names_its_file() -> None:
    data = api_workflow(
        n4=("CheckpointLoaderSimple", {"ckpt_name": "model.safetensors"}),
        n12=("VAELoader", {"vae_name": "house.safetensors"}),
        n13=("VAEDecode", {"samples": ["3", 0], "vae": ["12", 0]}),
    )

    assert read(data) == [Mention("house.safetensors", ("w.json, node 12 VAELoader",))]


def test_what_was_sent_to_the_api_holds_a_workflow() -> None:
    sent = {
        "client_id": "x",
        "prompt": api_workflow(n12=("VAELoader", {"vae_name": "a.safetensors"})),
        "extra_data": {
            "extra_pnginfo": {"workflow": ui_workflow(loader(12, "b.safetensors"))},
        },
    }

    assert files(sent) == ["a.safetensors", "b.safetensors"]


def test_the_models_of_a_node_say_where_from_and_with_which_hash() -> None:
    model = {
        "name": "house.safetensors",
        "url": URL,
        "directory": "vae",
        "hash": "SHA256:" + "A" * 64,
        "hash_type": "SHA256",
    }
    found = read(ui_workflow(loader(12, "house.safetensors", models=[model])))

    assert found == [
        Mention(
            "house.safetensors",
            ("w.json, node 12 VAELoader",),
            (URL,),
            (Digest("sha256", "a" * 64),),
        )
    ]


def test_the_models_of_the_workflow_belong_to_its_nodes() -> None:
    data = ui_workflow(
        loader(12, "sub\\House.safetensors"),
        models=[
            {"name": "house.safetensors", "url": URL, "directory": "vae"},
            {"name": "clip.safetensors", "url": URL, "directory": "text_encoders"},
            {"name": "who knows.safetensors", "url": URL},
        ],
    )

    assert read(data) == [
        Mention(
            "House.safetensors",
            ("w.json, node 12 VAELoader", "w.json, its list of models"),
            (URL,),
        )
    ]


def test_models_of_other_folders_are_not_ours() -> None:
    models = [
        {"name": "model.safetensors", "directory": "checkpoints"},
        {"name": "preview.safetensors", "directory": "vae_approx"},
        {"name": "deep.safetensors", "directory": "VAE\\sub"},
    ]
    node = loader(4, "model.safetensors", kind="CheckpointLoaderSimple", models=models)

    assert files(ui_workflow(node)) == ["preview.safetensors", "deep.safetensors"]


def test_a_model_without_a_folder_counts_where_a_vae_is_loaded() -> None:
    models = [{"name": "house.safetensors"}]

    assert files(ui_workflow(loader(1, "x", kind="VAELoaderKJ", models=models))) == [
        "house.safetensors"
    ]
    assert files(ui_workflow(loader(1, "x", kind="LoraLoader", models=models))) == []


@pytest.mark.parametrize("kind", ["VAELoader", "VAELoaderKJ", "WanVideoVAELoader", "Load VAE"])
def test_loaders_are_known_by_their_type(kind: str) -> None:
    node = loader(1, "wan\\house.safetensors", "main_device", "bf16", kind=kind)

    assert files(ui_workflow(node)) == ["house.safetensors"]


def test_a_loader_of_the_api_format_may_call_its_input_otherwise() -> None:
    data = api_workflow(
        n1=("WanVideoVAELoader", {"model_name": "house.safetensors", "precision": "bf16"})
    )

    assert files(data) == ["house.safetensors"]


def test_loaders_of_more_than_a_vae_are_known_by_their_input() -> None:
    fields = [
        {"name": "lora_stack", "type": "LORA_STACK", "link": None},
        *(
            {"name": name, "type": "COMBO", "widget": {"name": name}, "link": None}
            for name in ("ckpt_name", "vae_name", "clip_skip")
        ),
    ]
    values = ("model.safetensors", "house.safetensors", -2)
    one = loader(1, *values, kind="Efficient Loader", inputs=fields)
    baked = loader(2, "model.safetensors", "Baked VAE", -2, kind="Efficient Loader", inputs=fields)
    seeds = [{"name": name, "widget": {"name": name}} for name in ("seed", "steps", "vae_name")]
    after_a_seed = (5, "randomize", 20, "attic.safetensors")
    seeded = loader(5, *after_a_seed, kind="Sampler", inputs=seeds)
    own = loader(6, "model.safetensors", "bake it in", -2, kind="Efficient Loader", inputs=fields)
    short = loader(3, "model.safetensors", kind="Efficient Loader", inputs=fields)
    named = {"id": 4, "type": "Loader", "widgets_values": {"vae_name": "barn.safetensors"}}

    assert files(ui_workflow(one, baked, own, short, named, seeded)) == [
        "house.safetensors",
        "barn.safetensors",
        "attic.safetensors",
    ]
    assert files(
        api_workflow(
            n1=("easy fullLoader", {"ckpt_name": "model.safetensors", "vae_name": "a.sft"}),
            n2=("easy fullLoader", {"ckpt_name": "model.safetensors", "vae_name": "Baked VAE"}),
            n3=("easy fullLoader", {"ckpt_name": "model.safetensors", "vae_name": ["7", 0]}),
        )
    ) == ["a.sft"]


def test_nodes_within_subgraphs_and_groups_count() -> None:
    inner = {"definitions": {"subgraphs": [{"name": "deepest", "nodes": [loader(3, "c.pt")]}]}}
    data = ui_workflow(
        loader(1, "a.pt"),
        definitions={
            "subgraphs": [{"id": "0a", "name": "Decode", "nodes": [loader(2, "b.pt")], **inner}]
        },
        extra={"groupNodes": {"Old": {"nodes": [loader(4, "d.pt")]}}},
    )

    assert {mention.file: mention.places for mention in read(data)} == {
        "a.pt": ("w.json, node 1 VAELoader",),
        "b.pt": ("w.json, subgraph Decode, node 2 VAELoader",),
        "c.pt": ("w.json, subgraph deepest, node 3 VAELoader",),
        "d.pt": ("w.json, group Old, node 4 VAELoader",),
    }


SUBGRAPH = "c84f7959-0000-4000-8000-000000000001"


def field(name: str, link: int | None = None) -> dict[str, Any]:
    return {"name": name, "type": "COMBO", "widget": {"name": name}, "link": link}


def used(*fields: tuple[str, str, Any], id_: int = 18) -> dict[str, Any]:
    """Make a node that uses the subgraph, with what its promoted fields say."""
    promoted = [[inner, name] for inner, name, _ in fields]
    inputs = [field(name) for inner, name, _ in fields if inner == "-1"]
    node = loader(id_, *(value for *_, value in fields), kind=SUBGRAPH, inputs=inputs)
    node["properties"]["proxyWidgets"] = promoted
    return node


def with_subgraph(node: dict[str, Any], *inner: dict[str, Any]) -> dict[str, Any]:
    part = {"id": SUBGRAPH, "name": "Text to Image", "nodes": list(inner)}
    return ui_workflow(node, definitions={"subgraphs": [part]})


def test_the_field_of_a_subgraph_goes_before_that_of_the_node_within() -> None:
    inner = loader(
        3,
        "old.safetensors",
        inputs=[field("vae_name", 31)],
        models=[
            {"name": "old.safetensors", "url": "https://example.org/old", "directory": "vae"},
            {"name": "new.safetensors", "url": URL, "directory": "vae"},
        ],
    )
    node = used(
        ("-1", "text", "a cat"),
        ("7", "seed", None),
        ("7", "control_after_generate", None),
        ("-1", "unet_name", "unet.safetensors"),
        ("-1", "vae_name", "new.safetensors"),
    )

    assert read(with_subgraph(node, inner)) == [
        Mention(
            "new.safetensors",
            (
                "w.json, node 18 subgraph Text to Image",
                "w.json, subgraph Text to Image, node 3 VAELoader",
            ),
            (URL,),
        )
    ]


def test_a_field_of_one_node_within_is_that_nodes_alone() -> None:
    inner = [loader(number, f"{number}.pt", inputs=[field("vae_name")]) for number in (3, 4)]
    node = used(("3", "vae_name", "new.pt"))

    assert files(with_subgraph(node, *inner)) == ["new.pt", "4.pt"]


def test_a_field_that_says_nothing_leaves_what_stands_within() -> None:
    inner = loader(3, "old.pt", inputs=[field("vae_name", 31)])

    assert files(with_subgraph(used(("-1", "vae_name", None)), inner)) == ["old.pt"]
    assert files(with_subgraph(used(("-1", "text", "a cat")), inner)) == ["old.pt"]


def test_a_list_of_models_does_not_go_before_what_is_chosen() -> None:
    model = {"name": "old.safetensors", "url": URL, "directory": "vae"}

    assert files(ui_workflow(loader(1, "new.safetensors", models=[model]))) == ["new.safetensors"]
    assert (
        files(ui_workflow(loader(1, "pixel_space", inputs=[field("vae_name")], models=[model])))
        == []
    )
    assert files(ui_workflow(loader(1, kind="VAELoader", models=[model]))) == ["old.safetensors"]


def test_a_value_whose_field_is_not_known_is_not_guessed() -> None:
    fields = [field("ckpt_name"), field("vae_name"), field("clip_skip")]
    values = ("model.safetensors", "a.safetensors", -1, "a button")
    node = loader(1, *values, kind="Efficient Loader", inputs=fields)

    assert files(ui_workflow(node)) == []
    # What loads nothing but a VAE may have any field.
    node = loader(1, *values[1:], kind="VAELoaderKJ", inputs=fields[:2])
    assert files(ui_workflow(node)) == ["a.safetensors"]


@pytest.mark.parametrize("name", ["pixel_space", "None", "", "Baked VAE", "vae/"])
def test_what_names_no_file_is_no_mention(name: str) -> None:
    assert read(ui_workflow(loader(1, name))) == []
    assert read(api_workflow(n1=("VAELoader", {"vae_name": name}))) == []


@pytest.mark.parametrize("name", ["taesd", "taesdxl", "taesd3", "taef1"])
def test_names_of_small_decoders_are_names_of_pairs(name: str) -> None:
    assert read(ui_workflow(loader(1, name))) == [
        Mention(name, ("w.json, node 1 VAELoader",), pair=True)
    ]


@pytest.mark.parametrize(
    ("said", "file"),
    [
        ("sub\\deep\\house.safetensors", "house.safetensors"),
        ("sub/house.safetensors", "house.safetensors"),
        ("C:\\Users\\me\\house.safetensors", "house.safetensors"),
        ("/home/me/models/vae/house.safetensors", "house.safetensors"),
        ("饱和度2-色彩清晰-ClearVAE.safetensors", "饱和度2-色彩清晰-ClearVAE.safetensors"),
        ("a\nb: [evil]\u202e.safetensors", "a?b: [evil]?.safetensors"),
    ],
)
def test_only_the_base_name_counts(said: str, file: str) -> None:
    assert files(ui_workflow(loader(1, said))) == [file]


def test_one_name_in_two_nodes_is_one_mention() -> None:
    data = ui_workflow(loader(1, "a.pt"), loader(2, "A.pt"), loader(1, "a.pt"))

    assert read(data) == [Mention("a.pt", ("w.json, node 1 VAELoader", "w.json, node 2 VAELoader"))]


def test_other_json_is_no_workflow() -> None:
    others: list[Any] = [{}, [], None, 1, "nodes", {"nodes": {}}, {"sd_vae": "x"}, {"a": {"b": 1}}]
    for data in others:
        assert not workflows.is_workflow(data)
        assert read(data) == []
    assert workflows.is_workflow(ui_workflow())
    assert workflows.is_workflow(api_workflow(n1=("VAELoader", {})))


def test_workflows_within_workflows_end_somewhere() -> None:
    data: dict[str, Any] = ui_workflow(loader(1, "deep.pt"))
    for _ in range(500):
        data = {"workflow": data}

    assert read(data) == []


WORDS = [
    *("nodes", "models", "name", "url", "directory", "hash", "hash_type", "definitions"),
    *("subgraphs", "extra", "groupNodes", "properties", "widgets_values", "inputs", "widget"),
    *("proxyWidgets", "link", "-1"),
    *("class_type", "type", "vae_name", "VAELoader", "workflow", "prompt", "vae", "a.pt", "id"),
]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(WORDS),
)


def shapes() -> st.SearchStrategy[Any]:
    keys = st.one_of(st.sampled_from(WORDS), st.text(max_size=4))
    return st.recursive(
        SCALARS,
        lambda inner: st.one_of(
            st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=5)
        ),
        max_leaves=30,
    )


@given(shapes())
def test_any_shape_is_read(data: Any) -> None:
    for wrapped in (data, {"nodes": data}, {"nodes": [data]}, {"1": data}):
        found = read(wrapped)
        if found:
            assert workflows.is_workflow(wrapped)
        for mention in found:
            assert mention.file
            assert "\n" not in "".join((mention.file, *mention.places))
