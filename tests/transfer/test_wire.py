"""Connections of our own: kept open, trusted, and every byte of every kind of body."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import threading
from typing import TYPE_CHECKING

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from tests.transfer.helping import QUICK, settings_for
from tests.transfer.scripted import receive
from vaehub.errors import SourceUnreachable, SourceUnusable
from vaehub.transfer.borrowed import Borrowed
from vaehub.transfer.session import Session
from vaehub.transfer.wire import Direct, Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.transfer.scripted import Request
    from vaehub.transfer.reply import Reply

    Talk = Callable[[socket.socket, int], None]
    """Speaks over one connection, the how manieth it is."""

BODY = bytes(range(256)) * 200


def head(*lines: str, status: int = 200) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status} Spoken", *lines, "", ""]).encode("latin-1")


def whole(body: bytes = BODY) -> bytes:
    return head(f"Content-Length: {len(body)}") + body


def chunked(body: bytes, size: int) -> bytes:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return (
        head("Transfer-Encoding: chunked")
        + b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
        + b"0\r\n\r\n"
    )


@contextlib.contextmanager
def talking(talk: Talk, *, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Run a server that leaves its connections open; gives its address."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    threads: list[threading.Thread] = []
    connections: list[socket.socket] = []
    stopping = threading.Event()

    def serve(connection: socket.socket, count: int) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(10)
            if tls is not None:
                connection = tls.wrap_socket(connection, server_side=True)
            with connection:
                talk(connection, count)

    def accept() -> None:
        count = 0
        while True:
            connection, _ = listener.accept()
            if stopping.is_set():
                connection.close()
                return
            connections.append(connection)
            threads.append(threading.Thread(target=serve, args=(connection, count)))
            threads[-1].start()
            count += 1

    threads.append(threading.Thread(target=accept))
    threads[0].start()
    address = listener.getsockname()
    try:
        yield f"{'http' if tls is None else 'https'}://127.0.0.1:{address[1]}"
    finally:
        stopping.set()
        with contextlib.suppress(OSError), socket.create_connection(address):
            pass
        for connection in connections:
            with contextlib.suppress(OSError):  # closed by now
                connection.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()
        listener.close()


def answering(*answers: bytes, asked: list[Request] | None = None) -> Talk:
    """Give these answers over one connection, and hang up after them."""

    def talk(connection: socket.socket, count: int) -> None:
        for answer in answers:
            request = receive(connection)
            if request is None:
                return
            if asked is not None:
                asked.append(request)
            connection.sendall(answer)

    return talk


def take(reply: Reply, size: int = 10_000) -> bytes:
    """Receive a body to its end."""
    buffer, came = memoryview(bytearray(size)), b""
    with reply:
        while count := reply.receive_into(buffer):
            came += buffer[:count]
        assert not reply.has_more(0.01)
        assert reply.receive_into(buffer) == 0, "the end is the end"
    return came


@pytest.fixture
def wire() -> Iterator[Wire]:
    wire = Wire(QUICK)
    yield wire
    wire.close()


# Bodies.


@given(
    body=st.binary(max_size=50_000),
    size=st.integers(1, 60_000),
    kind=st.sampled_from(["length", "chunks", "end"]),
    piece=st.integers(1, 20_000),
)
def test_every_byte_of_every_kind_of_body(body: bytes, size: int, kind: str, piece: int) -> None:
    answer = {
        "length": whole(body),
        "chunks": chunked(body, piece),
        "end": head("Connection: close") + body,
    }[kind]

    def talk(connection: socket.socket, count: int) -> None:
        receive(connection)
        for at in range(0, len(answer), piece):
            connection.sendall(answer[at : at + piece])

    with talking(talk) as url, contextlib.closing(Wire(QUICK)) as wire:
        assert take(wire.get(url, {}), size=max(size, len(body) // 50 + 1)) == body


@pytest.mark.parametrize("answer", [whole()[:-1], chunked(BODY, 999)[:-9]])
def test_a_body_that_breaks_off(wire: Wire, answer: bytes) -> None:
    with (
        talking(answering(answer)) as url,
        pytest.raises(SourceUnreachable, match="broke") as caught,
    ):
        take(wire.get(f"{url}/x?sig=hush", {}))
    assert "hush" not in str(caught.value)


def test_a_body_that_falls_silent() -> None:
    gone = threading.Event()

    def talk(connection: socket.socket, count: int) -> None:
        answering(whole()[:-1])(connection, count)
        gone.wait(10)

    with (
        contextlib.closing(Wire(QUICK._replace(read=0.2))) as impatient,
        talking(talk) as url,
    ):
        with pytest.raises(SourceUnreachable, match="in time"):
            take(impatient.get(url, {}))
        gone.set()


def test_nothing_beyond_what_was_announced(wire: Wire) -> None:
    with talking(answering(whole() + b"and more")) as url:
        assert take(wire.get(url, {})) == BODY


# Connections.


def test_a_connection_is_kept_for_the_next_request(wire: Wire) -> None:
    asked: list[Request] = []
    answers = [whole(), whole(b""), chunked(BODY, 5000), whole()]
    with talking(answering(*answers, asked=asked)) as url:
        came = [take(wire.get(f"{url}/{number}", {})) for number in range(4)]
    assert came == [BODY, b"", BODY, BODY]
    assert [request.target for request in asked] == ["/0", "/1", "/2", "/3"]


def test_one_that_was_left_half_way_is_not_kept(wire: Wire) -> None:
    connections: list[int] = []

    def talk(connection: socket.socket, count: int) -> None:
        connections.append(count)
        answering(whole(), whole())(connection, count)

    with talking(talk) as url:
        with wire.get(url, {}) as reply:
            reply.receive_into(memoryview(bytearray(10)))
        assert take(wire.get(url, {})) == BODY
    assert connections == [0, 1]


@pytest.mark.parametrize("answers", [1, 2])
def test_a_server_that_has_hung_up_meanwhile_is_asked_anew(wire: Wire, answers: int) -> None:
    """Seen before the request where it hung up long ago, else by what becomes of the request."""
    hung_up = threading.Event()

    def talk(connection: socket.socket, count: int) -> None:
        answering(whole())(connection, count)
        if count == 0 and answers == 2:
            receive(connection)  # and no answer to it
        hung_up.set()

    with talking(talk) as url:
        assert take(wire.get(url, {})) == BODY
        if answers == 1:
            assert hung_up.wait(10)
        assert take(wire.get(url, {})) == BODY


def test_what_came_while_nobody_asked_is_no_answer(wire: Wire) -> None:
    """Servers say 408 of their own accord before they hang up on an idle connection."""
    said = threading.Event()

    def talk(connection: socket.socket, count: int) -> None:
        answering(whole())(connection, count)
        if count == 0:
            connection.sendall(head("Content-Length: 0", status=408))
            said.set()
            answering(whole())(connection, count)

    with talking(talk) as url:
        assert take(wire.get(url, {})) == BODY
        assert said.wait(10)
        reply = wire.get(url, {})
        assert reply.status == 200
        assert take(reply) == BODY


def test_a_new_connection_without_an_answer_is_not_tried_again(wire: Wire) -> None:
    connections: list[int] = []

    def talk(connection: socket.socket, count: int) -> None:
        connections.append(count)
        receive(connection)

    with talking(talk) as url, pytest.raises(SourceUnreachable, match="broke"):
        wire.get(url, {})
    assert connections == [0]


def test_several_at_once_have_each_their_own(wire: Wire) -> None:
    with talking(answering(whole(), whole())) as url:
        replies = [wire.get(url, {}) for _ in range(3)]
        assert [take(reply) for reply in replies] == [BODY] * 3
        assert take(wire.get(url, {})) == BODY


# Requests.


def test_what_is_asked(wire: Wire) -> None:
    asked: list[Request] = []
    with talking(answering(whole(), whole(), asked=asked)) as url:
        take(wire.get(f"{url}/模 型%20x?sig=a%2Fb&name=模", {"Range": "bytes=0-"}))
        take(wire.get(url, {}))
    first, second = asked
    assert first.target == "/%E6%A8%A1%20%E5%9E%8B%20x?sig=a%2Fb&name=%E6%A8%A1"
    assert first.headers == {"host": url.removeprefix("http://"), "range": "bytes=0-"}
    assert second.target == "/"


@pytest.mark.parametrize("value", ["a\r\nX: y", "a\nb", "模"])
def test_a_header_that_cannot_be_sent(wire: Wire, value: str) -> None:
    asked: list[Request] = []
    with (
        talking(answering(whole(), asked=asked)) as url,
        pytest.raises(SourceUnusable, match="header") as caught,
    ):
        wire.get(url, {"Authorization": value})
    assert value not in str(caught.value)
    assert asked == []


@pytest.mark.parametrize("address", ["http://127.0.0.1:99999/x", "http://" + "ä" * 70 + "/x"])
def test_an_address_that_is_none(wire: Wire, address: str) -> None:
    with pytest.raises(SourceUnusable, match="not valid"):
        wire.get(address, {})


def test_a_connection_that_cannot_be_made(wire: Wire) -> None:
    with pytest.raises(SourceUnreachable, match="no way leads there"):
        wire.get("http://127.255.255.255/x", {})  # TCP cannot be spoken with everybody


# Trust.


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_the_users_certificates_are_trusted(
    wire: Wire,
    authority: trustme.CA,
    tls: ssl.SSLContext,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv(variable, str(tmp_path / "ca.pem"))
    with talking(answering(whole(), whole()), tls=tls) as url:
        assert take(wire.get(url, {})) == BODY
        assert take(wire.get(url, {}), size=100) == BODY


def test_which_protocol_is_spoken_is_said(
    wire: Wire,
    authority: trustme.CA,
    tls: ssl.SSLContext,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    tls.set_alpn_protocols(["h2", "http/1.1"])
    chosen: list[str | None] = []

    def talk(connection: socket.socket, count: int) -> None:
        assert isinstance(connection, ssl.SSLSocket)
        chosen.append(connection.selected_alpn_protocol())
        answering(whole())(connection, count)

    with talking(talk, tls=tls) as url:
        assert take(wire.get(url, {})) == BODY
    assert chosen == ["http/1.1"]


def test_a_stranger_is_not_trusted(wire: Wire, tls: ssl.SSLContext) -> None:
    asked: list[Request] = []
    with (
        talking(answering(whole(), asked=asked), tls=tls) as url,
        pytest.raises(SourceUnreachable, match="certificate is not trusted"),
    ):
        wire.get(f"{url}/x?sig=hush", {"Authorization": "Bearer hush"})
    assert asked == []


def test_a_certificate_for_another_name_is_not_trusted(
    wire: Wire, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("other.example").configure_cert(context)
    with (
        talking(answering(whole()), tls=context) as url,
        pytest.raises(SourceUnreachable, match="certificate is not trusted"),
    ):
        wire.get(url, {})


def test_a_secure_connection_that_breaks_off_is_no_matter_of_trust(
    wire: Wire,
    authority: trustme.CA,
    tls: ssl.SSLContext,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    with (
        talking(answering(whole()[:-1]), tls=tls) as url,
        pytest.raises(SourceUnreachable, match="broke"),
    ):
        take(wire.get(url, {}))


def test_a_secure_connection_that_is_garbled_is_no_matter_of_trust(
    wire: Wire,
    authority: trustme.CA,
    tls: ssl.SSLContext,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))

    def talk(connection: socket.socket, count: int) -> None:
        answering(whole()[:-1])(connection, count)
        os.write(connection.fileno(), bytes(1000))  # below TLS
        receive(connection)

    with (
        talking(talk, tls=tls) as url,
        pytest.raises(SourceUnreachable, match="broke"),
    ):
        take(wire.get(url, {}))


def test_certificates_that_are_not_there(
    wire: Wire, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem")
    with (
        talking(answering(whole()), tls=tls) as url,
        pytest.raises(SourceUnusable, match=r"/nowhere/ca\.pem"),
    ):
        wire.get(url, {})


# Who brings it.


@pytest.mark.parametrize(
    ("variable", "kind"),
    [("HTTP_PROXY", Borrowed), ("all_proxy", Borrowed), ("NO_PROXY", Direct), ("PROXY", Direct)],
)
def test_where_a_proxy_is_set_requests_is_asked(
    monkeypatch: pytest.MonkeyPatch, variable: str, kind: type[Reply]
) -> None:
    with talking(answering(whole())) as url:
        monkeypatch.setenv(variable, url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        with Session(settings_for(url), patience=QUICK) as session:
            reply = session.get(f"{url}/x")
            assert isinstance(reply, kind)
            assert take(reply) == BODY
