"""``vaehub install --for``, and what the other commands say of such a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import DATA, locator
from tests.trees import snapshot
from vaehub.loopback import LoopbackWorld, samples

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.conftest import Run


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, catalog: Path) -> Iterator[LoopbackWorld]:
    with LoopbackWorld() as world:
        world.publish("huggingface", locator("house.safetensors"), DATA)
        for name, value in world.environment().items():
            monkeypatch.setenv(name, value)
        yield world


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    tree = samples.tree(tmp_path / "webui", "automatic1111")
    path = tree / "models" / "Stable-diffusion" / "any thing.safetensors"
    path.write_bytes(b"the user's own")
    return path


def test_a_vae_for_a_checkpoint(
    run: Run, world: LoopbackWorld, checkpoint: Path, tmp_path: Path
) -> None:
    tree = tmp_path / "webui"
    place = checkpoint.with_name("any thing.vae.safetensors")
    before = snapshot(tree)
    ran = run("install", "house", "--for", checkpoint)
    assert ran.code == 0, ran.err
    assert f"house@safetensors installed in {tree} (automatic1111)" in ran.err
    assert f"\n  {place}\n" in ran.err
    assert (
        "  to use it: AUTOMATIC1111 takes it with any thing.safetensors by itself, as long as "
        "Settings > VAE > SD VAE is Automatic\n"
    ) in ran.err
    said = run("install", "house", "--for", "any thing", "--to", tree, "--json").json
    assert said["results"][0]["checkpoint"] == str(checkpoint)
    assert said["results"][0]["files"][0]["path"] == str(place)
    (listed,) = run("list", "--installed", "--to", tree, "--json").json["results"]
    assert listed["installed_files"][0]["checkpoint"] == "any thing.safetensors"
    shown = run("info", "house", "--to", tree).out
    assert f"{place} (safetensors, with any thing.safetensors)" in " ".join(shown.split("\n"))
    assert run("verify", "--to", tree).err.count("any thing.vae.safetensors") == 1
    smoked = run("smoke", "house", "--to", tree, "--json").json["results"]
    assert [item["paths"] for item in smoked] == [[str(place)]]
    assert run("uninstall", "house", "--to", tree).code == 0
    assert snapshot(tree) == before


def test_under_two_names_it_is_tested_as_one_file(
    run: Run, world: LoopbackWorld, checkpoint: Path, tmp_path: Path
) -> None:
    run("install", "house", "--to", tmp_path / "webui")
    run("install", "house", "--for", checkpoint)
    for line in (["house"], ["--all"]):
        said = run("smoke", *line, "--to", tmp_path / "webui", "--json")
        (report,) = said.json["results"]
        assert len(report["paths"]) == 1


def test_what_is_in_its_way_is_a_note(run: Run, world: LoopbackWorld, checkpoint: Path) -> None:
    checkpoint.with_name("any thing.vae.ckpt").write_bytes(b"the user's own")
    ran = run("install", "house", "--for", checkpoint)
    assert ran.code == 0
    assert "vaehub: note: " in ran.err
    assert "AUTOMATIC1111 takes any thing.vae.ckpt" in " ".join(ran.err.split())
    said = run("install", "house", "--for", checkpoint, "--json").json
    assert [(problem["code"], problem["blocking"]) for problem in said["problems"]] == [
        ("rival-vae", False)
    ]


@pytest.mark.parametrize(
    ("said", "code", "words"),
    [("any thin", 4, "did you mean any thing.safetensors?"), ("./none.ckpt", 4, "no checkpoint")],
)
def test_no_such_checkpoint(
    said: str,
    code: int,
    words: str,
    run: Run,
    world: LoopbackWorld,
    checkpoint: Path,
    tmp_path: Path,
) -> None:
    ran = run("install", "house", "--for", said, "--to", tmp_path / "webui")
    assert ran.code == code
    assert words in " ".join(ran.err.split())


def test_a_ui_without_the_rule(run: Run, world: LoopbackWorld, tmp_path: Path) -> None:
    comfy = samples.tree(tmp_path / "comfy", "comfyui")
    ran = run("install", "house", "--for", "model", "--to", comfy)
    assert ran.code == 7
    assert (
        "install it without --for, and choose it there: press R, then choose it in the node"
        in " ".join(ran.err.split())
    )
    assert run("install", "house", "locked", "--for", "model", "--to", comfy).code == 2
