"""``vaehub info``."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from tests.cli.conftest import DATA
from tests.targets.uis import AUTOMATIC1111, COMFYUI, SDNEXT, grow

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Run


def test_everything_known_in_readable_text(run: Run, catalog: Path, target: Path) -> None:
    ran = run("info", "home", "--to", target)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines() == [
        "house  House VAE",
        "  summary      Warm colours",
        "               暖色",
        "  family       test1",
        "  goes with    Test Model 1, 其他模型",
        "  tags         warm-test",
        "  license      MIT",
        "               https://example.org/license",
        "  homepage     https://example.org/vae",
        "  also called  home",
        "  catalog      mine",
        "  decoder      autoencoder-kl, 4 latent channels, 8 x smaller",
        "  notes        A first line.",
        "               A second one.",
        f"  installed    not in {target}",
        "",
        "house@safetensors  4.19 kB, ldm keys, fp32, the default",
        f"  file         house.safetensors ({len(DATA):,} bytes)",
        f"  sha256       {hashlib.sha256(DATA).hexdigest()} (one source)",
        "  from         https://huggingface.co/acme/vaes",
    ]


def test_licenses_logins_and_terms_are_told(run: Run, catalog: Path) -> None:
    ran = run("info", "locked")
    assert "  license      Locked; asks for acceptance, once per machine\n" in ran.out
    assert "               Not for sale\n" in ran.out
    assert "https://huggingface.co/acme/vaes (terms to accept there)\n" in ran.out
    assert "(login: CIVITAI_TOKEN)" in run("info", "kl-f8-anime2").out


def test_json_adds_the_pages(run: Run, catalog: Path) -> None:
    (house,) = run("info", "house", "--json").json["results"]
    (listed,) = run("list", "--family", "test1", "--json").json["results"]
    source = house["variants"][0]["artifacts"][0]["sources"][0]
    assert source.pop("page") == "https://huggingface.co/acme/vaes"
    assert house == listed


def test_a_variant_alone(run: Run, catalog: Path) -> None:
    ran = run("info", "clearvae@v2.2")
    assert ran.code == 0
    assert "clearvae@v2.2" in ran.out
    assert "clearvae@v2.3" not in ran.out
    (clearvae,) = run("info", "clearvae@v2.2", "--json").json["results"]
    assert [variant["name"] for variant in clearvae["variants"]] == ["v2.2"]


def test_what_the_ui_would_call_it(run: Run, catalog: Path, tmp_path: Path) -> None:
    tree = grow(tmp_path / "webui", AUTOMATIC1111)
    shown = run("info", "house", "--to", tree).out
    assert f"  installed    not in {tree}\n" in shown
    assert "               AUTOMATIC1111 would list safetensors as house.safetensors\n" in shown
    assert "would list v2.2 as" in run("info", "clearvae@v2.2", "--to", tree).out
    refusing = grow(tmp_path / "sdnext", SDNEXT)
    shown = run("info", "house", "--to", refusing).out
    assert "house@safetensors would be of no use there: SD.Next loads no file under" in shown
    shown = run("info", "kl-f8-anime2@ckpt", "--to", refusing).out
    assert "SD.Next would list ckpt as kl-f8-anime2.safetensors" in shown  # converted
    assert "would list" not in run("info", "taef2", "--to", grow(tmp_path / "comfy", COMFYUI)).out


def test_a_name_that_leads_nowhere(run: Run, catalog: Path) -> None:
    ran = run("info", "hous")
    assert ran.code == 4
    assert ran.err.startswith("vaehub: no VAE is called 'hous'; did you mean house")
    assert run("info", "house@v9", "--json").json["problems"][0]["code"] == "variant-not-found"
