"""The layouts: sound data, and the rules that they stand for."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

import vaehub.targets
from vaehub.model import Artifact, Target, Variant
from vaehub.targets import Layout, layouts

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
    },
}
EVIDENCE = {
    "type": "object",
    "required": ["strength", "all"],
    "additionalProperties": False,
    "properties": {"strength": {"type": "integer", "minimum": 1, "maximum": 4}, "all": TEXTS},
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
        "code": {**TEXTS, "minItems": 2, "maxItems": 2},
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
        "properties": {
            "title": {"type": "string"},
            "evidence": {"type": "array", "items": EVIDENCE},
            "unique_base_names": {"type": "boolean"},
            "near_checkpoint": NEAR_CHECKPOINT,
            "by_hand": {"type": "string"},
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
