"""Which words may stand where the cursor is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import builders
from tests.cli.conftest import DATA, locator, source
from tests.cli.test_imports import LIGHT, imported_by
from tests.cli.test_plain import LEAVES, WORD
from vaehub import hosts
from vaehub.catalog import load_catalogs
from vaehub.cli import completing
from vaehub.cli.completing import complete
from vaehub.cli.declared import Argument, Option
from vaehub.cli.offered import FILES, FOLDERS, VALUES, WORDS, Candidate
from vaehub.cli.table import COMMANDS
from vaehub.loopback import LoopbackWorld
from vaehub.settings import TOKEN_VARIABLES, config_file, load

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Run


def offered(line: str) -> list[str]:
    """Give what may stand at the end of a line."""
    return [candidate.word for candidate in complete(line.split(" ")).candidates]


def besides(line: str) -> str:
    return complete(line.split(" ")).besides


# Commands and options


def test_commands() -> None:
    assert offered("") == list(COMMANDS)
    assert offered("un") == ["uninstall"]
    assert offered("-") == offered("--") == ["--version", "--help"]
    assert offered("store ") == ["path", "gc", "verify"]
    assert offered("store v") == ["verify"]
    assert offered("store --h") == ["--help"]
    assert offered("nothing ") == offered("store nothing ") == offered("store path x") == []


@pytest.mark.parametrize("name", LEAVES)
def test_every_long_option_is_offered_once(name: str) -> None:
    options = [one for one in LEAVES[name].parameters if isinstance(one, Option)]
    long = {spelling for one in options for spelling in one.spellings if spelling.startswith("--")}
    assert set(offered(f"{name} -")) == {*long, "--help"}
    for option in options:
        spelling = option.spellings[-1]
        value = " x" if option.metavar else ""
        again = spelling in offered(f"{name} {spelling}{value} -")
        assert again == (option.default == ()), spelling  # several may be given


def test_after_two_dashes_nothing_is_an_option() -> None:
    assert offered("install -- -") == []
    assert offered("info --") != []


# Values


@pytest.mark.parametrize("name", LEAVES)
def test_what_a_declaration_names_is_in_the_table(name: str) -> None:
    for parameter in LEAVES[name].parameters:
        if parameter.completes is not None:
            assert parameter.completes in {*VALUES, "file", "folder"}, parameter
        elif isinstance(parameter, Option) and parameter.metavar is not None:
            assert parameter.metavar in {"SPEED", "N"}, parameter
        elif isinstance(parameter, Argument):
            assert (name, parameter.name) in {("search", "words"), ("targets add", "name")}


def test_every_kind_of_value_is_used() -> None:
    used = {one.completes for leaf in LEAVES.values() for one in leaf.parameters}
    assert set(VALUES) <= used


def test_names_are_ids_other_names_and_full_names(catalog: Path) -> None:
    catalogs = load_catalogs(load())
    everything = offered("install ")
    assert len(set(everything)) == len(everything)
    assert {entry.id for entry in catalogs.entries()} <= set(everything)
    assert "mine/house" in everything
    assert "home" not in everything  # an alias, where nothing was begun
    assert offered("install ho") == ["house", "home"]
    assert offered("install mine/h") == ["mine/house"]
    for name in (*everything, *offered("install or")):
        catalogs.resolve(name)


def test_a_name_in_two_catalogs_is_offered_in_full_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = builders.entry({"x.safetensors": (b"x", [source("x.safetensors")])})
    path = builders.write_catalog(tmp_path / "mine.yaml", {"clearvae": entry})
    monkeypatch.setenv("VAEHUB_CATALOG", str(path))
    assert offered("install clearva") == []
    assert offered("install mine/cl") == ["mine/clearvae"]


def test_what_strangers_wrote_cannot_steer_a_terminal(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [Candidate("odd\nname"), Candidate("odd", "A\tgood\n\x1b[2Jone")]
    monkeypatch.setitem(VALUES, "name", lambda _: iter(found))
    out = run("__complete", "zsh", "install", "od").out
    assert out == "words\nodd\tA good \N{REPLACEMENT CHARACTER}[2Jone\n"
    assert run("__complete", "bash", "od", "install", "od").out == "words\nodd\n"


def test_variants_of_ids_and_other_names() -> None:
    entry, _ = load_catalogs(load()).resolve("clearvae")
    names = [variant.name for variant in entry.variants]
    assert len(names) > 2
    assert offered("install clearvae@") == [f"clearvae@{name}" for name in names]
    alias = entry.aliases[0]
    assert offered(f"info x {alias}@") == []
    assert offered(f"info {alias}@") == [f"{alias}@{name}" for name in names]
    assert offered("install nobody@") == []


def test_only_what_is_there_is_offered_to_uninstall(
    run: Run, catalog: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with LoopbackWorld() as world:
        world.publish("huggingface", locator("house.safetensors"), DATA)
        for name, value in world.environment().items():
            monkeypatch.setenv(name, value)
        assert run("install", "house", "--to", target).code == 0
    for line in (f"uninstall --to {target} ", f"verify --to={target} ", f"verify x --to {target} "):
        assert offered(line) == ["mine/house"]
    assert offered(f"uninstall --to {target} mine/house@") == ["mine/house@safetensors"]
    assert offered("uninstall ") == []


def test_hosts_families_tags_licenses(catalog: Path) -> None:
    assert offered("install --source ") == list(hosts.names())
    assert offered("install --source=") == [f"--source={name}" for name in hosts.names()]
    assert "test1" in offered("list --family ")
    assert offered("list --tag warm") == ["warm-test"]
    assert "LicenseRef-Locked" in offered("install x --accept-license L")
    assert "MIT" not in offered("install x --accept-license ")


def test_targets_and_what_else_may_stand_there(home: Path) -> None:
    config_file().parent.mkdir(parents=True)
    config_file().write_text('[targets.comfy]\npath = "/ui"\n', encoding="utf-8")
    assert offered("install x --to ") == ["comfy"]
    assert offered("install x --to=c") == ["--to=comfy"]
    assert besides("install x --to c") == besides("install x --to=c") == FOLDERS
    assert offered("targets remove ") == ["comfy"]
    assert offered("targets remove comfy ") == []
    assert besides("targets add x ") == FOLDERS
    assert "comfyui" in offered("targets add x /ui --layout ")
    assert offered("config set target ") == ["comfy"]
    assert "targets.comfy" in offered("config get t")


def test_files_and_folders() -> None:
    assert besides("smoke ") == besides("catalog check ") == besides("smoke --junit ") == FILES
    assert besides("smoke --images ") == besides("config set store ") == FOLDERS
    assert besides("install ") == WORDS


def test_other_values() -> None:
    assert offered("completion ") == ["bash", "zsh", "fish"]
    assert offered("login ") == offered("logout ") == list(TOKEN_VARIABLES)
    assert offered("login civitai ") == []  # where somebody would put the token
    assert offered("config set of") == ["offline"]
    assert offered("config set offline ") == ["true", "false"]
    assert offered("config set store ") == []
    assert offered("smoke --dtype f") == ["fp32", "fp16"]
    assert offered("smoke --dtype bf16,fp3") == ["bf16,fp32"]
    assert "cuda" in offered("smoke --device ")


# What bash does to words


@pytest.mark.parametrize(
    ("words", "whole"),
    [
        ([], [""]),
        (["a", "b"], ["a", "b"]),
        (["a", "@", "b"], ["a@b"]),
        (["a", "@", ""], ["a@"]),
        (["--to", "=", "x", "y"], ["--to=x", "y"]),
        (["cuda", ":", "1"], ["cuda:1"]),
        (["https", ":", "//x", ":", "8", ""], ["https://x:8", ""]),
        (["a", "@", "--json"], ["a@", "--json"]),
    ],
)
def test_words_are_put_together_again(words: list[str], whole: list[str]) -> None:
    assert completing._whole(words) == whole


@pytest.mark.parametrize(
    ("piece", "words", "said"),
    [
        ("", ["completion", ""], ["bash", "zsh", "fish"]),
        ("cl", ["info", "cl"], None),
        ("@v2.2-", ["info", "clearvae", "@", "v2.2-"], ["@v2.2-aing"]),
        ("v2.2-", ["info", "clearvae", "@", "v2.2-"], ["v2.2-aing"]),
        ("", ["install", "--source", "="], list(hosts.names())),
        ("gi", ["install", "--source", "=", "gi"], ["github"]),
    ],
)
def test_bash_hears_the_rest_of_the_word(
    piece: str, words: list[str], said: list[str] | None, run: Run
) -> None:
    ran = run("__complete", "bash", piece, *words)
    assert (ran.code, ran.err) == (0, "")
    besides, *found = ran.out.splitlines()
    assert besides == WORDS
    assert found == said if said is not None else "clearvae" in found
    assert "\t" not in ran.out


def test_other_shells_hear_what_each_is(run: Run) -> None:
    for shell in ("zsh", "fish"):
        out = run("__complete", shell, "unin").out
        assert out == f"words\nuninstall\t{COMMANDS['uninstall']}\n"


# Always, and quickly


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.lists(WORD | st.sampled_from([*COMMANDS, *VALUES]), max_size=6))
def test_it_never_fails(words: list[str], home: Path) -> None:
    offer = complete(words)
    begun = words[-1] if words else ""
    assert all(candidate.word.startswith(begun) for candidate in offer.candidates)
    assert len({candidate.word for candidate in offer.candidates}) == len(offer.candidates)


def test_a_configuration_that_is_wrong_offers_nothing_and_says_nothing(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAEHUB_OFFLINE", "perhaps")
    ran = run("__complete", "zsh", "install", "")
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert run("__complete").code == 0
    assert run("__complete", "zsh", "st").out.startswith("words\nstore\t")


@pytest.mark.parametrize(
    "words",
    [
        [""],
        ["install", "kl"],
        ["install", "--source", "h"],
        ["list", "--to", ""],
        ["uninstall", ""],
    ],
    ids=" ".join,
)
def test_it_imports_next_to_nothing(words: list[str]) -> None:
    imported_by("list")  # compiles the catalog
    assert imported_by("__complete", "zsh", *words) & LIGHT == set()


def test_no_help_shows_it(run: Run) -> None:
    assert completing.COMMAND not in run("--help").out
    assert run("__completes").code == 2
