from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.hosts.conftest import DATA, hint, sample
from vaehub import settings
from vaehub.errors import (
    HashMismatch,
    LoginRequired,
    RateLimited,
    SourceError,
    SourceGone,
    SourceRefused,
    SourceUnreachable,
    SourceUnusable,
)
from vaehub.hosts import civitai
from vaehub.hosts.base import Refusal
from vaehub.loopback.content import BytesContent
from vaehub.loopback.server import json_response
from vaehub.model import Source

if TYPE_CHECKING:
    from vaehub.loopback import LoopbackWorld

DIGEST = BytesContent(DATA).sha256
OTHER = DATA[::-1]
LOCATOR: dict[str, str | int] = {"model": 22354, "version": 88156}
SOURCE = Source("civitai", LOCATOR, login=True)


def query(url: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(url).query)


def test_the_pinned_file_is_chosen_among_its_siblings(world: LoopbackWorld, clients: Any) -> None:
    world.publish("civitai", LOCATOR, OTHER, name="a.safetensors")
    world.publish("civitai", LOCATOR, DATA, name="b.safetensors")
    client = clients(world.environment(login=["civitai"]))
    download = client.locate(SOURCE, sha256=DIGEST, size=len(DATA))
    assert (download.sha256, download.size) == (DIGEST, len(DATA))
    assert query(download.url) == {"fileId": ["900002"]}
    assert client.get(download) == DATA
    assert world.leaks == []


def test_the_catalog_s_file_id_is_asked_for(world: LoopbackWorld, clients: Any) -> None:
    world.publish("civitai", {**LOCATOR, "file": 5}, OTHER, name="a.safetensors")
    world.publish("civitai", {**LOCATOR, "file": 6}, DATA, name="a.safetensors")
    client = clients(world.environment(login=["civitai"]))
    download = client.locate(Source("civitai", {**LOCATOR, "file": 6}), sha256=DIGEST)
    assert query(download.url) == {"fileId": ["6"]}
    assert client.get(download) == DATA


def test_the_token_is_a_credential_of_the_download_and_of_nothing_else(
    world: LoopbackWorld, clients: Any
) -> None:
    world.publish("civitai", LOCATOR, DATA)
    client = clients(world.environment(login=["civitai"]))
    download = client.locate(SOURCE, sha256=DIGEST)
    assert world.tokens["civitai"] not in repr(download)
    assert world.tokens["civitai"] not in download.url
    assert [seen.path for seen in world.seen("civitai api")] == ["/api/v1/model-versions/88156"]
    assert all("authorization" not in seen.headers for seen in world.requests)
    client.get(download)
    assert "authorization" in world.seen("civitai api")[-1].headers
    assert all("authorization" not in seen.headers for seen in world.seen("civitai storage"))


def test_each_attempt_gets_a_fresh_address_from_the_same_question(
    world: LoopbackWorld, clients: Any
) -> None:
    world.publish("civitai", LOCATOR, DATA)
    world.faults("civitai").expire_after(1)
    client = clients(world.environment(login=["civitai"]))
    for _ in range(2):
        assert client.get(client.locate(SOURCE, sha256=DIGEST)) == DATA


def test_without_a_token_the_download_is_tried_and_the_401_says_what_to_do(
    world: LoopbackWorld, clients: Any
) -> None:
    world.publish("civitai", LOCATOR, DATA)
    client = clients(world.environment())
    error = client.explained(SOURCE, client.locate(SOURCE, sha256=DIGEST))
    assert isinstance(error, LoginRequired)
    assert "CIVITAI_TOKEN" in hint(error)
    assert "https://civitai.com/user/account" in hint(error)


def test_a_file_that_needs_no_login_is_had_without_a_token(
    world: LoopbackWorld, clients: Any
) -> None:
    world.publish("civitai", LOCATOR, DATA, login=False)
    client = clients(world.environment())
    assert client.get(client.locate(SOURCE, sha256=DIGEST)) == DATA


def test_a_token_that_is_not_accepted_is_told_from_a_missing_one(
    world: LoopbackWorld, clients: Any
) -> None:
    world.publish("civitai", LOCATOR, DATA)
    client = clients({**world.environment(), "CIVITAI_API_KEY": "stale"})
    error = client.explained(SOURCE, client.locate(SOURCE, sha256=DIGEST))
    assert isinstance(error, LoginRequired)
    assert "does not accept your token" in error.message
    assert "stale" not in error.message


@pytest.mark.parametrize(
    ("claims", "kind", "word"),
    [
        ({"archived": True}, SourceGone, "archived"),
        ({"taken_down": True}, SourceGone, "taken down"),
        ({"early_access": "2999-12-01T00:00:00.000Z"}, SourceRefused, "until 2999-12-01"),
    ],
)
def test_what_the_record_already_tells_costs_no_download(
    world: LoopbackWorld, clients: Any, claims: dict[str, Any], kind: type[SourceError], word: str
) -> None:
    world.publish("civitai", LOCATOR, DATA, **claims)
    with pytest.raises(kind, match=word):
        clients(world.environment()).locate(SOURCE, sha256=DIGEST)
    assert len(world.requests) == 1


@pytest.mark.parametrize(
    ("claims", "word"),
    [
        ({"early_access": "2999-12-01T00:00:00.000Z"}, "early access until 2999-12-01"),
        ({"disabled": True}, "disabled its download"),
        ({"granted": False}, "no access"),
    ],
)
def test_what_only_the_download_tells_is_put_into_words(
    world: LoopbackWorld, clients: Any, claims: dict[str, Any], word: str
) -> None:
    world.publish("civitai", LOCATOR, DATA, **claims)
    client = clients(world.environment(login=["civitai"]))
    error = client.explained(SOURCE, client.locate(SOURCE, sha256=DIGEST))
    assert type(error) is SourceRefused
    assert word in error.message


def test_an_unknown_version_is_gone(world: LoopbackWorld, clients: Any) -> None:
    with pytest.raises(SourceGone, match=r"version 88156.*Model not found"):
        clients(world.environment()).locate(SOURCE, sha256=DIGEST)


def test_exchanged_bytes_are_seen_before_any_is_fetched(world: LoopbackWorld, clients: Any) -> None:
    world.publish("civitai", LOCATOR, OTHER)
    with pytest.raises(HashMismatch):
        clients(world.environment()).locate(SOURCE, sha256=DIGEST)


def test_a_region_that_is_shut_out_is_told_so(world: LoopbackWorld, clients: Any) -> None:
    world.publish("civitai", LOCATOR, DATA)
    world.faults("civitai").status(451, at="api")
    with pytest.raises(SourceRefused, match="region") as caught:
        clients(world.environment()).locate(SOURCE, sha256=DIGEST)
    assert caught.value.hint


@pytest.mark.parametrize("fault", ["500", "429", "page", "silence"])
def test_an_api_in_trouble_does_not_keep_a_pinned_file_from_being_tried(
    world: LoopbackWorld, clients: Any, fault: str
) -> None:
    world.publish("civitai", {**LOCATOR, "file": 6}, DATA)
    faults = world.faults("civitai")
    if fault == "page":
        faults.html_page(at="api")
    elif fault == "silence":
        faults.hang_up(at="api")
    else:
        faults.status(int(fault), at="api")
    client = clients(world.environment(login=["civitai"]))
    source = Source("civitai", {**LOCATOR, "file": 6})
    download = client.locate(source, sha256=DIGEST)
    assert (download.size, download.sha256) == (None, None)
    assert client.get(download) == DATA
    with pytest.raises((SourceUnreachable, SourceUnusable, RateLimited)):
        client.locate(source)


def test_type_and_format_stand_in_for_an_unknown_file_id(
    world: LoopbackWorld, clients: Any
) -> None:
    locator: dict[str, str | int] = {**LOCATOR, "type": "VAE", "format": "Other"}
    world.publish("civitai", locator, DATA, name="a.ckpt")
    world.faults("civitai").status(500, at="api")
    client = clients(world.environment(login=["civitai"]))
    download = client.locate(Source("civitai", locator), sha256=DIGEST)
    assert query(download.url) == {"type": ["VAE"], "format": ["Other"]}
    assert client.get(download) == DATA


def test_the_second_front_is_asked_where_the_first_knows_nothing(
    world: LoopbackWorld, clients: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vaehub.loopback import LoopbackWorld as World

    world.publish("civitai", LOCATOR, DATA)
    with World() as first:
        environment = first.environment()
        site = environment["VAEHUB_CIVITAI_ENDPOINT"]
        second = world.environment()["VAEHUB_CIVITAI_ENDPOINT"]
        monkeypatch.setitem(civitai.FRONTS, site, (site, second))
        client = clients(environment)
        assert client.locate(SOURCE, sha256=DIGEST).url.startswith(second)
        first.faults("civitai").status(500, at="api")
        assert client.locate(SOURCE, sha256=DIGEST).url.startswith(second)
        # What one front knows to be gone is said, also when the other is silent.
        first.faults("civitai").clear()
        world.faults("civitai").status(500, at="api")
        with pytest.raises(SourceGone):
            client.locate(SOURCE, sha256=DIGEST)
        monkeypatch.setitem(civitai.FRONTS, site, (second, site))
        with pytest.raises(SourceGone):
            client.locate(SOURCE, sha256=DIGEST)


def test_only_the_real_site_has_a_second_front() -> None:
    assert civitai.FRONTS == {"https://civitai.com": ("https://civitai.com", "https://civitai.red")}


def test_an_answer_that_is_no_record_is_refused(world: LoopbackWorld, clients: Any) -> None:
    world.faults("civitai").answer(json_response(200, ["nothing"]), at="api")
    with pytest.raises(SourceUnusable):
        clients(world.environment()).locate(SOURCE)


@pytest.mark.parametrize("version", ["abc", "1/../2", "-1", "²"])
def test_a_version_is_a_number(clients: Any, version: str) -> None:
    with pytest.raises(SourceUnusable, match="number"):
        clients({}).locate(Source("civitai", {"version": version}))


ERRORS = [
    (SourceGone, "Model not found", 404),
    (LoginRequired, "wants a login", 401),
    (SourceRefused, "disabled its download", 401),
    (SourceRefused, "early access", 403),
    (SourceRefused, "no access", 403),
    (SourceGone, "File not found", 404),
    (SourceGone, "archived", 410),
    (RateLimited, "unusual amount", 429),
    (SourceRefused, "region", 451),
    (SourceUnreachable, "Failed to fetch", 500),
]


@pytest.mark.parametrize(("kind", "word", "status"), ERRORS)
def test_every_recorded_error_is_put_into_words(
    kind: type[SourceError], word: str, status: int
) -> None:
    import json

    own = settings.load({})
    told = [
        civitai.explain(
            SOURCE,
            Refusal(status, "https://civitai.com/x", {}, json.dumps(body).encode(), "civitai.com"),
            settings=own,
        )
        for body in (item["body"] for item in sample("civitai-errors") if item["status"] == status)
    ]
    assert any(type(error) is kind and word in error.message for error in told)
    assert all(error.hint for error in told if isinstance(error, SourceRefused))


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"error": 7}', b"\xff\xfe", b"[" * 4096])
@pytest.mark.parametrize("status", [401, 403, 404, 410, 429, 500])
def test_a_body_that_says_nothing_is_borne(status: int, body: bytes) -> None:
    found = Refusal(status, "https://civitai.com/x", {}, body, "civitai.com")
    assert civitai.explain(SOURCE, found, settings=settings.load({})).message


def test_a_storage_that_refuses_its_address_is_not_taken_for_the_site(
    world: LoopbackWorld, clients: Any
) -> None:
    world.publish("civitai", LOCATOR, DATA)
    world.faults("civitai").status(403, at="bytes")
    client = clients(world.environment(login=["civitai"]))
    error = client.explained(SOURCE, client.locate(SOURCE, sha256=DIGEST))
    assert isinstance(error, SourceUnreachable)
    assert "storage" in error.message


def test_label_and_page_name_the_source() -> None:
    assert civitai.label(SOURCE) == "civitai model 22354 version 88156"
    assert civitai.page(SOURCE) == "https://civitai.com/models/22354?modelVersionId=88156"
