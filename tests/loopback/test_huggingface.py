"""The fake Hub must satisfy the official client, which is the judge here."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from huggingface_hub import HfApi, get_hf_file_metadata, hf_hub_download, hf_hub_url
from huggingface_hub.errors import (
    DisabledRepoError,
    GatedRepoError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import RepoFile, RepoFolder

from tests.loopback.conftest import DATA

if TYPE_CHECKING:
    from tests.loopback.conftest import Ask
    from vaehub.loopback import LoopbackWorld

REPO = "someone/vae"
COMMIT = "a" * 40
LOCATOR = {"repo": REPO, "revision": COMMIT, "path": "sub/x.safetensors"}
DIGEST = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def api(world: LoopbackWorld) -> HfApi:
    return HfApi(endpoint=world.environment()["HF_ENDPOINT"], token=False)


def _head(api: HfApi, path: str = "sub/x.safetensors", revision: str = COMMIT) -> str:
    return hf_hub_url(REPO, path, revision=revision, endpoint=api.endpoint)


def test_the_official_client_downloads(world: LoopbackWorld, api: HfApi, tmp_path: Path) -> None:
    world.publish("huggingface", LOCATOR, DATA)
    path = hf_hub_download(
        REPO,
        "sub/x.safetensors",
        revision=COMMIT,
        endpoint=api.endpoint,
        cache_dir=tmp_path,
        token=False,
    )
    assert Path(path).read_bytes() == DATA
    assert world.bytes_sent("huggingface") == len(DATA)


@pytest.mark.parametrize("revision", [COMMIT, "main"])
def test_metadata_of_a_big_file_hold_its_sha256(
    world: LoopbackWorld, api: HfApi, revision: str
) -> None:
    world.publish("huggingface", LOCATOR, DATA)
    told = get_hf_file_metadata(_head(api, revision=revision), token=False)
    assert (told.etag, told.size, told.commit_hash) == (DIGEST, len(DATA), COMMIT)


def test_a_small_file_has_no_sha256(world: LoopbackWorld, api: HfApi) -> None:
    world.publish("huggingface", LOCATOR, b"{}", lfs=False)
    told = get_hf_file_metadata(_head(api), token=False)
    assert told.etag == hashlib.sha1(b"blob 2\0{}").hexdigest()
    [info] = api.get_paths_info(REPO, ["sub/x.safetensors"], revision=COMMIT)
    assert isinstance(info, RepoFile)
    assert info.lfs is None


def test_paths_info_model_info_and_tree_agree(world: LoopbackWorld, api: HfApi) -> None:
    world.publish("huggingface", LOCATOR, DATA)
    [path] = api.get_paths_info(REPO, ["sub/x.safetensors"], revision=COMMIT)
    [leaf] = api.list_repo_tree(REPO, recursive=True)
    model = api.model_info(REPO, files_metadata=True)
    assert model.sha == COMMIT
    for told in (path, leaf, *(model.siblings or ())):
        assert not isinstance(told, RepoFolder)
        assert told.lfs is not None
        assert (told.lfs.sha256, told.size) == (DIGEST, len(DATA))
    assert len(model.siblings or ()) == 1


def test_claims_override_what_is_told(world: LoopbackWorld, ask: Ask, api: HfApi) -> None:
    world.publish("huggingface", LOCATOR, DATA, sha256="1" * 64, size=5)
    told = get_hf_file_metadata(_head(api), token=False)
    assert (told.etag, told.size) == ("1" * 64, 5)
    world.publish("huggingface", LOCATOR, DATA, sha256=None)
    assert "X-Linked-Etag" not in ask("HEAD", _head(api), allow_redirects=False).headers


def test_refusals_are_those_the_client_knows(world: LoopbackWorld, api: HfApi) -> None:
    with pytest.raises(RepositoryNotFoundError):
        get_hf_file_metadata(_head(api), token=False)
    world.publish("huggingface", LOCATOR, DATA)
    with pytest.raises(RevisionNotFoundError):
        get_hf_file_metadata(_head(api, revision="b" * 40), token=False)
    with pytest.raises(RemoteEntryNotFoundError):
        get_hf_file_metadata(_head(api, "other.safetensors"), token=False)


def test_a_disabled_repository(world: LoopbackWorld, api: HfApi) -> None:
    world.publish("huggingface", LOCATOR, DATA, disabled=True)
    with pytest.raises(DisabledRepoError):
        get_hf_file_metadata(_head(api), token=False)


def test_a_gated_repository_asks_for_a_token_then_for_the_terms(
    world: LoopbackWorld, api: HfApi
) -> None:
    world.publish("huggingface", LOCATOR, DATA, gated=True, granted=False)
    assert api.model_info(REPO).gated == "manual"
    with pytest.raises(GatedRepoError) as anonymous:
        get_hf_file_metadata(_head(api), token=False)
    with pytest.raises(GatedRepoError) as known:
        get_hf_file_metadata(_head(api), token=world.tokens["huggingface"])
    assert anonymous.value.response.status_code == 401
    assert known.value.response.status_code == 403
    assert world.leaks == []


def test_a_gated_repository_serves_who_was_granted(
    world: LoopbackWorld, api: HfApi, ask: Ask
) -> None:
    world.publish("huggingface", LOCATOR, DATA, gated=True)
    bearer = {"Authorization": "Bearer " + world.tokens["huggingface"]}
    assert ask("GET", _head(api), headers=bearer).content == DATA
    wrong = ask("GET", _head(api), headers={"Authorization": "Bearer nonsense"})
    assert wrong.status_code == 401
