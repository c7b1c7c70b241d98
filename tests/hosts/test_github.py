from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given

from tests.hosts.conftest import DATA
from tests.hosts.mutations import mutated, outcome
from vaehub import settings
from vaehub.errors import RateLimited, SourceGone, SourceUnreachable, SourceUnusable
from vaehub.hosts import github
from vaehub.hosts.base import Refusal
from vaehub.loopback.content import BytesContent
from vaehub.model import Source

if TYPE_CHECKING:
    from vaehub.loopback import LoopbackWorld

DIGEST = BytesContent(DATA).sha256
RELEASE = {"repo": "o/r", "tag": "v1.0", "asset": "a+b.pth"}
RAW = {"repo": "o/r", "revision": "c" * 40, "path": "models/a b.pth"}
ASSET = Source("github", RELEASE)
FILE = Source("github", RAW)
ANSWER = {
    "tag_name": "v1.0",
    "assets": [
        {"name": "other", "size": 1, "digest": None},
        {"name": "a+b.pth", "size": 2500000, "digest": f"sha256:{DIGEST}"},
    ],
}


def test_a_release_asset_has_size_and_digest(world: LoopbackWorld, clients: Any) -> None:
    world.publish("github", RELEASE, DATA)
    client = clients({**world.environment(), "GITHUB_TOKEN": "never-asked-for"})
    download = client.locate(ASSET)
    assert (download.size, download.sha256) == (len(DATA), DIGEST)
    assert client.get(download) == DATA
    assert all("authorization" not in seen.headers for seen in world.requests)


def test_an_old_asset_has_no_digest(world: LoopbackWorld, clients: Any) -> None:
    world.publish("github", RELEASE, DATA, sha256=None)
    download = clients(world.environment()).locate(ASSET, sha256=DIGEST)
    assert (download.size, download.sha256) == (len(DATA), None)


def test_a_raw_file_is_fetched_without_a_question(world: LoopbackWorld, clients: Any) -> None:
    world.publish("github", RAW, DATA)
    client = clients(world.environment())
    download = client.locate(FILE)
    assert (download.size, download.sha256) == (None, None)
    assert world.requests == []
    assert client.get(download) == DATA


@pytest.mark.parametrize("status", [403, 429, 500])
def test_an_api_that_gives_no_answer_does_not_keep_a_pinned_asset_from_being_tried(
    world: LoopbackWorld, clients: Any, status: int
) -> None:
    world.publish("github", RELEASE, DATA)
    world.faults("github").status(status, at="api")
    client = clients(world.environment())
    assert client.get(client.locate(ASSET, sha256=DIGEST)) == DATA
    with pytest.raises((RateLimited, SourceUnreachable)):
        client.locate(ASSET)


@pytest.mark.parametrize("change", [{"repo": "o/x"}, {"tag": "v2"}, {"asset": "c.pth"}])
def test_what_is_not_there_is_final_also_with_a_pin(
    world: LoopbackWorld, clients: Any, change: dict[str, str]
) -> None:
    world.publish("github", RELEASE, DATA)
    with pytest.raises(SourceGone):
        clients(world.environment()).locate(Source("github", {**RELEASE, **change}), sha256=DIGEST)


def test_a_raw_file_that_is_not_there_is_explained(world: LoopbackWorld, clients: Any) -> None:
    client = clients(world.environment())
    error = client.explained(FILE, client.locate(FILE))
    assert isinstance(error, SourceGone)
    assert error.hint == f"see https://github.com/o/r/blob/{'c' * 40}/models/a b.pth"


def test_the_real_api_has_an_origin_of_its_own() -> None:
    """Whose address is not given to the user's endpoint, nor the other way round."""
    own = settings.load({})
    away = Refusal(403, "https://x/", {}, b"", "release-assets.githubusercontent.com")
    assert isinstance(github.explain(ASSET, away, settings=own), SourceUnreachable)
    busy = Refusal(429, "https://x/", {}, b"", "github.com")
    assert isinstance(github.explain(ASSET, busy, settings=own), RateLimited)


def test_the_asset_is_found_in_its_release() -> None:
    found = github.record(200, ANSWER, ASSET)
    assert (found.size, found.sha256) == (2500000, DIGEST)


@pytest.mark.parametrize("answer", [None, [], {}, {"assets": None}])
def test_an_answer_that_is_no_release_is_unusable(answer: object) -> None:
    with pytest.raises(SourceUnusable):
        github.record(200, answer, ASSET)


@given(mutated(ANSWER))
def test_a_payload_gone_wrong_ends_in_our_errors_only(answer: Any) -> None:
    found = outcome(lambda: github.record(200, answer, ASSET))
    if isinstance(found, str):
        assert found.isprintable()
    else:
        assert found.sha256 is None or len(found.sha256) == 64


def test_label_and_page_name_the_source() -> None:
    assert github.label(ASSET) == "github o/r v1.0 a+b.pth"
    assert github.page(ASSET) == "https://github.com/o/r/releases/tag/v1.0"
    assert github.label(FILE) == "github o/r models/a b.pth"
