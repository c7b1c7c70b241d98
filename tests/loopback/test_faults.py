from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests

from tests.loopback.conftest import DATA

if TYPE_CHECKING:
    from tests.loopback.conftest import Ask
    from vaehub.loopback import Faults, LoopbackWorld

REPO = {"repo": "someone/vae", "revision": "a" * 40, "path": "x.safetensors"}


@pytest.fixture
def url(world: LoopbackWorld) -> str:
    """Give an address that leads through a redirect to a signed URL."""
    world.publish("huggingface", REPO, DATA)
    return f"{world.environment()['HF_ENDPOINT']}/someone/vae/resolve/{'a' * 40}/x.safetensors"


@pytest.fixture
def faults(world: LoopbackWorld) -> Faults:
    return world.faults("huggingface")


def test_cut_after_ends_the_connection_once(
    world: LoopbackWorld, url: str, faults: Faults, ask: Ask
) -> None:
    faults.cut_after(1000)
    answer = ask("GET", url, stream=True)
    with pytest.raises(requests.exceptions.RequestException):
        _ = answer.content
    assert world.requests[-1].sent == 1000
    assert ask("GET", url, headers={"Range": "bytes=1000-"}).content == DATA[1000:]


def test_stall_keeps_the_connection_open_in_silence(url: str, faults: Faults) -> None:
    faults.stall(after=10)
    with requests.get(url, stream=True, timeout=1) as answer:
        assert answer.raw.read(10) == DATA[:10]
        with pytest.raises(Exception, match="timed out"):
            answer.raw.read(1)


def test_stall_ends_by_itself(url: str, faults: Faults, ask: Ask) -> None:
    faults.stall(after=10, seconds=0.01)
    with pytest.raises(requests.exceptions.RequestException):
        _ = ask("GET", url, stream=True).content


def test_hang_up_gives_no_answer(world: LoopbackWorld, url: str, faults: Faults, ask: Ask) -> None:
    faults.hang_up(times=1)
    with pytest.raises(requests.ConnectionError):
        ask("GET", url)
    assert world.requests[-1].status == 0
    assert ask("GET", url).content == DATA


def test_slow_sends_in_small_pieces(
    world: LoopbackWorld, url: str, faults: Faults, ask: Ask
) -> None:
    faults.slow(1000)
    with ask("GET", url, stream=True) as answer:
        assert answer.raw.read(20) == DATA[:20]
    assert world.requests[-1].sent < len(DATA)


def test_no_length_sends_chunks(url: str, faults: Faults, ask: Ask) -> None:
    faults.no_length()
    answer = ask("GET", url)
    assert answer.content == DATA
    assert "Content-Length" not in answer.headers


def test_no_length_and_a_cut_end_without_the_last_chunk(url: str, faults: Faults, ask: Ask) -> None:
    faults.no_length()
    faults.cut_after(1000)
    with pytest.raises(requests.exceptions.RequestException):
        _ = ask("GET", url, stream=True).content


def test_ranges_can_be_ignored_told_as_200_or_answered_wrongly(
    url: str, faults: Faults, ask: Ask
) -> None:
    part = {"Range": "bytes=100-199"}
    faults.ignore_range(times=1)
    answer = ask("GET", url, headers=part)
    assert (answer.status_code, answer.content) == (200, DATA)
    assert "Content-Range" not in answer.headers

    faults.range_as_200(times=1)
    answer = ask("GET", url, headers=part)
    assert (answer.status_code, answer.content) == (200, DATA[100:200])
    assert answer.headers["Content-Range"] == "bytes 100-199/256000"

    faults.range_from_zero(times=1)
    answer = ask("GET", url, headers=part)
    assert (answer.status_code, answer.content) == (206, DATA[:100])
    assert answer.headers["Content-Range"] == "bytes 0-99/256000"

    assert ask("GET", url, headers=part).content == DATA[100:200]


def test_bytes_can_be_others(url: str, faults: Faults, ask: Ask) -> None:
    faults.flip_byte(300_000 - 256_000, times=1)
    flipped = ask("GET", url).content
    assert [i for i in range(len(DATA)) if flipped[i] != DATA[i]] == [44_000]

    faults.flip_byte(-1, times=1)
    assert ask("GET", url, headers={"Range": "bytes=-2"}).content == bytes([DATA[-2], 0])

    faults.wrong_bytes(times=1)
    wrong = ask("GET", url).content
    assert len(wrong) == len(DATA)
    assert not any(a == b for a, b in zip(wrong, DATA, strict=True))

    faults.truncate(7, times=1)
    answer = ask("GET", url)
    assert (answer.content, answer.headers["Content-Length"]) == (DATA[:7], "7")

    faults.append(3, times=1)
    assert ask("GET", url).content == DATA + b"\0\0\0"


def test_a_page_a_json_error_or_a_pointer_stand_for_the_file(
    url: str, faults: Faults, ask: Ask
) -> None:
    faults.html_page(times=1)
    answer = ask("GET", url)
    assert answer.headers["Content-Type"].startswith("text/html")
    assert answer.text.startswith("<!DOCTYPE html>")

    faults.json_error(times=1)
    assert "error" in ask("GET", url).json()

    faults.lfs_pointer(times=1)
    assert ask("GET", url).text.startswith(
        "version https://git-lfs.github.com/spec/v1\noid sha256:"
    )


def test_status_says_it_in_the_hosts_own_words(url: str, faults: Faults, ask: Ask) -> None:
    faults.status(429, retry_after=7, times=1)
    answer = ask("GET", url)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")
    assert "rate limit" in answer.json()["error"]

    faults.status(403, at="bytes", times=1)
    assert "<Code>AccessDenied</Code>" in ask("GET", url).text

    faults.redirect_to("https://elsewhere.example/x", times=1)
    answer = ask("GET", url, allow_redirects=False)
    assert answer.headers["Location"] == "https://elsewhere.example/x"


def test_a_signed_url_expires_and_a_fresh_one_serves(url: str, faults: Faults, ask: Ask) -> None:
    faults.expire_after(1)
    signed = ask("GET", url, allow_redirects=False).headers["Location"]
    assert ask("GET", signed).content == DATA
    second = ask("GET", signed)
    assert (second.status_code, "Request has expired" in second.text) == (403, True)
    assert ask("GET", url).content == DATA


def test_a_signature_that_was_never_given_is_refused(url: str, ask: Ask) -> None:
    signed = ask("GET", url, allow_redirects=False).headers["Location"]
    forged = ask("GET", signed.rpartition("=")[0] + "=0")
    assert (forged.status_code, "SignatureDoesNotMatch" in forged.text) == (403, True)


def test_clear_puts_everything_right(url: str, faults: Faults, ask: Ask) -> None:
    faults.wrong_bytes()
    faults.status(500)
    faults.expire_after(0)
    faults.clear()
    assert ask("GET", url).content == DATA


def test_a_client_that_wants_to_close_still_gets_the_last_chunk(
    url: str, faults: Faults, ask: Ask
) -> None:
    faults.no_length()
    assert ask("GET", url, headers={"Connection": "close"}).content == DATA


def test_skip_leaves_the_first_answers_alone(url: str, faults: Faults, ask: Ask) -> None:
    faults.hang_up(skip=1)
    assert ask("GET", url).content == DATA
    with pytest.raises(requests.ConnectionError):
        ask("GET", url)
