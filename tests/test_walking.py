"""Walking a folder as UIs do: every file, no circle, and what cannot be read is named."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.trees import forbidding_folder
from vaehub.walking import files_below

if TYPE_CHECKING:
    from pathlib import Path

    from vaehub.model import Problem

posix = pytest.mark.skipif(os.name != "posix", reason="a POSIX matter")


def walked(root: Path) -> tuple[list[str], list[Problem]]:
    problems: list[Problem] = []
    found = [path.relative_to(root).as_posix() for path, _ in files_below(root, problems)]
    return found, problems


def make(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name, encoding="utf-8")


def test_every_file_below_in_order(tmp_path: Path) -> None:
    make(tmp_path, "b", "a/2", "a/1", "c/d/e", ".hidden")
    assert walked(tmp_path) == ([".hidden", "b", "a/1", "a/2", "c/d/e"], [])


def test_what_a_file_is(tmp_path: Path) -> None:
    make(tmp_path, "a")
    ((path, stat),) = files_below(tmp_path, [])
    assert (path, stat) == (tmp_path / "a", path.stat())


def test_hidden_folders_are_not_entered(tmp_path: Path) -> None:
    make(tmp_path, ".vaehub/x.part", "a/.git/b", "a/c")
    assert walked(tmp_path) == (["a/c"], [])
    assert walked(tmp_path / "a" / ".git") == (["b"], []), "save the one that was named"


def test_hidden_folders_are_entered_where_asked_for_and_ours_never(tmp_path: Path) -> None:
    make(tmp_path, ".vaehub/x.part", ".a/b", ".a/.vaehub/c", "d")
    found = [
        path.relative_to(tmp_path).as_posix() for path, _ in files_below(tmp_path, [], hidden=True)
    ]
    assert found == ["d", ".a/b"]


def test_links_are_followed_and_circles_are_not(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    make(root, "a/1")
    make(elsewhere, "far", "deep/2")
    (root / "file").symlink_to(elsewhere / "far")
    (root / "folder").symlink_to(elsewhere / "deep")
    (root / "a" / "up").symlink_to("..")
    (root / "self").symlink_to(".")
    (elsewhere / "deep" / "back").symlink_to(root)
    assert walked(root) == (["file", "a/1", "folder/2"], [])


def test_a_folder_under_two_names_is_entered_once(tmp_path: Path) -> None:
    make(tmp_path, "a/1")
    (tmp_path / "b").symlink_to("a")
    assert walked(tmp_path) == (["a/1"], [])


def test_a_file_under_two_names_is_given_twice(tmp_path: Path) -> None:
    make(tmp_path, "a")
    (tmp_path / "b").symlink_to("a")
    (tmp_path / "c").hardlink_to(tmp_path / "a")
    assert walked(tmp_path)[0] == ["a", "b", "c"]


def test_links_that_lead_nowhere_are_named(tmp_path: Path) -> None:
    make(tmp_path, "a")
    (tmp_path / "dead").symlink_to("nowhere")
    (tmp_path / "round").symlink_to("round")
    found, problems = walked(tmp_path)
    assert found == ["a"]
    assert [(problem.code, problem.where, problem.blocking) for problem in problems] == [
        ("unreadable", str(tmp_path / "dead"), False),
        ("unreadable", str(tmp_path / "round"), False),
    ]
    assert "leads nowhere" in problems[0].message


@posix
def test_a_folder_that_forbids_is_named_and_passed_by() -> None:
    with forbidding_folder(0o777) as folder:
        make(folder, "z")
        (folder / "locked").mkdir(mode=0o000)
        found, problems = walked(folder)
    assert found == ["z"]
    assert [problem.where for problem in problems] == [str(folder / "locked")]
    assert "Permission denied" in problems[0].message


@posix
def test_only_regular_files_are_files(tmp_path: Path) -> None:
    make(tmp_path, "a")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "null").symlink_to("/dev/null")
    assert walked(tmp_path) == (["a"], [])


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    found, problems = walked(tmp_path / "gone")
    assert found == []
    assert [problem.where for problem in problems] == [str(tmp_path / "gone")]
