"""Whose token is it: what each host says, and when nobody can say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.hosts.servers import Answer, serve
from vaehub import hosts
from vaehub.errors import LoginRequired, Offline, SourceError, SourceUnreachable, SourceUnusable
from vaehub.loopback.server import json_response
from vaehub.settings import ENDPOINT_VARIABLES, TOKEN_VARIABLES

if TYPE_CHECKING:
    from vaehub.loopback import LoopbackWorld

KNOWING = ("civitai", "huggingface", "liblib")
BAD = "t0ken-that-must-not-show"


def ask(client: Any, host: str, token: str) -> str | None:
    return hosts.with_login(host).account(token, session=client.session, settings=client.settings)


def test_every_host_with_tokens_says_where_one_comes_from() -> None:
    for host in TOKEN_VARIABLES:
        module = hosts.with_login(host)
        assert "https://" in module.TOKEN_FROM
        assert callable(module.account)


@pytest.mark.parametrize(
    ("host", "name"), [("civitai", "loopback"), ("huggingface", "loopback"), ("liblib", None)]
)
def test_a_good_token_has_an_account(
    host: str, name: str | None, world: LoopbackWorld, clients: Any
) -> None:
    assert ask(clients(world.environment()), host, world.tokens[host]) == name
    (seen,) = world.requests
    assert seen.origin == f"{host} api"
    assert world.leaks == []


@pytest.mark.parametrize("host", KNOWING)
def test_a_bad_token_is_refused(host: str, world: LoopbackWorld, clients: Any) -> None:
    with pytest.raises(LoginRequired, match="does not accept this token") as caught:
        ask(clients(world.environment()), host, BAD)
    assert hosts.with_login(host).TOKEN_FROM in (caught.value.hint or "")
    assert BAD not in f"{caught.value!r} {caught.value.hint}"


@pytest.mark.parametrize("host", KNOWING)
@pytest.mark.parametrize("status", [404, 403, 429, 451, 503])
def test_any_other_answer_is_no_verdict(
    host: str, status: int, world: LoopbackWorld, clients: Any
) -> None:
    world.faults(host).answer(json_response(status, {"error": "no"}), at="api")
    with pytest.raises(SourceError) as caught:
        ask(clients(world.environment()), host, world.tokens[host])
    assert not isinstance(caught.value, LoginRequired)


@pytest.mark.parametrize("host", KNOWING)
def test_a_page_or_silence_is_no_verdict(host: str, world: LoopbackWorld, clients: Any) -> None:
    client = clients(world.environment())
    world.faults(host).html_page(at="api")
    with pytest.raises(SourceUnusable):
        ask(client, host, world.tokens[host])
    world.faults(host).clear()
    world.faults(host).hang_up(at="api")
    with pytest.raises(SourceUnreachable):
        ask(client, host, world.tokens[host])


@pytest.mark.parametrize("host", KNOWING)
def test_who_is_redirected_to_gets_no_token_and_has_no_verdict(host: str, clients: Any) -> None:
    elsewhere: list[dict[str, str]] = []

    def refuse(method: str, path: str, headers: dict[str, str]) -> Answer:
        elsewhere.append(headers)
        return 401, {}, b"{}"

    with serve(refuse) as other:

        def hand_on(method: str, path: str, headers: dict[str, str]) -> Answer:
            return 308, {"Location": f"{other}{path}"}, b""

        with serve(hand_on) as first, pytest.raises(SourceError) as caught:
            ask(clients({ENDPOINT_VARIABLES[host]: first}), host, BAD)
    assert not isinstance(caught.value, LoginRequired)
    assert elsewhere == []


def test_of_modelscope_nobody_can_say(world: LoopbackWorld, clients: Any) -> None:
    with pytest.raises(SourceUnusable, match="no way to ask ModelScope"):
        ask(clients(world.environment()), "modelscope", world.tokens["modelscope"])
    assert world.requests == []


@pytest.mark.parametrize("variable", ["VAEHUB_OFFLINE", "HF_HUB_OFFLINE"])
def test_offline_nobody_is_asked(variable: str, world: LoopbackWorld, clients: Any) -> None:
    client = clients({**world.environment(), variable: "1"})
    with pytest.raises(Offline, match=variable):
        ask(client, "huggingface", world.tokens["huggingface"])
    assert world.requests == []


def test_civitai_s_second_front_is_asked_where_the_first_says_nothing(
    clients: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vaehub.hosts import civitai

    def red(method: str, path: str, headers: dict[str, str]) -> Answer:
        good = headers.get("authorization") == "Bearer good"
        return (200, {}, b'{"username": "me"}') if good else (401, {}, b"{}")

    with serve(red) as second:
        first = "http://127.0.0.1:9"  # nobody listens there
        monkeypatch.setitem(civitai.FRONTS, first, (first, second))
        client = clients({"VAEHUB_CIVITAI_ENDPOINT": first})
        assert ask(client, "civitai", "good") == "me"
        with pytest.raises(LoginRequired):
            ask(client, "civitai", BAD)
