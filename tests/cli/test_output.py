"""The one place that prints."""

from __future__ import annotations

import io
import json
import os
import sys
from typing import TYPE_CHECKING

import pytest

from vaehub.cli.output import Failure, Result, emit, failed
from vaehub.cli.tables import Column, Fact, Styled, Table
from vaehub.errors import (
    CatalogError,
    HashMismatch,
    LoginRequired,
    NoSourceDelivered,
    SourceGone,
)
from vaehub.model import Problem

if TYPE_CHECKING:
    from pathlib import Path

RESULT = Result(
    "list",
    results=({"id": "暖"},),
    problems=(Problem("odd", "something is odd", where="mine.yaml:3", blocking=False),),
    text=lambda: ["a line", Table((Column("id"),), (("暖",),)), Fact("tags", "a, b")],
)


def test_json_is_one_object_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    assert emit(RESULT, as_json=True) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert json.loads(out) == {
        "schema": 1,
        "command": "list",
        "ok": True,
        "results": [{"id": "暖"}],
        "problems": [
            {
                "code": "odd",
                "message": "something is odd",
                "where": "mine.yaml:3",
                "blocking": False,
                "hint": None,
            }
        ],
    }


def test_text_goes_to_stdout_and_notes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    assert emit(RESULT) == 0
    out, err = capsys.readouterr()
    assert out == "a line\nid\n暖\n  tags         a, b\n"
    assert err == "vaehub: note: mine.yaml:3: something is odd\n"


def test_quiet_leaves_out_notes_and_reports_but_no_answer(
    capsys: pytest.CaptureFixture[str],
) -> None:
    emit(RESULT, quiet=True)
    assert capsys.readouterr() == ("a line\nid\n暖\n  tags         a, b\n", "")
    emit(Result("install", text=lambda: ["done"], is_report=True), quiet=True)
    assert capsys.readouterr() == ("", "")


def no_source() -> NoSourceDelivered:
    return NoSourceDelivered(
        "no source delivered x.safetensors",
        attempts=[
            ("huggingface acme/x", SourceGone("it has no such file: 404")),
            ("civitai 1", LoginRequired("wants a login: 401", hint="set CIVITAI_TOKEN")),
        ],
        hint="try again later",
    )


def test_each_source_that_failed_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert emit(failed("install", [Failure(no_source(), where="x")])) == 5
    assert capsys.readouterr() == (
        "",
        "vaehub: x: no source delivered x.safetensors\n"
        "  - huggingface acme/x: it has no such file: 404\n"
        "  - civitai 1: wants a login: 401\n"
        "    hint: set CIVITAI_TOKEN\n"
        "  hint: try again later\n",
    )


def test_the_same_failure_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    emit(failed("install", [Failure(no_source())]), as_json=True)
    said = json.loads(capsys.readouterr().out)
    assert said["ok"] is False
    assert [problem["code"] for problem in said["problems"]] == [
        "no-source-delivered",
        "source-gone",
        "login-required",
    ]
    assert said["problems"][2]["where"] == "civitai 1"
    assert said["problems"][2]["hint"] == "set CIVITAI_TOKEN"


def test_the_first_failure_gives_the_exit_code() -> None:
    assert failed("install", [Failure(HashMismatch("a")), Failure(SourceGone("b"))]).exit_code == 6
    assert failed("install", [Failure(SourceGone("b")), Failure(HashMismatch("a"))]).exit_code == 5


def test_the_findings_of_a_wrong_catalog_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    error = CatalogError(
        "mine.yaml is wrong", problems=[Problem("schema-type", "expected text", "mine.yaml:7")]
    )
    assert emit(failed("list", [Failure(error)])) == 3
    assert capsys.readouterr().err == (
        "vaehub: mine.yaml is wrong\n  - mine.yaml:7: expected text\n"
    )


def test_a_strangers_text_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    evil = "\x1b]0;owned\x07\x1b[2J"
    result = Result(
        "list",
        problems=(Problem("odd", evil, hint=evil),),
        text=lambda: [
            evil,
            (Styled(evil, "bold"),),
            Table((Column("id"),), ((evil,),)),
            Fact(evil, evil),
        ],
    )
    emit(result)
    out, err = capsys.readouterr()
    assert "\x1b" not in out + err
    assert "\x07" not in out + err
    emit(result, as_json=True)
    assert "\x1b" not in capsys.readouterr().out


def test_secrets_are_blanked_out_of_messages(capsys: pytest.CaptureFixture[str]) -> None:
    secret = "https://cdn.example/x?sig=abc123"
    result = Result("install", problems=(Problem("odd", secret, hint=secret),))
    emit(result)
    emit(result, as_json=True)
    assert "abc123" not in "".join(capsys.readouterr())


def test_a_stream_that_cannot_show_a_character_gets_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    assert emit(Result("list", text=lambda: ["暖 VAE"])) == 0
    assert raw.getvalue() == b"? VAE\n"
    emit(RESULT, as_json=True)
    assert json.loads(raw.getvalue().partition(b"\n")[2])["results"] == [{"id": "暖"}]


def test_no_stdout_at_all_is_no_reason_to_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    assert emit(RESULT) == 0
    assert emit(RESULT, as_json=True) == 0


@pytest.mark.skipif(os.name != "posix", reason="pipes of POSIX")
def test_a_reader_who_went_away_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w", encoding="utf-8") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        assert emit(RESULT, as_json=True) == 0
        monkeypatch.undo()


@pytest.mark.skipif(os.name != "posix", reason="pipes of POSIX")
def test_errors_are_told_also_where_nobody_reads_the_results(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w", encoding="utf-8") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        result = failed("install", [Failure(SourceGone("gone"))], text=lambda: ["done"])
        assert emit(result) == 5
        monkeypatch.undo()
    assert capsys.readouterr().err == "vaehub: gone\n"


def test_an_empty_message_is_no_trouble(capsys: pytest.CaptureFixture[str]) -> None:
    assert emit(failed("install", [Failure(SourceGone(""))])) == 5
    assert capsys.readouterr().err == "vaehub: \n"


@pytest.mark.skipif(not os.access("/dev/full", os.W_OK), reason="there is no /dev/full")
def test_output_that_cannot_be_written_is_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stream = open("/dev/full", "w", encoding="utf-8")  # noqa: PTH123, SIM115
    monkeypatch.setattr(sys, "stdout", stream)
    with pytest.raises(OSError, match="No space"):
        emit(RESULT, as_json=True)
    monkeypatch.undo()
    with pytest.raises(OSError, match="No space"):
        stream.close()
