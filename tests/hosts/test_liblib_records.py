from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hosts.conftest import sample
from tests.hosts.mutations import mutated, outcome
from vaehub.errors import LoginRequired, SourceError, SourceGone, SourceRefused, SourceUnusable
from vaehub.hosts import liblib_records

MODEL = sample("liblib-model")
DIGEST = "735e4c3a447a3255760d7f86845f09f937809baa529c17370d83e4c3758f3c75"
VERSION = "fedcba9876543210fedcba9876543210"
MEMBERS_ONLY = "00112233445566778899aabbccddeeff"


def data(answer: object, *, status: int = 200, has_token: bool = False) -> Any:
    return liblib_records.data(status, answer, what="the version", has_token=has_token)


def test_the_version_is_found_in_its_model() -> None:
    found = liblib_records.of_model(data(MODEL), VERSION, what="v")
    assert (found.size, found.sha256) == (334641190, DIGEST)
    assert (found.model, found.version) == (MODEL["data"]["uuid"], VERSION)
    assert (found.model_name, found.model_id) == ("Example VAE", 1000001)


def test_a_version_without_an_attachment_is_not_for_download() -> None:
    with pytest.raises(SourceRefused, match="not offer"):
        liblib_records.of_model(data(MODEL), MEMBERS_ONLY, what="v")


def test_a_version_that_the_model_lacks_is_gone_and_the_others_are_named() -> None:
    with pytest.raises(SourceGone, match=r"v1\.0, vip"):
        liblib_records.of_model(data(MODEL), "0" * 32, what="v")


def test_a_hash_that_nobody_has_is_gone() -> None:
    with pytest.raises(SourceGone, match=DIGEST):
        liblib_records.of_hash(data(sample("liblib-hash-miss")), DIGEST, what="v")


def test_a_hash_leads_to_its_version() -> None:
    version = MODEL["data"]["versions"][0]
    found = liblib_records.of_hash(version, DIGEST, what="v")
    assert (found.sha256, found.version, found.model) == (DIGEST, VERSION, None)


def test_the_model_is_read_from_the_address_where_nothing_else_tells_it() -> None:
    uuid = "ab" * 16
    address = f"https://www.liblib.art/api/www/model/download/{uuid}?x=1"
    version = {**MODEL["data"]["versions"][0], "attachment": {"modelSource": address}}
    assert liblib_records.of_hash(version, DIGEST, what="v").model == uuid


@pytest.mark.parametrize(
    ("address", "direct"),
    [
        ("https://liblibai-online.liblib.cloud/web/model/x.safetensors?auth_key=1", True),
        ("https://liblibai-online.vibrou.com/models/x.safetensors", True),
        ("https://www.liblib.art/api/www/model/download/x", False),
        ("https://api2.liblib.art/api/www/model/download/x", False),
        ("https://LIBLIB.ai/x", False),
        ("https://notliblib.art/x", True),
        ("https://liblib-api.vibrou.com/api/www/x", False),
    ],
)
def test_an_address_of_the_cdn_is_told_from_one_that_wants_a_login(
    address: str, direct: bool
) -> None:
    version = {"attachment": {"modelSource": address}}
    assert liblib_records.of_hash(version, DIGEST, what="v").is_direct is direct


def test_the_path_of_the_cdn_holds_a_second_witness() -> None:
    address = data(sample("liblib-download"))
    assert liblib_records.agreed(None, address, what="v") == DIGEST
    assert liblib_records.agreed(DIGEST, address, what="v") == DIGEST
    with pytest.raises(SourceUnusable, match="contradicts itself"):
        liblib_records.agreed("0" * 64, address, what="v")


def test_an_address_without_a_digest_is_no_witness() -> None:
    assert liblib_records.agreed(DIGEST, "https://cdn/x.safetensors", what="v") == DIGEST
    assert liblib_records.agreed(None, "https://cdn/x.safetensors", what="v") is None


def test_a_used_up_quota_is_told_so() -> None:
    quota = {**sample("liblib-download-quota"), "code": 100200}
    with pytest.raises(SourceRefused, match="no more downloads") as caught:
        data(quota, has_token=True)
    assert type(caught.value) is SourceRefused
    assert "下载超过限制" in caught.value.message


@pytest.mark.parametrize(
    "answer", [{"code": 1, "msg": "请先登录"}, {"code": "7", "msg": "Token x"}]
)
def test_a_wanted_login_names_the_variable(answer: object) -> None:
    with pytest.raises(LoginRequired, match="wants a login") as missing:
        data(answer)
    assert "LIBLIB_TOKEN" in (missing.value.hint or "")
    with pytest.raises(LoginRequired, match="does not accept"):
        data(answer, has_token=True)


@pytest.mark.parametrize("message", ["模型不存在", "该模型已下架"])
def test_what_is_gone_is_told_so(message: str) -> None:
    with pytest.raises(SourceGone, match=message):
        data({"code": 9, "msg": message})


@pytest.mark.parametrize("answer", [None, [], {}, {"code": None}, {"code": True}, {"data": 1}])
def test_an_answer_without_a_code_makes_no_sense(answer: object) -> None:
    with pytest.raises(SourceUnusable):
        data(answer)


def test_a_status_is_put_into_words() -> None:
    with pytest.raises(LoginRequired):
        data(None, status=401)
    with pytest.raises(SourceError, match="503"):
        data(None, status=503)


@given(mutated(MODEL), st.sampled_from([VERSION, MEMBERS_ONLY]))
def test_a_payload_gone_wrong_ends_in_our_errors_only(answer: Any, version: str) -> None:
    found = outcome(lambda: liblib_records.of_model(data(answer), version, what="v"))
    if isinstance(found, str):
        assert found.isprintable()
    else:
        assert found.is_direct in {True, False}
        assert found.sha256 is None or len(found.sha256) == 64


@given(mutated(MODEL["data"]["versions"][0]))
def test_a_version_gone_wrong_ends_in_our_errors_only(version: Any) -> None:
    found = outcome(lambda: liblib_records.of_hash(version, DIGEST, what="v"))
    assert found.isprintable() if isinstance(found, str) else found.source
