"""What the host says of the file, against what the catalog says."""

from __future__ import annotations

import pytest

from tests.faults.desk import DATA, DIGEST, LOCATORS, OTHER, SIZE, Desk, publish
from vaehub.errors import HashMismatch, SizeMismatch
from vaehub.loopback import samples


@pytest.fixture(autouse=True)
def branch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Name a branch, which may change: of a pinned file at a commit nothing is asked."""
    monkeypatch.setitem(LOCATORS["huggingface"], "revision", "main")


@pytest.mark.parametrize("host", ["huggingface", "civitai", "liblib", "modelscope", "github"])
def test_another_sha256_at_the_host_is_found_before_a_byte_is_fetched(
    desk: Desk, host: str
) -> None:
    publish(desk.world, host, sha256=OTHER)
    desk.login = ("civitai", "liblib")
    error = desk.refusal(host)
    assert isinstance(error, HashMismatch)
    assert desk.asked_for(host) == []


@pytest.mark.parametrize("host", ["huggingface", "liblib", "modelscope", "github"])
def test_another_size_at_the_host_is_found_before_a_byte_is_fetched(desk: Desk, host: str) -> None:
    publish(desk.world, host, size=SIZE + 4096)
    desk.login = ("civitai", "liblib")
    error = desk.refusal(host)
    assert isinstance(error, SizeMismatch)
    assert desk.asked_for(host) == []


def test_civitais_size_may_be_rounded(desk: Desk) -> None:
    publish(desk.world, "civitai", size=SIZE - 300)
    desk.login = ("civitai",)
    desk.install("civitai")
    assert desk.installed == DATA


def test_liblibs_size_may_be_text(desk: Desk) -> None:
    publish(desk.world, "liblib", size=str(SIZE))
    desk.login = ("liblib",)
    desk.install("liblib")
    assert desk.installed == DATA


@pytest.mark.parametrize("host", ["huggingface", "civitai", "modelscope", "github"])
def test_a_sha256_that_the_host_does_not_tell_is_no_trouble(desk: Desk, host: str) -> None:
    publish(desk.world, host, sha256=None)
    desk.login = ("civitai",)
    desk.install(host)
    assert desk.installed == DATA


def test_a_sha256_in_upper_case_is_the_same(desk: Desk) -> None:
    publish(desk.world, "modelscope", sha256=DIGEST.upper())
    desk.install("modelscope")
    assert desk.installed == DATA


def test_where_the_catalog_knows_no_sha256_the_hosts_own_counts(desk: Desk) -> None:
    publish(desk.world, "huggingface")
    result = desk.install("huggingface", sha256=None, evidence="host")
    assert result.steps[0].sha256 == DIGEST
    assert desk.installed == DATA


def test_where_nobody_knows_a_sha256_nothing_is_installed(desk: Desk) -> None:
    publish(desk.world, "huggingface", sha256=None)
    desk.refusal("huggingface", sha256=None, evidence="host")
    assert desk.asked_for("huggingface") == []


def test_with_the_hosts_own_sha256_wrong_bytes_are_still_found(desk: Desk) -> None:
    publish(desk.world, "huggingface")
    desk.world.faults("huggingface").flip_byte(-1)
    error = desk.refusal("huggingface", sha256=None, evidence="host")
    assert isinstance(error, HashMismatch)


def test_the_right_file_of_a_version_is_chosen(desk: Desk) -> None:
    desk.world.publish("civitai", LOCATORS["civitai"], samples.safetensors(9), name="primary.ckpt")
    publish(desk.world, "civitai")
    desk.login = ("civitai",)
    desk.install("civitai")
    assert desk.installed == DATA
    [door] = [s for s in desk.world.seen("civitai api") if "/download/" in s.path]
    assert "fileId=" in door.query
