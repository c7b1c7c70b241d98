"""What follows from a failure of a source: at once, later, or never again."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest

from tests.transfer.helping import QUICK, Sleeper, Told, settings_for
from vaehub.errors import (
    LoginRequired,
    RateLimited,
    SourceError,
    SourceGone,
    SourceRefused,
    SourceUnreachable,
    SourceUnusable,
)
from vaehub.hosts.base import Refusal
from vaehub.model import Artifact, Download, Source
from vaehub.settings import DEFAULT_ENDPOINTS
from vaehub.transfer.asking import Asked
from vaehub.transfer.session import Session
from vaehub.transfer.stream import Refused

LOCATORS: dict[str, dict[str, str | int]] = {
    "mirror": {"url": "https://mirror.example/vae"},
    "civitai": {"model": 23906, "version": 28569},
    "huggingface": {"repo": "some/vae", "revision": "c" * 40, "path": "vae.safetensors"},
}
BROKE = SourceUnreachable("mirror: the connection broke")


@dataclass
class Judged:
    """One source, and what is decided about it."""

    host: str = "mirror"
    told: Told = field(default_factory=Told)

    def __post_init__(self) -> None:
        settings = settings_for()
        source = Source(self.host, LOCATORS[self.host])
        self.asked = Asked(
            source,
            Artifact("vae.safetensors", ()),
            session=Session(settings, patience=QUICK, sleep=Sleeper()),
            settings=settings,
            listener=self.told,
        )
        base = DEFAULT_ENDPOINTS.get(self.host, "https://mirror.example")
        self.download = Download(url=f"{base}/vae", label=self.host)

    def refused(
        self, status: int, *, redirected: bool = True, progressed: bool = False, **headers: str
    ) -> float:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        place = "cdn.example" if redirected else urlsplit(self.download.url).netloc
        refusal = Refusal(status, f"https://{place}/vae", named, b"", place)
        error = Refused(refusal, redirected=redirected)
        return self.asked.judge(error, self.download, progressed=progressed)

    def broke(self, *, progressed: bool = False) -> float:
        return self.asked.judge(BROKE, self.download, progressed=progressed)


@pytest.mark.parametrize("host", LOCATORS)
@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_storage_that_refuses_is_located_anew_once(host: str, status: int) -> None:
    judged = Judged(host)
    assert judged.refused(status) == 0
    with pytest.raises(SourceError):
        judged.refused(status)


def test_an_address_that_served_for_a_while_has_run_out_again() -> None:
    judged = Judged()
    for _ in range(10):
        assert judged.refused(403, progressed=True) == 0
    with pytest.raises(SourceRefused):
        judged.refused(403)


@pytest.mark.parametrize("status", [401, 403])
def test_the_host_itself_is_believed_at_once(status: int) -> None:
    with pytest.raises(SourceError):
        Judged().refused(status, redirected=False)
    with pytest.raises(SourceError):
        Judged("civitai").refused(status, redirected=False)


def test_an_address_elsewhere_is_a_storage_without_a_redirect() -> None:
    """Some hosts tell the signed address of their storage in the answer of an API."""
    judged = Judged("civitai")
    judged.download = Download(url="https://storage.example/signed", label="civitai")
    assert judged.refused(403, redirected=False) == 0
    with pytest.raises(SourceError):
        judged.refused(403, redirected=False)


def test_a_login_is_asked_for_where_the_host_wants_one() -> None:
    with pytest.raises(LoginRequired):
        Judged("civitai").refused(401, redirected=False)


@pytest.mark.parametrize("host", ["mirror", "huggingface"])
def test_what_is_not_there_is_gone(host: str) -> None:
    with pytest.raises((SourceGone, LoginRequired)):
        Judged(host).refused(404, redirected=False)


def test_civitais_404_may_blink_once() -> None:
    judged = Judged("civitai")
    assert judged.refused(404, redirected=False) == QUICK.first_wait
    with pytest.raises(SourceGone):
        judged.refused(404, redirected=False, progressed=True)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 522])
def test_what_passes_is_waited_for_longer_and_longer_and_then_no_more(status: int) -> None:
    judged = Judged()
    assert [judged.refused(status) for _ in range(QUICK.attempts - 1)] == [1, 2]
    with pytest.raises(SourceError) as caught:
        judged.refused(status)
    assert isinstance(caught.value, RateLimited if status == 429 else SourceUnreachable)


def test_a_broken_connection_passes_like_that_too() -> None:
    judged = Judged()
    assert [judged.broke(), judged.broke()] == [1, 2]
    with pytest.raises(SourceUnreachable) as caught:
        judged.broke()
    assert caught.value is BROKE


def test_failures_of_all_kinds_are_counted_together() -> None:
    judged = Judged()
    assert [judged.broke(), judged.refused(503)] == [1, 2]
    with pytest.raises(SourceUnreachable):
        judged.broke()


def test_progress_begins_the_count_anew() -> None:
    judged = Judged()
    assert [judged.broke(progressed=True) for _ in range(20)] == [1] * 20
    assert [judged.refused(503, progressed=True) for _ in range(20)] == [1] * 20


@pytest.mark.parametrize("status", [429, 503])
def test_a_host_says_how_long_to_wait(status: int) -> None:
    judged = Judged()
    assert judged.refused(status, Retry_After="7") == 7
    assert judged.refused(status, Retry_After="0") == 0


def test_a_host_that_asks_for_too_much_is_left() -> None:
    with pytest.raises(RateLimited) as caught:
        Judged().refused(429, Retry_After="61")
    assert caught.value.retry_after == 61


def test_a_host_that_asks_for_no_wait_is_not_asked_for_ever() -> None:
    judged = Judged()
    waits = [judged.refused(429, Retry_After="0") for _ in range(QUICK.attempts - 1)]
    assert waits == [0, 0]
    with pytest.raises(RateLimited):
        judged.refused(429, Retry_After="0")


def test_a_long_wait_is_told_and_a_short_one_is_not() -> None:
    judged = Judged()
    judged.asked.wait(judged.refused(429))
    assert judged.told.notes == []
    judged.asked.wait(judged.refused(429, Retry_After="30"))
    (note,) = judged.told.notes
    assert note.endswith("trying again in 30 s")


def test_an_unknown_host_is_no_source() -> None:
    settings = settings_for()
    asked = Asked(
        Source("gopher", {}),
        Artifact("vae.safetensors", ()),
        session=Session(settings),
        settings=settings,
        listener=Told(),
    )
    assert asked.label == "gopher"
    with pytest.raises(SourceUnusable):
        asked.name()


@pytest.mark.parametrize(
    ("host", "server"),
    [
        ("mirror", "https://mirror.example:443"),
        ("civitai", "civitai"),
        ("huggingface", "huggingface"),
    ],
)
def test_connections_count_for_a_host_or_for_the_one_server(host: str, server: str) -> None:
    assert Judged(host).asked.server == server
