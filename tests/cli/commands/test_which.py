"""``vaehub which`` and ``install --from-checkpoint``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import DATA
from tests.insight import models
from tests.insight.test_weighing import CONV
from tests.targets import uis
from tests.trees import snapshot
from tests.weights import autoencoders as ae

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Run


@pytest.fixture
def mix(tmp_path: Path, catalog: Path) -> Path:
    path = tmp_path / "models" / "mix.safetensors"
    path.parent.mkdir()
    return ae.write(path, models.baked(ae.numbers()))


@pytest.fixture
def broken(mix: Path) -> Path:
    vae = models.put(ae.numbers(), CONV, math.nan)
    return ae.write(mix.with_name("broken.safetensors"), models.baked(vae))


def test_a_sound_one_in_full(run: Run, mix: Path) -> None:
    ran = run("which", mix)
    assert ran.code == 0, ran.err
    lines = ran.out.splitlines()
    assert lines[0].startswith(f"{mix}, ")
    assert lines[1] == "  model        SD 1; its latents are those of sd1"
    assert lines[2].startswith("  VAE          sound: ")
    assert "autoencoder-kl, fp32, " in lines[3]
    assert lines[4] == "  whose        none that is known here"
    assert lines[5].startswith("  what to do   keep the VAE that is in it")


def test_a_damaged_one_says_why_and_what_to_install(run: Run, broken: Path) -> None:
    ran = run("which", broken)
    assert ran.code == 0
    assert "damaged: decoder.mid.block_1.conv1.weight: 1 of 36,864 elements are not" in ran.out
    assert "vaehub install vae-ft-mse-840000" in ran.out
    assert ran.err.count("not numbers") + ran.out.count("not numbers") == 1


def test_all_that_is_worth_a_word_of_one_stands_with_it(run: Run, tmp_path: Path) -> None:
    root = uis.grow(tmp_path / "webui", uis.AUTOMATIC1111)
    folder = root / "models" / "Stable-diffusion"
    (folder / "mix.vae.pt").write_bytes(b"whatever")
    vae = models.put(models.put(ae.numbers(), CONV, math.nan), CONV, math.inf, first=1, last=2)
    ran = run("which", ae.write(folder / "mix.safetensors", models.baked(vae)))
    told = " ".join(ran.out.split())
    assert "1 of 36,864 elements are infinite" in told
    assert "takes mix.vae.pt by itself, and not what is inside; `vaehub identify" in told
    assert "note" not in ran.err


def test_json_of_it(run: Run, broken: Path) -> None:
    ran = run("which", broken, "--json")
    assert (ran.code, ran.err) == (0, "")
    (found,) = ran.json["results"]
    assert (found["status"], found["model"], found["families"]) == ("damaged", "SD 1", ["sd1"])
    assert (found["install"], found["sure"]) == ("vae-ft-mse-840000", True)
    assert found["vae"]["reasons"][0]["code"] == "nan"
    assert found["vae"]["reasons"][0]["damaged"]
    assert found["vae"]["fingerprint"].startswith("vf1:")
    assert found["advice"][0]["command"] == "vaehub install vae-ft-mse-840000"
    assert ran.json["ok"]
    assert [one["code"] for one in ran.json["problems"]] == ["vae-nan"]


def test_a_folder_is_a_table(run: Run, mix: Path, broken: Path) -> None:
    ae.write(mix.with_name("bare.safetensors"), models.baked(None, model="sdxl"))
    ae.write(mix.with_name("vae.safetensors"), ae.numbers())
    mix.with_name("page.safetensors").write_bytes(b"<html>")
    ran = run("which", "--all", mix.parent)
    assert ran.code == 0
    assert ran.err.count("not numbers") == 1
    assert "page.safetensors" in ran.err
    rows = {line.split()[0]: line for line in ran.out.splitlines()}
    assert "sound" in rows["mix.safetensors"]
    assert "damaged" in rows["broken.safetensors"]
    assert "none" in rows["bare.safetensors"]
    assert "vaehub install sdxl-vae-fp16-fix" in rows["bare.safetensors"]
    assert "3 files: 1 sound, 1 damaged, 1 none" in ran.out
    assert "1 other file passed by" in ran.out


def test_a_folder_with_one_tells_what_it_passed_by(run: Run, mix: Path) -> None:
    mix.with_name("page.safetensors").write_bytes(b"<html>")
    ran = run("which", "--all", mix.parent)
    assert "sound: " in ran.out
    assert "page.safetensors" in ran.err


def test_several_are_a_table_and_what_is_none_says_what_it_is(run: Run, mix: Path) -> None:
    vae = ae.write(mix.with_name("vae.safetensors"), ae.numbers())
    gguf = mix.with_name("x.gguf")
    gguf.write_bytes(b"GGUF")
    ran = run("which", mix, vae, gguf)
    assert ran.code == 0
    rows = {line.split()[0]: line for line in ran.out.splitlines()}
    assert "this is a VAE, and no checkpoint of a diffusion model" in rows["vae.safetensors"]
    assert "not read" in rows["x.gguf"]
    assert "3 files: 1 sound, 1 no checkpoint, 1 not read" in ran.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "no checkpoint was named"),
        (("--all", ".", "a.ckpt"), "--all and checkpoints do not go together"),
        ((".",), "is a folder"),
    ],
)
def test_what_does_not_go_together(run: Run, arguments: tuple[str, ...], message: str) -> None:
    ran = run("which", *arguments)
    assert ran.code == 2
    assert message in ran.err


def test_no_such_file_and_no_model(run: Run, mix: Path) -> None:
    assert run("which", mix.with_name("nobody.ckpt")).code == 2
    mix.write_bytes(b"<html>")
    ran = run("which", mix)
    assert ran.code == 6
    assert "web page" in ran.err


# install --from-checkpoint


def test_what_it_needs_is_installed_with_it(run: Run, tmp_path: Path, catalog: Path) -> None:
    root = uis.grow(tmp_path / "webui", uis.AUTOMATIC1111)
    folder = root / "models" / "Stable-diffusion"
    bare = ae.write(folder / "bare.safetensors", models.baked(None))
    ran = run("install", "--from-checkpoint", bare, "--dry-run")
    assert ran.code == 0, ran.err
    assert "no VAE is in it: install vae-ft-mse-840000" in " ".join(ran.err.split())
    said = run("install", "--from-checkpoint", bare, "--dry-run", "--json").json
    (result,) = said["results"]
    assert (result["id"], result["checkpoint"]) == ("vae-ft-mse-840000", str(bare))
    assert result["files"][0]["path"] == str(folder / "bare.vae.safetensors")
    assert "from-checkpoint" in [one["code"] for one in said["problems"]]


def test_a_vae_beside_it_serves(run: Run, tmp_path: Path, catalog: Path) -> None:
    root = uis.grow(tmp_path / "webui", uis.AUTOMATIC1111)
    folder = root / "models" / "Stable-diffusion"
    bare = ae.write(folder / "bare.safetensors", models.baked(None))
    (folder / "bare.vae.safetensors").write_bytes(DATA)
    before = snapshot(root)
    ran = run("install", "--from-checkpoint", bare)
    assert ran.code == 0, ran.err
    assert "takes bare.vae.safetensors with it by itself" in " ".join(ran.err.split())
    assert snapshot(root) == before


def test_it_goes_into_the_ui_that_the_checkpoint_lies_in_unless_another_is_named(
    run: Run, tmp_path: Path, catalog: Path
) -> None:
    root = uis.grow(tmp_path / "ComfyUI", uis.COMFYUI)
    bare = ae.write(root / "models/checkpoints/bare.safetensors", models.baked(None))
    asked = ("install", "--from-checkpoint", bare, "--dry-run", "--json")
    assert run(*asked).json["results"][0]["target"] == str(root)
    target = tmp_path / "vaes"
    target.mkdir()
    assert run(*asked, "--to", target).json["results"][0]["target"] == str(target)


def test_nothing_to_do(run: Run, mix: Path) -> None:
    ran = run("install", "--from-checkpoint", mix)
    assert ran.code == 0, ran.err
    assert "mix.safetensors needs no other VAE" in ran.err
    said = run("install", "--from-checkpoint", mix, "--json").json
    assert said["results"] == []
    assert [one["code"] for one in said["problems"]] == ["nothing-to-do"]


def test_nothing_sure(run: Run, mix: Path) -> None:
    unknown: ae.Named = {"model.diffusion_model.input_blocks.0.0.weight": ("F16", (1,), b"\1\1")}
    ran = run("install", "--from-checkpoint", ae.write(mix, unknown))
    assert ran.code == 4
    assert "for sure" in ran.err
    assert "vaehub list --family FAMILY" in ran.err


def test_from_checkpoint_goes_with_nothing_else(run: Run, mix: Path) -> None:
    assert run("install", "house", "--from-checkpoint", mix).code == 2
    assert run("install", "--from-image", mix, "--from-checkpoint", mix).code == 2
    assert run("install", "--from-checkpoint", mix.parent).code == 2
    assert run("install", "--from-checkpoint", mix.with_name("nobody")).code == 2
    mix.write_bytes(b"<html>")
    assert run("install", "--from-checkpoint", mix).code == 6
