from __future__ import annotations

import logging
import socket
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.transfer.helping import QUICK, session_for, settings_for
from tests.transfer.scripted import Request, reply, serving
from vaehub.errors import Offline, SourceUnreachable, SourceUnusable
from vaehub.transfer.borrowed import Borrowed
from vaehub.transfer.session import Session
from vaehub.transfer.stream import Answer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vaehub.transfer.reply import Reply

    Ask = Callable[..., Reply]

SECRET = {"Authorization": "Bearer hush", "token": "hush"}


FINE = reply(200, b'{"fine": true}', Content_Type="application/json")


@pytest.fixture(params=["requests", "wire"])
def ask(request: pytest.FixtureRequest) -> Ask:
    """Send a GET in either of the two ways, which must not differ."""

    def through_requests(session: Session, url: str, **options: Any) -> Reply:
        return Borrowed(session.request("GET", url, **options))

    def over_the_wire(session: Session, url: str, **options: Any) -> Reply:
        return session.get(url, **options)

    return through_requests if request.param == "requests" else over_the_wire


def ok(request: Request) -> bytes:
    return FINE


def to(url: str, status: int = 302) -> Callable[[Request], bytes]:
    return lambda request: reply(status, b"moved", Location=url)


def test_who_we_say_we_are(ask: Ask) -> None:
    with serving(ok) as (server,), session_for(server) as session:
        ask(session, server.url, headers={"Range": "bytes=5-"}).close()
    (seen,) = server.requests
    agent = seen.headers["user-agent"].lower()
    assert agent.startswith("vaehub/")
    browsers = ("mozilla", "chrome", "safari", "firefox", "opera", "edge", "python")
    assert not any(word in agent for word in browsers)
    assert seen.headers["accept-encoding"] == "identity"
    assert seen.headers["range"] == "bytes=5-"


def test_credentials_stay_at_their_origin(ask: Ask) -> None:
    """A redirect within the origin keeps them; the first other origin ends them for good."""
    answers: dict[str, str] = {}

    def home(request: Request) -> bytes:
        target = answers.get(request.target)
        return to(target)(request) if target else ok(request)

    with serving(home, home) as (first, second), session_for(first) as session:
        answers |= {"/1": "/2", "/2": f"{second.url}/3", "/3": f"{first.url}/4"}
        with ask(session, f"{first.url}/1", headers={"X-Kept": "yes"}, credentials=SECRET) as reply:
            assert bytes(Answer(reply).read(100)) == b'{"fine": true}'
    carried = {
        request.target: "authorization" in request.headers or "token" in request.headers
        for request in [*first.requests, *second.requests]
    }
    assert carried == {"/1": True, "/2": True, "/3": False, "/4": False}
    assert all("x-kept" in request.headers for request in [*first.requests, *second.requests])


def test_a_credential_among_the_headers_is_treated_as_one(ask: Ask) -> None:
    with (
        serving(ok) as (second,),
        serving(to(second.url)) as (first,),
        session_for(first) as session,
    ):
        ask(session, first.url, headers={"authorization": "Bearer hush"}).close()
    assert "authorization" in first.requests[0].headers
    assert "authorization" not in second.requests[0].headers


@pytest.mark.parametrize(
    ("status", "method", "body"),
    [
        (301, "GET", b""),
        (302, "GET", b""),
        (303, "GET", b""),
        (307, "POST", b'{"a": 1}'),
        (308, "POST", b'{"a": 1}'),
    ],
)
def test_a_post_after_a_redirect(status: int, method: str, body: bytes) -> None:
    def home(request: Request) -> bytes:
        return to("/there", status)(request) if request.target == "/" else ok(request)

    with serving(home) as (server,), session_for(server) as session:
        session.request("POST", f"{server.url}/", json={"a": 1}).close()
    assert server.requests[0].body == b'{"a": 1}'
    assert (server.requests[1].method, server.requests[1].body) == (method, body)


def test_a_form_is_sent() -> None:
    with serving(ok) as (server,), session_for(server) as session:
        session.request("POST", server.url, data={"paths": "a b"}).close()
    assert server.requests[0].body == b"paths=a+b"


def test_a_redirect_may_be_looked_at() -> None:
    with (
        serving(to("/there")) as (server,),
        session_for(server) as session,
        session.request("GET", server.url, follow=False) as response,
    ):
        assert (response.status_code, response.headers["Location"]) == (302, "/there")
    assert len(server.requests) == 1


def test_a_redirect_with_an_utf8_name(ask: Ask) -> None:
    def home(request: Request) -> bytes:
        if request.target == "/":
            return reply(302, Location="/模型".encode().decode("latin-1"))
        return ok(request)

    with serving(home) as (server,), session_for(server) as session:
        ask(session, f"{server.url}/").close()
    assert server.requests[1].target == "/%E6%A8%A1%E5%9E%8B"


def test_a_loop_ends(ask: Ask) -> None:
    with (
        serving(to("/again")) as (server,),
        session_for(server) as session,
        pytest.raises(SourceUnusable, match="more than 10 redirects"),
    ):
        ask(session, server.url)
    assert len(server.requests) == 11


def test_plain_http_is_asked_only_where_the_user_said_so(ask: Ask) -> None:
    with (
        serving(ok) as (server,),
        Session(settings_for(), patience=QUICK) as session,
        pytest.raises(SourceUnusable, match="plain http"),
    ):
        ask(session, server.url)
    assert server.requests == []


def test_a_redirect_to_plain_http_elsewhere_is_refused(ask: Ask) -> None:
    with (
        serving(to("http://192.0.2.1/x?sig=hush")) as (server,),
        session_for(server) as session,
        pytest.raises(SourceUnusable) as caught,
    ):
        ask(session, server.url)
    assert "plain http" in caught.value.message
    assert "hush" not in caught.value.message


@pytest.mark.parametrize("status", [200, 204, 304, 404, 416, 451, 500])
def test_any_status_is_an_answer(ask: Ask, status: int) -> None:
    with (
        serving(lambda request: reply(status)) as (server,),
        session_for(server) as session,
        ask(session, server.url) as answer,
    ):
        assert answer.status == status


def test_offline_asks_nobody(ask: Ask) -> None:
    with serving(ok) as (server,), session_for(server, VAEHUB_OFFLINE="1") as session:
        assert session.offline
        with pytest.raises(Offline) as caught:
            ask(session, f"{server.url}/x?sig=hush")
        with pytest.raises(Offline):
            session.json("GET", server.url, what="it")
    assert server.requests == []
    assert "hush" not in caught.value.message


def test_cookies_are_not_kept(ask: Ask) -> None:
    def home(request: Request) -> bytes:
        return reply(200, Set_Cookie="session=hush; Path=/")

    with serving(home) as (server,), session_for(server) as session:
        for _ in range(2):
            ask(session, server.url).close()
    assert "cookie" not in server.requests[1].headers


def test_netrc_is_not_read(ask: Ask, home: Path) -> None:
    (home / ".netrc").write_text("default login me password hush\n")
    (home / ".netrc").chmod(0o600)
    with serving(ok) as (server,), session_for(server) as session:
        ask(session, server.url).close()
    assert "authorization" not in server.requests[0].headers


def test_proxies_come_from_the_environment(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(ok) as (proxy,):
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        settings = settings_for("http://nas.example:8000")
        with Session(settings, patience=QUICK) as session:
            ask(session, "http://nas.example:8000/x").close()
    assert proxy.requests[0].target == "http://nas.example:8000/x"


@pytest.mark.parametrize(
    ("proxy", "said", "hint"),
    [
        ("socks5h://me:hush@127.0.0.1:1", "speaks SOCKS", "vaehub[socks]"),
        ("http:///", "address of the proxy that is set is not valid", "HTTPS_PROXY"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_not_blamed_on_the_address(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, proxy: str, said: str, hint: str
) -> None:
    def without_pysocks(*_: object, **__: object) -> None:
        raise requests.exceptions.InvalidSchema("Missing dependencies for SOCKS support.")

    # As requests has it where PySocks is not installed, which it may be here.
    monkeypatch.setattr("requests.adapters.SOCKSProxyManager", without_pysocks)
    monkeypatch.setenv("HTTP_PROXY", proxy)
    with (
        Session(settings_for("http://nas.example:8000"), patience=QUICK) as session,
        pytest.raises(SourceUnusable, match=said) as caught,
    ):
        ask(session, "http://nas.example:8000/x")
    assert hint in (caught.value.hint or "")
    assert "hush" not in caught.value.message + (caught.value.hint or "")


@pytest.mark.skipif(find_spec("socks") is None, reason="PySocks is not installed (vaehub[socks])")
def test_a_socks_proxy_that_does_not_answer_is_told(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        monkeypatch.setenv("HTTP_PROXY", f"socks5h://127.0.0.1:{closed.getsockname()[1]}")
    with (
        Session(settings_for("http://nas.example:8000"), patience=QUICK) as session,
        pytest.raises(SourceUnreachable, match="the proxy does not answer") as caught,
    ):
        ask(session, "http://nas.example:8000/x")
    assert "ALL_PROXY" in (caught.value.hint or "")


def test_nobody_listens(ask: Ask) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    with (
        Session(settings_for(url), patience=QUICK) as session,
        pytest.raises(SourceUnreachable, match="refused") as caught,
    ):
        ask(session, f"{url}/x?sig=hush")
    assert "hush" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_name_that_nobody_knows(ask: Ask) -> None:
    with (
        Session(settings_for("http://nas.example"), patience=QUICK) as session,
        pytest.raises(SourceUnreachable, match="could not be looked up"),
    ):
        ask(session, "http://nas.example/x")


def test_not_tls(ask: Ask) -> None:
    with (
        serving(ok) as (server,),
        session_for(server) as session,
        pytest.raises(SourceUnreachable, match="not TLS"),
    ):
        ask(session, server.url.replace("http:", "https:"))


def test_silence_is_a_time_out(ask: Ask) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        patience = type(QUICK)(connect=0.2, read=0.2)
        with (
            Session(settings_for(url), patience=patience) as session,
            pytest.raises(SourceUnreachable, match="in time"),
        ):
            ask(session, url)


def test_a_token_with_a_line_break_is_refused_in_words(ask: Ask) -> None:
    with (
        serving(ok) as (server,),
        session_for(server) as session,
        pytest.raises(SourceUnusable, match="header") as caught,
    ):
        ask(session, server.url, credentials={"Authorization": "Bearer hush\nX: y"})
    assert "hush" not in caught.value.message
    assert server.requests == []


def test_the_log_shows_requests_and_no_secrets(ask: Ask, caplog: pytest.LogCaptureFixture) -> None:
    with (
        serving(ok) as (server,),
        session_for(server) as session,
        caplog.at_level(logging.DEBUG, "vaehub.http"),
    ):
        ask(session, f"{server.url}/a?sig=hush", credentials=SECRET).close()
    (line,) = [record.getMessage() for record in caplog.records if record.name == "vaehub.http"]
    assert line == f"GET {server.url}/a?… -> 200"
