"""Single keys: what is in force and who says so, and what may be written."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vaehub import configuring
from vaehub.configuring import Setting
from vaehub.errors import UsageError
from vaehub.settings import DEFAULT_ENDPOINTS, TOKEN_VARIABLES, config_file, load

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = "t0ken-that-must-not-show"
POSIX = pytest.mark.skipif(os.name == "nt", reason="paths of POSIX")


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "vaehub.toml"
    path.touch()
    monkeypatch.setenv("VAEHUB_CONFIG", str(path))
    return path


def in_force(key: str) -> Setting:
    return configuring.find(key, load())


# What is in force


def test_every_key_has_a_row_and_its_default(file: Path, home: Path) -> None:
    found = {setting.key: setting for setting in configuring.in_force(load())}
    assert list(found) == [
        *configuring.keys(),
        "catalog",
        "mirrors",
        *(f"token.{host}" for host in TOKEN_VARIABLES),
    ]
    assert found["store"] == Setting(
        "store", str(home / "store"), "environment", "VAEHUB_STORE"
    )  # as the tests have it
    del found["store"]
    assert {setting.origin for setting in found.values()} == {"default"}
    assert found["offline"].value is False
    assert found["endpoints.civitai"].value == DEFAULT_ENDPOINTS["civitai"]
    assert (found["target"].value, found["mirrors"].value) == (None, [])


def test_what_the_file_says(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VAEHUB_STORE")
    file.write_text(
        'target = "~/ComfyUI"\nstore = "vaes"\noffline = true\nlimit_rate = "5 MB"\n'
        'max_connections = 4\n[endpoints]\nliblib = "https://l.example/"\n'
        '[targets.comfy]\npath = "ui"\n[[catalog]]\npath = "a.yaml"\n'
        '[[mirrors]]\nbase = "https://m.example"\nprefix = "https://f.example"\n',
        encoding="utf-8",
    )
    found = {setting.key: setting for setting in configuring.in_force(load())}
    said = {key: one.value for key, one in found.items() if one.origin == "file"}
    assert said == {
        "target": "~/ComfyUI",
        "store": str(file.parent / "vaes"),
        "offline": True,
        "limit_rate": "5 MB",
        "max_connections": 4,
        "endpoints.liblib": "https://l.example",
        "targets.comfy": str(file.parent / "ui"),
        "catalog": [str(file.parent / "a.yaml")],
        "mirrors": ["https://f.example=https://m.example"],
    }
    assert {one.where for one in found.values() if one.origin == "file"} == {str(file)}


@pytest.mark.parametrize(
    ("key", "variable", "said", "value"),
    [
        ("target", "VAEHUB_TO", "/ui", "/ui"),
        ("offline", "VAEHUB_OFFLINE", "yes", True),
        ("endpoints.huggingface", "HF_ENDPOINT", "https://h.example/", "https://h.example"),
        ("mirrors", "VAEHUB_MIRRORS", "https://m.example", ["https://m.example"]),
        ("catalog", "VAEHUB_CATALOG", "/a.yaml", ["/a.yaml"]),
        ("token.civitai", "CIVITAI_API_KEY", TOKEN, "set"),
    ],
)
@POSIX
def test_what_the_environment_says(
    key: str, variable: str, said: str, value: object, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, said)
    assert in_force(key) == Setting(key, value, "environment", variable)  # type: ignore[arg-type]


def test_lists_come_from_both(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text('[[mirrors]]\nbase = "https://f.example"\n', encoding="utf-8")
    monkeypatch.setenv("VAEHUB_MIRRORS", "https://e.example")
    assert in_force("mirrors") == Setting(
        "mirrors",
        ["https://e.example", "https://f.example"],
        "environment and file",
        f"VAEHUB_MIRRORS, {file}",
    )


def test_a_no_in_the_environment_does_not_take_back_a_yes_of_the_file(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text("offline = true\n", encoding="utf-8")
    monkeypatch.setenv("VAEHUB_OFFLINE", "0")
    assert in_force("offline") == Setting("offline", True, "file", str(file))


def test_no_token_is_shown(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for names in TOKEN_VARIABLES.values():
        monkeypatch.setenv(names[-1], TOKEN)
    assert TOKEN not in repr(configuring.in_force(load()))


def test_an_unknown_key_has_close_ones(file: Path) -> None:
    with pytest.raises(UsageError, match=r"no key 'taget'; did you mean target"):
        configuring.find("taget", load())
    with pytest.raises(UsageError, match=r"no key 'maxconnections'; did you mean max_connections"):
        configuring.assign("maxconnections", "4", cwd=file.parent)


# What may be written


@pytest.mark.parametrize(
    ("key", "said", "written"),
    [
        ("offline", "yes", "offline = true"),
        ("offline", "0", "offline = false"),
        ("max_connections", "4", "max_connections = 4"),
        ("limit_rate", " 5 MB ", 'limit_rate = "5 MB"'),
        ("store", "~/vaes", 'store = "~/vaes"'),
        ("target", "~/ComfyUI", 'target = "~/ComfyUI"'),
        ("endpoints.civitai", "https://c.example", '[endpoints]\ncivitai = "https://c.example"'),
    ],
)
def test_a_value_is_written_as_its_kind(key: str, said: str, written: str, file: Path) -> None:
    done = configuring.assign(key, said, cwd=file.parent)
    assert file.read_text(encoding="utf-8") == f"{written}\n"
    assert (done.changed, done.file) == (True, file)
    assert not configuring.assign(key, said, cwd=file.parent).changed
    assert configuring.remove(key).changed
    assert not configuring.remove(key).changed
    assert load().config_file == file
    assert file.read_text(encoding="utf-8").strip() == ""


@pytest.mark.parametrize("key", ["store", "target"])
@POSIX
def test_a_path_is_relative_to_where_the_person_is(key: str, file: Path, tmp_path: Path) -> None:
    inside = tmp_path / "a" / "b"
    inside.mkdir(parents=True)
    assert configuring.assign(key, "./vaes", cwd=inside).value == str(inside / "vaes")
    assert configuring.assign(key, ".", cwd=inside).value == str(inside)
    assert configuring.assign(key, "../vaes", cwd=inside).value == str(inside.parent / "vaes")
    assert configuring.assign(key, "/data", cwd=inside).value == "/data"


def test_the_target_may_be_a_name_or_a_folder_that_is_there(file: Path, tmp_path: Path) -> None:
    file.write_text('[targets.comfy]\npath = "/ui"\n', encoding="utf-8")
    assert configuring.assign("target", "comfy", cwd=tmp_path).value == "comfy"
    (tmp_path / "forge").mkdir()
    assert configuring.assign("target", "forge", cwd=tmp_path).value == str(tmp_path / "forge")
    with pytest.raises(UsageError, match="no target is called 'comfi', and no folder"):
        configuring.assign("target", "comfi", cwd=tmp_path)


@pytest.mark.parametrize(
    ("key", "said", "words"),
    [
        ("offline", "perhaps", "use 1 or 0"),
        ("max_connections", "many", "'many' is no whole number"),
        ("max_connections", "0", "0 is less than one"),
        ("limit_rate", "fast", "'fast' is no speed"),
        ("store", " ", "the value is empty"),
        ("store", "~nobody-is-called-so/x", "nobody's home"),
        ("endpoints.civitai", "civitai.lan", "is not an http"),
        ("endpoints.dropbox", "https://x", "no key 'endpoints.dropbox'"),
        ("endpoints", "https://x", "no key 'endpoints'"),
        ("catalog", "x.yaml", r"a list of tables, \[\[catalog\]\]"),
        ("mirrors", "https://x", r"a list of tables, \[\[mirrors\]\]"),
        ("targets.comfy", "/ui", "not set by itself"),
        ("targets", "/ui", "not set by itself"),
    ],
)
@POSIX
def test_what_means_nothing_is_not_written(key: str, said: str, words: str, file: Path) -> None:
    file.write_text("# as it was\n", encoding="utf-8")
    with pytest.raises(UsageError, match=words):
        configuring.assign(key, said, cwd=file.parent)
    assert file.read_text(encoding="utf-8") == "# as it was\n"


@pytest.mark.parametrize(
    "key", ["token.civitai", "CIVITAI_TOKEN", "hf_token", "civitai_api_key", "password"]
)
def test_a_token_is_no_configuration(key: str, file: Path) -> None:
    with pytest.raises(UsageError, match="a token is no configuration") as caught:
        configuring.assign(key, TOKEN, cwd=file.parent)
    assert "vaehub login" in (caught.value.hint or "")
    assert TOKEN not in f"{caught.value!r}{caught.value.hint}"
    assert file.read_text(encoding="utf-8") == ""


def test_a_password_in_an_address_is_neither_written_nor_shown(file: Path) -> None:
    with pytest.raises(UsageError) as caught:
        configuring.assign("endpoints.civitai", f"https://me:{TOKEN}@c.example", cwd=file.parent)
    assert TOKEN not in f"{caught.value!r}"
    assert file.read_text(encoding="utf-8") == ""


def test_the_variable_that_comes_first_is_told(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert configuring.assign("store", "/data", cwd=file.parent).before_it == "VAEHUB_STORE"
    monkeypatch.setenv("VAEHUB_STORE", "  ")
    assert configuring.assign("store", "/other", cwd=file.parent).before_it is None


def test_a_file_that_is_wrong_can_be_mended(file: Path) -> None:
    file.write_text("max_connections = 0\ntagret = 1\ncivitai_token = 'x'\n", encoding="utf-8")
    with pytest.raises(UsageError):
        load()
    configuring.assign("max_connections", "2", cwd=file.parent)
    for key in ("tagret", "civitai_token"):
        assert configuring.remove(key).changed
    assert load().max_connections == 2
    with pytest.raises(UsageError, match="no key 'tagret'"):
        configuring.remove("tagret")


def test_a_table_and_a_list_can_be_taken_out(file: Path) -> None:
    file.write_text('[endpoints]\ncivitai = "https://c"\n[[catalog]]\npath = "x"\n', "utf-8")
    assert configuring.remove("catalog").changed
    assert configuring.remove("endpoints").changed
    assert file.read_text(encoding="utf-8").strip() == ""


def test_a_table_that_is_none_is_told(file: Path) -> None:
    file.write_text("endpoints = 'x'\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"endpoints\.civitai cannot be changed alone"):
        configuring.assign("endpoints.civitai", "https://x", cwd=file.parent)
    assert not configuring.remove("endpoints.civitai").changed
    assert configuring.remove("endpoints").changed


def test_a_configuration_that_is_not_there_is_made(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = config_file()
    assert not path.exists()
    configuring.assign("offline", "1", cwd=home)
    assert load().offline
    monkeypatch.setenv("VAEHUB_CONFIG", str(home / "new" / "x.toml"))
    with pytest.raises(UsageError, match="no such file"):
        load()
    configuring.assign("max_connections", "3", cwd=home)
    assert (load().max_connections, load().offline) == (3, False)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(configuring.keys()) | st.text(max_size=8), st.text(max_size=12))
def test_whatever_is_said_the_file_can_be_read_afterwards(file: Path, key: str, said: str) -> None:
    with contextlib.suppress(UsageError):
        configuring.assign(key, said, cwd=file.parent)
    load()
