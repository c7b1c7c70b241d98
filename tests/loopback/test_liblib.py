from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from tests.loopback.conftest import DATA

if TYPE_CHECKING:
    from tests.loopback.conftest import Ask
    from vaehub.loopback import LoopbackWorld

DIGEST = hashlib.sha256(DATA).hexdigest()
MODEL, VERSION = "0123456789abcdef" * 2, "fedcba9876543210" * 2
LOCATOR = {"model": MODEL, "version": VERSION}


@pytest.fixture
def base(world: LoopbackWorld) -> str:
    return world.environment()["VAEHUB_LIBLIB_ENDPOINT"] + "/api/www"


def test_a_model_is_told_with_its_attachment(world: LoopbackWorld, base: str, ask: Ask) -> None:
    world.publish("liblib", LOCATOR, DATA, name="x.safetensors")
    told = ask("POST", f"{base}/model/getByUuid/{MODEL}?timestamp=1", json={}).json()
    [version] = told["data"]["versions"]
    attachment = version["attachment"]
    assert (told["code"], version["uuid"]) == (0, VERSION)
    assert attachment["modelSourceHash"] == DIGEST
    assert attachment["modelSourceSize"] == len(DATA)
    assert attachment["modelSourceName"] == "x.safetensors"


def test_failures_are_told_in_a_200(base: str, ask: Ask) -> None:
    answer = ask("POST", f"{base}/model/getByUuid/{'0' * 32}", json={})
    assert answer.status_code == 200
    assert answer.json()["code"] != 0


def test_a_version_is_found_by_hash(world: LoopbackWorld, base: str, ask: Ask) -> None:
    world.publish("liblib", LOCATOR, DATA)
    told = ask("GET", f"{base}/model-version/hash/{DIGEST.upper()}").json()
    assert told["data"]["uuid"] == VERSION
    missed = ask("GET", f"{base}/model-version/hash/{'0' * 64}").json()
    assert (missed["code"], missed["data"], missed["msg"]) == (0, None, "hash值无法找到模型")


def test_the_token_flow_ends_at_the_cdn(world: LoopbackWorld, base: str, ask: Ask) -> None:
    world.publish("liblib", LOCATOR, DATA)
    told = ask("POST", f"{base}/model/getByUuid/{MODEL}", json={}).json()
    source = told["data"]["versions"][0]["attachment"]["modelSource"]
    assert ask("POST", f"{base}/community/downloadCheck", json={}).json()["data"]
    refused = ask("GET", source).json()
    assert (refused["code"] != 0, refused["data"]) == (True, None)
    url = ask("GET", source, headers={"token": world.tokens["liblib"]}).json()["data"]
    assert f"/web/model/{DIGEST}.safetensors?auth_key=" in url
    assert ask("GET", url).content == DATA
    assert world.leaks == []


def test_the_direct_flow_needs_no_login(world: LoopbackWorld, base: str, ask: Ask) -> None:
    world.publish("liblib", LOCATOR, DATA, flow="direct")
    told = ask("POST", f"{base}/model/getByUuid/{MODEL}", json={}).json()
    source = told["data"]["versions"][0]["attachment"]["modelSource"]
    assert ask("GET", source).content == DATA


def test_a_null_attachment(world: LoopbackWorld, base: str, ask: Ask) -> None:
    world.publish("liblib", LOCATOR, DATA, attachment=None)
    told = ask("POST", f"{base}/model/getByUuid/{MODEL}", json={}).json()
    assert told["data"]["versions"][0]["attachment"] is None


def test_the_quota_is_told_in_a_200(world: LoopbackWorld, base: str, ask: Ask) -> None:
    world.publish("liblib", LOCATOR, DATA)
    world.faults("liblib").status(429)
    answer = ask("GET", f"{base}/model/download/{MODEL}?versionUuid={VERSION}")
    assert (answer.status_code, answer.json()["msg"]) == (200, "下载超过限制")


def test_a_version_alone_is_enough_of_a_locator(world: LoopbackWorld, base: str, ask: Ask) -> None:
    world.publish("liblib", {"version": VERSION}, DATA)
    told = ask("GET", f"{base}/model-version/hash/{DIGEST}").json()["data"]
    url = told["attachment"]["modelSource"]
    answer = ask("GET", url, headers={"token": world.tokens["liblib"]}).json()
    assert ask("GET", answer["data"]).content == DATA


def test_the_token_can_be_checked(world: LoopbackWorld, base: str, ask: Ask) -> None:
    url = base + "/user/getUserInfo"
    token = {"token": world.tokens["liblib"]}
    assert ask("POST", url, headers=token).json()["code"] == 0
    assert ask("POST", url).json()["code"] != 0
