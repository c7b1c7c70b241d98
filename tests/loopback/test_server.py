from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from tests.loopback.conftest import DATA
from vaehub.loopback import LoopbackWorld
from vaehub.loopback.content import BytesContent
from vaehub.loopback.faults import Course
from vaehub.loopback.host import send
from vaehub.loopback.server import Request

if TYPE_CHECKING:
    from pathlib import Path

    from tests.loopback.conftest import Ask


@pytest.fixture
def url(world: LoopbackWorld) -> str:
    world.publish("mirror", {"url": "https://example.org/x.bin"}, DATA)
    return world.mirror + "/example.org/x.bin"


@pytest.mark.parametrize(
    ("asked", "expected", "content_range"),
    [
        ("bytes=0-0", DATA[:1], "bytes 0-0/256000"),
        ("bytes=100-199", DATA[100:200], "bytes 100-199/256000"),
        ("bytes=255990-", DATA[255990:], "bytes 255990-255999/256000"),
        ("bytes=255990-999999", DATA[255990:], "bytes 255990-255999/256000"),
        ("bytes=-5", DATA[-5:], "bytes 255995-255999/256000"),
        ("bytes=-999999", DATA, "bytes 0-255999/256000"),
    ],
)
def test_a_range_is_answered_with_206(
    url: str, ask: Ask, asked: str, expected: bytes, content_range: str
) -> None:
    answer = ask("GET", url, headers={"Range": asked})
    assert answer.status_code == 206
    assert answer.headers["Content-Range"] == content_range
    assert answer.headers["Content-Length"] == str(len(expected))
    assert answer.content == expected


@pytest.mark.parametrize("asked", ["bytes=0-1,5-6", "bytes=", "lines=1-2", "bytes=x-", "bytes=5-2"])
def test_what_is_no_range_gets_the_whole(url: str, ask: Ask, asked: str) -> None:
    answer = ask("GET", url, headers={"Range": asked})
    assert (answer.status_code, answer.content) == (200, DATA)


@pytest.mark.parametrize("asked", ["bytes=256000-", "bytes=999999-1000000", "bytes=-0"])
def test_a_range_past_the_end_is_416(url: str, ask: Ask, asked: str) -> None:
    answer = ask("GET", url, headers={"Range": asked})
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == "bytes */256000"


@given(st.integers(0, 40), st.integers(0, 60), st.binary(min_size=1, max_size=30))
def test_every_range_gives_the_slice(first: int, length: int, data: bytes) -> None:
    last = first + length
    request = Request("x", "GET", "/", "", {"range": f"bytes={first}-{last}"}, b"")
    response = send(request, BytesContent(data), {}, Course())
    if first >= len(data):
        assert response.status == 416
    else:
        assert response.status == 206
        assert response.read(0, response.length) == data[first : last + 1]


def test_if_range_with_another_etag_gets_the_whole(url: str, ask: Ask) -> None:
    etag = ask("HEAD", url).headers["ETag"]
    same = ask("GET", url, headers={"Range": "bytes=5-", "If-Range": etag})
    other = ask("GET", url, headers={"Range": "bytes=5-", "If-Range": '"other"'})
    assert (same.status_code, other.status_code) == (206, 200)


def test_head_tells_the_length_and_sends_nothing(world: LoopbackWorld, url: str, ask: Ask) -> None:
    answer = ask("HEAD", url)
    assert answer.headers["Content-Length"] == str(len(DATA))
    assert answer.content == b""
    assert world.requests[-1].sent == 0


def test_connections_are_kept_alive(world: LoopbackWorld, url: str) -> None:
    host, _, port = world.mirror.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        for _ in range(2):
            connection.sendall(
                b"GET /example.org/x.bin HTTP/1.1\r\nHost: x\r\nRange: bytes=0-3\r\n\r\n"
            )
            answer = b""
            while not answer.endswith(DATA[:4]):
                answer += connection.recv(4096)
            assert answer.startswith(b"HTTP/1.1 206")
    assert len(world.requests) == 2


def test_a_file_is_streamed_from_its_path(world: LoopbackWorld, ask: Ask, tmp_path: Path) -> None:
    path = tmp_path / "big.bin"
    path.write_bytes(DATA * 5)
    world.publish("mirror", {"url": "https://example.org/big.bin"}, path)
    answer = ask("GET", world.mirror + "/example.org/big.bin", headers={"Range": "bytes=256000-"})
    assert answer.content == DATA * 4


def test_the_record_holds_what_was_sent(world: LoopbackWorld, url: str, ask: Ask) -> None:
    ask("GET", url + "?a=1", headers={"Range": "bytes=0-9", "X-Mine": "yes"})
    seen = world.requests[-1]
    assert (seen.origin, seen.method, seen.status, seen.sent) == ("mirror", "GET", 206, 10)
    assert (seen.path, seen.query, seen.range) == ("/example.org/x.bin", "a=1", "bytes=0-9")
    assert seen.headers["x-mine"] == "yes"


def test_leaving_ends_every_thread_and_connection() -> None:
    before = set(threading.enumerate())
    with LoopbackWorld() as world, requests.Session() as session:
        world.publish("mirror", {"url": "https://example.org/x.bin"}, DATA)
        world.faults("mirror").stall(after=10)
        waiting = session.get(world.mirror + "/example.org/x.bin", stream=True, timeout=10)
        idle = socket.create_connection(("127.0.0.1", int(world.mirror.rpartition(":")[2])))
        address = world.mirror
    assert set(threading.enumerate()) == before
    waiting.close()
    with idle:
        assert idle.recv(1) == b""
    with pytest.raises(requests.ConnectionError):
        requests.get(address, timeout=10)


def test_a_failure_of_the_world_itself_is_not_swallowed(ask: Ask) -> None:
    def provoke() -> None:
        with LoopbackWorld() as world:
            base = world.environment()["VAEHUB_CIVITAI_ENDPOINT"]
            answer = ask("POST", base + "/api/v1/model-versions/by-hash", data="not JSON")
            assert answer.status_code == 500

    with pytest.raises(ValueError, match="Expecting value"):
        provoke()
