from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaehub.errors import SourceUnusable
from vaehub.transfer.addresses import (
    Hop,
    check_address,
    is_loopback,
    next_hop,
    safe_url,
    same_origin,
)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://h.example/a/b?sig=secret#frag", "https://h.example/a/b?…"),
        ("https://user:pass@H.Example:8443/a", "https://h.example:8443/a"),
        ("https://[::1]:80/a", "https://[::1]:80/a"),
        ("https://h:notaport/", "an address that is not valid"),
        ("https://[::1/", "an address that is not valid"),
    ],
)
def test_safe_url(url: str, shown: str) -> None:
    assert safe_url(url) == shown


@given(st.text(max_size=40))
def test_safe_url_never_shows_a_query(text: str) -> None:
    assert "SECRET" not in safe_url(f"https://user:SECRET@h.example/{text}?SECRET#{text}SECRET")
    safe_url(text)


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://127.0.0.1:1/", True),
        ("http://127.9.9.9/", True),
        ("http://[::1]/", True),
        ("http://localhost/", True),
        ("http://a.localhost/", True),
        ("http://localhost.example/", False),
        ("http://127.0.0.1.example/", False),
        ("http://10.0.0.1/", False),
    ],
)
def test_is_loopback(url: str, loopback: bool) -> None:
    assert is_loopback(url) is loopback


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("https://civitai.com/a", "https://CIVITAI.com:443/b", True),
        ("https://civitai.com/", "https://b2.civitai.com/", False),
        ("https://civitai.com/", "http://civitai.com/", False),
        ("https://civitai.com/", "https://civitai.com:8443/", False),
    ],
)
def test_same_origin(first: str, second: str, same: bool) -> None:
    assert same_origin(first, second) is same


MINE = frozenset({"http://nas.example:8000"})
HERE = frozenset({"http://127.0.0.1:1"})


@pytest.mark.parametrize(
    ("url", "known", "came_from"),
    [
        ("https://h.example/", (), None),
        ("http://nas.example:8000/x", MINE, None),
        ("http://nas.example:8000/x", MINE, "https://h.example/"),
        ("http://127.0.0.1:2/x", HERE, None),
        ("http://127.0.0.1:2/x", HERE, "http://127.0.0.1:1/"),
    ],
)
def test_addresses_that_may_be_asked(
    url: str, known: frozenset[str], came_from: str | None
) -> None:
    check_address(url, plain_http_origins=known, came_from=came_from)


@pytest.mark.parametrize(
    ("url", "known", "came_from", "words"),
    [
        ("http://h.example/", (), None, "plain http"),
        ("http://nas.example:8001/", MINE, None, "plain http"),
        ("http://127.0.0.1:2/", MINE, None, "plain http"),
        ("http://127.0.0.1:2/", HERE, "https://h.example/", "redirects, is plain http"),
        ("http://127.0.0.1:2/", MINE, "http://nas.example:8000/", "plain http"),
        ("http://h.example/", HERE, "http://127.0.0.1:1/", "plain http"),
        ("ftp://h.example/", (), None, "not an http"),
        ("file:///etc/passwd", (), None, "not an http"),
        ("https:///x", (), None, "not an http"),
        ("https://u:p@h.example/", (), None, "user name"),
        ("https://@h.example/", (), None, "user name"),
        ("https://h.example:99999/", (), None, "not valid"),
        ("/relative", (), None, "not an http"),
    ],
)
def test_addresses_that_may_not(
    url: str, known: frozenset[str], came_from: str | None, words: str
) -> None:
    with pytest.raises(SourceUnusable, match=words):
        check_address(url, plain_http_origins=known, came_from=came_from)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_methods_after_a_redirect(method: str, status: int) -> None:
    hop = next_hop(method, "https://h.example/a", status, "/b", plain_http_origins=())
    becomes_get = method == "POST" and status in {301, 302, 303}
    assert hop == Hop(
        method="GET" if becomes_get or (status == 303 and method == "GET") else method,
        url="https://h.example/b",
        keep_body=not (becomes_get or (status == 303 and method == "GET")),
        keep_credentials=True,
    )


@pytest.mark.parametrize(
    ("location", "url", "keep"),
    [
        ("https://cdn.example/x?sig=1#frag", "https://cdn.example/x?sig=1", False),
        ("//other.example/x", "https://other.example/x", False),
        ("https://b2.h.example/x", "https://b2.h.example/x", False),
        ("x", "https://h.example/dir/x", True),
    ],
)
def test_where_a_redirect_leads(location: str, url: str, keep: bool) -> None:
    hop = next_hop("GET", "https://h.example/dir/a", 302, location, plain_http_origins=())
    assert (hop.url, hop.keep_credentials) == (url, keep)


@pytest.mark.parametrize(
    "location", ["http://h.example/a", "javascript:1", "https://[", "https://h:x/"]
)
def test_redirects_that_are_refused(location: str) -> None:
    with pytest.raises(SourceUnusable):
        next_hop("GET", "https://h.example/a", 302, location, plain_http_origins=())


@given(st.text(max_size=60))
def test_any_location_is_followed_safely_or_refused(location: str) -> None:
    try:
        hop = next_hop("GET", "https://h.example/a", 302, location, plain_http_origins=())
    except SourceUnusable:
        return
    assert hop.url.startswith("https://")
    assert hop.keep_credentials == same_origin(hop.url, "https://h.example/")
