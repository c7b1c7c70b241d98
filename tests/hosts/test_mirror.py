from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.hosts.conftest import DATA
from vaehub import hosts
from vaehub.errors import SourceGone, SourceUnreachable, SourceUnusable
from vaehub.hosts import mirror
from vaehub.loopback.content import BytesContent
from vaehub.model import Artifact, Source

if TYPE_CHECKING:
    from vaehub.loopback import LoopbackWorld

DIGEST = BytesContent(DATA).sha256
ADDRESS = "https://files.example/vae/a%20b.pt"


def test_a_blob_is_found_by_its_digest(world: LoopbackWorld, clients: Any) -> None:
    world.publish("mirror", {}, DATA)
    client = clients(world.environment())
    [source, _] = hosts.with_mirrors(
        Artifact("a.pt", (Source("civitai", {"version": 1}),), sha256=DIGEST), client.settings
    )
    download = client.locate(source, sha256=DIGEST)
    assert download.url == f"{world.mirror}/sha256/{DIGEST}"
    assert (download.size, download.sha256) == (None, None)
    assert client.get(download) == DATA


@pytest.mark.parametrize("host", ["mirror", "http"])
def test_a_copy_is_found_by_the_address_of_its_original(
    world: LoopbackWorld, clients: Any, host: str
) -> None:
    """``mirror``: below the original's host; ``http``: a stand-in for a prefix."""
    world.publish(host, {"url": ADDRESS}, DATA)
    client = clients(world.environment())
    artifact = Artifact("a.pt", (Source("http", {"url": ADDRESS}),))
    source = hosts.with_mirrors(artifact, client.settings)[0]
    assert source.host == "mirror"
    assert client.get(client.locate(source)) == DATA


def test_a_blob_that_the_mirror_lacks_is_gone(world: LoopbackWorld, clients: Any) -> None:
    client = clients({"VAEHUB_MIRRORS": world.mirror})
    source = Source("mirror", {"base": world.mirror})
    error = client.explained(source, client.locate(source, sha256=DIGEST))
    assert isinstance(error, SourceGone)
    assert world.mirror in error.message


def test_a_mirror_in_trouble_is_unreachable(world: LoopbackWorld, clients: Any) -> None:
    world.faults("mirror").status(503)
    client = clients({"VAEHUB_MIRRORS": world.mirror})
    source = Source("mirror", {"base": world.mirror})
    assert isinstance(
        client.explained(source, client.locate(source, sha256=DIGEST)), SourceUnreachable
    )


def test_without_a_sha256_there_is_nothing_to_look_for(clients: Any) -> None:
    with pytest.raises(SourceUnusable, match="sha256"):
        clients({}).locate(Source("mirror", {"base": "https://m.example"}))


def test_plain_http_is_for_mirrors_that_the_user_named(clients: Any) -> None:
    with pytest.raises(SourceUnusable, match="plain http"):
        clients({}).locate(Source("mirror", {"base": "http://m.example"}), sha256=DIGEST)


def test_the_label_is_the_address() -> None:
    assert mirror.label(Source("mirror", {"base": "https://m.example"})) == (
        "mirror https://m.example"
    )
