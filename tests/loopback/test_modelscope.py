from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from tests.loopback.conftest import DATA

if TYPE_CHECKING:
    from tests.loopback.conftest import Ask
    from vaehub.loopback import LoopbackWorld

DIGEST = hashlib.sha256(DATA).hexdigest()
LOCATOR = {"repo": "someone/vae", "revision": "master", "path": "sub/x.safetensors"}


@pytest.fixture
def base(world: LoopbackWorld) -> str:
    return world.environment()["VAEHUB_MODELSCOPE_ENDPOINT"]


def test_files_are_listed_with_size_and_sha256(world: LoopbackWorld, base: str, ask: Ask) -> None:
    world.publish("modelscope", LOCATOR, DATA)
    url = base + "/api/v1/models/someone/vae/repo/files?Revision=master&Recursive=True&Root="
    told = ask("GET", url).json()
    [file] = told["Data"]["Files"]
    assert told["Code"] == 200
    assert (file["Name"], file["Path"]) == ("x.safetensors", "sub/x.safetensors")
    assert (file["Size"], file["Sha256"], file["Type"]) == (len(DATA), DIGEST, "blob")


@pytest.mark.parametrize(
    "path",
    [
        "/models/someone/vae/resolve/master/sub/x.safetensors",
        "/api/v1/models/someone/vae/repo?Revision=master&FilePath=sub/x.safetensors",
    ],
)
def test_both_addresses_lead_to_oss(world: LoopbackWorld, base: str, ask: Ask, path: str) -> None:
    world.publish("modelscope", LOCATOR, DATA)
    hop = ask("GET", base + path, allow_redirects=False)
    assert (hop.status_code, hop.headers["X-Linked-Etag"]) == (302, DIGEST)
    part = ask("GET", base + path, headers={"Range": "bytes=5-9"})
    assert (part.status_code, part.content) == (206, DATA[5:10])


def test_what_is_not_there_is_404_with_a_code(world: LoopbackWorld, base: str, ask: Ask) -> None:
    world.publish("modelscope", LOCATOR, DATA)
    for path in (
        "/api/v1/models/nobody/vae/repo/files",
        "/models/someone/vae/resolve/master/other",
        "/models/someone/vae/resolve/v9/sub/x.safetensors",
    ):
        answer = ask("GET", base + path)
        assert answer.status_code == 404
        assert answer.json()["Success"] is False


def test_a_private_repository_needs_the_token(world: LoopbackWorld, base: str, ask: Ask) -> None:
    world.publish("modelscope", LOCATOR, DATA, login=True)
    url = base + "/models/someone/vae/resolve/master/sub/x.safetensors"
    token = world.tokens["modelscope"]
    assert ask("GET", url).status_code == 401
    assert ask("GET", url, headers={"Authorization": f"Bearer {token}"}).content == DATA
    hop = ask("GET", url, headers={"Cookie": f"m_session_id={token}"}, allow_redirects=False)
    assert hop.status_code == 302


def test_a_sha256_may_be_missing(world: LoopbackWorld, base: str, ask: Ask) -> None:
    world.publish("modelscope", LOCATOR, DATA, sha256=None)
    told = ask("GET", base + "/api/v1/models/someone/vae/repo/files").json()
    assert told["Data"]["Files"][0]["Sha256"] is None
