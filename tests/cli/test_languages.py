"""Real commands in Chinese: people read no English sentence, and scripts nothing else."""

from __future__ import annotations

import io
import itertools
import json
import re
import shlex
from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import DATA, OTHER, Run, locator
from tests.cli.test_imports import imported_by
from tests.cli.test_plain import LEAVES
from vaehub import lang, settings
from vaehub.cli import progress, words
from vaehub.cli.table import COMMANDS
from vaehub.errors import SourceGone
from vaehub.lang import templates

if TYPE_CHECKING:
    from pathlib import Path

    from vaehub.loopback import LoopbackWorld

SENTENCE = re.compile(r"(?<![\w./@`-])[A-Za-z][a-z']+(?: [a-z']+){3,}")
"""Four words in a row: no name in Chinese text is as long as that."""
IN_TEXT = re.compile(rf"vaehub (?:{'|'.join(COMMANDS)})(?: [\w./~@<-]+)*")
COMMAND_LINE = re.compile(r"^ +(?:vaehub|eval|du|ssh) .*$", re.MULTILINE)
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def english(text: str) -> list[str]:
    """Find what looks like an English sentence."""
    return SENTENCE.findall(IN_TEXT.sub("", COMMAND_LINE.sub("", text)))


@pytest.fixture
def chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")


def test_the_heuristic_finds_english() -> None:
    assert english("错误：there is no such file here") == ["there is no such file here"]
    assert english("适用于 SD 1.5, Waifu Diffusion 1.4, anime mixes") == []


@pytest.mark.usefixtures("chinese")
@pytest.mark.parametrize("name", [*LEAVES, *COMMANDS, ""])
def test_the_help_of_every_command(name: str, run: Run) -> None:
    ran = run(*name.split(), "--help")
    assert ran.code == 0
    assert english(ran.out) == []
    assert len(CHINESE.findall(ran.out)) > 20
    assert ran.out.startswith("用法：vaehub")


@pytest.mark.usefixtures("chinese", "catalog")
@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("list", 0),
        ("list --family sdxl", 0),
        ("list --family nothing", 4),
        ("list --tag nothing", 4),
        ("list --installed", 0),
        ("list --lang fr", 2),
        ("list --nothing", 2),
        ("lits", 2),
        ("search qwertz", 4),
        ("search anime", 0),
        ("info mine/house", 0),
        ("info hous", 4),
        ("info a@b@c", 4),
        ("install", 2),
        ("install kl-f8-anime2 --dry-run", 0),
        ("install kl-f8-anime2", 5),
        ("install kl-f8-anime2 --limit-rate fast", 2),
        ("install kl-f8-anime2 --source nowhere", 2),
        ("install kl-f8-anime2 --max-connections 0", 2),
        ("install kl-f8-anime2 --convert ckpt", 2),
        ("install kl-f8-anime2 --for nothing", 7),
        ("install kl-f8-anime2 --to", 2),
        ("install kl-f8-anime2 --to ./page/x", 7),
        ("install mine/locked", 5),
        ("install clearvae@v99 nosuch", 4),
        ("uninstall house", 4),
        ("verify", 0),
        ("verify house", 9),
        ("adopt", 2),
        ("adopt nosuch", 7),
        ("adopt .", 0),
        ("adopt --list", 0),
        ("adopt --list .", 2),
        ("adopt --list --forget", 2),
        ("adopt --forget .", 4),
        ("smoke", 2),
        ("smoke nosuch", 4),
        ("smoke page", 8),
        ("smoke vae.safetensors", 8),
        ("smoke --self", 0),
        ("smoke page --dtype fp12", 2),
        ("convert page", 6),
        ("convert nosuch.ckpt", 2),
        ("store path", 0),
        ("store gc", 0),
        ("store gc --dry-run", 0),
        ("store verify", 0),
        ("catalog check", 0),
        ("catalog check nosuch.yaml", 3),
        ("catalog check page", 3),
        ("catalog fmt --check", 0),
        ("config list", 0),
        ("config get targets.no", 2),
        ("config set lang fr", 2),
        ("config set offline maybe", 2),
        ("config set target nothing", 2),
        ("config set limit_rate fast", 2),
        ("config set mirrors x", 2),
        ("config set token x", 2),
        ("config set limit_rate 5MB", 0),
        ("config unset limit_rate", 0),
        ("targets list", 0),
        ("targets add mine .", 0),
        ("targets add a/b .", 2),
        ("targets remove nosuch", 4),
        ("login civitai token", 2),
        ("login nowhere", 2),
        ("logout civitai", 0),
        ("completion tcsh", 2),
    ],
)
def test_commands(
    line: str, code: int, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "page").write_text("<html><title>A page</title>", encoding="utf-8")
    (tmp_path / "vae.safetensors").write_bytes(DATA)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VAEHUB_OFFLINE", "1")
    ran = run(*shlex.split(line))
    assert ran.code == code, ran.err
    said = "\n".join(row for row in (ran.out + ran.err).splitlines() if "mine.yaml" not in row)
    assert english(re.sub(r"(?m)^  (标题|简介|说明|许可证) .*(\n {15}.*)*", "", said)) == []
    if line not in {"store path", "catalog fmt --check"}:
        assert CHINESE.search(ran.out + ran.err)


@pytest.mark.usefixtures("chinese", "catalog")
def test_an_install_from_end_to_end(run: Run, target: Path, world: LoopbackWorld) -> None:
    world.publish("huggingface", locator("house.safetensors"), DATA)
    for line in ("install mine/house", "install mine/house", "verify --deep", "list --installed",
                 "uninstall mine/house"):  # fmt: skip
        ran = run(*line.split(), "--to", target)
        assert ran.code == 0, ran.err
        assert english(ran.out + ran.err) == []
        assert CHINESE.search(ran.out + ran.err)


@pytest.mark.usefixtures("chinese", "catalog")
def test_a_failed_install_says_why_of_each_source(
    run: Run, target: Path, world: LoopbackWorld
) -> None:
    world.publish("huggingface", locator("house.safetensors"), OTHER)
    ran = run("install", "mine/house", "--to", target)
    assert ran.code == 6
    assert "它唯一的下载源失败了" in ran.err
    assert english(ran.out + ran.err) == []
    assert run("install", "mine/house", "--to", target, "--lang", "en").err != ran.err


@pytest.mark.usefixtures("chinese")
def test_the_selftest(run: Run) -> None:
    ran = run("selftest")
    assert ran.code == 0
    assert english(ran.out + ran.err) == []
    assert len(CHINESE.findall(ran.out + ran.err)) > 200


@pytest.mark.usefixtures("chinese")
def test_progress(capsys: pytest.CaptureFixture[str]) -> None:
    lines = progress.Lines(clock=itertools.count(0.0, 11.0).__next__)
    lines.started("a.pt", 100_000_000, 20_000_000)
    lines.advanced("a.pt", 60_000_000)
    lines.note("a.pt: another vaehub is downloading it; waiting for that one")
    lines.abandoned("a.pt")
    first, second, third, last = capsys.readouterr().err.splitlines()
    assert first == "vaehub: a.pt：100 MB，已有 20.0 MB"
    assert second.startswith("vaehub: a.pt: 60 %，60.0 MB / 100 MB，")
    assert third == "vaehub: a.pt：另一个 vaehub 正在下载它；等它完成"
    assert last == "vaehub: a.pt：已放弃"


@pytest.mark.usefixtures("chinese")
def test_help_fits_its_width(run: Run) -> None:
    lines = run("install", "--help").out.splitlines()
    text = [line for line in lines if not line.startswith("  vaehub ")]
    assert all(words.width(line) <= 80 for line in text)
    assert not any(line.lstrip()[:1] in set("，。；：、）") for line in text)
    assert any(words.width(line) >= 76 for line in text)


@pytest.mark.usefixtures("chinese", "catalog")
def test_facts_stand_below_each_other(run: Run) -> None:
    rows = run("info", "mine/house").out.splitlines()
    facts = [row for row in rows[1:] if row.startswith("  ") and row.strip() and row[2] != " "]
    assert len(facts) > 5
    for row in facts:
        label = row.strip().split("  ")[0]
        assert words.width(row[: row.index(label) + len(label)]) < 15
        assert words.width(row) - words.width(row.strip()[len(label) :].strip()) == 15
    assert "Warm colours" not in "".join(rows)


@pytest.mark.usefixtures("chinese")
def test_scripts_get_english(run: Run) -> None:
    ran = run("info", "nosuch", "--json")
    assert ran.json["problems"][0]["message"] == "no VAE is called 'nosuch'"
    assert not CHINESE.search(json.dumps(ran.json, ensure_ascii=False) + ran.err)
    wrong = run("list", "--nothing", "--json")
    assert not CHINESE.search(wrong.out + wrong.err)


@pytest.mark.usefixtures("chinese")
def test_errors_themselves_are_english() -> None:
    lang.ask_for("zh")
    error = SourceGone("its bytes have changed", hint="run the same command again")
    assert (str(error), error.hint) == ("its bytes have changed", "run the same command again")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--lang", "zh", "list"],
        ["list", "--lang", "zh_CN"],
        ["list", "--lang=zh"],
        ["--lang=zh", "list", "--help"],
        ["config", "--lang", "zh", "--help"],
    ],
)
def test_the_command_line_asks_for_chinese(arguments: list[str], run: Run) -> None:
    assert CHINESE.search(run(*arguments).out)


def test_the_command_line_asks_for_english(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAEHUB_LANG", "zh")
    assert "family" in run("list", "--lang", "en").out.splitlines()[0]
    assert "系列" in run("list").out.splitlines()[0]


def test_an_unknown_language_is_refused(run: Run) -> None:
    for arguments in (["list", "--lang", "fr"], ["--lang", "fr", "list"]):
        ran = run(*arguments)
        assert ran.code == 2
        assert "does not speak 'fr'" in ran.err


@pytest.mark.parametrize("where", ["variable", "file"])
def test_the_settings_ask_for_chinese(
    where: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    if where == "variable":
        monkeypatch.setenv("VAEHUB_LANG", "zh")
    else:
        assert run("config", "set", "lang", "zh").code == 0
    assert run("info", "nosuch").err.startswith("vaehub: 没有叫 'nosuch' 的 VAE")
    assert run("config", "get", "lang").out == "zh\n"


@pytest.mark.usefixtures("chinese")
def test_a_stream_that_cannot_show_chinese_gets_english(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    monkeypatch.setattr("sys.stdout", out)
    assert lang.tell("the store") == "the store"


def test_english_costs_nothing() -> None:
    for arguments in (["list"], ["info", "nosuch"], ["verify"]):
        found = imported_by(*arguments, code=4 if "nosuch" in arguments else 0)
        assert found & {"gettext", "vaehub.lang.translating", "vaehub.cli.spoken"} == set()


@pytest.mark.usefixtures("chinese")
def test_json_costs_no_translation() -> None:
    found = imported_by("list", "--json")
    assert found & {"gettext", "vaehub.lang.translating"} == set()


@pytest.mark.usefixtures("chinese")
def test_chinese_needs_nothing_that_only_development_has() -> None:
    found = imported_by("list")
    assert "vaehub.lang.translating" in found
    assert found & {"babel", "vaehub.lang.templates", "ast", "click"} == set()


def test_no_text_is_taken_from_what_is_not_ours() -> None:
    assert not [one for one in templates.find() if one.file.startswith(("loopback", "lang/up"))]


def test_settings_say_the_language_where_the_user_did() -> None:
    assert settings.load({}).lang is None
