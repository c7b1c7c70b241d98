from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.transfer.helping import QUICK, Sleeper, session_for
from tests.transfer.scripted import Request, reply, serving
from vaehub.errors import SourceUnusable

if TYPE_CHECKING:
    from collections.abc import Callable

FINE = reply(200, b'{"fine": true}', Content_Type="application/json")


def ok(request: Request) -> bytes:
    return FINE


def in_turn(*answers: bytes) -> Callable[[Request], bytes]:
    left = list(answers)
    return lambda request: left.pop(0)


def test_json_is_parsed() -> None:
    with serving(ok) as (server,), session_for(server) as session:
        assert session.json("GET", server.url, what="it") == (200, {"fine": True})
    assert server.requests[0].headers["accept"] == "application/json"


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 522])
def test_passing_trouble_is_waited_out(status: int, sleeper: Sleeper) -> None:
    answers = in_turn(reply(status, b"busy"), reply(status, b"busy", Retry_After="7"), FINE)
    with serving(answers) as (server,), session_for(server, sleeper=sleeper) as session:
        assert session.json("GET", server.url, what="it")[0] == 200
    assert sleeper.waits == [1, 7]


def test_a_broken_connection_is_tried_again(sleeper: Sleeper) -> None:
    answers = in_turn(b"", reply(200, b'{"fi', length=14), FINE)
    with serving(answers) as (server,), session_for(server, sleeper=sleeper) as session:
        assert session.json("GET", server.url, what="it") == (200, {"fine": True})
    assert sleeper.waits == [1, 2]


def test_lasting_trouble_is_an_answer_in_the_end(sleeper: Sleeper) -> None:
    answer = reply(429, b'{"error": "slow down"}')
    with (
        serving(lambda request: answer) as (server,),
        session_for(server, sleeper=sleeper) as session,
    ):
        assert session.json("GET", server.url, what="it") == (429, {"error": "slow down"})
    assert len(server.requests) == QUICK.attempts


def test_too_long_a_wait_is_not_begun(sleeper: Sleeper) -> None:
    answer = reply(503, b"", Retry_After="86400")
    with (
        serving(lambda request: answer) as (server,),
        session_for(server, sleeper=sleeper) as session,
    ):
        assert session.json("GET", server.url, what="it") == (503, None)
    assert sleeper.waits == []


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 451])
def test_a_clear_no_is_not_asked_twice(status: int) -> None:
    with (
        serving(lambda request: reply(status, b"<html>")) as (server,),
        session_for(server) as session,
    ):
        assert session.json("GET", server.url, what="it") == (status, None)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (reply(200, b"<!DOCTYPE html>", Content_Type="text/html"), "a web page"),
        (reply(200, b"\n <html>"), "a web page"),
        (reply(200, b"hello"), "something else"),
        (reply(200, b""), "something else"),
        (reply(200, b"[" * 100_000), "something else"),
        (reply(403, b"<html>", cf_mitigated="challenge"), "Cloudflare"),
        (reply(200, b'"' + b"x" * 200_000 + b'"'), "more than 200,000 bytes"),
    ],
)
def test_nonsense_from_an_api_is_named(answer: bytes, words: str) -> None:
    with (
        serving(lambda request: answer) as (server,),
        session_for(server) as session,
        pytest.raises(SourceUnusable, match=words) as caught,
    ):
        session.json("GET", f"{server.url}?sig=hush", what="the record", ceiling=200_000)
    assert caught.value.message.startswith("the record")
    assert "hush" not in caught.value.message
