from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaehub.provision.importing import webui
from vaehub.provision.importing.mentions import Mention

AUTOMATIC1111 = {
    "samples_save": True,
    "sd_model_checkpoint": "v1-5-pruned-emaonly.safetensors [6ce0161689]",
    "sd_checkpoint_hash": "6ce0161689b3853acaa03779ec93eafe75a02f4ced659bee03f50797806fa2fa",
    "sd_vae": "vae-ft-mse-840000-ema-pruned.safetensors",
    "sd_vae_overrides_per_model_preferences": True,
    "sd_vae_encode_method": "Full",
    "quicksettings_list": ["sd_model_checkpoint", "sd_vae"],
    "CLIP_stop_at_last_layers": 1,
}


def files(data: dict[str, Any]) -> list[str]:
    return [mention.file for mention in webui.mentions(data, origin="config.json")]


def test_the_chosen_vae_of_automatic1111_is_named() -> None:
    assert webui.mentions(AUTOMATIC1111, origin="config.json") == [
        Mention("vae-ft-mse-840000-ema-pruned.safetensors", ("config.json, sd_vae",))
    ]


@pytest.mark.parametrize("name", ["Automatic", "None", "auto", "Default", "TAESD", "", None, 3])
def test_what_stands_for_no_file_is_skipped(name: Any) -> None:
    assert files({"sd_vae": name}) == []


def test_the_modules_of_forge_are_named_without_their_folders() -> None:
    data = {
        "sd_vae": "Automatic",
        "forge_additional_modules": [
            "/home/me/forge/models/VAE/ae.safetensors",
            "C:\\forge\\models\\VAE\\house.safetensors",
            "/home/me/forge/models/text_encoder/t5xxl_fp16.safetensors",
            "C:\\forge\\models\\text_encoder\\clip_l.safetensors",
            7,
        ],
        "forge_additional_modules_xl": ["barn.safetensors", "house.safetensors"],
    }

    assert {one.file: one.places for one in webui.mentions(data, origin="config.json")} == {
        "ae.safetensors": ("config.json, forge_additional_modules",),
        "house.safetensors": (
            "config.json, forge_additional_modules",
            "config.json, forge_additional_modules_xl",
        ),
        "barn.safetensors": ("config.json, forge_additional_modules_xl",),
    }


@given(
    st.dictionaries(
        st.sampled_from(["sd_vae", "forge_additional_modules", "forge_additional_modules_xl"]),
        st.recursive(
            st.one_of(st.none(), st.integers(), st.text()),
            lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
        ),
    )
)
def test_any_settings_are_read(data: dict[str, Any]) -> None:
    assert all(name and "/" not in name and "\n" not in name for name in files(data))
