"""Whatever ends a command becomes a result."""

from __future__ import annotations

import errno

import pytest

from vaehub.cli.boundary import result_of
from vaehub.errors import FileInTheWay

SECRET = "https://cdn.example/x?sig=abc123"


def test_our_errors_keep_their_code() -> None:
    result = result_of(FileInTheWay("a file is there", hint="move it"), "install", argv=())
    assert result.exit_code == 7
    assert result.failures[0].error.hint == "move it"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS])
def test_what_the_system_refuses_is_no_bug(number: int) -> None:
    result = result_of(OSError(number, "no", "/some/path"), "install", argv=())
    assert result.exit_code == 7
    assert "/some/path" in result.failures[0].error.message


def test_an_unexpected_error_is_our_bug_and_says_what_to_report() -> None:
    result = result_of(KeyError(SECRET), "list", argv=["list", "--family", "sd 1"])
    assert result.exit_code == 1
    (problem,) = result.problems
    assert problem.code == "bug"
    assert problem.message.startswith("this is a bug in vaehub, not something you did: KeyError")
    assert problem.hint is not None
    assert "vaehub list --family 'sd 1'" in problem.hint
    assert "abc123" not in problem.message


def test_the_traceback_comes_with_verbose_only_and_without_secrets(
    capsys: pytest.CaptureFixture[str],
) -> None:
    try:
        raise ValueError(SECRET)
    except ValueError as error:
        result_of(error, "list", argv=())
        assert capsys.readouterr().err == ""
        result_of(error, "list", argv=(), verbose=True)
    shown = capsys.readouterr().err
    assert "test_boundary.py" in shown
    assert "ValueError" in shown
    assert "abc123" not in shown


def test_an_interrupted_install_can_go_on() -> None:
    result = result_of(KeyboardInterrupt(), "install", argv=())
    assert result.exit_code == 130
    assert result.problems[0].message == (
        "interrupted; run the same command again to go on from the bytes already here"
    )
    assert result_of(KeyboardInterrupt(), "list", argv=()).problems[0].message == "interrupted"
