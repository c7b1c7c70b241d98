"""What the environment and the configuration say, and what of it never shows."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vaehub import settings as settings_module
from vaehub.configuration import KINDS
from vaehub.errors import UsageError
from vaehub.settings import (
    DEFAULT_ENDPOINTS,
    ENDPOINT_VARIABLES,
    TOKEN_VARIABLES,
    CatalogFile,
    Mirror,
    NamedTarget,
    Secret,
    Settings,
    load,
    origin,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Configure = Callable[[str], Path]

POSIX = pytest.mark.skipif(os.name == "nt", reason="paths and homes as POSIX has them")
TOKEN = "t0ken-that-must-not-show"
PLAIN_VARIABLES = (
    "VAEHUB_TO",
    "VAEHUB_STORE",
    "VAEHUB_CONFIG",
    "VAEHUB_CATALOG",
    "VAEHUB_OFFLINE",
    "VAEHUB_MIRRORS",
)
ALL_VARIABLES = (
    *PLAIN_VARIABLES,
    *ENDPOINT_VARIABLES.values(),
    *(name for names in TOKEN_VARIABLES.values() for name in names),
)


@pytest.fixture
def configure(home: Path) -> Configure:
    """Write the configuration where the platform keeps it."""
    import platformdirs

    def write(text: str) -> Path:
        path = Path(platformdirs.user_config_path("vaehub", appauthor=False)) / "config.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return write


# Nothing said


def test_defaults(home: Path) -> None:
    found = load({})
    assert found.store == found.cache / "store"
    assert found.state.is_relative_to(home)
    assert (found.to, found.default_target, found.offline) == (None, None, False)
    assert (found.catalogs, found.mirrors, found.user_endpoints) == ((), (), {})
    assert found.plain_http_origins == frozenset()
    assert {host: found.endpoint(host) for host in DEFAULT_ENDPOINTS} == DEFAULT_ENDPOINTS
    assert all(base.startswith("https://") for base in DEFAULT_ENDPOINTS.values())


@pytest.mark.parametrize("blank", ["", " ", "\t"])
def test_a_blank_variable_is_as_good_as_none(blank: str) -> None:
    assert without_environ(load(dict.fromkeys(ALL_VARIABLES, blank))) == without_environ(load({}))


def test_the_process_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAEHUB_TO", "/srv/webui")
    assert load().to == "/srv/webui"
    assert load({}).to is None


# One variable each


def test_to() -> None:
    assert load({"VAEHUB_TO": "~/ComfyUI"}).to == "~/ComfyUI"


@POSIX
def test_store(home: Path) -> None:
    assert load({"VAEHUB_STORE": "/data/vaes"}).store == Path("/data/vaes")
    assert load({"VAEHUB_STORE": "~/vaes"}).store == home / "vaes"


@pytest.mark.parametrize("name", ["VAEHUB_STORE", "VAEHUB_CONFIG", "VAEHUB_CATALOG"])
@POSIX
def test_the_home_of_nobody(name: str) -> None:
    with pytest.raises(UsageError, match=f"{name}.*'~nobody-is-called-so/x'"):
        load({name: "~nobody-is-called-so/x"})


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ("1", True),
        ("true", True),
        ("YES", True),
        (" on ", True),
        ("0", False),
        ("False", False),
        ("no", False),
        ("off", False),
        ("", False),
    ],
)
def test_offline(value: str, meant: bool) -> None:
    assert load({"VAEHUB_OFFLINE": value}).offline is meant


def test_offline_is_no_riddle() -> None:
    with pytest.raises(UsageError, match="VAEHUB_OFFLINE='maybe': use 1 or 0"):
        load({"VAEHUB_OFFLINE": "maybe"})


def test_catalog_files_in_order(tmp_path: Path) -> None:
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    value = os.pathsep.join([str(first), "", str(second)])
    assert load({"VAEHUB_CATALOG": value}).catalogs == (CatalogFile(first), CatalogFile(second))


@pytest.mark.parametrize(("host", "variable"), ENDPOINT_VARIABLES.items())
def test_endpoints(host: str, variable: str) -> None:
    found = load({variable: "http://127.0.0.1:8090/hub/"})
    assert found.endpoint(host) == "http://127.0.0.1:8090/hub"
    assert found.user_endpoints == {host: "http://127.0.0.1:8090/hub"}
    others = set(DEFAULT_ENDPOINTS) - {host}
    assert {found.endpoint(other) for other in others} == {
        DEFAULT_ENDPOINTS[other] for other in others
    }


def test_each_host_has_its_variable_and_its_default() -> None:
    assert set(ENDPOINT_VARIABLES) == set(DEFAULT_ENDPOINTS)
    assert set(TOKEN_VARIABLES) <= set(DEFAULT_ENDPOINTS)
    assert len(set(ALL_VARIABLES)) == len(ALL_VARIABLES)


@pytest.mark.parametrize(
    "value",
    [
        "hf-mirror.com",
        "ftp://hf-mirror.com",
        "https://",
        "https:///path",
        "https://[::1",
        "https://host:99999",
        "https://host:port",
        "https://host:0",
        "https://ho st",
        "https://host/a\nb",
        "https://ho\u2100st",
        "file:///etc/passwd",
        "//host",
    ],
)
@pytest.mark.parametrize("variable", ["HF_ENDPOINT", "VAEHUB_CIVITAI_ENDPOINT"])
def test_no_address(variable: str, value: str) -> None:
    with pytest.raises(UsageError, match=f"{variable}: .* is not an http"):
        load({variable: value})


@pytest.mark.parametrize(
    "value",
    [
        "https://me:pw@host",
        "https://me@host",
        "https://@host",
        "https://host?a=1",
        "https://host#f",
    ],
)
def test_an_address_without_extras(value: str) -> None:
    with pytest.raises(UsageError, match=r"HF_ENDPOINT: .*no user name, password or query"):
        load({"HF_ENDPOINT": value})


@pytest.mark.parametrize(
    ("value", "mirrors"),
    [
        ("https://m.example", [Mirror("https://m.example")]),
        ("https://m.example/hub/", [Mirror("https://m.example/hub")]),
        (
            "http://10.0.0.5:8000 https://m.example",
            [Mirror("http://10.0.0.5:8000"), Mirror("https://m.example")],
        ),
        (
            "https://a.example,https://b.example, https://c.example",
            [Mirror(f"https://{letter}.example") for letter in "abc"],
        ),
        (
            "https://files.example=http://127.0.0.1:9",
            [Mirror("http://127.0.0.1:9", "https://files.example")],
        ),
        (
            "https://a.example/x/=https://b.example/y/",
            [Mirror("https://b.example/y", "https://a.example/x")],
        ),
        (
            "https://a.example=https://b.example https://c.example",
            [Mirror("https://b.example", "https://a.example"), Mirror("https://c.example")],
        ),
        ("https://m.example/a=b", [Mirror("https://m.example/a=b")]),
    ],
)
def test_mirrors(value: str, mirrors: list[Mirror]) -> None:
    assert load({"VAEHUB_MIRRORS": value}).mirrors == tuple(mirrors)


@pytest.mark.parametrize(
    "value",
    [
        "m.example",
        "https://m.example n.example",
        "files.example=https://m.example",
        "https://a.example=https://",
        "=https://m.example",
    ],
)
def test_no_mirrors(value: str) -> None:
    with pytest.raises(UsageError, match=r"VAEHUB_MIRRORS: .* is not an http"):
        load({"VAEHUB_MIRRORS": value})


# Plain http


@pytest.mark.parametrize(
    ("environ", "origins"),
    [
        ({"HF_ENDPOINT": "https://hf-mirror.com"}, set()),
        ({"HF_ENDPOINT": "http://hf.lan"}, {"http://hf.lan:80"}),
        ({"HF_ENDPOINT": "http://HF.lan:8090/sub"}, {"http://hf.lan:8090"}),
        ({"HF_ENDPOINT": "HTTP://hf.lan"}, {"http://hf.lan:80"}),
        ({"VAEHUB_MIRRORS": "http://m.lan:1/tree https://n.example"}, {"http://m.lan:1"}),
        ({"VAEHUB_MIRRORS": "http://prefix.lan=https://m.example"}, set()),
        (
            {
                "VAEHUB_MIRRORS": "https://a.example=http://m.lan",
                "VAEHUB_GITHUB_ENDPOINT": "http://g.lan",
            },
            {"http://m.lan:80", "http://g.lan:80"},
        ),
    ],
)
def test_plain_http_only_where_the_user_named_it(
    environ: Mapping[str, str], origins: set[str]
) -> None:
    assert load(environ).plain_http_origins == origins


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://Host.example/a?b#c", "https://host.example:443"),
        ("http://host.example", "http://host.example:80"),
        ("https://host.example:8443/x", "https://host.example:8443"),
        ("http://127.0.0.1:80", "http://127.0.0.1:80"),
    ],
)
def test_origin(url: str, expected: str) -> None:
    assert origin(url) == expected


# The configuration file

WHOLE = """
target = "~/ComfyUI"
store = "{store}"
offline = true
limit_rate = "1.5 MB"
max_connections = 4

[[catalog]]
path = "mine.yaml"
name = "house"

[[catalog]]
path = "~/others.yaml"

[endpoints]
huggingface = "https://hf-mirror.com/"
civitai = "http://civitai.lan"

[targets.web]
path = "/ui"

[targets.comfy]
path = "~/ComfyUI"
layout = "comfyui"

[targets.beside]
path = "vaes"

[[mirrors]]
base = "https://mirror.example/"

[[mirrors]]
base = "http://m.lan"
prefix = "https://files.example/"
"""


@POSIX
def test_a_whole_configuration(configure: Configure, home: Path) -> None:
    path = configure(WHOLE.format(store="/data/vaes"))
    found = load({})
    assert found.default_target == "~/ComfyUI"
    assert found.store == Path("/data/vaes")
    assert found.offline
    assert (found.limit_rate, found.max_connections) == (1_500_000, 4)
    assert found.catalogs == (
        CatalogFile(path.parent / "mine.yaml", "house"),
        CatalogFile(home / "others.yaml"),
    )
    assert found.endpoint("huggingface") == "https://hf-mirror.com"
    assert found.endpoint("civitai") == "http://civitai.lan"
    assert found.endpoint("liblib") == DEFAULT_ENDPOINTS["liblib"]
    assert found.mirrors == (
        Mirror("https://mirror.example"),
        Mirror("http://m.lan", "https://files.example"),
    )
    assert found.plain_http_origins == {"http://civitai.lan:80", "http://m.lan:80"}
    assert found.targets == {
        "web": NamedTarget(Path("/ui")),
        "comfy": NamedTarget(home / "ComfyUI", "comfyui"),
        "beside": NamedTarget(path.parent / "vaes"),
    }
    assert list(found.targets) == ["web", "comfy", "beside"]


def test_vaehub_config_names_another_file(configure: Configure, tmp_path: Path) -> None:
    configure('target = "/here"')
    other = tmp_path / "other.toml"
    other.write_text('target = "/there"', encoding="utf-8")
    assert load({"VAEHUB_CONFIG": str(other)}).default_target == "/there"
    assert load({}).default_target == "/here"


def test_the_environment_wins_over_the_configuration(configure: Configure, tmp_path: Path) -> None:
    path = configure(WHOLE.format(store="/data/vaes"))
    store = tmp_path / "store"
    mine = tmp_path / "env.yaml"
    found = load(
        {
            "VAEHUB_STORE": str(store),
            "HF_ENDPOINT": "https://hf.example",
            "VAEHUB_MIRRORS": "https://first.example",
            "VAEHUB_CATALOG": str(mine),
            "VAEHUB_TO": "/now",
        }
    )
    assert found.store == store
    assert found.endpoint("huggingface") == "https://hf.example"
    assert found.endpoint("civitai") == "http://civitai.lan"
    assert [mirror.base for mirror in found.mirrors] == [
        "https://first.example",
        "https://mirror.example",
        "http://m.lan",
    ]
    assert found.catalogs[0].path == path.parent / "mine.yaml"
    assert found.catalogs[-1] == CatalogFile(mine)
    assert (found.to, found.default_target) == ("/now", "~/ComfyUI")


def test_a_store_beside_the_configuration(configure: Configure) -> None:
    path = configure('store = "vaes"')
    assert load({}).store == path.parent / "vaes"


def test_the_named_configuration_must_exist(tmp_path: Path) -> None:
    missing = tmp_path / "missing.toml"
    with pytest.raises(UsageError, match="no such file") as caught:
        load({"VAEHUB_CONFIG": str(missing)})
    assert str(missing) in caught.value.message
    assert "unset VAEHUB_CONFIG" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("target = ", "not valid TOML"),
        ("a = " + "[" * 5000, "not valid TOML"),
        ("tagret = '/x'", "unknown key 'tagret'; known are catalog, endpoints"),
        ("target = 3", "'target' must be a string"),
        ("store = 3", "'store' must be a string"),
        ("offline = 'false'", "'offline' must be a boolean"),
        ("limit_rate = true", "'limit_rate' must be a string or a whole number"),
        ("limit_rate = 'fast'", "limit_rate in .*'fast' is no speed"),
        ("limit_rate = -5", "limit_rate in .*'-5' is no speed"),
        ("max_connections = '4'", "'max_connections' must be a whole number"),
        ("max_connections = true", "'max_connections' must be a whole number"),
        ("max_connections = 0", "max_connections in .*0 is less than one"),
        ("endpoints = 'x'", "'endpoints' must be a table"),
        ("mirrors = 'x'", "'mirrors' must be a list"),
        ("catalog = 'mine.yaml'", "'catalog' must be a list"),
        ("[endpoints]\nhugingface = 'https://x'", "has 'hugingface'; known are huggingface"),
        ("[endpoints]\nhuggingface = 'nowhere'", "endpoints.huggingface in .* not an http"),
        ("[endpoints]\nhuggingface = 3", "endpoints.huggingface in .* not an http"),
        ("[[mirrors]]\nurl = 'https://x'", "needs a base"),
        ("mirrors = ['https://x']", "needs a base"),
        ("[[mirrors]]\nbase = 3", "needs a base"),
        ("[[mirrors]]\nbase = 'x'", "mirrors in .* not an http"),
        ("[[mirrors]]\nbase = 'https://x'\nprefix = 'y'", "mirrors in .* not an http"),
        ("[[catalog]]\nname = 'x'", "needs a path"),
        ("[[catalog]]\npath = ''", "needs a path"),
        ("[[catalog]]\npath = 3", "needs a path"),
        ("[[catalog]]\npath = 'x'\nname = 3", "the name of a .*must be a string"),
        ("catalog = ['x']", "needs a path"),
        ("targets = ['x']", "'targets' must be a table"),
        ("[targets]\ncomfy = '/ui'", r"targets\.comfy in .* needs a path"),
        ("[targets.comfy]\nlayout = 'comfyui'", r"targets\.comfy in .* needs a path"),
        ("[targets.comfy]\npath = ' '", r"targets\.comfy in .* needs a path"),
        ("[targets.comfy]\npath = 3", r"targets\.comfy in .* needs a path"),
        ("[targets.comfy]\npath = '/x'\nlayuot = 'y'", "has 'layuot'; known are layout, path"),
        ("[targets.comfy]\npath = '/x'\nlayout = 3", "layout must be a string"),
        ("[targets.'a/b']\npath = '/x'", "'a/b' is no name for a target"),
    ],
)
def test_what_is_wrong_with_a_configuration(configure: Configure, text: str, said: str) -> None:
    path = configure(text)
    with pytest.raises(UsageError, match=said) as caught:
        load({})
    assert str(path) in caught.value.message


def test_a_configuration_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read the configuration"):
        load({"VAEHUB_CONFIG": str(tmp_path)})
    binary = tmp_path / "config.toml"
    binary.write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="cannot read the configuration"):
        load({"VAEHUB_CONFIG": str(binary)})


# Tokens


@pytest.mark.parametrize(
    ("host", "variable"),
    [(host, variable) for host, names in TOKEN_VARIABLES.items() for variable in names],
)
def test_a_token_is_for_its_own_host(host: str, variable: str) -> None:
    found = load({variable: f" {TOKEN}\n"})
    token = found.token(host)
    assert token is not None
    assert token.reveal() == TOKEN
    assert [other for other in DEFAULT_ENDPOINTS if found.token(other) is not None] == [host]
    assert found.token("http") is None
    holder = found.find_token(host)
    assert holder is not None
    assert (holder.secret.reveal(), holder.place) == (TOKEN, variable)
    assert TOKEN not in repr(holder)
    assert found.find_token("http") is None


def test_the_first_variable_of_a_host_wins() -> None:
    for names in TOKEN_VARIABLES.values():
        host = next(host for host, value in TOKEN_VARIABLES.items() if value == names)
        token = load({name: f"from-{name}" for name in reversed(names)}).token(host)
        assert token is not None
        assert token.reveal() == f"from-{names[0]}"


def test_the_hubs_own_login_serves(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    file = home / "token"
    file.write_text("from-the-hub", encoding="utf-8")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(file))  # the hub reads it once, at import
    token = load({}).token("huggingface")
    assert token is not None
    assert token.reveal() == "from-the-hub"
    holder = load({}).find_token("huggingface")
    assert holder is not None
    assert holder.place == "hub login"
    token = load({"HF_TOKEN": "from-us"}).token("huggingface")
    assert token is not None
    assert token.reveal() == "from-us"


TOKEN = (
    "import sys; from vaehub.settings import load; token = load().token('huggingface');"
    "print(token and token.reveal(), 'huggingface_hub' in sys.modules)"
)


def hub_token(**environment: str) -> str:
    """Look for the token in a process of its own: the hub's client reads all of it at import."""
    done = subprocess.run(
        [sys.executable, "-c", TOKEN],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **environment},
    )
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("variable", "value", "file"),
    [
        ("HF_TOKEN_PATH", "{home}/mine", "mine"),
        ("HF_TOKEN_PATH", "~/mine", "mine"),
        ("HF_TOKEN_PATH", "$HOME/mine", "mine"),
        ("HF_HOME", "{home}/hf", "hf/token"),
        ("XDG_CACHE_HOME", "{home}/xdg", "xdg/huggingface/token"),
    ],
)
def test_the_hub_s_token_file_is_found_where_the_hub_looks(
    home: Path, variable: str, value: str, file: str
) -> None:
    (home / file).parent.mkdir(parents=True, exist_ok=True)
    (home / file).write_text("from-the-hub", encoding="utf-8")
    assert hub_token(**{variable: value.format(home=home)}) == "from-the-hub True"


def test_the_hub_s_token_file_is_found_at_its_usual_place(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME")
    file = home / ".cache" / "huggingface" / "token"
    file.parent.mkdir(parents=True)
    file.write_text("from-the-hub", encoding="utf-8")
    assert hub_token() == "from-the-hub True"


def test_the_hub_s_older_variable_serves(home: Path) -> None:
    assert hub_token(HUGGING_FACE_HUB_TOKEN="older") == "older True"


HUB_CACHE = (
    "from huggingface_hub import constants; from vaehub.settings import load;"
    "print(constants.HF_HUB_CACHE); print(load().hub_cache)"
)


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"HF_HUB_CACHE": "/data/hub"},
        {"HF_HUB_CACHE": "~/hub"},
        {"HF_HUB_CACHE": "$HOME/hub"},
        {"HUGGINGFACE_HUB_CACHE": "/data/older"},
        {"HUGGINGFACE_HUB_CACHE": "/data/older", "HF_HUB_CACHE": "/data/hub"},
        {"HF_HOME": "/data/hf"},
        {"HF_HOME": "~/hf"},
        {"HF_HOME": "/data/hf", "HF_HUB_CACHE": "/data/hub"},
        {"XDG_CACHE_HOME": "/data/cache"},
        {"XDG_CACHE_HOME": "/data/cache", "HF_HOME": "$HOME/hf"},
    ],
    ids=" ".join,
)
def test_the_hub_s_cache_is_where_its_client_has_it(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME")
    done = subprocess.run(
        [sys.executable, "-c", HUB_CACHE],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **environment},
    )
    theirs, ours = done.stdout.splitlines()
    assert theirs == ours


def test_without_a_login_the_hub_s_client_is_not_imported(home: Path) -> None:
    assert hub_token(HF_HOME=str(home / "empty")) == "None False"


def keyring(monkeypatch: pytest.MonkeyPatch, get: Callable[[str, str], str | None]) -> None:
    """Put a keyring into the world, whether the package is installed or not."""
    module = ModuleType("keyring")
    module.get_password = get  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "keyring", module)


def test_the_keyring_comes_last(monkeypatch: pytest.MonkeyPatch) -> None:
    keyring(monkeypatch, lambda service, user: f"{service}-{user}-{TOKEN}")
    token = load({}).token("civitai")
    assert token is not None
    assert token.reveal() == f"vaehub-civitai-{TOKEN}"
    holder = load({}).find_token("civitai")
    assert holder is not None
    assert holder.place == "keyring"
    token = load({"CIVITAI_API_KEY": "from-the-environment"}).token("civitai")
    assert token is not None
    assert token.reveal() == "from-the-environment"
    assert load({}).token("github") is None


def test_a_keyring_without_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(service: str, user: str) -> str | None:
        raise RuntimeError("no backend")

    keyring(monkeypatch, lambda service, user: None)
    assert load({}).token("civitai") is None
    keyring(monkeypatch, locked)
    assert load({}).token("civitai") is None


def test_a_secret_shows_nothing(caplog: pytest.LogCaptureFixture) -> None:
    secret = Secret(TOKEN)
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("test").warning("%s %r", secret, secret)
    shown = [str(secret), repr(secret), f"{secret}", f"{secret!r:>5}", repr([secret]), caplog.text]
    assert all(TOKEN not in text for text in shown)
    assert not hasattr(secret, "__dict__")
    assert secret.reveal() == TOKEN


def test_settings_show_no_token() -> None:
    found = load({name: TOKEN for names in TOKEN_VARIABLES.values() for name in names})
    assert TOKEN not in repr(found)
    assert TOKEN not in str(found)
    assert TOKEN not in repr(tuple(found))
    with pytest.raises(AttributeError):
        found.offline = True  # type: ignore[misc]


@pytest.mark.parametrize("variable", [*ENDPOINT_VARIABLES.values(), "VAEHUB_MIRRORS"])
@pytest.mark.parametrize(
    "value",
    [
        f"https://me:{TOKEN}@host.example/hub",
        f"https://{TOKEN}@host.example",
        f"me:{TOKEN}@host.example",
        f"ftp://me:{TOKEN}@host.example",
        f"https://host.example/?token={TOKEN}",
        f"host.example?token={TOKEN}",
        f"host.example#{TOKEN}",
        f"https://me:{TOKEN}@host.example:99999",
    ],
)
def test_an_error_shows_no_password(variable: str, value: str) -> None:
    with pytest.raises(UsageError) as caught:
        load({variable: value})
    assert TOKEN not in f"{caught.value.message} {caught.value.hint} {caught.value!r}"
    assert variable in caught.value.message


@pytest.mark.parametrize(
    "text",
    [
        f'[endpoints]\nhuggingface = "https://me:{TOKEN}@host.example"',
        f'[[mirrors]]\nbase = "me:{TOKEN}@host.example"',
        f'[[mirrors]]\nbase = "https://x"\nprefix = "https://x/?sig={TOKEN}"',
    ],
)
def test_an_error_in_the_configuration_shows_no_password(configure: Configure, text: str) -> None:
    configure(text)
    with pytest.raises(UsageError) as caught:
        load({})
    assert TOKEN not in caught.value.message


# Whatever the environment holds

ANYTHING = st.text(
    # What an environment can hold: no NUL; undecodable bytes come as these surrogates.
    st.characters(exclude_categories=["Cs"], exclude_characters="\0")
    | st.characters(min_codepoint=0xDC80, max_codepoint=0xDCFF),
    max_size=40,
)
NEARLY = st.builds(
    "".join,
    st.lists(
        st.sampled_from(
            ["http://", "https://", "=http", "=", "@", ":", "[", "]", "/", "?", "#", "~", " ", "1"]
        )
        | st.sampled_from(["host", "127.0.0.1", "99999", "é", "user", "\t", "%zz", ".."]),
        max_size=8,
    ),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.dictionaries(st.sampled_from(ALL_VARIABLES), ANYTHING | NEARLY))
def test_any_environment_is_understood_or_refused_in_words(environ: dict[str, str]) -> None:
    try:
        found = load(environ)
    except UsageError:
        return
    for host in DEFAULT_ENDPOINTS:
        assert origin(found.endpoint(host)).startswith(("http://", "https://"))
    assert all(base.startswith("http://") for base in found.plain_http_origins)
    assert isinstance(found.offline, bool)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.dictionaries(
        st.sampled_from([*KINDS, "x"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=10) | NEARLY,
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["path", "name", "base", "prefix", "huggingface", "github"]),
                    inner,
                    max_size=3,
                )
            ),
            max_leaves=6,
        ),
    )
)
def test_any_configuration_is_understood_or_refused_in_words(
    configure: Configure, config: dict[str, object]
) -> None:
    configure("\n".join(f"{key} = {toml(value)}" for key, value in config.items()))
    try:
        found = load({})
    except UsageError:
        return
    assert isinstance(found.store, Path)
    assert all(isinstance(file.path, Path) for file in found.catalogs)


def toml(value: object) -> str:
    """Write a value as TOML; None, which TOML lacks, as a text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list):
        return f"[{', '.join(toml(item) for item in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key} = {toml(item)}' for key, item in value.items())}}}"
    escaped = "".join(
        char if char.isprintable() and char not in '"\\' else f"\\U{ord(char):08x}"
        for char in str(value)
    )
    return f'"{escaped}"'


def without_environ(found: Settings) -> dict[str, object]:
    return {name: value for name, value in found._asdict().items() if name != "environ"}


def test_no_other_module_reads_the_environment() -> None:
    package = Path(settings_module.__file__).parent
    readers = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if any(word in path.read_text(encoding="utf-8") for word in ("os.environ", "os.getenv"))
    }
    assert readers == {
        "settings.py",
        "cli/terminal.py",  # TERM and NO_COLOR say how to print, not what to do
        "transfer/wire.py",  # proxies and certificates, which are as requests reads them
        "selftest/__init__.py",  # empties it for the libraries, and puts it back
    }
