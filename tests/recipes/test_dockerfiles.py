"""What of hadolint's rules matters, by hand; and that no token can get into a layer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.recipes import reading

if TYPE_CHECKING:
    from pathlib import Path

_SECRET = re.compile(r"token|secret|password|api_?key", re.IGNORECASE)
each = pytest.mark.parametrize("path", reading.DOCKERFILES, ids=lambda path: path.name)


def of(path: Path, word: str) -> list[str]:
    return [rest for each, rest in reading.instructions(path) if each == word]


@each
def test_the_syntax_line_comes_first(path: Path) -> None:
    first, *_ = path.read_text(encoding="utf-8").splitlines()
    assert first == "# syntax=docker/dockerfile:1"


@each
def test_each_base_is_pinned_by_a_tag(path: Path) -> None:
    bases = [base for base in of(path, "FROM") if not base.startswith("${")]
    assert bases
    for base in bases:
        assert re.match(r"[\w./-]+:(?!latest)[\w.-]+( AS \w+)?$", base), base


@each
def test_no_token_is_an_argument_or_a_variable_of_the_image(path: Path) -> None:
    for word in ("ARG", "ENV", "LABEL", "COPY", "ADD"):
        assert not [rest for rest in of(path, word) if _SECRET.search(rest)]


@each
def test_a_token_is_there_by_a_secret_mount_alone(path: Path) -> None:
    for rest in of(path, "RUN"):
        command = re.sub(r"--mount=type=secret,id=(\w+),env=\1 ", "", rest)
        assert not _SECRET.search(command), command


@each
def test_nothing_is_added_from_an_address(path: Path) -> None:
    assert not of(path, "ADD")


@each
def test_what_is_run_is_a_list_of_words(path: Path) -> None:
    for rest in (*of(path, "CMD"), *of(path, "ENTRYPOINT")):
        assert re.fullmatch(r'\[("[^"]*"(, )?)+\]', rest)


@each
def test_a_pipe_would_want_pipefail(path: Path) -> None:
    assert not [rest for rest in of(path, "RUN") if re.search(r"[^|]\|[^|]", rest)]


@each
def test_pip_keeps_no_cache_in_the_layer(path: Path) -> None:
    found = [rest for rest in of(path, "RUN") if "pip install" in rest]
    assert found
    assert all("--no-cache-dir" in rest for rest in found)


@each
def test_vaehub_runs_as_no_root(path: Path) -> None:
    """Before it runs at all, the user is another one."""
    user = "root"
    for word, rest in reading.instructions(path):
        user = rest if word == "USER" else "root" if word == "FROM" else user
        if word == "ENTRYPOINT" or (word == "RUN" and "vaehub sync" in rest):
            assert user == "1000:1000"


def test_the_lock_is_copied_before_and_nothing_else_is() -> None:
    words = reading.instructions(reading.ROOT / "docker" / "Dockerfile")
    at = next(i for i, (word, rest) in enumerate(words) if word == "RUN" and "sync" in rest)
    assert [rest for word, rest in words[:at] if word == "COPY"] == ["vaehub.lock ./"]


def test_store_and_target_of_a_build_share_a_file_system() -> None:
    """Else the bytes would go straight to the target, and the cache would stay empty."""
    [run] = [
        rest for rest in of(reading.ROOT / "docker" / "Dockerfile", "RUN") if "vaehub sync" in rest
    ]
    [cache] = re.findall(r"--mount=type=cache,\S*target=(/\w+)", run)
    assert f"VAEHUB_STORE={cache}/store" in run
    assert f'--to "${{TARGET}}={cache}/' in run
