from __future__ import annotations

from email.utils import formatdate
from time import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaehub import settings
from vaehub.errors import (
    LoginRequired,
    RateLimited,
    SourceError,
    SourceGone,
    SourceRefused,
    SourceUnreachable,
    SourceUnusable,
)
from vaehub.hosts import base
from vaehub.hosts.base import Refusal
from vaehub.model import Source


def refusal(status: int, *, headers: dict[str, str] | None = None, body: bytes = b"") -> Refusal:
    return Refusal(status, "https://host/file", headers or {}, body, "host")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, LoginRequired),
        (403, SourceRefused),
        (404, SourceGone),
        (408, SourceUnreachable),
        (410, SourceGone),
        (418, SourceRefused),
        (429, RateLimited),
        (451, SourceRefused),
        (500, SourceUnreachable),
        (503, SourceUnreachable),
        (204, SourceUnusable),
        (304, SourceUnusable),
    ],
)
def test_each_status_has_its_kind_of_error(status: int, kind: type[SourceError]) -> None:
    error = base.verdict(status, who="Host", what="file f", said="because")
    assert type(error) is kind
    assert "Host" in error.message
    assert f"{status}, “because”" in error.message


@pytest.mark.parametrize("name", ["Retry-After", "retry-after"])
def test_the_wait_that_a_host_asks_for_is_passed_on(name: str) -> None:
    in_seconds = base.verdict(
        429, who="Host", what="f", refusal=refusal(429, headers={name: "120"})
    )
    assert isinstance(in_seconds, RateLimited)
    assert in_seconds.retry_after == 120
    assert "120 s" in in_seconds.message
    date = formatdate(time() + 3600, usegmt=True)
    as_date = base.verdict(429, who="Host", what="f", refusal=refusal(429, headers={name: date}))
    assert isinstance(as_date, RateLimited)
    assert as_date.retry_after is not None
    assert 3000 < as_date.retry_after <= 3600


def test_a_wait_that_makes_no_sense_is_left_out() -> None:
    error = base.verdict(
        429, who="Host", what="f", refusal=refusal(429, headers={"Retry-After": "soon"})
    )
    assert isinstance(error, RateLimited)
    assert error.retry_after is None


def test_what_the_body_says_is_shown() -> None:
    error = base.verdict(
        404, who="Host", what="f", refusal=refusal(404, body=b'{"error": "no such thing"}')
    )
    assert "no such thing" in error.message


@pytest.mark.parametrize("path", ["../x", "a/../b", "a//b", "./a", "a/.", "", "/a", "a/"])
def test_a_path_that_climbs_is_refused(path: str) -> None:
    with pytest.raises(SourceUnusable):
        base.url_path(path)


def test_a_path_is_quoted_segment_by_segment() -> None:
    assert base.url_path("vae/a b#?%.pt") == "vae/a%20b%23%3F%25.pt"
    assert base.url_path("refs/pr/29", slashes=False) == "refs%2Fpr%2F29"


@given(st.text(st.characters(), min_size=1))
def test_no_path_can_leave_its_place_in_the_address(path: str) -> None:
    try:
        quoted = base.url_path(path)
    except SourceUnusable:
        return
    assert not set(quoted) & set(" ?#\\\r\n")


@pytest.mark.parametrize("locator", [{}, {"repo": ""}, {"repo": "  "}, {"repo": True}])
def test_a_bad_locator_is_an_error_in_words(locator: dict[str, str | int]) -> None:
    with pytest.raises(SourceUnusable, match="repo"):
        base.locator_text(Source("huggingface", locator), "repo")


@pytest.mark.parametrize("token", ["se cret", "se\ncret", "secret;x", "sécret", "se\x00cret"])
def test_a_token_that_no_header_can_carry_is_refused_without_showing_it(token: str) -> None:
    with pytest.raises(LoginRequired) as caught:
        base.bearer(settings.load({"CIVITAI_TOKEN": token}), "civitai")
    assert "cret" not in caught.value.message
    assert "CIVITAI_TOKEN" in (caught.value.hint or "")


def test_a_token_becomes_a_credential() -> None:
    with_token = settings.load({"CIVITAI_TOKEN": "abc"})
    assert base.bearer(with_token, "civitai") == {"Authorization": "Bearer abc"}
    assert base.bearer(settings.load({}), "civitai") == {}


@pytest.mark.parametrize(
    ("final_host", "away"),
    [
        ("civitai.com", False),
        ("CIVITAI.com", False),
        ("b2.civitai.com", True),
        ("127.0.0.1:81", False),
        ("127.0.0.1:82", True),
    ],
)
def test_storage_is_told_from_the_host_by_the_whole_origin(final_host: str, away: bool) -> None:
    found = Refusal(403, "https://x/", {}, b"", final_host)
    assert base.is_elsewhere(found, "https://civitai.com", "http://127.0.0.1:81") is away


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_storage_that_refuses_its_signed_address_can_be_asked_anew(status: int) -> None:
    assert isinstance(base.storage_error(refusal(status), who="Host"), SourceUnreachable)
