"""``vaehub list`` and ``vaehub search``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Run

FOUNDING = (
    "anything-v4.0",
    "clearvae",
    "kl-f8-anime2",
    "vae-ft-ema-560000",
    "vae-ft-mse-840000",
)


def test_one_row_per_entry_in_aligned_columns(run: Run, catalog: Path) -> None:
    ran = run("list", "--family", "test1")
    assert (ran.code, ran.err) == (0, "")
    heading, row = ran.out.splitlines()
    assert heading.split() == [
        "id", "family", "suits", "size", "license", "login", "installed", "smoke",
    ]  # fmt: skip
    assert row.split() == [
        "mine/house", "test1", "Test", "Model", "1,", "其他模型", "4.19", "kB", "MIT",
        "-", "-", "-",
    ]  # fmt: skip


def test_the_curated_catalog_comes_first_and_is_big(run: Run, catalog: Path) -> None:
    results = run("list", "--json").json["results"]
    assert len(results) >= 55 + 2
    assert [result["catalog"] for result in results[-2:]] == ["mine", "mine"]
    assert {result["catalog"] for result in results[:-2]} == {"vaehub"}
    by_id = {result["id"]: result for result in results}
    for id_ in FOUNDING:
        (artifact, *_) = by_id[id_]["variants"][0]["artifacts"]
        assert len(artifact["sha256"]) == 64
        assert len(artifact["sources"]) >= 2


def test_json_says_everything_of_an_entry(run: Run, catalog: Path) -> None:
    (house,) = run("list", "--family", "test1", "--json").json["results"]
    assert house["id"] == "house"
    assert house["full_name"] == "mine/house"
    assert house["title"] == "House VAE"
    assert house["summary"] == {"en": "Warm colours", "zh": "暖色"}
    assert house["suits"] == ["Test Model 1", "其他模型"]
    assert house["tags"] == ["warm-test"]
    assert house["slot"] == "vae"
    assert house["aliases"] == ["home"]
    assert (house["license"], house["accept"], house["login"]) == ("MIT", False, False)
    assert (house["installed"], house["smoke"]) == (None, None)
    assert house["default"] == "safetensors"
    (variant,) = house["variants"]
    (artifact,) = variant["artifacts"]
    assert house["sha256"] == [artifact["sha256"]]
    assert house["size"] == variant["size"] == artifact["size"]
    assert artifact["sources"][0]["host"] == "huggingface"


def test_what_needs_a_login_is_marked(run: Run, catalog: Path) -> None:
    ran = run("list", "--family", "test2")
    assert ran.out.splitlines()[1].split()[5:8] == ["Locked", "yes", "-"]
    (locked,) = run("list", "--family", "test2", "--json").json["results"]
    assert (locked["login"], locked["accept"]) == (True, True)


def test_families_and_tags_filter(run: Run, catalog: Path) -> None:
    def ids(*arguments: str) -> list[str]:
        return [result["id"] for result in run("list", "--json", *arguments).json["results"]]

    assert ids("--tag", "warm-test") == ids("--tag", "Warm-Test") == ["house"]
    sdxl = run("list", "--family", "sdxl", "--json").json["results"]
    assert {result["family"] for result in sdxl} == {"sdxl"}
    assert ids("--family", "test2", "--tag", "warm-test") == []
    ran = run("list", "--family", "test2", "--tag", "warm-test")
    assert (ran.code, ran.out, ran.err) == (0, "", "vaehub: note: no such VAE\n")


@pytest.mark.parametrize("option", ["--family", "--tag"])
def test_an_unknown_filter_lists_the_known_ones(option: str, run: Run, catalog: Path) -> None:
    ran = run("list", option, "nonsense")
    assert ran.code == 4
    assert ran.out == ""
    assert "hint: there are: " in ran.err
    assert ("test1" if option == "--family" else "warm-test") in ran.err


def test_nothing_installed_is_said_on_stderr(run: Run, catalog: Path, target: Path) -> None:
    ran = run("list", "--installed", "--to", target)
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == f"vaehub: note: nothing that vaehub placed is in {target}\n"


def test_odd_things_in_a_foreign_catalog_are_notes(run: Run, catalog: Path) -> None:
    text = catalog.read_text(encoding="utf-8")
    catalog.write_text(text.replace('"title": "House VAE"', '"colour": 1, "title": "House VAE"'))
    ran = run("list", "--family", "test1")
    assert ran.code == 0
    assert "vaehub: note: " in ran.err
    assert "colour" in ran.err
    said = run("list", "--family", "test1", "--json").json
    assert said["ok"] is True
    assert [problem["blocking"] for problem in said["problems"]] == [False]


def test_search_finds_by_name_model_purpose_and_file(run: Run, catalog: Path) -> None:
    def ids(*words: str) -> list[str]:
        return [result["id"] for result in run("search", *words, "--json").json["results"]]

    assert ids("home") == ["house"]
    assert ids("其他模型") == ["house"]
    assert ids("warm", "colours") == ["house"]
    assert ids("locked.safetensors") == ["locked"]
    assert ids("kl-f8-anime2")[0] == "kl-f8-anime2"
    assert run("search", "warm-test").out.splitlines()[1].startswith("mine/house  test1")


def test_search_without_a_match_is_exit_4(run: Run, catalog: Path) -> None:
    ran = run("search", "no such thing")
    assert (ran.code, ran.out) == (4, "")
    assert ran.err.startswith("vaehub: nothing in the catalogs matches 'no such thing'\n  hint: ")
