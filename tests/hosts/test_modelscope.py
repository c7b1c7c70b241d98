from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given

from tests.hosts.conftest import DATA, hint, sample
from tests.hosts.mutations import mutated, outcome
from vaehub import settings
from vaehub.errors import (
    LoginRequired,
    RateLimited,
    SourceError,
    SourceGone,
    SourceRefused,
    SourceUnreachable,
    SourceUnusable,
)
from vaehub.hosts import modelscope
from vaehub.hosts.base import Refusal
from vaehub.loopback.content import BytesContent
from vaehub.model import Source

if TYPE_CHECKING:
    from vaehub.loopback import LoopbackWorld

DIGEST = BytesContent(DATA).sha256
LOCATOR = {"repo": "org/a-vae", "revision": "master", "path": "vae/a b.safetensors"}
SOURCE = Source("modelscope", LOCATOR)
FILES = sample("modelscope-repo-files")
QWEN = Source(
    "modelscope",
    {"repo": "q/w", "revision": "master", "path": "qwen2.5-0.5b-instruct-q4_k_m.gguf"},
)


@pytest.mark.parametrize("upper", [False, True])
def test_the_list_tells_size_and_sha256_and_the_bytes_follow(
    world: LoopbackWorld, clients: Any, upper: bool
) -> None:
    told = DIGEST.upper() if upper else DIGEST
    world.publish("modelscope", LOCATOR, DATA, sha256=told)
    client = clients(world.environment())
    download = client.locate(SOURCE, sha256=DIGEST)
    assert (download.size, download.sha256) == (len(DATA), DIGEST)
    assert client.get(download) == DATA
    assert world.seen("modelscope api")[0].query == "Revision=master&Recursive=True&Root="
    assert world.leaks == []


@pytest.mark.parametrize("told", [None, ""])
def test_a_sha256_that_is_not_told_is_none(
    world: LoopbackWorld, clients: Any, told: str | None
) -> None:
    world.publish("modelscope", LOCATOR, DATA, sha256=told)
    assert clients(world.environment()).locate(SOURCE).sha256 is None


def test_the_token_is_a_credential_of_the_site_only(world: LoopbackWorld, clients: Any) -> None:
    world.publish("modelscope", LOCATOR, DATA, login=True)
    client = clients(world.environment(login=["modelscope"]))
    assert client.get(client.locate(SOURCE)) == DATA
    for seen in world.seen("modelscope api"):
        assert {"authorization", "cookie"} <= set(seen.headers)
    for seen in world.seen("modelscope oss"):
        assert not {"authorization", "cookie"} & set(seen.headers)
    assert world.leaks == []


def test_a_wanted_login_names_the_variable_and_the_page(world: LoopbackWorld, clients: Any) -> None:
    world.publish("modelscope", LOCATOR, DATA, login=True)
    with pytest.raises(LoginRequired) as caught:
        clients(world.environment()).locate(SOURCE, sha256=DIGEST)
    assert "MODELSCOPE_TOKEN" in hint(caught.value)
    assert "https://www.modelscope.cn/my/myaccesstoken" in hint(caught.value)
    stale = clients({**world.environment(), "MODELSCOPE_TOKEN": "stale"})
    with pytest.raises(LoginRequired, match="does not accept"):
        stale.locate(SOURCE, sha256=DIGEST)


def test_a_file_without_access_is_refused(world: LoopbackWorld, clients: Any) -> None:
    world.publish("modelscope", LOCATOR, DATA, granted=False)
    with pytest.raises(SourceRefused, match="no permission"):
        clients(world.environment()).locate(SOURCE, sha256=DIGEST)


@pytest.mark.parametrize("change", [{"repo": "org/other"}, {"revision": "v9"}, {"path": "b.pt"}])
def test_what_is_not_there_is_final_also_with_a_pin(
    world: LoopbackWorld, clients: Any, change: dict[str, str]
) -> None:
    world.publish("modelscope", LOCATOR, DATA)
    with pytest.raises(SourceGone):
        clients(world.environment()).locate(
            Source("modelscope", {**LOCATOR, **change}), sha256=DIGEST
        )


def test_a_list_in_trouble_does_not_keep_a_pinned_file_from_being_tried(
    world: LoopbackWorld, clients: Any
) -> None:
    world.publish("modelscope", LOCATOR, DATA)
    world.faults("modelscope").status(500, at="api")
    client = clients(world.environment())
    assert client.get(client.locate(SOURCE, sha256=DIGEST)) == DATA
    with pytest.raises(SourceUnreachable):
        client.locate(SOURCE)


def test_recorded_files_are_read() -> None:
    found = modelscope.record(200, FILES, QWEN)
    assert found.size == 491400032
    assert found.sha256 == "74a4da8c9fdbcd15bd1f6d01d621410d31c6fc00986f5eb687824e7b93d7a9db"


def test_a_folder_is_no_file() -> None:
    answer = {"Code": 200, "Data": {"Files": [{"Path": "vae", "Type": "tree"}]}}
    folder = Source("modelscope", {**LOCATOR, "path": "vae"})
    with pytest.raises(SourceGone):
        modelscope.record(200, answer, folder)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ({"Code": 10010205001, "Message": "record not found"}, SourceGone),
        ({"Code": 10010101001, "Message": "模型不存在"}, SourceGone),
        ({"Code": 401, "Message": "login"}, LoginRequired),
        ({"Code": 10010101001, "Message": "busy"}, SourceUnusable),
        ({"Code": 200, "Data": None}, SourceUnusable),
        ({"Code": 200, "Data": {"Files": None}}, SourceUnusable),
        ([], SourceUnusable),
        (None, SourceUnusable),
    ],
)
def test_an_error_in_a_200_is_told(answer: object, kind: type[SourceError]) -> None:
    with pytest.raises(kind) as caught:
        modelscope.record(200, answer, SOURCE)
    assert type(caught.value) is kind


@given(mutated(FILES))
def test_a_payload_gone_wrong_ends_in_our_errors_only(answer: Any) -> None:
    found = outcome(lambda: modelscope.record(200, answer, QWEN))
    if isinstance(found, str):
        assert found.isprintable()
    else:
        assert found.sha256 is None or len(found.sha256) == 64


def test_the_bytes_refusals_are_explained() -> None:
    own = settings.load({})
    busy = Refusal(429, "https://x/", {"retry-after": "9"}, b"", "www.modelscope.cn")
    error = modelscope.explain(SOURCE, busy, settings=own)
    assert isinstance(error, RateLimited)
    assert error.retry_after == 9
    expired = Refusal(403, "https://x/", {}, b"<Error/>", "oss.aliyuncs.com")
    assert isinstance(modelscope.explain(SOURCE, expired, settings=own), SourceUnreachable)
    login = Refusal(401, "https://x/", {}, b"", "www.modelscope.cn")
    assert isinstance(modelscope.explain(SOURCE, login, settings=own), LoginRequired)


def test_label_and_page_name_the_source() -> None:
    assert modelscope.label(SOURCE) == "modelscope org/a-vae vae/a b.safetensors"
    assert modelscope.page(SOURCE) == "https://www.modelscope.cn/models/org/a-vae"
