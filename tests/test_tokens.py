"""Where tokens are kept, who may read them, and how they go."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.keyrings import keyring
from tests.trees import snapshot
from vaehub import tokens
from vaehub.errors import TargetNotUsable
from vaehub.settings import load

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = "t0ken-that-must-not-show"
POSIX = pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")


@pytest.fixture
def state() -> Path:
    return load().state


@pytest.fixture
def wide_open() -> Iterator[None]:
    """Let every new file be read and written by everybody, where nobody forbids it."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_keyring_is_used_where_there_is_one(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ring = keyring(monkeypatch)
    assert tokens.keep("civitai", TOKEN, state=state) == tokens.KEYRING
    assert ring.held == {("vaehub", "civitai"): TOKEN}
    assert not state.exists()
    assert tokens.forget("civitai", state=state) == (tokens.KEYRING,)
    assert ring.held == {}
    assert tokens.forget("civitai", state=state) == ()


@pytest.mark.parametrize("fault", ["none", "locked", "forgetful"])
def test_without_one_a_private_file_is(
    fault: str, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if fault != "none":
        setattr(keyring(monkeypatch), fault, True)
    assert tokens.keep("civitai", TOKEN, state=state) == tokens.FILE
    assert snapshot(state) == {"tokens/": "", "tokens/civitai": f"{TOKEN}\n".encode()}
    assert tokens.from_file("civitai", state=state) == TOKEN
    assert tokens.forget("civitai", state=state) == (tokens.FILE,)
    assert snapshot(state) == {"tokens/": ""}


@POSIX
@pytest.mark.usefixtures("wide_open")
def test_the_file_is_for_its_owner_alone(state: Path) -> None:
    for value in (TOKEN, "another"):
        tokens.keep("civitai", value, state=state)
        assert mode(state / "tokens") == 0o700
        assert mode(state / "tokens" / "civitai") == 0o600


@POSIX
@pytest.mark.usefixtures("wide_open")
def test_it_is_so_from_the_first_moment(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    fsync = os.fsync

    def look(descriptor: int) -> None:
        seen.append(mode(state / "tokens"))
        seen.extend(mode(path) for path in (state / "tokens").iterdir())
        fsync(descriptor)

    # What it is made with is what it has: nothing is put right afterwards.
    monkeypatch.setattr(Path, "chmod", lambda *_, **__: None)
    monkeypatch.setattr(os, "fsync", look)
    tokens.keep("civitai", TOKEN, state=state)
    assert set(seen) == {0o700, 0o600}
    assert mode(state / "tokens" / "civitai") == 0o600


@POSIX
def test_a_folder_that_others_could_read_is_put_right(state: Path) -> None:
    (state / "tokens").mkdir(parents=True)
    (state / "tokens").chmod(0o755)
    tokens.keep("civitai", TOKEN, state=state)
    assert mode(state / "tokens") == 0o700


def test_a_new_keyring_takes_over(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens.keep("civitai", "old", state=state)
    keyring(monkeypatch)
    assert tokens.keep("civitai", TOKEN, state=state) == tokens.KEYRING
    assert tokens.from_file("civitai", state=state) is None


def test_both_places_are_cleared(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens.keep("civitai", "old", state=state)
    keyring(monkeypatch).held["vaehub", "civitai"] = "older"
    assert tokens.forget("civitai", state=state) == (tokens.KEYRING, tokens.FILE)
    assert load().token("civitai") is None


def test_a_keyring_that_gives_nothing_up_is_told(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring = keyring(monkeypatch)
    tokens.keep("civitai", TOKEN, state=state)
    ring.locked = True
    with pytest.raises(TargetNotUsable, match="does not give up the token of civitai"):
        tokens.forget("civitai", state=state)


def test_a_place_that_takes_nothing_is_told(state: Path) -> None:
    state.parent.mkdir(parents=True, exist_ok=True)
    state.write_text("a file in the way")
    with pytest.raises(TargetNotUsable, match="cannot keep the token in") as caught:
        tokens.keep("civitai", TOKEN, state=state)
    assert TOKEN not in f"{caught.value!r} {caught.value.__cause__!r} {caught.value.hint}"


def test_each_host_has_its_own(state: Path) -> None:
    tokens.keep("civitai", "one", state=state)
    tokens.keep("liblib", "two", state=state)
    assert [tokens.from_file(host, state=state) for host in ("civitai", "liblib")] == ["one", "two"]
    assert tokens.forget("civitai", state=state) == (tokens.FILE,)
    assert tokens.from_file("liblib", state=state) == "two"


@pytest.mark.parametrize("content", [b"", b" \n", b"\xff\xfe\x00"])
def test_a_file_that_says_nothing_is_no_token(content: bytes, state: Path) -> None:
    path = tokens.file_of("civitai", state=state)
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    assert tokens.from_file("civitai", state=state) is None


# The order


def test_the_private_file_comes_last(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def place() -> str | None:
        found = load().find_token("civitai")
        return found and found.place

    assert place() is None
    tokens.keep("civitai", "in the file", state=state)
    token = load().token("civitai")
    assert (place(), token and token.reveal()) == (tokens.FILE, "in the file")
    keyring(monkeypatch).held["vaehub", "civitai"] = "in the keyring"
    assert place() == tokens.KEYRING
    monkeypatch.setenv("CIVITAI_API_KEY", "in the environment")
    assert place() == "CIVITAI_API_KEY"


def test_the_hub_s_own_login_comes_before_ours(
    home: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    tokens.keep("huggingface", "ours", state=state)
    file = home / "token"
    file.write_text("the-hub-s", encoding="utf-8")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(file))
    found = load().find_token("huggingface")
    assert found is not None
    assert (found.place, found.secret.reveal()) == (tokens.HUB, "the-hub-s")


def test_a_login_of_the_hub_that_cannot_be_read_is_none(
    home: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    tokens.keep("huggingface", "ours", state=state)
    (home / "token").mkdir()  # as a file of somebody else's, it gives an OSError
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(home / "token"))
    found = load().find_token("huggingface")
    assert found is not None
    assert (found.place, found.secret.reveal()) == (tokens.FILE, "ours")


def test_a_token_that_was_found_shows_nothing(state: Path) -> None:
    tokens.keep("civitai", TOKEN, state=state)
    settings = load()
    assert TOKEN not in f"{settings.find_token('civitai')!r} {settings!r}"
