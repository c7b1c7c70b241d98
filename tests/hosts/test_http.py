from __future__ import annotations

from typing import Any

import pytest

from tests.hosts.conftest import DATA
from tests.hosts.servers import serve
from vaehub import settings
from vaehub.errors import SourceGone, SourceUnusable
from vaehub.hosts import http
from vaehub.hosts.base import Refusal
from vaehub.model import Source

SIGNED = Source("http", {"url": "https://files.example/a.pt?sig=secret"})


def test_an_address_is_taken_as_it_stands_and_vouches_for_nothing(clients: Any) -> None:
    download = clients({}).locate(SIGNED, sha256="ab" * 32)
    assert download.url == "https://files.example/a.pt?sig=secret"
    assert (download.size, download.sha256, download.headers) == (None, None, {})


def test_a_query_is_never_shown(clients: Any) -> None:
    refusal = Refusal(404, "https://files.example/a.pt", {}, b"", "files.example")
    error = http.explain(SIGNED, refusal, settings=settings.load({}))
    shown = [http.label(SIGNED), http.page(SIGNED), error.message, repr(clients({}).locate(SIGNED))]
    assert all("secret" not in text for text in shown)
    assert isinstance(error, SourceGone)


@pytest.mark.parametrize(
    "url", ["http://files.example/a", "https://user:pw@files.example/a", "file:///etc/passwd", "a"]
)
def test_an_address_that_may_not_be_asked_is_refused(clients: Any, url: str) -> None:
    with pytest.raises(SourceUnusable) as caught:
        clients({}).locate(Source("http", {"url": url}))
    assert "pw" not in caught.value.message.replace("passwd", "")


def test_plain_http_is_for_what_the_user_named(clients: Any) -> None:
    with serve(lambda *_: (200, {}, DATA)) as base:
        source = Source("http", {"url": f"{base}/a.pt"})
        client = clients({"VAEHUB_MIRRORS": base})
        assert client.get(client.locate(source)) == DATA
        with pytest.raises(SourceUnusable, match="plain http"):
            clients({}).locate(source)
