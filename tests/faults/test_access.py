"""Who may have it: logins, gates, grants, early access, quotas."""

from __future__ import annotations

from typing import Any

import pytest

from tests.faults.desk import DATA, Desk, publish, said
from vaehub.errors import (
    AccessRequired,
    LoginRequired,
    RateLimited,
    SourceError,
    SourceGone,
    SourceRefused,
)


def test_civitai_without_a_token_says_where_to_get_one(desk: Desk) -> None:
    publish(desk.world, "civitai")
    error = desk.refusal("civitai")
    assert isinstance(error, LoginRequired)
    assert "CIVITAI_TOKEN" in said(error)
    assert desk.asked_for("civitai") == []


def test_civitai_with_a_wrong_token_says_so(desk: Desk) -> None:
    publish(desk.world, "civitai")
    desk.environ["CIVITAI_TOKEN"] = "nonsense"
    error = desk.refusal("civitai")
    assert isinstance(error, LoginRequired)
    assert "CIVITAI_TOKEN" in said(error)
    assert "nonsense" not in said(error)


@pytest.mark.parametrize(
    ("claims", "kind", "words"),
    [
        ({"early_access": "2026-12-01T00:00:00.000Z"}, SourceRefused, "2026-12-01"),
        ({"disabled": True}, SourceRefused, "disabled"),
        ({"granted": False}, SourceRefused, "access"),
        ({"archived": True}, SourceGone, "archived"),
    ],
)
def test_civitai_refusals_are_told_in_words(
    desk: Desk, claims: dict[str, Any], kind: type[SourceError], words: str
) -> None:
    publish(desk.world, "civitai", **claims)
    desk.login = ("civitai",)
    error = desk.refusal("civitai")
    assert isinstance(error, kind)
    assert not isinstance(error, LoginRequired)
    assert words in said(error)


def test_a_blocked_region_is_told_as_such(desk: Desk) -> None:
    publish(desk.world, "civitai")
    desk.login = ("civitai",)
    desk.world.faults("civitai").status(451, at="api")
    desk.world.faults("civitai").status(451)
    error = desk.refusal("civitai")
    assert isinstance(error, SourceRefused)
    assert "region" in said(error)


def test_a_gated_repository_asks_for_a_token_and_names_the_page(desk: Desk) -> None:
    publish(desk.world, "huggingface", gated=True, granted=False)
    error = desk.refusal("huggingface")
    assert isinstance(error, (LoginRequired, AccessRequired))
    assert "HF_TOKEN" in said(error)


def test_a_gated_repository_asks_to_accept_the_terms(desk: Desk) -> None:
    publish(desk.world, "huggingface", gated=True, granted=False)
    desk.login = ("huggingface",)
    error = desk.refusal("huggingface")
    assert isinstance(error, AccessRequired)
    assert "huggingface.co/someone/vae" in said(error)


def test_a_gated_repository_serves_who_has_accepted(desk: Desk) -> None:
    publish(desk.world, "huggingface", gated=True)
    desk.login = ("huggingface",)
    desk.install("huggingface")
    assert desk.installed == DATA
    assert desk.world.leaks == []


def test_a_disabled_repository(desk: Desk) -> None:
    publish(desk.world, "huggingface", disabled=True)
    assert isinstance(desk.refusal("huggingface"), SourceRefused)


def test_liblib_without_a_token_says_which_to_set(desk: Desk) -> None:
    publish(desk.world, "liblib")
    error = desk.refusal("liblib")
    assert isinstance(error, LoginRequired)
    assert "LIBLIB_TOKEN" in said(error)


def test_liblib_without_an_attachment_is_refused(desk: Desk) -> None:
    publish(desk.world, "liblib", attachment=None)
    desk.login = ("liblib",)
    assert isinstance(desk.refusal("liblib"), SourceRefused)


def test_liblib_says_that_the_quota_is_spent_in_a_200(desk: Desk) -> None:
    publish(desk.world, "liblib")
    desk.login = ("liblib",)
    desk.world.faults("liblib").status(429)
    assert isinstance(desk.refusal("liblib"), (RateLimited, SourceRefused))
    assert desk.asked_for("liblib") == []


def test_a_private_modelscope_repository_asks_for_a_token(desk: Desk) -> None:
    publish(desk.world, "modelscope", login=True)
    error = desk.refusal("modelscope")
    assert isinstance(error, LoginRequired)
    assert "MODELSCOPE_TOKEN" in said(error)


def test_a_gated_first_party_is_passed_over_where_another_host_serves(desk: Desk) -> None:
    publish(desk.world, "huggingface", gated=True)
    publish(desk.world, "modelscope")
    result = desk.install("huggingface", "modelscope")
    assert desk.installed == DATA
    [(_, error)] = result.steps[0].attempts
    assert isinstance(error, (LoginRequired, AccessRequired))


def test_civitai_is_never_asked_with_head(desk: Desk) -> None:
    publish(desk.world, "civitai")
    desk.login = ("civitai",)
    desk.install("civitai")
    assert desk.installed == DATA
    assert desk.world.seen("civitai", method="HEAD") == []
    assert desk.world.leaks == []
