from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from tests.loopback.conftest import DATA

if TYPE_CHECKING:
    from tests.loopback.conftest import Ask
    from vaehub.loopback import LoopbackWorld

DIGEST = hashlib.sha256(DATA).hexdigest()
ASSET = {"repo": "someone/vae", "tag": "v1.0", "asset": "x.safetensors"}
RAW = {"repo": "someone/vae", "revision": "a" * 40, "path": "sub/taef1.pth"}


@pytest.fixture
def base(world: LoopbackWorld) -> str:
    return world.environment()["VAEHUB_GITHUB_ENDPOINT"]


def test_a_release_lists_its_assets_with_digests(world: LoopbackWorld, base: str, ask: Ask) -> None:
    world.publish("github", ASSET, DATA)
    told = ask("GET", base + "/api/v3/repos/someone/vae/releases/tags/v1.0").json()
    [asset] = told["assets"]
    assert (asset["name"], asset["size"]) == ("x.safetensors", len(DATA))
    assert asset["digest"] == f"sha256:{DIGEST}"
    assert ask("GET", asset["browser_download_url"]).content == DATA


def test_an_old_asset_has_no_digest(world: LoopbackWorld, base: str, ask: Ask) -> None:
    world.publish("github", ASSET, DATA, sha256=None)
    told = ask("GET", base + "/api/v3/repos/someone/vae/releases/tags/v1.0").json()
    assert told["assets"][0]["digest"] is None


def test_files_come_from_another_origin(world: LoopbackWorld, base: str, ask: Ask) -> None:
    world.publish("github", ASSET, DATA)
    world.publish("github", RAW, b"pickle")
    for path, data in (
        ("/someone/vae/releases/download/v1.0/x.safetensors", DATA),
        (f"/someone/vae/raw/{'a' * 40}/sub/taef1.pth", b"pickle"),
    ):
        hop = ask("GET", base + path, allow_redirects=False)
        assert hop.status_code == 302
        assert not hop.headers["Location"].startswith(base)
        assert ask("GET", base + path).content == data


def test_what_is_not_there_is_404(world: LoopbackWorld, base: str, ask: Ask) -> None:
    world.publish("github", ASSET, DATA)
    assert ask("GET", base + "/someone/vae/raw/main/x").status_code == 404
    answer = ask("GET", base + "/api/v3/repos/someone/vae/releases/tags/v2")
    assert (answer.status_code, answer.json()["message"]) == (404, "Not Found")


def test_the_api_has_a_rate_limit_of_its_own(world: LoopbackWorld, base: str, ask: Ask) -> None:
    world.faults("github").status(403, at="api")
    answer = ask("GET", base + "/api/v3/repos/someone/vae/releases/tags/v1.0")
    assert (answer.status_code, answer.headers["X-RateLimit-Remaining"]) == (403, "0")
