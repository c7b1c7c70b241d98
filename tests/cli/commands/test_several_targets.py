"""``--to`` given several times: ``install``, ``uninstall``, ``verify`` and ``list``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import DATA, OTHER, locator
from tests.trees import snapshot
from vaehub.loopback import LoopbackWorld, samples

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.conftest import Run

NAME = "house.safetensors"


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, catalog: Path) -> Iterator[LoopbackWorld]:
    with LoopbackWorld() as world:
        world.publish("huggingface", locator(NAME), DATA)
        world.publish("huggingface", locator("locked.safetensors"), OTHER)
        for name, value in world.environment().items():
            monkeypatch.setenv(name, value)
        yield world


@pytest.fixture
def trees(tmp_path: Path) -> list[Path]:
    return [
        samples.tree(tmp_path / "webui", "automatic1111"),
        samples.tree(tmp_path / "comfy", "comfyui"),
        tmp_path / "plain",
    ]


def to(*trees: Path) -> list[str]:
    return [word for tree in trees for word in ("--to", str(tree))]


def test_each_target_has_its_report(run: Run, world: LoopbackWorld, trees: list[Path]) -> None:
    ran = run("install", "house", *to(*trees))
    assert ran.code == 0, ran.err
    lines = ran.err.splitlines()
    layouts = ("automatic1111", "comfyui", "folder")
    for tree, layout in zip(trees, layouts, strict=True):
        assert f"house@safetensors installed in {tree} ({layout})" in lines
    assert ran.err.count("huggingface acme/vaes") == 1
    assert ran.err.count("4.19 kB from the store") == 2
    assert "another vaehub" not in ran.err, "it does not wait for itself"


def test_json_has_an_item_for_each_target(
    run: Run, world: LoopbackWorld, trees: list[Path]
) -> None:
    said = run("install", "house", *to(*trees), "--json").json
    assert said["ok"] is True
    assert [item["target"] for item in said["results"]] == [str(tree) for tree in trees]
    assert [item["files"][0]["action"] for item in said["results"]] == ["fetch", "place", "place"]
    assert {item["id"] for item in said["results"]} == {"house"}


def test_the_exit_code_is_that_of_the_first_failure(
    run: Run, world: LoopbackWorld, trees: list[Path], tmp_path: Path
) -> None:
    webui, comfy, plain = trees
    mine = webui / "models" / "VAE" / NAME
    mine.write_bytes(b"the user's own")
    (tmp_path / "a-file").write_text("")
    line = ["install", "hous", "house", *to(webui, tmp_path / "a-file", comfy, plain)]
    ran = run(*line)
    assert ran.code == 4
    assert f"vaehub: house in {webui}: {mine} exists and is not a file" in ran.err
    assert ran.err.count("a file, not a folder") == ran.err.count("'hous'") == 1
    assert (comfy / "models" / "vae" / NAME).read_bytes() == DATA
    said = run(*line[:1], *line[2:], "--json")
    assert said.code == 7
    assert [problem["code"] for problem in said.json["problems"]] == [
        "file-in-the-way",
        "target-not-usable",
    ]
    assert said.json["problems"][0]["where"] == str(webui)
    assert [item["target"] for item in said.json["results"]] == [str(comfy), str(plain)]
    assert mine.read_bytes() == b"the user's own"


def test_one_that_names_no_target_is_told_as_ever(
    run: Run, world: LoopbackWorld, tmp_path: Path
) -> None:
    (tmp_path / "a-file").write_text("")
    ran = run("install", "house", *to(tmp_path / "a-file"))
    assert ran.code == 7
    assert ran.err.startswith("vaehub: --to names ")
    assert run("verify", *to(tmp_path / "a-file", tmp_path / "a-file")).code == 7


@pytest.mark.parametrize("command", ["install house", "uninstall house", "verify", "list"])
def test_a_forgotten_value_swallows_no_option(command: str, run: Run, trees: list[Path]) -> None:
    ran = run(*command.split(), *to(trees[2]), "--to", "--json")
    assert ran.code == 2
    assert "--to" in ran.out + ran.err


def test_a_dry_run_says_that_the_bytes_come_once(
    run: Run, world: LoopbackWorld, trees: list[Path]
) -> None:
    ran = run("install", "house", *to(*trees), "--dry-run")
    assert ran.err.count("would be fetched") == 1
    assert ran.err.count(f"would be placed: not there yet; its bytes come for {trees[0]}") == 2
    assert world.requests == []


def test_uninstall_restores_each_tree(run: Run, world: LoopbackWorld, trees: list[Path]) -> None:
    before = [snapshot(tree) for tree in trees]
    run("install", "house", *to(*trees))
    ran = run("uninstall", "house", *to(*trees), "--json")
    assert ran.code == 0
    assert [item["target"] for item in ran.json["results"]] == [str(tree) for tree in trees]
    assert {item["status"] for item in ran.json["results"]} == {"removed"}
    assert [snapshot(tree) for tree in trees] == before
    again = run("uninstall", "house", *to(*trees))
    assert again.code == 4
    for tree in trees:
        assert f"house is not installed in {tree}" in again.err
    assert run("uninstall", "hous", *to(*trees)).err.count("no VAE is called") == 1


def test_verify_looks_at_each_target(run: Run, world: LoopbackWorld, trees: list[Path]) -> None:
    run("install", "house", *to(*trees))
    ran = run("verify", *to(*trees))
    assert ran.code == 0
    assert [line for line in ran.err.splitlines() if line in map(str, trees)] == [*map(str, trees)]
    (trees[1] / "models" / "vae" / NAME).unlink()
    said = run("verify", *to(*trees), "--json")
    assert said.code == 9
    assert [(item["target"], item["state"]) for item in said.json["results"]] == [
        (str(trees[0]), "ok"),
        (str(trees[1]), "missing"),
        (str(trees[2]), "ok"),
    ]


def test_list_says_in_how_many(run: Run, world: LoopbackWorld, trees: list[Path]) -> None:
    webui, comfy, plain = trees
    run("install", "house", *to(webui, plain))
    ran = run("list", "--installed", *to(*trees))
    assert ran.out.splitlines()[1].split()[-4:] == ["2", "of", "3", "-"]
    (house,) = run("list", "--installed", *to(*trees), "--json").json["results"]
    assert [item["path"] for item in house["installed_files"]] == [
        str(webui / "models" / "VAE" / NAME),
        str(plain / NAME),
    ]
    assert run("list", "--installed", *to(comfy, comfy)).err == (
        f"vaehub: note: nothing that vaehub placed is in {comfy}\n"
    )


def test_what_is_in_several_targets_is_tested_once(
    run: Run, world: LoopbackWorld, trees: list[Path]
) -> None:
    said = run("install", "house", *to(*trees), "--smoke", "--json")
    assert said.code == 8
    reports = [item["smoke"] for item in said.json["results"]]
    assert [report["verdict"] for report in reports] == ["not-a-vae"] * 3
    assert len({tuple(report["paths"]) for report in reports}) == 1


def test_a_license_is_accepted_for_all(run: Run, world: LoopbackWorld, trees: list[Path]) -> None:
    line = ["install", "locked", *to(*trees)]
    assert run(*line).code == 5
    assert run(*line, "--accept-license", "LicenseRef-Locked").code == 0
    assert (trees[2] / "locked.safetensors").read_bytes() == OTHER
