"""``vaehub install``, ``uninstall`` and ``verify`` against the loopback world."""

from __future__ import annotations

import hashlib
import io
import sys
from typing import TYPE_CHECKING

import pytest

from tests import builders
from tests.cli.conftest import DATA, OTHER, locator
from tests.trees import snapshot
from vaehub import targets
from vaehub.cli import rows
from vaehub.loopback import LoopbackWorld, samples
from vaehub.smoke import report
from vaehub.transfer.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.conftest import Run

SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, catalog: Path) -> Iterator[LoopbackWorld]:
    with LoopbackWorld() as world:
        world.publish("huggingface", locator("house.safetensors"), DATA)
        world.publish("huggingface", locator("locked.safetensors"), OTHER)
        for name, value in world.environment().items():
            monkeypatch.setenv(name, value)
        yield world


def test_install_says_what_was_placed_and_how_to_select_it(
    run: Run, world: LoopbackWorld, tmp_path: Path
) -> None:
    tree = samples.tree(tmp_path / "webui", "automatic1111")
    ran = run("install", "house", "--to", tree)
    assert ran.code == 0, ran.err
    path = tree / "models" / "VAE" / "house.safetensors"
    assert path.read_bytes() == DATA
    assert ran.out == ""
    lines = ran.err.splitlines()
    lines = lines[lines.index(f"house@safetensors installed in {tree} (automatic1111)") :]
    assert lines[0] == f"house@safetensors installed in {tree} (automatic1111)"
    assert lines[1] == f"  {path}"
    assert "4.19 kB from huggingface acme/vaes" in lines[2]
    assert lines[3] == f"    sha256 {SHA256}"
    assert lines[4] == "  license: MIT (https://example.org/license)"
    assert lines[5] == f"  to use it: {targets.layouts()['automatic1111'].select}"
    assert lines[6] == "  AUTOMATIC1111 lists it as house.safetensors"
    assert "\nvaehub: house.safetensors: done, 4.19 kB in " in ran.err


def test_installing_again_changes_nothing_and_says_so(
    run: Run, world: LoopbackWorld, target: Path
) -> None:
    assert run("install", "house", "--to", target).code == 0
    before = snapshot(target)
    world.requests.clear()
    ran = run("install", "house", "--to", target)
    assert ran.code == 0
    assert (
        ran.err.splitlines()[0] == f"house@safetensors was already installed in {target} (folder)"
    )
    assert snapshot(target) == before
    assert world.requests == []


def test_json_of_an_install_is_all_there_is(run: Run, world: LoopbackWorld, target: Path) -> None:
    ran = run("install", "house", "--to", target, "--json")
    assert (ran.code, ran.err) == (0, "")
    assert ran.json["ok"] is True
    assert ran.json["problems"] == []
    (result,) = ran.json["results"]
    assert (result["id"], result["entry"], result["variant"]) == (
        "house",
        "mine/house",
        "safetensors",
    )
    assert (result["target"], result["layout"]) == (str(target), "folder")
    assert (result["changed"], result["dry_run"]) == (True, False)
    (file,) = result["files"]
    assert file["path"] == str(target / "house.safetensors")
    assert (file["status"], file["action"]) == ("installed", "fetch")
    assert (file["size"], file["sha256"]) == (len(DATA), SHA256)
    assert file["source"].startswith("huggingface acme/vaes")
    assert file["failed_sources"] == []


def test_quiet_says_nothing_when_all_is_well(run: Run, world: LoopbackWorld, target: Path) -> None:
    ran = run("install", "house", "--to", target, "-q")
    assert (ran.code, ran.out, ran.err) == (0, "", "")


def test_a_dry_run_plans_and_does_nothing(run: Run, world: LoopbackWorld, target: Path) -> None:
    ran = run("install", "house", "--to", target, "--dry-run")
    assert ran.code == 0
    assert ran.err.splitlines()[0] == f"house@safetensors would be installed in {target} (folder)"
    assert "would be fetched" in ran.err
    assert list(target.iterdir()) == []
    assert world.requests == []
    (result,) = run("install", "house", "--to", target, "--dry-run", "--json").json["results"]
    assert (result["dry_run"], result["changed"]) == (True, False)
    assert [file["status"] for file in result["files"]] == ["planned"]


def test_verbose_shows_requests_and_no_token(
    run: Run, world: LoopbackWorld, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = world.tokens["huggingface"]
    monkeypatch.setenv("HF_TOKEN", token)
    ran = run("install", "house", "--to", target, "-v")
    assert ran.code == 0
    assert "vaehub: GET http://127.0.0.1" in ran.err
    assert any(token in "".join(seen.headers.values()) for seen in world.requests)
    assert token not in ran.out + ran.err
    assert "GET http" not in run("install", "house", "--to", target).err


def test_one_bad_name_does_not_stop_the_others(
    run: Run, world: LoopbackWorld, target: Path
) -> None:
    ran = run("install", "hous", "house", "house", "--to", target)
    assert ran.code == 4
    assert (target / "house.safetensors").read_bytes() == DATA
    assert ran.err.count("installed in") == 1
    assert "vaehub: hous: no VAE is called 'hous'" in ran.err
    again = run("install", "house", "hous", "--to", target, "--json").json
    assert [result["id"] for result in again["results"]] == ["house"]
    assert [(one["code"], one["where"]) for one in again["problems"]] == [
        ("entry-not-found", "hous")
    ]


@pytest.mark.parametrize("value", ["fast", "-1", "", "0.2"])
def test_a_speed_that_is_none_is_a_usage_error(
    value: str, run: Run, world: LoopbackWorld, target: Path
) -> None:
    ran = run("install", "house", "--to", target, "--limit-rate", value)
    assert ran.code == 2
    assert "--limit-rate" in ran.err
    assert world.requests == []


@pytest.mark.parametrize("value", ["0", "-1", "many"])
def test_no_connections_are_a_usage_error(
    value: str, run: Run, world: LoopbackWorld, target: Path
) -> None:
    assert run("install", "house", "--to", target, "--max-connections", value).code == 2
    assert world.requests == []


def test_limits_of_the_command_line_go_before_those_of_the_configuration(
    run: Run, world: LoopbackWorld, target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int | None, int | None]] = []

    def look(self: Limits, *, rate: int | None, connections: int | None) -> None:
        seen.append((rate, connections))
        of_class(self, rate=rate, connections=connections)

    of_class = Limits.__init__
    monkeypatch.setattr(Limits, "__init__", look)
    config = tmp_path / "config.toml"
    config.write_text('limit_rate = "7 MB"\nmax_connections = 7\n', encoding="utf-8")
    monkeypatch.setenv("VAEHUB_CONFIG", str(config))
    line = ("install", "house", "--to", target)
    assert run(*line).code == 0
    assert run(*line, "--limit-rate", "2MB/s", "--max-connections", "2").code == 0
    assert run(*line, "--limit-rate", "0").code == 0
    assert seen == [(7_000_000, 7), (2_000_000, 2), (None, 7)]


def test_a_failed_source_is_named_with_its_reason(
    run: Run, world: LoopbackWorld, target: Path
) -> None:
    world.faults("huggingface").wrong_bytes()
    ran = run("install", "house", "--to", target)
    assert ran.code == 6
    assert ran.out == ""
    assert list(target.iterdir()) == []
    assert "\n  - huggingface acme/vaes" in ran.err
    codes = [p["code"] for p in run("install", "house", "--to", target, "--json").json["problems"]]
    assert "no-source-delivered" in codes


def test_offline_is_exit_5(
    run: Run, world: LoopbackWorld, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAEHUB_OFFLINE", "1")
    assert run("install", "house", "--to", target).code == 5
    assert world.requests == []


def test_a_host_without_the_file_is_a_usage_error(
    run: Run, world: LoopbackWorld, target: Path
) -> None:
    ran = run("install", "house", "--to", target, "--source", "civitai")
    assert ran.code == 2
    assert "huggingface" in ran.err
    assert run("install", "house", "--to", target, "--source", "huggingface").code == 0


def test_a_license_needs_acceptance_where_nobody_can_answer(
    run: Run, world: LoopbackWorld, target: Path
) -> None:
    ran = run("install", "locked", "--to", target)
    assert ran.code == 5
    assert "--accept-license LicenseRef-Locked" in ran.err
    assert list(target.iterdir()) == []
    arguments = ("install", "locked", "--to", target, "--accept-license", "LicenseRef-Locked")
    assert run(*arguments).code == 0
    assert run("uninstall", "locked", "--to", target).code == 0
    assert run("install", "locked", "--to", target).code == 0  # asked once per machine


class Person(io.StringIO):
    """A terminal at which somebody types."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("\n", 5), ("no\n", 5), ("", 5)])
def test_a_license_is_shown_and_asked_for_at_a_terminal(
    answer: str,
    code: int,
    run: Run,
    world: LoopbackWorld,
    target: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    screen = Person()
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr(sys, "stdin", Person(answer))
    monkeypatch.setattr(sys, "stderr", screen)
    assert run("install", "locked", "--to", target).code == code
    shown = screen.getvalue()
    assert shown.startswith(
        "locked asks you to accept its license first.\n"
        "  license      Locked\n"
        "               Not for sale\n"
        "  read it at   https://example.org/locked\n"
        "Do you accept it? (asked once on this machine) [y/N] "
    )
    assert (target / "locked.safetensors").exists() == (code == 0)


def test_json_never_asks(
    run: Run, world: LoopbackWorld, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", Person("y\n"))
    monkeypatch.setattr(sys, "stderr", Person())
    ran = run("install", "locked", "--to", target, "--json")
    assert ran.code == 5
    assert ran.json["problems"][0]["code"] == "license-not-accepted"


def test_the_name_in_the_ui_is_said_everywhere(
    run: Run, world: LoopbackWorld, tmp_path: Path
) -> None:
    tree = samples.tree(tmp_path / "comfy", "comfyui")
    planned = run("install", "house", "--to", tree, "--dry-run")
    assert "  ComfyUI would list it as house.safetensors\n" in planned.err
    for _ in range(2):
        assert (
            "  ComfyUI lists it as house.safetensors\n" in run("install", "house", "--to", tree).err
        )
    (result,) = run("install", "house", "--to", tree, "--json").json["results"]
    (file,) = result["files"]
    assert (result["ui"], file["listed_as"], file["because"]) == (
        "ComfyUI",
        "house.safetensors",
        None,
    )
    listed = run("list", "--installed", "--to", tree).out.splitlines()
    assert listed[0].endswith("in ComfyUI")
    assert listed[1].split()[-1] == "house.safetensors"
    assert "in ComfyUI" not in run("list", "--family", "test1", "--to", tree).out
    (house,) = run("list", "--installed", "--to", tree, "--json").json["results"]
    assert house["ui"] == "ComfyUI"
    assert house["installed_files"][0]["listed_as"] == "house.safetensors"
    shown = run("info", "house", "--to", tree).out
    assert f"{tree / 'models' / 'vae' / 'house.safetensors'} (safetensors)\n" in shown
    assert "               ComfyUI lists it as house.safetensors\n" in shown
    assert "lists it" not in run("info", "locked", "--to", tree).out


def test_another_name_is_explained(run: Run, world: LoopbackWorld, tmp_path: Path) -> None:
    tree = samples.tree(tmp_path / "webui", "automatic1111")
    other = tree / "models" / "VAE" / "sub" / "house.safetensors"
    other.parent.mkdir()
    other.write_bytes(b"mine")
    ran = run("install", "house", "--to", tree)
    assert ran.code == 0
    lines = ran.err.splitlines()
    named = f"house-{SHA256[:8]}.safetensors"
    at = lines.index(f"  {tree / 'models' / 'VAE' / named}")
    why = f"AUTOMATIC1111 could not tell it from {other}, which has that name, and would show"
    assert lines[at + 1] == f"    not called house.safetensors: {why} that one alone"
    assert lines[-1] == f"  AUTOMATIC1111 lists it as {named}"
    (result,) = run("install", "house", "--to", tree, "--json").json["results"]
    (file,) = result["files"]
    assert (file["name"], file["listed_as"]) == ("house.safetensors", named)
    assert run("verify", "house", "--to", tree, "--deep").code == 0
    assert run("uninstall", "house", "--to", tree).code == 0
    assert other.read_bytes() == b"mine"


def test_a_variant_that_is_passed_over_is_named(
    run: Run, world: LoopbackWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    variants = {}
    for keys, data in (("diffusers", DATA), ("ldm", OTHER)):
        where = locator(f"two-{keys}.safetensors")
        world.publish("huggingface", where, data)
        artifact = builders.artifact(f"two-{keys}.safetensors", data, [{"huggingface": where}])
        variants[keys] = {"layout": keys, "artifacts": [artifact]}
    entries = {"two": builders.entry({}, variants=variants)}
    path = builders.write_catalog(tmp_path / "two.yaml", entries)
    monkeypatch.setenv("VAEHUB_CATALOG", str(path))
    tree = samples.tree(tmp_path / "webui", "automatic1111")
    ran = run("install", "two", "--to", tree)
    lines = ran.err.splitlines()
    at = lines.index(f"two@ldm installed in {tree} (automatic1111)")
    assert lines[at + 1].startswith("  not two@diffusers: AUTOMATIC1111 loads only files with ldm")
    (result,) = run("install", "two", "--to", tree, "--json").json["results"]
    assert result["passed_over"] == lines[at + 1].strip()


def test_a_refusal_names_the_way_out(run: Run, world: LoopbackWorld, tmp_path: Path) -> None:
    tree = tmp_path / "invokeai"
    tree.mkdir()
    (tree / "invokeai.yaml").touch()
    ran = run("install", "house", "--to", tree)
    assert ran.code == 7
    assert "InvokeAI lists no folder" in ran.err
    assert "/api/v2/models/install?source=PATH" in ran.err.replace("\n", "")
    assert snapshot(tree) == {"invokeai.yaml": b""}


def test_uninstall_removes_what_was_placed_and_nothing_else(
    run: Run, world: LoopbackWorld, target: Path
) -> None:
    (target / "mine.txt").write_text("mine", encoding="utf-8")
    before = snapshot(target)
    assert run("install", "house", "--to", target).code == 0
    ran = run("uninstall", "home", "--to", target)
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == f"removed {target / 'house.safetensors'}\n"
    assert snapshot(target) == before
    again = run("uninstall", "house", "--to", target)
    assert again.code == 4
    assert "house is not installed" in again.err


def test_uninstall_as_json_tells_what_was_gone_already(
    run: Run, world: LoopbackWorld, target: Path
) -> None:
    run("install", "house", "--to", target)
    (target / "house.safetensors").unlink()
    ran = run("uninstall", "house", "--to", target, "--json")
    (removed,) = ran.json["results"]
    assert (removed["status"], removed["entry"]) == ("gone", "mine/house")
    assert removed["path"] == str(target / "house.safetensors")


def test_verify_is_quiet_about_what_is_well(run: Run, world: LoopbackWorld, target: Path) -> None:
    run("install", "house", "--to", target)
    ran = run("verify", "--to", target)
    assert (ran.code, ran.out) == (0, "")
    assert ran.err.splitlines()[1].split() == [
        "house.safetensors", "mine/house@safetensors", "4.19", "kB", "ok",
    ]  # fmt: skip
    quiet = run("verify", "--to", target, "-q")
    assert (quiet.out, quiet.err) == ("", "")


def test_verify_finds_a_changed_file(run: Run, world: LoopbackWorld, target: Path) -> None:
    run("install", "house", "--to", target)
    path = target / "house.safetensors"
    path.unlink()
    path.write_bytes(DATA[:-1] + bytes([DATA[-1] ^ 1]))
    ran = run("verify", "house", "--to", target, "--deep")
    assert ran.code == 9
    assert ran.err.splitlines()[1].endswith("changed")
    assert "house.safetensors is not what vaehub placed" in ran.err
    said = run("verify", "--to", target, "--json").json
    assert said["ok"] is False
    assert [(file["ok"], file["state"]) for file in said["results"]] == [(False, "changed")]


def test_verify_of_what_is_not_installed_is_exit_9(
    run: Run, world: LoopbackWorld, target: Path
) -> None:
    ran = run("verify", "house", "--to", target)
    assert ran.code == 9
    assert "house is not installed" in ran.err
    assert run("verify", "--to", target).code == 0
    assert run("verify", "hous", "--to", target).code == 4


def test_what_was_installed_may_be_tested_at_once(
    run: Run, world: LoopbackWorld, target: Path
) -> None:
    """These bytes are those that the catalog names, and no VAE all the same."""
    ran = run("install", "house", "--to", target, "--smoke")
    assert ran.code == 8
    assert "house@safetensors installed in" in ran.err
    assert "not a VAE" in ran.err
    assert (target / "house.safetensors").read_bytes() == DATA
    said = run("install", "house", "--to", target, "--smoke", "--json")
    assert (said.code, said.json["ok"]) == (8, False)
    (house,) = said.json["results"]
    assert house["smoke"]["verdict"] == "not-a-vae"
    assert [problem["code"] for problem in said.json["problems"] if problem["blocking"]] == [
        "smoke-unknown"
    ]
    (listed,) = run("list", "--installed", "--to", target, "--json").json["results"]
    assert listed["smoke"]["verdict"] == "not-a-vae"
    shown = run("list", "--installed", "--to", target)
    assert shown.out.splitlines()[1].endswith("not a VAE")
    assert "smoke test" in run("info", "house", "--to", target).out
    assert run("verify", "--to", target).code == 0, "the receipt is still one"
    assert run("uninstall", "house", "--to", target).code == 0


def test_each_verdict_has_a_word_for_the_list() -> None:
    assert rows.SMOKE_WORDS.keys() == report.WORDS.keys()


def test_without_the_option_nothing_is_tested(run: Run, world: LoopbackWorld, target: Path) -> None:
    said = run("install", "house", "--to", target, "--json")
    assert (said.code, said.json["results"][0]["smoke"]) == (0, None)
    assert run("install", "house", "--to", target, "--smoke", "--dry-run").code == 0


def test_list_and_info_show_what_is_installed(run: Run, world: LoopbackWorld, target: Path) -> None:
    run("install", "house", "--to", target)
    path = str(target / "house.safetensors")
    ran = run("list", "--installed", "--to", target)
    assert [line.split()[0] for line in ran.out.splitlines()] == ["id", "mine/house"]
    assert ran.out.splitlines()[1].split()[-2:] == ["yes", "-"]
    (house,) = run("list", "--installed", "--to", target, "--json").json["results"]
    assert house["installed"] == path
    assert house["installed_files"] == [
        {
            "path": path,
            "variant": "safetensors",
            "sha256": SHA256,
            "smoke": None,
            "listed_as": None,
        }
    ]
    assert house["ui"] is None
    assert f"  installed    {path} (safetensors)\n" in run("info", "house", "--to", target).out


def test_a_configured_target_that_is_gone_does_not_hide_the_list(
    run: Run, catalog: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a-file"
    file.write_text("not a folder", encoding="utf-8")
    monkeypatch.setenv("VAEHUB_TO", str(file))
    ran = run("list", "--family", "test1")
    assert ran.code == 0
    assert "mine/house" in ran.out
    assert ran.err.startswith("vaehub: note: ")
    assert run("list", "--to", file).code == 7


def test_what_left_the_catalog_is_still_told_of(
    run: Run, world: LoopbackWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("install", "house", "--to", tmp_path / "there")
    monkeypatch.delenv("VAEHUB_CATALOG")
    ran = run("list", "--installed", "--to", tmp_path / "there")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == (
        f"vaehub: note: mine/house is installed in {tmp_path / 'there'}, "
        "and no longer in any catalog\n"
        "  hint: vaehub uninstall mine/house removes it\n"
    )
    assert run("list", "--installed", "--family", "sd1", "--to", tmp_path / "there").err == (
        f"vaehub: note: nothing that vaehub placed is in {tmp_path / 'there'}\n"
    )
    assert run("uninstall", "mine/house", "--to", tmp_path / "there").code == 0


def test_verify_says_whether_nothing_at_all_was_placed_or_nothing_of_that_name(
    run: Run, catalog: Path, tmp_path: Path
) -> None:
    assert run("verify", "--to", tmp_path).err == f"vaehub has placed nothing in {tmp_path}\n"
    named = run("verify", "house", "--to", tmp_path)
    assert named.err.startswith(f"vaehub has placed nothing of this in {tmp_path}\n")
