"""``vaehub login`` and ``vaehub logout``: asked, checked, kept, and never shown."""

from __future__ import annotations

import getpass
import io
import os
import select
import subprocess
import sys
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from tests.cli.conftest import ROOT
from tests.keyrings import keyring
from vaehub import tokens
from vaehub.cli import boundary, terminal
from vaehub.hosts import civitai
from vaehub.settings import TOKEN_VARIABLES, load

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Ran, Run
    from vaehub.loopback import LoopbackWorld

BAD = "t0ken-that-must-not-show"


class Shell:
    """A person who pipes tokens, and looks for them in everything that is said."""

    def __init__(self, run: Run, patch: pytest.MonkeyPatch) -> None:
        self._run, self._patch = run, patch

    def pipe(self, token: str | None, *arguments: str) -> Ran:
        stream = io.StringIO("" if token is None else f"{token}\n")
        self._patch.setattr(sys, "stdin", stream)
        ran = self._run(*arguments)
        if token:
            assert token not in ran.out + ran.err
        return ran


@pytest.fixture
def shell(run: Run, monkeypatch: pytest.MonkeyPatch) -> Shell:
    return Shell(run, monkeypatch)


def kept(host: str) -> tuple[str, str] | None:
    found = load().find_token(host)
    return found and (found.place, found.secret.reveal())


@pytest.mark.parametrize("host", TOKEN_VARIABLES)
def test_a_good_token_is_kept_in_a_private_file(
    host: str, shell: Shell, world: LoopbackWorld
) -> None:
    token = world.tokens[host]
    ran = shell.pipe(token, "login", host, "--with-token", "-v")
    assert (ran.code, ran.out) == (0, "")
    words = {
        "civitai": "logged in as loopback",
        "huggingface": "logged in as loopback",
        "liblib": "logged in",
        "modelscope": "not checked",
    }[host]
    assert f"{host}: {words}; the token is kept in a private file\n" in ran.err
    assert ("note: the token was not checked" in ran.err) == (host == "modelscope")
    assert kept(host) == (tokens.FILE, token)
    assert world.leaks == []


def test_a_good_token_is_kept_in_the_keyring(
    shell: Shell, world: LoopbackWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring = keyring(monkeypatch)
    ran = shell.pipe(world.tokens["civitai"], "login", "Civitai", "--with-token")
    assert ran.err == "civitai: logged in as loopback; the token is kept in the system keyring\n"
    assert ring.held == {("vaehub", "civitai"): world.tokens["civitai"]}
    ran = shell.pipe(None, "logout", "civitai")
    assert (ran.code, ran.err) == (0, "civitai: the token is removed from the system keyring\n")
    assert ring.held == {}


@pytest.mark.parametrize("flags", [[], ["-v"], ["--json"], ["--json", "-v"], ["-q"]])
@pytest.mark.parametrize("host", ["civitai", "huggingface", "liblib"])
def test_a_refused_token_is_not_kept_and_not_shown(
    host: str, flags: list[str], shell: Shell, world: LoopbackWorld
) -> None:
    shell.pipe(world.tokens[host], "login", host, "--with-token")
    ran = shell.pipe(BAD, "login", host, "--with-token", *flags)
    assert ran.code == 5
    assert "does not accept this token" in ran.out + ran.err
    assert kept(host) == (tokens.FILE, world.tokens[host])  # the one from before


@pytest.mark.parametrize("variable", ["VAEHUB_OFFLINE", "VAEHUB_CIVITAI_ENDPOINT"])
def test_what_nobody_can_check_is_kept_and_that_is_said(
    variable: str, shell: Shell, world: LoopbackWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, {"VAEHUB_OFFLINE": "1"}.get(variable, "http://127.0.0.1:9"))
    ran = shell.pipe(BAD, "login", "civitai", "--with-token")
    assert ran.code == 0
    assert "civitai: not checked; the token is kept in a private file\n" in ran.err
    assert "vaehub: note: the token was not checked: " in ran.err
    assert kept("civitai") == (tokens.FILE, BAD)
    assert world.requests == []


def test_json(shell: Shell, world: LoopbackWorld) -> None:
    said = shell.pipe(world.tokens["civitai"], "login", "civitai", "--with-token", "--json").json
    assert said["results"] == [
        {
            "host": "civitai",
            "account": "loopback",
            "checked": True,
            "kept_in": "private file",
            "overruled_by": None,
        }
    ]
    assert said["problems"] == []
    said = shell.pipe("x" * 20, "login", "modelscope", "--with-token", "--json").json
    assert (said["ok"], said["results"][0]["checked"]) == (True, False)
    assert [one["code"] for one in said["problems"]] == ["login-not-checked"]
    said = shell.pipe(None, "logout", "civitai", "--json").json
    assert said["results"] == [{"host": "civitai", "removed_from": ["private file"], "still": None}]


def test_a_variable_that_comes_first_is_told(
    shell: Shell, world: LoopbackWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CIVITAI_TOKEN", "another")
    ran = shell.pipe(world.tokens["civitai"], "login", "civitai", "--with-token")
    assert ran.code == 0
    assert "note: another token for civitai comes first: CIVITAI_TOKEN" in ran.err
    assert "another" not in ran.err.replace("another token", "")
    ran = shell.pipe(None, "logout", "civitai")
    assert "note: there is still a token for civitai: CIVITAI_TOKEN" in ran.err
    assert kept("civitai") == ("CIVITAI_TOKEN", "another")


def test_logging_out_twice_is_fine(shell: Shell) -> None:
    for _ in range(2):
        ran = shell.pipe(None, "logout", "civitai")
        assert (ran.code, ran.err) == (0, "civitai: vaehub keeps no token\n")


@pytest.mark.parametrize("token", ["two words", "two\nlines", "ümlaut", "a;b"])
def test_what_is_no_token_is_refused_and_not_repeated(
    token: str, shell: Shell, world: LoopbackWorld
) -> None:
    ran = shell.pipe(token, "login", "civitai", "--with-token", "-v")
    assert ran.code == 2
    assert "is no token of civitai" in ran.err
    assert (kept("civitai"), world.requests) == (None, [])


@pytest.mark.parametrize("nothing", ["", "   ", None])
def test_standard_input_without_a_token(nothing: str | None, shell: Shell) -> None:
    ran = shell.pipe(nothing, "login", "civitai", "--with-token")
    assert ran.code == 2
    assert "standard input holds no token" in ran.err


def test_standard_input_that_is_no_text(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(b"\xff\xfe" + BAD.encode()), encoding="utf-8")
    monkeypatch.setattr(sys, "stdin", stream)
    for flags in ([], ["-v"]):
        stream.seek(0)
        ran = run("login", "civitai", "--with-token", *flags)
        assert ran.code == 2
        assert "is no token of civitai" in ran.err
        assert BAD not in ran.err
    monkeypatch.setattr(sys, "stdin", None)
    assert "standard input holds no token" in run("login", "civitai", "--with-token").err


def test_a_terminal_that_shows_what_is_typed_is_not_used(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def shows(prompt: str) -> str:
        warnings.warn("Can not control echo", getpass.GetPassWarning, stacklevel=2)
        return BAD

    monkeypatch.setattr(terminal, "can_ask", lambda: True)
    monkeypatch.setattr(getpass, "getpass", shows)
    ran = run("login", "civitai")
    assert ran.code == 2
    assert "cannot be kept from showing what is typed" in ran.err
    assert kept("civitai") is None


def test_nobody_is_there_to_be_asked(shell: Shell) -> None:
    ran = shell.pipe(None, "login", "civitai")
    assert ran.code == 2
    assert "hint: pipe it: vaehub login civitai --with-token < FILE" in ran.err


@pytest.mark.parametrize("flags", [[], ["--json"], ["-v"]])
@pytest.mark.parametrize("arguments", [["civitai", BAD], [BAD]])
def test_a_token_as_an_argument_is_refused_and_not_repeated(
    arguments: list[str], flags: list[str], run: Run
) -> None:
    ran = run("login", *arguments, *flags)
    assert ran.code == 2
    assert BAD not in ran.out + ran.err
    assert ("never an argument" in ran.out + ran.err) == (len(arguments) > 1)


def test_an_unknown_host_has_a_close_one(run: Run) -> None:
    for command in ("login", "logout"):
        ran = run(command, "civitei")
        assert ran.code == 2
        assert "did you mean civitai?" in ran.err
        assert "there is one for huggingface, civitai, liblib, modelscope" in ran.err


def test_a_bug_shows_no_token(
    shell: Shell, world: LoopbackWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(token: str, **_: object) -> None:
        raise RuntimeError("odd")

    monkeypatch.setattr(civitai, "account", broken)
    for flags in ([], ["-v"], ["--json"]):
        ran = shell.pipe(world.tokens["civitai"], "login", "civitai", "--with-token", *flags)
        assert ran.code == 1
        assert "this is a bug in vaehub" in ran.out + ran.err
    assert boundary.INTERRUPTED == 130


# The Hub's own login


@pytest.fixture
def hub_login(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    from huggingface_hub import constants

    file = home / "hub" / "token"
    file.parent.mkdir()
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(file))
    return file


def test_the_hub_s_own_login_serves(shell: Shell, world: LoopbackWorld, hub_login: Path) -> None:
    hub_login.write_text(world.tokens["huggingface"])
    ran = shell.pipe(None, "login", "huggingface")
    assert ran.code == 0
    assert "huggingface: logged in as loopback with the Hub's own client" in ran.err
    assert tokens.from_file("huggingface", state=load().state) is None
    hub_login.write_text(BAD)
    ran = shell.pipe(None, "login", "huggingface")
    assert ran.code == 5
    assert "hint: log in there again: hf auth login" in ran.err
    assert BAD not in ran.err


def test_the_hub_s_own_login_is_never_touched(
    shell: Shell, world: LoopbackWorld, hub_login: Path
) -> None:
    hub_login.write_text("the-hub-s-own")
    ran = shell.pipe(world.tokens["huggingface"], "login", "huggingface", "--with-token")
    assert ran.code == 0
    assert "comes first: the Hub's own login (hf auth login)\n" in ran.err
    assert "hint: take that one away: hf auth logout" in ran.err
    ran = shell.pipe(None, "logout", "huggingface")
    assert "removed from a private file" in ran.err
    assert "still a token for huggingface: the Hub's own login" in ran.err
    assert hub_login.read_text() == "the-hub-s-own"


# A person at a terminal


def typed(keys: str, *arguments: str, environ: dict[str, str]) -> tuple[int, str]:
    """Run a command on a terminal, wait for the question, and type."""
    import pty

    outer, inner = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "vaehub", *arguments],
        env={**os.environ, **environ, "PYTHONPATH": str(ROOT), "TERM": "xterm"},
        stdin=inner,
        stdout=inner,
        stderr=inner,
        start_new_session=True,  # else getpass would ask at the terminal of who runs the tests
    )
    os.close(inner)
    shown = b""
    asked = False
    while True:
        if not select.select([outer], [], [], 60)[0]:
            process.kill()
        try:
            chunk = os.read(outer, 65536)
        except OSError:  # how Linux says that the other side is closed
            break
        shown += chunk
        if b"not shown): " in shown and not asked:
            asked = True
            os.write(outer, keys.encode())
        if not chunk:
            break
    os.close(outer)
    return process.wait(timeout=60), shown.decode().replace("\r\n", "\n")


@pytest.mark.skipif(os.name == "nt", reason="terminals of POSIX")
def test_a_person_is_asked_without_an_echo(world: LoopbackWorld) -> None:
    environ: dict[str, Any] = world.environment()
    token = world.tokens["civitai"]
    code, shown = typed(f"{token}\n", "login", "civitai", environ=environ)
    assert code == 0
    assert "Make an API key on https://civitai.com/user/account, and paste it here.\n" in shown
    assert "civitai: logged in as loopback; the token is kept in a private file\n" in shown
    assert token not in shown
    assert kept("civitai") == (tokens.FILE, token)
    # With --with-token too, where it would be typed and not piped.
    code, shown = typed(f"{BAD}\n", "login", "civitai", "--with-token", environ=environ)
    assert code == 5
    assert BAD not in shown
    for keys in ("\n", "\x04"):  # return alone, and the end of the input
        code, shown = typed(keys, "login", "civitai", environ=environ)
        assert code == 2
        assert "no token was given; nothing has changed" in shown
    assert kept("civitai") == (tokens.FILE, token)
