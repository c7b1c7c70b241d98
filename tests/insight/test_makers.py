"""Each UI's own words are understood, and nothing that looks like them."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.insight import pictures as made
from vaehub.insight import makers, pictures
from vaehub.insight.makers import graph, infotext
from vaehub.insight.makers.said import Named, Said
from vaehub.insight.pictures import Picture, Text
from vaehub.targets import layouts


def said(*texts: tuple[str, str], name: str = "x.png") -> Said | None:
    """Read texts as if a picture held them."""
    found = tuple(Text(key, value) for key, value in texts)
    return makers.read(Picture(Path(name), "PNG", None, found, (), ()))


def named(*texts: tuple[str, str], name: str = "x.png") -> list[str | None]:
    found = said(*texts, name=name)
    assert found is not None
    return [vae.name for vae in found.vaes]


def parameters(text: str) -> Said:
    found = said(("parameters", text))
    assert found is not None
    return found


# AUTOMATIC1111 and what came of it


def test_automatic1111_writes_name_and_hash() -> None:
    found = parameters(made.infotext("VAE hash: 735e4c3a44, VAE: x, y.safetensors"))
    assert (found.ui, found.layout, found.checkpoint) == ("AUTOMATIC1111", "automatic1111", "v1-5")
    found = parameters(made.infotext('VAE hash: 735E4c3a44, VAE: "x, \\"y\\".safetensors"'))
    [vae] = found.vaes
    assert vae == Named('x, "y".safetensors', "VAE", "735e4c3a44", hash_may_lie=True)


def test_a_preview_decoder_is_told_from_the_vae() -> None:
    found = parameters(made.infotext("VAE: x.pt, VAE Decoder: TAESD"))
    assert found.may_be_another
    assert "TAESD" in found.notes[0]
    assert not parameters(made.infotext("VAE: x.pt, VAE Decoder: Full")).may_be_another


def test_what_stands_in_a_prompt_or_in_quotation_marks_is_no_parameter() -> None:
    found = parameters(made.infotext())
    assert found.vaes == ()
    assert found.whose == "checkpoint"


@pytest.mark.parametrize("value", ["None", "Automatic", "auto", ""])
def test_words_that_stand_for_the_checkpoint_s_own_are_no_names(value: str) -> None:
    assert parameters(made.infotext(f"VAE: {value}")).whose == "checkpoint"


def test_no_line_of_parameters_is_nothing() -> None:
    assert said(("parameters", "a cat")) is None
    assert said(("parameters", "VAE: x.safetensors, Sampler: y")) is None
    assert said(("Comment", "hello")) is None
    assert said() is None


@pytest.mark.parametrize(
    ("version", "ui"),
    [
        ("f2.0.1v1.10.1-previous-664-gd557aef9", "Forge"),
        ("f1.0.0v1.10.1-RC", "reForge"),
        ("neo", "Forge"),
        ("v1.6.0-2-g4afaaf8a", "AUTOMATIC1111"),
        ("Fooocus v2.5.0", "Fooocus"),
        ("ComfyUI", "a UI that writes as AUTOMATIC1111 does"),
    ],
)
def test_the_version_tells_the_ui(version: str, ui: str) -> None:
    assert parameters(made.infotext("VAE: x.pt", version=version)).ui == ui


def test_forge_names_modules_of_which_one_may_be_a_vae() -> None:
    modules = "Module 1: clip_l, Module 2: ae, Module 3: t5xxl_fp8"
    found = parameters(made.infotext(modules, version="f2.0.1v1.10.1"))
    assert [vae.name for vae in found.vaes] == ["clip_l", "ae", "t5xxl_fp8"]
    assert found.among_modules
    assert found.vaes[1].where == "Module 2"


def test_sd_next_names_itself_and_a_stem() -> None:
    line = "cat\nSteps: 20, Size: 8x8, Seed: 1, VAE: {}, App: SD.Next, Version: cb0eb55"
    found = parameters(line.format("kl-f8-anime2"))
    assert (found.ui, found.layout) == ("SD.Next", "sdnext")
    assert found.vaes == (Named("kl-f8-anime2", "VAE"),)
    small = parameters(line.format("TAESD"))
    assert small.vaes == ()
    assert "brings itself" in small.notes[0]


def test_parameters_are_read_in_one_pass() -> None:
    for line in ("a " * 500_000, "a:" * 500_000, 'a: "' * 250_000, "a: b, " * 170_000):
        began = time.monotonic()
        infotext.parameters("x\n" + line)
        assert time.monotonic() - began < 10


@given(st.text(max_size=300))
def test_any_text_is_survived(text: str) -> None:
    infotext.parameters(text)
    said(("parameters", text), ("prompt", text), ("invokeai_metadata", text))


# ComfyUI


def comfy(prompt: dict[str, Any], *, name: str = "x.png") -> Said:
    found = said(("prompt", json.dumps(prompt)), name=name)
    assert found is not None
    assert found.ui == "ComfyUI"
    return found


def test_comfyui_s_graph_leads_from_the_picture_back_to_the_loader() -> None:
    found = comfy(made.graph())
    assert found.vaes == (Named("kl-f8-anime2.safetensors", "node 10 (VAELoader)"),)
    assert found.notes == ()


def test_the_checkpoint_s_own_is_known() -> None:
    prompt = made.graph()
    prompt["8"]["inputs"]["vae"] = ["4", 2]
    found = comfy(prompt)
    assert (found.vaes, found.whose, found.checkpoint) == ((), "checkpoint", "v1-5.safetensors")


def test_what_encoded_the_picture_that_was_loaded_does_not_count() -> None:
    prompt = made.graph(
        n11={"class_type": "VAELoader", "inputs": {"vae_name": "other.safetensors"}}
    )
    prompt["5"]["inputs"]["vae"] = ["11", 0]
    assert named(("prompt", json.dumps(prompt))) == ["kl-f8-anime2.safetensors"]


def test_nodes_that_pass_a_vae_on_are_followed() -> None:
    prompt = made.graph(n12={"class_type": "Reroute", "inputs": {"": ["10", 0]}})
    prompt["8"]["inputs"]["vae"] = ["12", 0]
    prompt["9"]["inputs"]["images"] = ["13", 0]
    prompt["13"] = {"class_type": "ImageScale", "inputs": {"image": ["8", 0], "width": 8}}
    assert named(("prompt", json.dumps(prompt))) == ["kl-f8-anime2.safetensors"]


def test_a_loader_of_everything_is_found_at_the_end_of_its_bundle() -> None:
    prompt: dict[str, Any] = {
        "1": {
            "class_type": "easy fullLoader",
            "inputs": {"ckpt_name": "a.safetensors", "vae_name": "b.safetensors"},
        },
        "2": {"class_type": "easy fullkSampler", "inputs": {"pipe": ["1", 0]}},
        "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 1]}},
    }
    assert named(("prompt", json.dumps(prompt))) == ["b.safetensors"]
    prompt["1"]["inputs"]["vae_name"] = "Baked VAE"
    found = comfy(prompt)
    assert (found.whose, found.checkpoint) == ("checkpoint", "a.safetensors")


def test_of_several_pictures_the_name_tells_which() -> None:
    prompt = made.graph(
        n20={"class_type": "VAELoader", "inputs": {"vae_name": "b.safetensors"}},
        n21={"class_type": "VAEDecodeTiled", "inputs": {"samples": ["3", 0], "vae": ["20", 0]}},
        n22={
            "class_type": "SaveImage",
            "inputs": {"images": ["21", 0], "filename_prefix": "sub/ComfyUI_b"},
        },
    )
    text = ("prompt", json.dumps(prompt))
    assert named(text, name="ComfyUI_b_00001_.png") == ["b.safetensors"]
    assert named(text, name="ComfyUI_00001_.png") == ["kl-f8-anime2.safetensors"]
    assert set(named(text, name="renamed.png")) == {"b.safetensors", "kl-f8-anime2.safetensors"}
    found = said(text, name="renamed.png")
    assert found is not None
    assert "several VAEs" in found.notes[0]


def test_a_preview_wrote_no_file_where_another_node_saves() -> None:
    prompt = made.graph(
        n20={"class_type": "VAELoader", "inputs": {"vae_name": "b.safetensors"}},
        n21={"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["20", 0]}},
        n22={"class_type": "PreviewImage", "inputs": {"images": ["21", 0]}},
    )
    assert named(("prompt", json.dumps(prompt))) == ["kl-f8-anime2.safetensors"]
    del prompt["9"]
    assert named(("prompt", json.dumps(prompt))) == ["b.safetensors"]


def test_the_checkpoint_s_own_beside_another_leaves_it_open() -> None:
    prompt = made.graph(
        n21={"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["4", 2]}},
        n22={"class_type": "SaveImage", "inputs": {"images": ["21", 0]}},
    )
    found = comfy(prompt)
    assert [vae.name for vae in found.vaes] == ["kl-f8-anime2.safetensors"]
    assert found.may_be_another
    assert "checkpoint v1-5.safetensors" in found.notes[1]


def test_graphs_that_lead_nowhere_or_in_circles_are_survived() -> None:
    prompt = made.graph({"class_type": "Reroute", "inputs": {"": ["8", 0]}})
    found = comfy(prompt)
    assert (found.vaes, found.whose) == ((), "unsaid")
    prompt = made.graph()
    del prompt["10"]
    assert "not in the graph" in comfy(prompt).notes[0]
    circle = {
        "1": {"class_type": "SaveImage", "inputs": {"images": ["2", 0]}},
        "2": {"class_type": "A", "inputs": {"x": ["3", 0]}},
        "3": {"class_type": "A", "inputs": {"x": ["2", 0], "y": ["3", 0], "z": ["99", 0]}},
    }
    assert "takes a VAE" in comfy(circle).notes[0]
    del circle["1"]
    assert "saves a picture" in comfy(circle).notes[0]


def test_a_graph_of_a_hundred_thousand_nodes_is_walked_once() -> None:
    prompt = made.graph({"class_type": "R", "inputs": {"x": ["r0", 0]}})
    count = 100_000
    for at in range(count):
        inputs = {"x": [f"r{at + 1}", 0], "y": [f"r{at // 2}", 0], "z": ["10", 0]}
        prompt[f"r{at}"] = {"class_type": "R", "inputs": inputs}
    prompt[f"r{count}"] = {"class_type": "VAELoader", "inputs": {"vae_name": "end.pt"}}
    began = time.monotonic()
    assert named(("prompt", json.dumps(prompt))) == ["end.pt"]
    assert time.monotonic() - began < 30


def test_the_editor_s_form_serves_where_the_other_is_missing() -> None:
    workflow = {
        "nodes": [
            {"id": 1, "type": "VAELoader", "widgets_values": ["a.safetensors"], "inputs": []},
            {"id": 2, "type": "VAEDecode", "inputs": [{"name": "vae", "link": 5}, {"name": "s"}]},
            {
                "id": 3,
                "type": "SaveImage",
                "inputs": [{"name": "images", "link": 6}],
                "widgets_values": ["ComfyUI"],
            },
        ],
        "links": [[5, 1, 0, 2, 1, "VAE"], [6, 2, 0, 3, 0, "IMAGE"], None, [7]],
    }
    assert named(("workflow", json.dumps(workflow))) == ["a.safetensors"]


def test_comfyui_s_webp_holds_the_graph_in_a_camera_s_field(tmp_path: Path) -> None:
    text = f"prompt:{json.dumps(made.graph())}\0".encode()
    (tmp_path / "x.webp").write_bytes(made.webp((b"EXIF", made.exif({0x0110: text}))))
    found = makers.read(pictures.read(tmp_path / "x.webp"))
    assert found is not None
    assert found.vaes[0].name == "kl-f8-anime2.safetensors"


def test_json_that_nobody_can_read_is_none() -> None:
    for text in ("{", '{"a": ' + "[" * 100_000, '{"a": ' + "9" * 5000 + "}", "[]", "{}"):
        assert said(("prompt", text)) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["vae", "inputs", "class_type", "1", "x"]), inner)
    ),
    max_leaves=12,
)
LINK = st.lists(st.sampled_from(["1", "2", "3", 4, 0, None]), min_size=2, max_size=2)
NODE = st.fixed_dictionaries(
    {
        "class_type": st.sampled_from(["SaveImage", "VAEDecode", "VAELoader", "X", None]),
        "inputs": st.dictionaries(
            st.sampled_from(["vae", "images", "vae_name", "ckpt_name"]), LINK | st.just("a.pt")
        )
        | JSON,
    }
)


@given(st.dictionaries(st.sampled_from(["1", "2", "3", "4"]), NODE))
def test_any_graph_is_survived(prompt: dict[str, Any]) -> None:
    said(("prompt", json.dumps(prompt)))


@given(JSON)
def test_any_json_is_survived(value: Any) -> None:
    text = json.dumps(value)
    shapes: tuple[str, ...] = (text, f'{{"sui_image_params": {text}, "sui_models": {text}}}')
    shapes += (f'{{"vae": {text}, "model": {text}, "base_model": {text}}}',)
    shapes += (f'{{"nodes": {text}, "links": {text}}}',)
    for shape in shapes:
        for key in ("parameters", "prompt", "workflow", "invokeai_metadata"):
            said((key, shape))


def test_nodes_have_one_label() -> None:
    assert graph.Node("3", "X", {}).label == "node 3 (X)"


# SwarmUI, InvokeAI, Fooocus


def test_swarmui_names_it_and_gives_the_hash_of_the_tensors() -> None:
    digest = "ab" * 32
    text = {
        "sui_image_params": {"model": "a", "vae": "OfficialStableDiffusion/sdxl_vae"},
        "sui_models": [
            {"name": "a.safetensors", "param": "model", "hash": "0x" + "cd" * 32},
            {"name": "sdxl_vae.safetensors", "param": "vae", "hash": f"0x{digest.upper()}"},
        ],
    }
    for key in ("parameters", "UserComment"):
        found = said((key, json.dumps(text, indent=2)))
        assert found is not None
        assert (found.ui, found.layout, found.checkpoint) == ("SwarmUI", "swarmui", "a")
        assert found.vaes == (
            Named("OfficialStableDiffusion/sdxl_vae", "vae", digest, hash_kind="autov3"),
        )
    text["sui_image_params"] = {"model": "a", "vae": "Automatic"}
    found = said(("parameters", json.dumps(text)))
    assert found is not None
    assert found.whose == "checkpoint"


def test_invokeai_names_the_model_that_was_chosen() -> None:
    vae = {"name": "sdxl-vae-fp16-fix", "hash": "blake3:" + "ef" * 32, "base": "sdxl"}
    found = said(("invokeai_metadata", json.dumps({"model": {"name": "m"}, "vae": vae})))
    assert found is not None
    assert (found.ui, found.checkpoint) == ("InvokeAI", "m")
    assert found.vaes == (Named("sdxl-vae-fp16-fix", "vae", "ef" * 32, hash_kind="blake3"),)
    old = {"model": {"model_name": "m"}, "vae": {"model_name": "sd-vae-ft-mse"}}
    assert named(("invokeai_metadata", json.dumps(old))) == ["sd-vae-ft-mse"]
    none = said(("invokeai_metadata", json.dumps({"model": {}, "vae": None})))
    assert none is not None
    assert none.whose == "checkpoint"
    ancient = said(("sd-metadata", "{}"))
    assert ancient is not None
    assert ancient.whose == "unsaid"


def test_fooocus_writes_json_or_automatic1111_s_line() -> None:
    body = {"base_model": "juggernautXL", "vae": "sdxl_vae_fp16_fix", "version": "Fooocus v2.5.0"}
    texts = (("fooocus_scheme", "fooocus"), ("parameters", json.dumps(body)))
    found = said(*texts)
    assert found is not None
    assert (found.ui, found.vaes) == ("Fooocus", (Named("sdxl_vae_fp16_fix", "vae"),))
    body["vae"] = "Default (model)"
    found = said(("UserComment", json.dumps(body)))
    assert found is not None
    assert (found.whose, found.checkpoint) == ("checkpoint", "juggernautXL")


SWARM = json.dumps({"sui_image_params": {"vae": "x.safetensors"}, "sui_models": []}, indent=2)
FOOOCUS = json.dumps({"base_model": "m", "vae": "x.safetensors", "prompt": "猫"})


@pytest.mark.parametrize(
    ("ui", "text"),
    [
        ("AUTOMATIC1111", made.infotext("VAE: x.safetensors")),
        ("Forge", made.infotext("Module 1: x.safetensors", version="f2.0.1v1.10.1")),
        ("SwarmUI", SWARM),
        ("Fooocus", FOOOCUS),
    ],
)
@pytest.mark.parametrize("form", ["png", "jpg", "webp"])
def test_each_is_understood_in_each_kind_of_file(
    tmp_path: Path, ui: str, text: str, form: str
) -> None:
    data = made.exif(comment=made.unicode_comment(text))
    whole = {
        "png": made.png(made.text_chunk("parameters", text, b"iTXt")),
        "jpg": made.jpeg((0xE1, b"Exif\0\0" + data)),
        "webp": made.webp((b"EXIF", data)),
    }[form]
    path = tmp_path / f"x.{form}"
    path.write_bytes(whole)
    found = makers.read(pictures.read(path))
    assert found is not None
    assert found.ui == ui
    assert [vae.name for vae in found.vaes] == ["x.safetensors"]


def test_a_graph_says_more_than_a_line_without_a_vae() -> None:
    texts = ("parameters", made.infotext(version="ComfyUI")), ("prompt", json.dumps(made.graph()))
    assert named(*texts) == ["kl-f8-anime2.safetensors"]


def test_each_ui_that_has_a_layout_names_a_real_one() -> None:
    for text in (made.infotext(version=one) for one in ("v1.1", "f2.0", "f1.0", "Fooocus v1")):
        layout = parameters(text).layout
        assert layout in layouts()
