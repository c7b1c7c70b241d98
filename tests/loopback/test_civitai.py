from __future__ import annotations

import hashlib
import zlib
from typing import TYPE_CHECKING, Any

import pytest

from tests.loopback.conftest import DATA

if TYPE_CHECKING:
    from tests.loopback.conftest import Ask
    from vaehub.loopback import LoopbackWorld

DIGEST = hashlib.sha256(DATA).hexdigest()
BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64)"}


@pytest.fixture
def base(world: LoopbackWorld) -> str:
    return world.environment()["VAEHUB_CIVITAI_ENDPOINT"]


@pytest.fixture
def bearer(world: LoopbackWorld) -> dict[str, str]:
    return {"Authorization": "Bearer " + world.tokens["civitai"]}


def test_a_version_is_told_in_full(world: LoopbackWorld, base: str, ask: Ask) -> None:
    world.publish("civitai", {"model": 23906, "version": 28569}, DATA, name="anime2.safetensors")
    told = ask("GET", base + "/api/v1/model-versions/28569").json()
    [file] = told["files"]
    assert (told["id"], told["modelId"], told["model"]["type"]) == (28569, 23906, "VAE")
    assert file["sizeKB"] * 1024 == len(DATA)
    assert file["hashes"]["SHA256"] == DIGEST.upper()
    assert file["hashes"]["AutoV2"] == DIGEST[:10].upper()
    assert file["metadata"]["format"] == "SafeTensor"
    assert (file["type"], file["primary"]) == ("Model", True)


def test_crc32_is_byte_reversed_as_on_the_real_site(
    world: LoopbackWorld, base: str, ask: Ask
) -> None:
    world.publish("civitai", {"model": 1, "version": 2}, b"hello world")
    told = ask("GET", base + "/api/v1/model-versions/2").json()["files"][0]["hashes"]
    assert told["CRC32"] == "85114A0D"
    assert f"{zlib.crc32(b'hello world'):08X}" == "0D4A1185"


def test_autov1_and_autov3_follow_their_rules(world: LoopbackWorld, base: str, ask: Ask) -> None:
    data = (16).to_bytes(8, "little") + b"{" + b" " * 14 + b"}" + bytes(range(256)) * 8192
    world.publish("civitai", {"model": 1, "version": 2}, data)
    told = ask("GET", base + "/api/v1/model-versions/2").json()["files"][0]["hashes"]
    assert told["AutoV3"] == hashlib.sha256(data[24:]).hexdigest()[:12].upper()
    assert told["AutoV1"] == hashlib.sha256(data[0x100000:0x110000]).hexdigest()[:8].upper()


def test_a_model_lists_its_versions_and_marks_only_the_primary(
    world: LoopbackWorld, base: str, ask: Ask
) -> None:
    world.publish("civitai", {"model": 1, "version": 2}, DATA, name="a.safetensors")
    world.publish("civitai", {"model": 1, "version": 2}, b"ckpt", name="a.ckpt")
    world.publish("civitai", {"model": 1, "version": 3}, b"three", name="b.safetensors")
    told = ask("GET", base + "/api/v1/models/1").json()
    assert [version["id"] for version in told["modelVersions"]] == [2, 3]
    files = told["modelVersions"][0]["files"]
    assert [file.get("primary") for file in files] == [True, None]
    assert files[1]["metadata"]["format"] == "PickleTensor"
    assert "format=PickleTensor" in files[1]["downloadUrl"]
    assert "mode" not in told


def test_by_hash_finds_any_kind_in_any_case(world: LoopbackWorld, base: str, ask: Ask) -> None:
    world.publish("civitai", {"model": 1, "version": 2}, DATA)
    for value in (DIGEST, DIGEST[:10].upper()):
        told = ask("GET", f"{base}/api/v1/model-versions/by-hash/{value}").json()
        assert told["id"] == 2
    assert ask("GET", f"{base}/api/v1/model-versions/by-hash/{'0' * 64}").status_code == 404


def test_many_hashes_at_once(world: LoopbackWorld, base: str, ask: Ask) -> None:
    world.publish("civitai", {"model": 1, "version": 2}, DATA)
    url = base + "/api/v1/model-versions/by-hash"
    told = ask("POST", url, json=[DIGEST, "0" * 64]).json()
    assert [version["id"] for version in told] == [2]
    assert told[0]["downloadUrl"].startswith("https://undefined/")
    assert ask("POST", url, json=[DIGEST[:10]]).status_code == 400


def test_the_file_is_chosen_by_id_or_metadata(
    world: LoopbackWorld, base: str, ask: Ask, bearer: dict[str, str]
) -> None:
    world.publish("civitai", {"model": 1, "version": 2, "file": 77}, DATA, name="a.safetensors")
    world.publish("civitai", {"model": 1, "version": 2, "file": 78}, b"ckpt", name="a.ckpt")
    url = base + "/api/download/models/2"

    def get(query: str) -> tuple[int, bytes]:
        answer = ask("GET", url + query, headers=bearer)
        return answer.status_code, answer.content

    assert get("") == (200, DATA)
    assert get("?fileId=78") == (200, b"ckpt")
    assert get("?type=Model&format=PickleTensor") == (200, b"ckpt")
    assert get("?type=VAE")[0] == 404
    assert get("?fileId=79")[0] == 404
    assert world.leaks == []


def test_the_redirect_is_307_to_a_signed_storage_url(
    world: LoopbackWorld, base: str, ask: Ask, bearer: dict[str, str]
) -> None:
    world.publish("civitai", {"model": 1, "version": 2}, DATA, name="a b.safetensors")
    url = base + "/api/download/models/2"
    answer = ask("GET", url, headers=bearer, allow_redirects=False)
    assert answer.status_code == 307
    assert not answer.headers["Location"].startswith(base)
    assert "X-Amz-Signature=" in answer.headers["Location"]
    got = ask("GET", answer.headers["Location"], headers={"Range": "bytes=0-9"})
    assert (got.status_code, got.content) == (206, DATA[:10])
    assert 'filename="a b.safetensors"' in got.headers["Content-Disposition"]


def test_without_a_token_the_answer_depends_on_who_asks(
    world: LoopbackWorld, base: str, ask: Ask
) -> None:
    world.publish("civitai", {"model": 1, "version": 2}, DATA)
    url = base + "/api/download/models/2"
    plain = ask("GET", url)
    assert (plain.status_code, plain.json()["error"]) == (401, "Unauthorized")
    browser = ask("GET", url, headers=BROWSER)
    assert (browser.status_code, browser.text.startswith("<!DOCTYPE html>")) == (200, True)
    assert ask("GET", url, headers={"User-Agent": "Python-urllib/3.11"}).status_code == 403
    wrong = ask("GET", url, headers={"Authorization": "Bearer nonsense"})
    assert wrong.status_code == 401


def test_head_forgets_the_token(
    world: LoopbackWorld, base: str, ask: Ask, bearer: dict[str, str]
) -> None:
    world.publish("civitai", {"model": 1, "version": 2}, DATA)
    assert ask("HEAD", base + "/api/download/models/2", headers=bearer).status_code == 401


@pytest.mark.parametrize(
    ("claims", "status", "words"),
    [
        ({"early_access": "2026-12-01"}, 403, "Early Access"),
        ({"granted": False}, 403, "do not have access"),
        ({"disabled": True}, 401, "has disabled downloads"),
        ({"archived": True}, 410, "archived"),
    ],
)
def test_refusals_in_the_sites_words(
    world: LoopbackWorld,
    base: str,
    ask: Ask,
    bearer: dict[str, str],
    claims: dict[str, Any],
    status: int,
    words: str,
) -> None:
    world.publish("civitai", {"model": 1, "version": 2}, DATA, **claims)
    answer = ask("GET", base + "/api/download/models/2", headers=bearer)
    assert (answer.status_code, words in answer.text) == (status, True)


def test_an_archived_model_has_no_files(world: LoopbackWorld, base: str, ask: Ask) -> None:
    world.publish("civitai", {"model": 1, "version": 2}, DATA, archived=True)
    model = ask("GET", base + "/api/v1/models/1").json()
    version = ask("GET", base + "/api/v1/model-versions/2").json()
    assert model["mode"] == version["model"]["mode"] == "Archived"
    assert "files" not in version
    assert "files" not in model["modelVersions"][0]


def test_a_region_is_blocked_at_the_api(world: LoopbackWorld, base: str, ask: Ask) -> None:
    world.faults("civitai").status(451, at="api")
    answer = ask("GET", base + "/api/v1/models/1")
    assert (answer.status_code, answer.json()["code"]) == (451, "REGION_BLOCKED")


def test_the_token_can_be_checked(
    world: LoopbackWorld, base: str, ask: Ask, bearer: dict[str, str]
) -> None:
    assert ask("GET", base + "/api/v1/me", headers=bearer).json()["username"] == "loopback"
    assert ask("GET", base + "/api/v1/me").status_code == 401
    assert world.leaks == []


def test_what_is_not_there_is_404_in_json(base: str, ask: Ask) -> None:
    for path in ("models/9", "model-versions/9", "nothing"):
        answer = ask("GET", f"{base}/api/v1/{path}")
        assert (answer.status_code, "error" in answer.json()) == (404, True)
    assert ask("GET", base + "/api/download/models/9").status_code == 404


def test_mini_names_one_file(world: LoopbackWorld, base: str, ask: Ask) -> None:
    world.publish("civitai", {"model": 1, "version": 2, "file": 77}, DATA, name="a.safetensors")
    world.publish("civitai", {"model": 1, "version": 2, "file": 78}, b"ckpt", name="a.ckpt")
    told = ask("GET", base + "/api/v1/model-versions/mini/2?modelFileId=78").json()
    assert (told["fileName"], told["requireAuth"]) == ("a.ckpt", True)
