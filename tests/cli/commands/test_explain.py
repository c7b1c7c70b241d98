"""``vaehub explain`` and ``install --from-image``, with pictures as UIs write them."""

from __future__ import annotations

import hashlib
import json
import sys
from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import DATA, locator
from tests.insight import pictures as made
from vaehub.loopback import LoopbackWorld
from vaehub.targets import layouts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.conftest import Run

HOUSE = f"VAE hash: {hashlib.sha256(DATA).hexdigest()[:10]}, VAE: house.safetensors"


@pytest.fixture
def picture(tmp_path: Path, catalog: Path) -> Path:
    """Write a picture of AUTOMATIC1111's that names the house VAE."""
    path = tmp_path / "00042.png"
    path.write_bytes(made.png(made.text_chunk("parameters", made.infotext(HOUSE))))
    return path


def test_a_picture_leads_to_the_entry_and_its_command(run: Run, picture: Path) -> None:
    ran = run("explain", picture)
    assert ran.code == 0, ran.err
    assert "AUTOMATIC1111" in ran.out
    assert "house.safetensors" in ran.out
    assert "mine/house@safetensors, by its name and hash" in ran.out
    assert "vaehub install mine/house" in ran.out
    assert str(layouts()["automatic1111"].select) in ran.out


def test_json_of_an_explanation(run: Run, picture: Path) -> None:
    ran = run("explain", picture, "--json")
    assert (ran.code, ran.err) == (0, "")
    [found] = ran.json["results"]
    assert found["path"] == str(picture)
    assert (found["ui"], found["checkpoint"]) == ("AUTOMATIC1111", "v1-5")
    vae = found["vae"]
    assert (vae["name"], vae["entry"]) == ("house.safetensors", "mine/house")
    assert (vae["variant"], vae["by"], vae["sure"]) == ("safetensors", "name and hash", True)
    assert set(found["pixels"]) == {"verdict", "figures", "because"}
    assert {"text", "command"} == set(found["advice"][0])
    assert "vaehub install mine/house" in [step["command"] for step in found["advice"]]


def test_a_hash_that_disagrees_is_a_note(run: Run, tmp_path: Path, catalog: Path) -> None:
    path = tmp_path / "x.png"
    lying = made.infotext("VAE hash: 735e4c3a44, VAE: house.safetensors")
    path.write_bytes(made.png(made.text_chunk("parameters", lying)))
    ran = run("explain", path, "--json")
    assert ran.code == 0
    assert [one["code"] for one in ran.json["problems"]] == ["vae-hash-disagrees"]
    assert not ran.json["problems"][0]["blocking"]
    [found] = ran.json["results"]
    assert found["vae"]["entry"] == "mine/house"
    assert found["vae"]["by_hash"] == ["vae-ft-mse-840000@safetensors"]
    assert not found["vae"]["sure"]


def test_two_files_of_one_name_upstream_are_both_listed(run: Run, tmp_path: Path) -> None:
    prompt = made.graph({"class_type": "VAELoader", "inputs": {"vae_name": "sdxl_vae.safetensors"}})
    path = tmp_path / "x.png"
    path.write_bytes(made.comfy(prompt))
    ran = run("explain", path, "--json")
    [found] = ran.json["results"]
    assert (found["ui"], found["vae"]["entry"]) == ("ComfyUI", None)
    assert found["vae"]["candidates"] == ["sdxl-vae@safetensors", "sdxl-vae-fp16-fix@safetensors"]


def test_without_a_word_in_it_the_pixels_are_all_there_is(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    pytest.importorskip("numpy")
    path = tmp_path / "x.png"
    path.write_bytes(made.png(grey=b"\0"))
    ran = run("explain", path, "--json")
    assert ran.code == 0
    [found] = ran.json["results"]
    assert (found["ui"], found["vae"]["name"]) == (None, None)
    assert found["pixels"]["verdict"] == "black"
    texts = " ".join(step["text"] for step in found["advice"])
    assert "--no-half-vae" in texts
    assert "--fp32-vae" in texts


@pytest.mark.parametrize(
    ("version", "flag", "other"),
    [("v1.10.1", "--no-half-vae", "--fp32-vae"), ("f2.0.1v1.10.1", "--vae-in-fp32", "--no-half")],
)
def test_flags_are_those_of_the_ui_that_made_it(
    run: Run, tmp_path: Path, version: str, flag: str, other: str
) -> None:
    pytest.importorskip("PIL")
    pytest.importorskip("numpy")
    path = tmp_path / "x.png"
    text = made.infotext("VAE: sdxlVAE_sdxlVAE.safetensors", version=version)
    path.write_bytes(made.png(made.text_chunk("parameters", text), grey=b"\0"))
    out = run("explain", path).out
    assert flag in out
    assert other not in out
    assert "vaehub install sdxl-vae-fp16-fix" in out  # it does not overflow


def test_without_pillow_the_texts_still_tell(
    run: Run, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    ran = run("explain", picture)
    assert ran.code == 0
    assert "mine/house@safetensors" in ran.out
    assert "pip install 'vaehub[pictures]'" in ran.out


def test_what_is_no_picture_stops_none_of_the_others(
    run: Run, picture: Path, tmp_path: Path
) -> None:
    (tmp_path / "page.png").write_text("<html>")
    ran = run("explain", tmp_path / "page.png", picture, "--json")
    assert ran.code == 6
    assert [one["path"] for one in ran.json["results"]] == [str(picture)]
    assert [one["code"] for one in ran.json["problems"]] == ["not-a-picture"]
    assert run("explain", tmp_path / "none.png").code == 2
    assert run("explain", tmp_path).code == 2


# install --from-image


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, catalog: Path) -> Iterator[LoopbackWorld]:
    with LoopbackWorld() as world:
        world.publish("huggingface", locator("house.safetensors"), DATA)
        for name, value in world.environment().items():
            monkeypatch.setenv(name, value)
        yield world


def test_install_from_a_picture_shows_it_and_installs(
    run: Run, world: LoopbackWorld, picture: Path, target: Path
) -> None:
    ran = run("install", "--from-image", picture, "--to", target)
    assert ran.code == 0, ran.err
    assert (target / "house.safetensors").read_bytes() == DATA
    assert ran.err.index("by its name and hash") < ran.err.index("house@safetensors installed in")


def test_json_of_an_install_from_a_picture(
    run: Run, world: LoopbackWorld, picture: Path, target: Path
) -> None:
    ran = run("install", "--from-image", picture, "--to", target, "--json")
    assert (ran.code, ran.err) == (0, "")
    assert ran.json["results"][0]["entry"] == "mine/house"
    assert [one["code"] for one in ran.json["problems"]] == ["from-image"]


def test_install_from_a_picture_that_is_not_sure_installs_nothing(
    run: Run, world: LoopbackWorld, tmp_path: Path, target: Path
) -> None:
    path = tmp_path / "x.png"
    for text, said in (
        (made.infotext("VAE hash: 735e4c3a44, VAE: house.safetensors"), "house"),
        (made.infotext("VAE: sdxl_vae.safetensors"), "sdxl-vae-fp16-fix@safetensors"),
        (made.infotext("VAE: nobody-knows.pt"), "nobody-knows.pt"),
        (made.infotext(), "no name of a VAE"),
        ("a cat", "no UI wrote into it"),
    ):
        path.write_bytes(made.png(made.text_chunk("parameters", text)))
        ran = run("install", "--from-image", path, "--to", target)
        assert ran.code == 4, text
        assert said in ran.err.replace("\n  ", " ")
        assert list(target.iterdir()) == []


def test_a_black_picture_of_a_vae_that_overflows_leads_to_one_that_does_not(
    run: Run, tmp_path: Path, target: Path
) -> None:
    pytest.importorskip("PIL")
    pytest.importorskip("numpy")
    path = tmp_path / "x.png"
    text = made.infotext("VAE: sdxlVAE_sdxlVAE.safetensors")
    path.write_bytes(made.png(made.text_chunk("parameters", text), grey=b"\0"))
    ran = run("install", "--from-image", path, "--to", target, "--dry-run", "--json")
    assert ran.code == 0, ran.out
    assert ran.json["results"][0]["id"] == "sdxl-vae-fp16-fix"


def test_a_vae_that_made_a_wrong_picture_is_not_installed_again(
    run: Run, world: LoopbackWorld, tmp_path: Path, target: Path
) -> None:
    image = pytest.importorskip("PIL.Image")
    np = pytest.importorskip("numpy")
    info = pytest.importorskip("PIL.PngImagePlugin").PngInfo()
    info.add_text("parameters", made.infotext(HOUSE))
    blocks = np.random.default_rng(1).integers(0, 256, (32, 32, 3), np.uint8)
    path = tmp_path / "x.png"
    image.fromarray(blocks.repeat(8, 0).repeat(8, 1)).save(path, pnginfo=info)
    assert run("explain", path, "--json").json["results"][0]["vae"]["sure"]
    ran = run("install", "--from-image", path, "--to", target)
    assert ran.code == 4
    assert "latents" in ran.err
    assert list(target.iterdir()) == []


def test_install_wants_names_or_a_picture(run: Run, picture: Path) -> None:
    assert run("install").code == 2
    ran = run("install", "house", "--from-image", picture)
    assert ran.code == 2
    assert "do not go together" in ran.err
    assert json.loads(run("install", "--json").out)["problems"][0]["code"] == "usage"
