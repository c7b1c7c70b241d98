from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from tests.loopback.conftest import DATA
from vaehub import settings

if TYPE_CHECKING:
    from tests.loopback.conftest import Ask
    from vaehub.loopback import LoopbackWorld

DIGEST = hashlib.sha256(DATA).hexdigest()


def test_the_environment_is_one_that_settings_read(world: LoopbackWorld) -> None:
    world.publish("mirror", {}, DATA)
    world.publish("http", {"url": "https://files.example.org/vae/x.safetensors"}, DATA)
    read = settings.load(world.environment(login=["civitai"]))
    assert set(read.user_endpoints) == set(settings.DEFAULT_ENDPOINTS)
    assert [mirror.prefix for mirror in read.mirrors] == [None, "https://files.example.org"]
    token = read.token("civitai")
    assert token is not None
    assert token.reveal() == world.tokens["civitai"]


def test_every_origin_is_on_loopback_and_its_own(world: LoopbackWorld) -> None:
    values = list(world.environment().values())
    assert len(set(values)) == len(values) == 5
    assert all(value.startswith("http://127.0.0.1:") for value in values)


def test_no_mirror_is_named_before_there_is_one(world: LoopbackWorld) -> None:
    assert "VAEHUB_MIRRORS" not in world.environment()


def test_the_mirror_serves_by_digest_and_by_address(world: LoopbackWorld, ask: Ask) -> None:
    world.publish("mirror", {}, DATA)
    world.publish("mirror", {"url": "https://ex.org/a%20b/x.pt"}, b"other")
    assert ask("GET", f"{world.mirror}/sha256/{DIGEST}").content == DATA
    assert ask("GET", f"{world.mirror}/ex.org/a%20b/x.pt").content == b"other"
    assert ask("GET", f"{world.mirror}/sha256/{'0' * 64}").status_code == 404
    assert world.bytes_sent("mirror") == len(DATA) + len(b"other")


def test_a_mirror_can_lie_about_a_digest(world: LoopbackWorld, ask: Ask) -> None:
    world.publish("mirror", {}, DATA, sha256="1" * 64)
    assert ask("GET", f"{world.mirror}/sha256/{'1' * 64}").content == DATA


def test_a_web_server_serves_by_path(world: LoopbackWorld, ask: Ask) -> None:
    world.publish("http", {"url": "https://files.example.org/vae/x.safetensors"}, DATA)
    base = world.environment()["VAEHUB_MIRRORS"].partition("=")[2]
    assert ask("GET", base + "/vae/x.safetensors").content == DATA


def test_a_credential_at_a_storage_is_recorded_and_refused(world: LoopbackWorld, ask: Ask) -> None:
    world.publish("civitai", {"model": 1, "version": 2}, DATA)
    base = world.environment()["VAEHUB_CIVITAI_ENDPOINT"]
    bearer = {"Authorization": "Bearer " + world.tokens["civitai"]}
    answer = ask("GET", base + "/api/download/models/2", headers=bearer, allow_redirects=False)
    assert world.leaks == []
    refused = ask("GET", answer.headers["Location"], headers=bearer)
    assert (refused.status_code, "InvalidRequest" in refused.text) == (400, True)
    assert [leak.origin for leak in world.leaks] == ["civitai storage"]


@pytest.mark.parametrize("header", ["Authorization", "token", "Cookie"])
def test_any_credential_at_a_mirror_is_a_leak(world: LoopbackWorld, ask: Ask, header: str) -> None:
    world.publish("mirror", {}, DATA)
    answer = ask("GET", f"{world.mirror}/sha256/{DIGEST}", headers={header: "anything"})
    assert answer.status_code == 400
    assert len(world.leaks) == 1


def test_a_token_at_another_host_or_in_a_url_is_a_leak(world: LoopbackWorld, ask: Ask) -> None:
    values = world.environment()
    bearer = {"Authorization": "Bearer " + world.tokens["civitai"]}
    ask("GET", values["HF_ENDPOINT"] + "/api/models/a/b", headers=bearer)
    ask("GET", values["VAEHUB_CIVITAI_ENDPOINT"] + "/api/v1/me?token=" + world.tokens["civitai"])
    assert [leak.origin for leak in world.leaks] == ["huggingface api", "civitai api"]


def test_a_claim_that_no_host_makes_is_refused(world: LoopbackWorld) -> None:
    with pytest.raises(TypeError, match="colour"):
        world.publish("mirror", {}, DATA, colour="blue")
