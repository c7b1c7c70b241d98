"""One request for a range: what is taken for an answer, and what is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.transfer.bench import DATA, SIZE, always, sha256
from tests.transfer.helping import session_for
from tests.transfer.scripted import Request, ranged, reply, serving
from vaehub.errors import NotAModel, Offline, SizeMismatch, SourceUnreachable, SourceUnusable
from vaehub.model import Download
from vaehub.transfer.declared import Expected
from vaehub.transfer.lane import Address
from vaehub.transfer.ranges import RangesIgnored, open_range
from vaehub.transfer.stream import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.transfer.scripted import Scripted

PAGE = b"<!doctype html><title>Sign in</title>" + bytes(SIZE)


def ask(
    server: Scripted,
    start: int = 1000,
    end: int = 2000,
    *,
    others: tuple[Scripted, ...] = (),
    credentials: Mapping[str, str] | None = None,
    offline: bool = False,
) -> bytes:
    """Ask for bytes, and take all that is given."""
    url = f"{server.url}/vae?signature=secret"
    address = Address(Download(url=url, label="a mirror"), url, credentials or {})
    with (
        session_for(server, *others, VAEHUB_OFFLINE="1" if offline else "") as session,
        open_range(
            address,
            start,
            end,
            session=session,
            wanted=Expected(sha256(DATA), SIZE),
            name="vae.safetensors",
            label="a mirror",
        ) as answer,
    ):
        data = b""
        while piece := answer.read(65536):
            data += piece
        return data


@pytest.mark.parametrize(("start", "end"), [(0, 1), (0, SIZE), (1000, 2000), (SIZE - 1, SIZE)])
def test_a_range_is_asked_for_and_given(start: int, end: int) -> None:
    with serving(lambda request: ranged(DATA, request)) as (server,):
        assert ask(server, start, end) == DATA[start:end]
    assert [request.headers["range"] for request in server.requests] == [f"bytes={start}-{end - 1}"]


def test_a_range_under_a_200_is_one() -> None:
    def answer(request: Request) -> bytes:
        return ranged(DATA, request).replace(b" 206 ", b" 200 ", 1)

    with serving(answer) as (server,):
        assert ask(server) == DATA[1000:2000]


def test_an_unknown_total_is_no_contradiction() -> None:
    part = reply(206, DATA[1000:2000], Content_Range="bytes 1000-1999/*")
    with serving(always(part)) as (server,):
        assert ask(server) == DATA[1000:2000]


@pytest.mark.parametrize("start", [0, 1000])
def test_the_whole_file_is_no_range(start: int) -> None:
    with serving(always(reply(200, DATA))) as (server,), pytest.raises(RangesIgnored):
        ask(server, start, 2000)


def test_a_416_says_that_ranges_are_not_served() -> None:
    with serving(always(reply(416))) as (server,), pytest.raises(RangesIgnored):
        ask(server)
    same = reply(416, Content_Range=f"bytes */{SIZE}")
    with serving(always(same)) as (server,), pytest.raises(RangesIgnored):
        ask(server)


@pytest.mark.parametrize(
    "answer",
    [
        reply(206, DATA[1000:2000], Content_Range=f"bytes 1000-1999/{SIZE + 1}"),
        reply(416, Content_Range="bytes */900"),
    ],
)
def test_another_total_is_another_file(answer: bytes) -> None:
    with serving(always(answer)) as (server,), pytest.raises(SizeMismatch, match="a mirror"):
        ask(server)


@pytest.mark.parametrize(
    "said",
    [
        f"bytes 0-999/{SIZE}",
        f"bytes 1001-2000/{SIZE}",
        f"bytes 1000-999/{SIZE}",
        f"bytes 1000-{SIZE}/{SIZE}",
        f"1000-1999/{SIZE}",
        "octets",
    ],
)
def test_a_range_that_was_not_asked_for_is_not_taken(said: str) -> None:
    answer = reply(206, DATA[1000:2000], Content_Range=said)
    with serving(always(answer)) as (server,), pytest.raises(SourceUnusable) as caught:
        ask(server)
    assert server.url in caught.value.message
    assert "secret" not in caught.value.message


def test_a_206_that_does_not_say_which_part_is_not_taken() -> None:
    with serving(always(reply(206, DATA[1000:2000]))) as (server,), pytest.raises(SourceUnusable):
        ask(server)


def test_packed_bytes_are_not_taken() -> None:
    answer = reply(
        206,
        DATA[1000:2000],
        Content_Range=f"bytes 1000-1999/{SIZE}",
        Content_Encoding="gzip",
    )
    with serving(always(answer)) as (server,), pytest.raises(SourceUnusable):
        ask(server)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503])
def test_another_status_is_a_refusal_of_the_host(status: int) -> None:
    answer = reply(status, b"no", Retry_After="7")
    with serving(always(answer)) as (server,), pytest.raises(Refused) as caught:
        ask(server)
    refusal = caught.value.refusal
    assert (refusal.status, refusal.body, refusal.headers["retry-after"]) == (status, b"no", "7")
    assert not caught.value.redirected
    assert "secret" not in refusal.url


def test_a_refusal_after_a_redirect_is_the_storages() -> None:
    with serving(always(reply(403))) as (storage,):
        led = reply(302, Location=f"{storage.url}/signed?x=secret")
        with serving(always(led)) as (door,), pytest.raises(Refused) as caught:
            ask(door, others=(storage,))
    assert caught.value.redirected


def test_a_redirect_within_the_origin_is_the_hosts_own_affair() -> None:
    def answer(request: Request) -> bytes:
        return reply(403) if request.target == "/there" else reply(302, Location="/there")

    with serving(answer) as (server,), pytest.raises(Refused) as caught:
        ask(server)
    assert not caught.value.redirected


def test_credentials_do_not_follow_a_redirect_elsewhere() -> None:
    with serving(lambda request: ranged(DATA, request)) as (storage,):
        led = reply(302, Location=f"{storage.url}/signed")
        with serving(always(led)) as (door,):
            got = ask(door, others=(storage,), credentials={"Authorization": "Bearer token"})
    assert got == DATA[1000:2000]
    assert door.requests[0].headers["authorization"] == "Bearer token"
    assert "authorization" not in storage.requests[0].headers
    assert storage.requests[0].headers["range"] == "bytes=1000-1999"


def in_place(body: bytes) -> Callable[[Request], bytes]:
    """Serve ranges of something else of the right size."""
    return lambda request: ranged(body[:SIZE], request)


@pytest.mark.parametrize("body", [PAGE, b'{"error": "no"}' + bytes(SIZE), b"\xff" * SIZE])
def test_the_first_bytes_must_look_like_a_model(body: bytes) -> None:
    with serving(in_place(body)) as (server,), pytest.raises(NotAModel):
        ask(server, 0, 5000)


def test_later_bytes_may_look_like_anything() -> None:
    with serving(in_place(PAGE)) as (server,):
        assert ask(server, 1000, 2000) == PAGE[1000:2000]


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 206", b"HTTP/1.1 206 Part"])
def test_an_answer_without_its_headers_is_no_part(answer: bytes) -> None:
    with serving(always(answer)) as (server,), pytest.raises((SourceUnreachable, SourceUnusable)):
        ask(server)


@pytest.mark.parametrize(("start", "count"), [(0, 0), (0, 5), (0, 500), (1000, 0), (1000, 10)])
def test_an_answer_that_breaks_off_says_nothing_of_the_file(start: int, count: int) -> None:
    with (
        serving(lambda request: ranged(DATA, request, upto=start + count)) as (server,),
        pytest.raises(SourceUnreachable),
    ):
        ask(server, start, start + 5000)


def test_a_range_that_others_sent_most_of_is_not_judged_by_its_few_bytes() -> None:
    with serving(lambda request: ranged(DATA, request)) as (server,):
        assert ask(server, 0, 3) == DATA[:3]


def test_no_answer_is_none() -> None:
    answer = b""
    with serving(always(answer)) as (server,), pytest.raises(SourceUnreachable):
        ask(server)


def test_offline_asks_nobody() -> None:
    with serving(always(b"")) as (server,), pytest.raises(Offline):
        ask(server, offline=True)
    assert server.requests == []
