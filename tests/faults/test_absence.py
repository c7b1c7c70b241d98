"""What is not there, or not now."""

from __future__ import annotations

from typing import Any

import pytest

from tests.faults.desk import DATA, LOCATORS, Desk, publish, said
from vaehub.errors import LoginRequired, Offline, RateLimited, SourceGone, SourceUnreachable


@pytest.mark.parametrize("host", ["civitai", "liblib", "modelscope", "github"])
def test_what_the_host_does_not_have_is_gone(desk: Desk, host: str) -> None:
    desk.login = ("civitai", "liblib")
    error = desk.refusal(host)
    assert isinstance(error, SourceGone)
    assert error.exit_code == 5


@pytest.mark.parametrize("missing", [{"path": "other.safetensors"}, {"revision": "b" * 40}])
def test_a_file_or_a_revision_that_is_gone(desk: Desk, missing: dict[str, str]) -> None:
    desk.world.publish("huggingface", LOCATORS["huggingface"] | missing, DATA)
    assert isinstance(desk.refusal("huggingface"), SourceGone)


def test_an_unknown_repository_is_not_said_to_be_gone_for_sure(desk: Desk) -> None:
    error = desk.refusal("huggingface")
    assert isinstance(error, (SourceGone, LoginRequired))
    assert "someone/vae" in said(error)


def test_a_rate_limit_is_waited_for_as_long_as_the_host_asks(desk: Desk) -> None:
    publish(desk.world, "civitai")
    desk.login = ("civitai",)
    desk.world.faults("civitai").status(429, retry_after=7, times=1)
    desk.install("civitai")
    assert desk.installed == DATA
    assert 7.0 in desk.pauses


def test_a_rate_limit_that_lasts_is_told(desk: Desk) -> None:
    publish(desk.world, "civitai")
    desk.login = ("civitai",)
    desk.world.faults("civitai").status(429, retry_after=86_400)
    error = desk.refusal("civitai")
    assert isinstance(error, RateLimited)
    assert error.retry_after == 86_400


def test_a_rate_limit_without_a_time_is_tried_again_and_then_told(desk: Desk) -> None:
    publish(desk.world, "civitai")
    desk.login = ("civitai",)
    desk.world.faults("civitai").status(429)
    assert isinstance(desk.refusal("civitai"), RateLimited)
    assert len(desk.pauses) > 0


def test_civitais_404_may_pass(desk: Desk) -> None:
    publish(desk.world, "civitai")
    desk.login = ("civitai",)
    desk.world.faults("civitai").status(404, times=1)
    desk.install("civitai")
    assert desk.installed == DATA


@pytest.mark.parametrize("stage", ["door", "bytes"])
def test_a_server_error_passes(desk: Desk, stage: Any) -> None:
    publish(desk.world, "huggingface")
    desk.world.faults("huggingface").status(503, at=stage, times=2)
    desk.install("huggingface")
    assert desk.installed == DATA
    assert len(desk.pauses) >= 2


def test_a_server_error_that_lasts_is_trouble_of_the_host(desk: Desk) -> None:
    publish(desk.world, "huggingface")
    desk.world.faults("huggingface").status(503)
    assert isinstance(desk.refusal("huggingface"), SourceUnreachable)


@pytest.mark.parametrize("host", ["huggingface", "civitai", "github", "modelscope"])
def test_an_api_in_trouble_does_not_stop_bytes_that_the_catalog_knows(
    desk: Desk, host: str
) -> None:
    publish(desk.world, host)
    desk.login = ("civitai",)
    desk.world.faults(host).html_page(at="api")
    desk.install(host)
    assert desk.installed == DATA


def test_githubs_api_limit_does_not_stop_a_release(desk: Desk) -> None:
    publish(desk.world, "github")
    desk.world.faults("github").status(403, at="api")
    desk.install("github")
    assert desk.installed == DATA


def test_offline_asks_nobody(desk: Desk) -> None:
    publish(desk.world, "huggingface")
    desk.environ["VAEHUB_OFFLINE"] = "1"
    error = desk.refusal("huggingface")
    assert isinstance(error, Offline)
    assert desk.world.requests == []
