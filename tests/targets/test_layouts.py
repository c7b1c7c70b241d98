"""The layouts: sound data, and the rules that they stand for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import jsonschema
import pytest

import vaehub.targets
from vaehub.model import Artifact, Target, Variant
from vaehub.targets import Layout, layouts, listing
from vaehub.targets.layouts import ShownAs

TEXTS = {"type": "array", "minItems": 1, "uniqueItems": True, "items": {"type": "string"}}
RELATIVE = {"type": "string", "pattern": r"^(\.|[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*)$"}
SLOT = {
    "type": "object",
    "required": ["folder"],
    "additionalProperties": False,
    "properties": {
        "folder": RELATIVE,
        "extensions": {**TEXTS, "items": {"type": "string", "pattern": r"^\.[a-z0-9]+$"}},
        "names": TEXTS,
        "key_layouts": TEXTS,
        "any_case": {"type": "boolean"},
        "min_size": {"type": "integer", "minimum": 1},
        "max_size": {"type": "integer", "minimum": 1},
        "larger_is": {"type": "string"},
        "also": {
            "type": "object",
            "minProperties": 1,
            "propertyNames": RELATIVE,
            "additionalProperties": TEXTS,
        },
        "also_wins": {"type": "boolean"},
        "key": {"type": "string"},
        "shown_as": {"enum": list(get_args(ShownAs))},
        "pairs": TEXTS,
        "small_too": TEXTS,
        "beginnings": TEXTS,
    },
    "dependentRequired": {"max_size": ["larger_is"], "larger_is": ["max_size"]},
}
EVIDENCE = {
    "type": "object",
    "required": ["strength", "all"],
    "additionalProperties": False,
    "properties": {
        "strength": {"type": "integer", "minimum": 1, "maximum": 4},
        "all": TEXTS,
        "none": TEXTS,
    },
}
SUFFIXES = {**TEXTS, "items": {"type": "string", "pattern": r"^(\.[a-z0-9]+)+$"}}
NEAR_CHECKPOINT = {
    "type": "object",
    "required": ["folder", "extensions", "suffixes", "matches", "setting"],
    "additionalProperties": False,
    "properties": {
        "folder": RELATIVE,
        "extensions": SUFFIXES,
        "suffixes": SUFFIXES,
        "matches": {"enum": ["name", "beginning"]},
        "setting": {"type": "string"},
        "own_setting": {"type": "string"},
    },
}
SCHEMA = {
    "type": "object",
    "propertyNames": {"pattern": "^[a-z0-9]+$"},
    "additionalProperties": {
        "type": "object",
        "required": ["title", "evidence", "slots"],
        "additionalProperties": False,
        "dependentRequired": {"refuses": ["instead"], "instead": ["refuses"]},
        "properties": {
            "title": {"type": "string"},
            "evidence": {"type": "array", "items": EVIDENCE},
            "unique_base_names": {"type": "boolean"},
            "follows_links": {"type": "boolean"},
            "lists_hidden": {"type": "boolean"},
            "extra_paths": {"type": "string"},
            "last_folder_wins": {"type": "boolean"},
            "inside": RELATIVE,
            "refuses": {"type": "string"},
            "instead": {"type": "string"},
            "without": {
                "type": "object",
                "propertyNames": {"enum": ["vae-approx"]},
                "additionalProperties": {"type": "string"},
            },
            "select": {"type": "string"},
            "baked": {"type": "string"},
            "near_checkpoint": NEAR_CHECKPOINT,
            "slots": {
                "type": "object",
                "required": ["vae"],
                "additionalProperties": False,
                "properties": {"vae": SLOT, "vae-approx": SLOT},
            },
        },
    },
}


@pytest.fixture
def a1111() -> Layout:
    return layouts()["automatic1111"]


def one(name: str, layout: str | None = None) -> tuple[Artifact, Variant]:
    artifact = Artifact(name, ())
    return artifact, Variant("v", (artifact,), layout=layout)


def test_the_data_is_sound() -> None:
    path = Path(vaehub.targets.__file__).with_name("layouts.json")
    data = json.loads(path.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(data, SCHEMA)
    assert set(layouts()) == set(data) >= {"automatic1111", "comfyui", "folder"}
    assert all(layout.id == id_ for id_, layout in layouts().items())


def test_the_data_cannot_be_changed_by_a_caller() -> None:
    with pytest.raises(TypeError):
        layouts()["mine"] = layouts()["folder"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("layout", "slot", "folder"),
    [
        ("automatic1111", "vae", "models/VAE"),
        ("automatic1111", "vae-approx", "models/VAE-taesd"),
        ("comfyui", "vae", "models/vae"),
        ("comfyui", "vae-approx", "models/vae_approx"),
        ("sdnext", "vae", "models/VAE"),
        ("sdnext", "vae-approx", "models/VAE"),
        ("forge", "vae", "models/VAE"),
        ("reforge", "vae-approx", "models/VAE-taesd"),
        ("fooocus", "vae", "models/vae"),
        ("swarmui", "vae", "Models/VAE"),
        ("stabilitymatrix", "vae", "Models/VAE"),
        ("stabilitymatrix", "vae-approx", "Models/ApproxVAE"),
        ("folder", "vae", ""),
        ("folder", "vae-approx", ""),
    ],
)
def test_each_slot_has_its_folder(tmp_path: Path, layout: str, slot: str, folder: str) -> None:
    assert layouts()[layout].folder(Target(layout, tmp_path), slot) == tmp_path / folder


@pytest.mark.parametrize(
    ("layout", "slot", "name", "keys"),
    [
        ("automatic1111", "vae", "a.safetensors", "ldm"),
        ("automatic1111", "vae", "a.ckpt", "ldm"),
        ("automatic1111", "vae", "a.vae.pt", None),
        ("automatic1111", "vae-approx", "taesdxl_decoder.pth", "taesd"),
        ("comfyui", "vae", "a.safetensors", "diffusers"),
        ("comfyui", "vae", "a.sft", None),
        ("comfyui", "vae-approx", "taef1_decoder.pth", "taesd"),
        ("sdnext", "vae", "a.safetensors", "ldm"),
        ("comfyui", "vae", "a.SFT", None),
        ("forge", "vae", "a.bin", "ldm"),
        ("forge", "vae", "a.gguf", None),
        ("reforge", "vae", "a.pt", "ldm"),
        ("fooocus", "vae", "a.CKPT", "diffusers"),
        ("swarmui", "vae", "a.sft", "diffusers"),
        ("stabilitymatrix", "vae", "a.gguf", "native"),
        ("folder", "vae", "anything.bin", "diffusers"),
        ("folder", "vae-approx", "anything", None),
    ],
)
def test_what_the_ui_takes_is_accepted(layout: str, slot: str, name: str, keys: str | None) -> None:
    artifact, variant = one(name, keys)
    assert layouts()[layout].accepts(artifact, variant, slot) is None
    assert layouts()[layout].refusal(variant, slot) is None


@pytest.mark.parametrize(
    ("layout", "slot", "name", "keys", "reason"),
    [
        (
            "automatic1111",
            "vae",
            "a.pth",
            "ldm",
            "AUTOMATIC1111 does not list .pth files in models/VAE",
        ),
        ("automatic1111", "vae", "a.SAFETENSORS", "ldm", ".SAFETENSORS"),
        ("automatic1111", "vae", "a", "ldm", "files without an extension"),
        ("automatic1111", "vae", "a.safetensors", "diffusers", "diffusers keys"),
        ("automatic1111", "vae-approx", "taef2_decoder.pth", "taesd", "taesd_decoder.pth"),
        ("automatic1111", "vae-approx", "taesd_decoder.safetensors", "taesd", ".safetensors"),
        ("comfyui", "vae", "a.gguf", None, "ComfyUI does not list .gguf files in models/vae"),
        ("sdnext", "vae", "a.ckpt", "ldm", "SD.Next does not list .ckpt"),
        ("sdnext", "vae-approx", "taesd_decoder.pth", "taesd", "no folder for vae-approx"),
        ("forge", "vae", "a.sft", "ldm", "Forge does not list .sft files in models/VAE"),
        ("forge", "vae", "a.PT", "ldm", "Forge does not list .PT files"),
        ("reforge", "vae", "a.bin", "ldm", "reForge does not list .bin files"),
        ("invokeai", "vae", "a.safetensors", "ldm", "InvokeAI lists no folder"),
        ("invokeai", "vae-approx", "a.pth", "taesd", "InvokeAI lists no folder"),
        ("fooocus", "vae", "a.pt", "ldm", "Fooocus does not list .pt files in models/vae"),
        ("fooocus", "vae", "a.safetensors", "native", "ldm or diffusers keys"),
        ("fooocus", "vae-approx", "taesd_decoder.pth", "taesd", "looks only for vaeapp_sd15.pth"),
        ("swarmui", "vae", "a.SAFETENSORS", "ldm", "SwarmUI does not list .SAFETENSORS files"),
        ("swarmui", "vae-approx", "taesd_decoder.pth", "taesd", "no folder for vae-approx"),
        ("folder", "vae", "../a.safetensors", "ldm", "begins with a dot"),
        ("comfyui", "vae", "sub/a.safetensors", "ldm", "contains '/'"),
    ],
)
def test_what_the_ui_does_not_take_is_refused_with_the_reason(
    layout: str, slot: str, name: str, keys: str | None, reason: str
) -> None:
    artifact, variant = one(name, keys)
    said = layouts()[layout].accepts(artifact, variant, slot)
    assert said is not None
    assert reason in said
    assert layouts()[layout].refusal(variant, slot) == said


@pytest.mark.parametrize(
    ("size", "reason"),
    [
        (None, None),
        (24_999_999, "SD.Next loads no file under 25,000,000 bytes, and a.safetensors has 24,999"),
        (25_000_000, None),
        (1_310_944_880, None),
        (1_310_944_881, "for a consistency decoder, and a.safetensors has 1,310,944,881"),
    ],
)
def test_sizes_that_sdnext_does_not_load(size: int | None, reason: str | None) -> None:
    artifact = Artifact("a.safetensors", (), size)
    said = layouts()["sdnext"].accepts(artifact, Variant("v", (artifact,), layout="ldm"), "vae")
    assert (said is None) is (reason is None)
    assert (reason or "") in (said or "")


def test_one_unfit_file_spoils_the_variant(a1111: Layout) -> None:
    variant = Variant("v", (Artifact("a.safetensors", ()), Artifact("b.bin", ())))
    assert "b.bin" not in (a1111.refusal(variant, "vae") or "")
    assert ".bin" in (a1111.refusal(variant, "vae") or "")


def test_a_file_of_that_name_in_a_subfolder_collides(a1111: Layout, tmp_path: Path) -> None:
    target = Target("automatic1111", tmp_path)
    folder = tmp_path / "models" / "VAE"
    assert a1111.collision(target, "vae", "a.safetensors") is None
    (folder / "sub" / "deeper").mkdir(parents=True)
    (folder / "a.safetensors").touch()
    assert a1111.collision(target, "vae", "a.safetensors") is None
    other = folder / "sub" / "deeper" / "a.safetensors"
    other.touch()
    assert a1111.collision(target, "vae", "a.safetensors") == other
    assert a1111.collision(target, "vae", "b.safetensors") is None
    assert a1111.collision(target, "vae-approx", "a.safetensors") is None


def test_collisions_are_looked_for_as_the_ui_lists(a1111: Layout, tmp_path: Path) -> None:
    target = Target("automatic1111", tmp_path)
    folder = tmp_path / "models" / "VAE"
    (folder / ".vaehub").mkdir(parents=True)
    (folder / ".vaehub" / "a.safetensors").touch()
    (folder / "circle").symlink_to(folder, target_is_directory=True)
    assert a1111.collision(target, "vae", "a.safetensors") is None
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "a.safetensors").touch()
    (folder / "linked").symlink_to(tmp_path / "shared", target_is_directory=True)
    found = a1111.collision(target, "vae", "a.safetensors")
    assert found == folder / "linked" / "a.safetensors"


def test_uis_that_know_files_by_path_have_no_collisions(tmp_path: Path) -> None:
    (tmp_path / "models" / "vae" / "sub").mkdir(parents=True)
    (tmp_path / "models" / "vae" / "sub" / "a.pt").touch()
    assert layouts()["comfyui"].collision(Target("comfyui", tmp_path), "vae", "a.pt") is None


def test_forge_does_not_look_into_linked_folders(tmp_path: Path) -> None:
    folder = tmp_path / "models" / "VAE"
    folder.mkdir(parents=True)
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "a.pt").touch()
    (folder / "linked").symlink_to(tmp_path / "shared", target_is_directory=True)
    assert layouts()["forge"].collision(Target("forge", tmp_path), "vae", "a.pt") is None
    found = layouts()["reforge"].collision(Target("reforge", tmp_path), "vae", "a.pt")
    assert found == folder / "linked" / "a.pt"


def test_forge_looks_into_hidden_folders_too(tmp_path: Path) -> None:
    hidden = tmp_path / "models" / "VAE" / ".old"
    hidden.mkdir(parents=True)
    (hidden / "a.pt").touch()
    forge, reforge = layouts()["forge"], layouts()["reforge"]
    assert forge.collision(Target("forge", tmp_path), "vae", "a.pt") == hidden / "a.pt"
    assert reforge.collision(Target("reforge", tmp_path), "vae", "a.pt") is None


@pytest.mark.parametrize(
    ("layout", "path", "why"),
    [
        ("automatic1111", "a.pt", None),
        ("automatic1111", ".a.pt", "hidden"),
        ("automatic1111", "sub/.old/a.pt", "hidden"),
        ("automatic1111", "linked/a.pt", None),
        ("sdnext", ".old/a.pt", "hidden"),
        ("stabilitymatrix", ".old/a.pt", "hidden"),
        ("forge", ".old/a.pt", None),
        ("forge", "linked/a.pt", "linked"),
        ("forge", "linked/sub/a.pt", "linked"),
        ("forge", "link.pt", None),
        ("fooocus", "linked/a.pt", "linked"),
        ("fooocus", ".old/a.pt", None),
        ("comfyui", ".old/a.pt", None),
        ("comfyui", "linked/a.pt", None),
        ("swarmui", ".old/a.pt", None),
    ],
)
def test_what_a_ui_does_not_come_upon(
    tmp_path: Path, layout: str, path: str, why: str | None
) -> None:
    (tmp_path / "shared" / "sub").mkdir(parents=True)
    (tmp_path / "shared" / "file.pt").touch()
    folder = tmp_path / "folder"
    folder.symlink_to(tmp_path / "shared", target_is_directory=True)  # its own link is followed
    (folder / "linked").symlink_to(tmp_path / "shared", target_is_directory=True)
    (folder / "link.pt").symlink_to(tmp_path / "shared" / "file.pt")
    assert listing.out_of_reach(layouts()[layout], folder, folder / path) == why


@pytest.mark.parametrize(
    ("layout", "folder", "name", "collides"),
    [
        ("automatic1111", "models/Stable-diffusion/sub", "a.vae.pt", True),
        ("automatic1111", "models/Stable-diffusion", "a.pt", False),
        ("reforge", "models/Stable-diffusion", "a.vae.safetensors", True),
        ("sdnext", "models/Stable-diffusion", "a.vae.safetensors", True),
        ("sdnext", "models/Stable-diffusion", "a.vae.pt", False),
        ("forge", "models/text_encoder", "a.safetensors", True),
        ("forge", "models/Stable-diffusion", "a.vae.pt", False),
    ],
)
def test_what_is_listed_from_elsewhere_collides_too(
    tmp_path: Path, layout: str, folder: str, name: str, collides: bool
) -> None:
    other = tmp_path / folder / name
    other.parent.mkdir(parents=True)
    other.touch()
    found = layouts()[layout].collision(Target(layout, tmp_path), "vae", name)
    assert found == (other if collides else None)


@pytest.mark.parametrize(
    ("layout", "slot", "path", "name"),
    [
        ("automatic1111", "vae", "models/VAE/sub/a.pt", "a.pt"),
        ("automatic1111", "vae-approx", "models/VAE-taesd/taesd_decoder.pth", None),
        ("forge", "vae", "models/VAE/a.safetensors", "a.safetensors"),
        ("sdnext", "vae", "models/VAE/a.safetensors", "a.safetensors"),
        ("sdnext", "vae", "models/VAE/a.pt", None),
        ("sdnext", "vae-approx", "models/VAE/a.safetensors", None),
        ("comfyui", "vae", "models/vae/a.safetensors", "a.safetensors"),
        ("comfyui", "vae", "models/vae/sub/a.pt", str(Path("sub", "a.pt"))),
        ("comfyui", "vae-approx", "models/vae_approx/taef1_decoder.pth", None),
        ("comfyui", "vae-approx", "models/vae_approx/taehv1_5.safetensors", "taehv1_5.safetensors"),
        ("comfyui", "vae-approx", "models/vae_approx/taesana_decoder.pth", None),
        ("fooocus", "vae", "models/vae/sub/a.pth", str(Path("sub", "a.pth"))),
        ("swarmui", "vae", "Models/VAE/a.safetensors", "a"),
        ("swarmui", "vae", "Models/VAE/sub/a.ckpt", "sub/a.ckpt"),
        ("stabilitymatrix", "vae", "Models/VAE/a.sft", "a.sft"),
        ("invokeai", "vae", "models/a.safetensors", None),
        ("folder", "vae", "a.safetensors", None),
    ],
)
def test_what_the_ui_calls_a_file(
    tmp_path: Path, layout: str, slot: str, path: str, name: str | None
) -> None:
    target = Target(layout, tmp_path)
    assert layouts()[layout].listed_as(target, slot, tmp_path / path) == name


def test_a_pair_is_listed_once_both_halves_are_there(tmp_path: Path) -> None:
    folder = tmp_path / "models" / "vae_approx"
    folder.mkdir(parents=True)
    decoder, encoder = folder / "taesd_decoder.pth", folder / "taesd_encoder.safetensors"
    decoder.touch()
    (folder / "taesd_encoder.txt").touch()
    (folder / "taesdxl_encoder.pth").touch()
    comfyui, target = layouts()["comfyui"], Target("comfyui", tmp_path)
    assert comfyui.listed_as(target, "vae-approx", decoder) is None
    encoder.touch()
    assert comfyui.listed_as(target, "vae-approx", decoder) == "taesd"
    assert comfyui.listed_as(target, "vae-approx", encoder) == "taesd"


def test_halves_of_a_pair_may_lie_in_two_folders_and_not_below_one(tmp_path: Path) -> None:
    (tmp_path / "extra_model_paths.yaml").write_text("a:\n  base_path: more\n  vae_approx: tiny\n")
    own, more = tmp_path / "models" / "vae_approx", tmp_path / "more" / "tiny"
    (own / "sub").mkdir(parents=True)
    more.mkdir(parents=True)
    comfyui, target = layouts()["comfyui"], Target("comfyui", tmp_path)
    for path in (own / "taesd_decoder.pth", own / "sub" / "taesd_encoder.pth"):
        path.touch()
        assert comfyui.listed_as(target, "vae-approx", path) is None
    video = own / "sub" / "taehv.safetensors"
    assert comfyui.listed_as(target, "vae-approx", video) is None
    (more / "taesd_encoder.pth").touch()
    assert comfyui.listed_as(target, "vae-approx", own / "taesd_decoder.pth") == "taesd"
    assert comfyui.listed_as(target, "vae-approx", more / "taesd_encoder.pth") == "taesd"


def test_only_a_ui_has_evidence() -> None:
    assert [id_ for id_, layout in layouts().items() if not layout.is_ui] == ["folder"]
