from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.hosts.conftest import DATA, hint
from tests.hosts.servers import Answer, serve
from vaehub import settings
from vaehub.errors import (
    LoginRequired,
    SourceGone,
    SourceRefused,
    SourceUnreachable,
    SourceUnusable,
)
from vaehub.hosts import liblib
from vaehub.hosts.base import Refusal
from vaehub.loopback.content import BytesContent
from vaehub.model import Source

if TYPE_CHECKING:
    from vaehub.loopback import LoopbackWorld

DIGEST = BytesContent(DATA).sha256
MODEL, VERSION = "0123456789abcdef" * 2, "fedcba9876543210" * 2
LOCATOR = {"model": MODEL, "version": VERSION}
WITH_MODEL = Source("liblib", LOCATOR, login=True)
VERSION_ONLY = Source("liblib", {"version": VERSION}, login=True)


@pytest.mark.parametrize("source", [WITH_MODEL, VERSION_ONLY])
@pytest.mark.parametrize("flow", ["token", "direct"])
def test_both_ways_lead_to_the_bytes_from_either_locator(
    world: LoopbackWorld, clients: Any, source: Source, flow: str
) -> None:
    world.publish("liblib", source.locator, DATA, flow=flow)
    client = clients(world.environment(login=["liblib"]))
    download = client.locate(source, sha256=DIGEST)
    assert (download.size, download.sha256) == (len(DATA), DIGEST)
    assert download.headers == {}
    assert client.get(download) == DATA
    assert world.leaks == []


def test_the_token_goes_only_where_a_login_is_wanted(world: LoopbackWorld, clients: Any) -> None:
    world.publish("liblib", LOCATOR, DATA)
    client = clients(world.environment(login=["liblib"]))
    client.get(client.locate(WITH_MODEL))
    carried = {
        seen.path.split("/")[4]: "token" in seen.headers for seen in world.seen("liblib api")
    }
    assert carried == {"getByUuid": False, "downloadCheck": True, "download": True}
    assert all("token" not in seen.headers for seen in world.seen("liblib cdn"))


def test_a_direct_address_needs_no_login(world: LoopbackWorld, clients: Any) -> None:
    world.publish("liblib", LOCATOR, DATA, flow="direct")
    client = clients(world.environment())
    assert client.get(client.locate(WITH_MODEL)) == DATA


def test_the_way_that_wants_a_login_says_so_before_it_asks(
    world: LoopbackWorld, clients: Any
) -> None:
    world.publish("liblib", LOCATOR, DATA)
    with pytest.raises(LoginRequired) as caught:
        clients(world.environment()).locate(WITH_MODEL)
    assert "LIBLIB_TOKEN" in hint(caught.value)
    assert "usertoken" in hint(caught.value)
    assert len(world.requests) == 1


def test_a_token_that_is_not_accepted_is_told_so(world: LoopbackWorld, clients: Any) -> None:
    world.publish("liblib", LOCATOR, DATA)
    client = clients({**world.environment(), "LIBLIB_TOKEN": "stale"})
    with pytest.raises(LoginRequired, match="does not accept") as caught:
        client.locate(WITH_MODEL)
    assert "stale" not in caught.value.message


def test_a_used_up_quota_is_told_so(world: LoopbackWorld, clients: Any) -> None:
    world.publish("liblib", LOCATOR, DATA)
    world.faults("liblib").status(429, at="door")
    with pytest.raises(SourceRefused, match="下载超过限制"):
        clients(world.environment(login=["liblib"])).locate(WITH_MODEL)


def test_a_version_without_an_attachment_is_refused(world: LoopbackWorld, clients: Any) -> None:
    world.publish("liblib", LOCATOR, DATA, attachment=None)
    with pytest.raises(SourceRefused, match="not offer"):
        clients(world.environment(login=["liblib"])).locate(WITH_MODEL)


@pytest.mark.parametrize("source", [WITH_MODEL, VERSION_ONLY])
def test_what_liblib_does_not_know_is_gone(
    world: LoopbackWorld, clients: Any, source: Source
) -> None:
    with pytest.raises(SourceGone):
        clients(world.environment()).locate(source, sha256=DIGEST)


def test_a_version_alone_without_a_sha256_cannot_be_found(
    world: LoopbackWorld, clients: Any
) -> None:
    with pytest.raises(SourceUnusable) as caught:
        clients(world.environment()).locate(VERSION_ONLY)
    assert "model" in hint(caught.value)
    assert world.requests == []


def test_a_record_that_contradicts_the_cdn_is_refused(world: LoopbackWorld, clients: Any) -> None:
    told = {
        "modelSource": f"https://cdn.example/web/model/{DIGEST}.pt",
        "modelSourceHash": "0" * 64,
    }
    world.publish("liblib", LOCATOR, DATA, attachment=told)
    with pytest.raises(SourceUnusable, match="contradicts itself"):
        clients(world.environment()).locate(WITH_MODEL)


@pytest.mark.parametrize(
    "address", ["http://cdn.example/a.pt", "ftp://x/a", "a.pt", "https://u@h/a"]
)
def test_an_address_that_may_not_be_asked_is_refused(
    world: LoopbackWorld, clients: Any, address: str
) -> None:
    world.publish("liblib", LOCATOR, DATA, attachment={"modelSource": address})
    with pytest.raises(SourceUnusable):
        clients(world.environment(login=["liblib"])).locate(WITH_MODEL)


def test_a_denied_announcement_ends_the_matter(clients: Any) -> None:
    asked: list[str] = []

    def answer(method: str, path: str, headers: dict[str, str]) -> Answer:
        asked.append(path.partition("?")[0].removeprefix("/api/www/"))
        source = "https://www.liblib.art/api/www/model/download/x?key=1"
        version = {"uuid": VERSION, "attachment": {"modelSource": source}}
        model = {"uuid": MODEL, "versions": [version]}
        data = model if "getByUuid" in path else False
        return 200, {}, json.dumps({"code": 0, "data": data}).encode()

    with serve(answer) as endpoint:
        client = clients({"VAEHUB_LIBLIB_ENDPOINT": endpoint, "LIBLIB_TOKEN": "abc"})
        with pytest.raises(SourceRefused, match="does not let your account"):
            client.locate(WITH_MODEL)
    assert asked == [f"model/getByUuid/{MODEL}", "community/downloadCheck"]


def test_the_second_base_is_asked_where_the_first_is_in_trouble(
    world: LoopbackWorld, clients: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.publish("liblib", LOCATOR, DATA)
    second = world.environment()["VAEHUB_LIBLIB_ENDPOINT"]
    with serve(lambda *_: (503, {}, b"")) as first:
        monkeypatch.setitem(liblib.APIS, first, (first, second))
        client = clients({"VAEHUB_LIBLIB_ENDPOINT": first, "LIBLIB_TOKEN": world.tokens["liblib"]})
        assert client.get(client.locate(WITH_MODEL)) == DATA
    assert world.leaks == []


def test_only_the_real_site_has_a_second_base() -> None:
    assert liblib.APIS == {
        "https://www.liblib.art": ("https://www.liblib.art", "https://api2.liblib.art")
    }


def test_an_api_in_trouble_is_unreachable(world: LoopbackWorld, clients: Any) -> None:
    world.faults("liblib").status(503, at="api")
    with pytest.raises(SourceUnreachable):
        clients(world.environment()).locate(WITH_MODEL)


@pytest.mark.parametrize("version", ["abc", "../../x", "z" * 32])
def test_a_version_is_a_uuid(clients: Any, version: str) -> None:
    with pytest.raises(SourceUnusable, match="uuid"):
        clients({}).locate(Source("liblib", {"version": version}))


def test_a_cdn_that_refuses_its_signed_address_can_be_asked_anew(
    world: LoopbackWorld, clients: Any
) -> None:
    world.publish("liblib", LOCATOR, DATA, flow="direct")
    world.faults("liblib").expire_after(1)
    client = clients(world.environment())
    download = client.locate(WITH_MODEL)
    assert client.get(download) == DATA
    assert isinstance(client.explained(WITH_MODEL, download), SourceUnreachable)
    assert client.get(client.locate(WITH_MODEL)) == DATA


def test_the_site_s_own_refusals_are_explained() -> None:
    own = settings.load({})
    login = Refusal(401, "https://www.liblib.art/x", {}, b"", "www.liblib.art")
    assert isinstance(liblib.explain(WITH_MODEL, login, settings=own), LoginRequired)
    gone = Refusal(404, "https://www.liblib.art/x", {}, b"", "www.liblib.art")
    assert isinstance(liblib.explain(WITH_MODEL, gone, settings=own), SourceGone)


def test_label_and_page_name_the_source() -> None:
    assert liblib.label(WITH_MODEL) == f"liblib model {MODEL} version {VERSION}"
    assert (
        liblib.page(WITH_MODEL) == f"https://www.liblib.art/modelinfo/{MODEL}?versionUuid={VERSION}"
    )
    assert liblib.page(VERSION_ONLY) == "https://www.liblib.art"


def test_by_hash(world: LoopbackWorld, clients: Any) -> None:
    world.publish("liblib", LOCATOR, DATA, name="a.safetensors")
    client = clients(world.environment(login=["liblib"]))
    asked = {"session": client.session, "settings": client.settings}
    found = liblib.by_hash(DIGEST, **asked)
    assert (found.file, found.locator["version"]) == ("a.safetensors", VERSION)
    with pytest.raises(SourceGone, match="has no file with the sha256"):
        liblib.by_hash("0" * 64, **asked)
    assert world.leaks == []


def test_by_hash_an_answer_about_another_file_is_none(world: LoopbackWorld, clients: Any) -> None:
    told = {"modelSourceName": "b.safetensors", "modelSourceHash": "1" * 64}
    world.publish("liblib", LOCATOR, DATA, attachment=told)
    client = clients(world.environment())
    with pytest.raises(SourceGone):
        liblib.by_hash(DIGEST, session=client.session, settings=client.settings)
