"""What can go wrong between a host and the UI's folder, end to end on the loopback world.

Every failing install must leave the tree byte for byte as it was and say which kind of trouble it
met; every one that recovers must have the right bytes and must not have fetched them twice.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from vaehub import settings as settings_module
from vaehub.catalog import Catalogs
from vaehub.catalog.compiled import load_file
from vaehub.errors import (
    AccessRequired,
    FileInTheWay,
    HashMismatch,
    IntegrityError,
    LoginRequired,
    NoSourceDelivered,
    NotAModel,
    Offline,
    RateLimited,
    SizeMismatch,
    SourceError,
    SourceGone,
    SourceRefused,
    SourceUnreachable,
    SourceUnusable,
    UnsafePickle,
    VaehubError,
)
from vaehub.install import InstallResult, Options
from vaehub.install import install as run_install
from vaehub.loopback import samples
from vaehub.targets import find_target
from vaehub.transfer.listener import SILENT
from vaehub.transfer.patience import Patience
from vaehub.transfer.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vaehub.loopback import LoopbackWorld

DATA = samples.safetensors(1)
SIZE = len(DATA)
DIGEST = hashlib.sha256(DATA).hexdigest()
OTHER = "1" * 64
COMMIT = "a" * 40
MODEL, VERSION = "0123456789abcdef" * 2, "fedcba9876543210" * 2
LOCATORS: dict[str, dict[str, str | int]] = {
    "huggingface": {"repo": "someone/vae", "revision": COMMIT, "path": "x.safetensors"},
    "civitai": {"model": 22354, "version": 88156},
    "liblib": {"model": MODEL, "version": VERSION},
    "modelscope": {"repo": "someone/vae", "revision": "master", "path": "x.safetensors"},
    "github": {"repo": "someone/vae", "tag": "v1.0", "asset": "x.safetensors"},
    "http": {"url": "https://files.example.org/x.safetensors"},
}
IMPATIENT = Patience(connect=5.0, read=0.5)


@dataclass
class Desk:
    """Somebody with a UI, a catalog and this loopback internet."""

    world: LoopbackWorld
    folder: Path
    tree: Path
    login: tuple[str, ...] = ()
    environ: dict[str, str] = field(default_factory=dict)
    pauses: list[float] = field(default_factory=list)
    """How long the transfer wanted to wait, in vain: nobody waits here."""

    def install(
        self,
        *hosts: str,
        name: str = "x.safetensors",
        data: bytes = DATA,
        **artifact: Any,
    ) -> InstallResult:
        """Install a file that the catalog finds on these hosts, in this order."""
        entry = samples.entry(name, data, {host: LOCATORS[host] for host in hosts})
        [variant] = entry["variants"].values()
        variant["artifacts"][0] |= artifact
        for key in [key for key, value in artifact.items() if value is None]:
            del variant["artifacts"][0][key]
        path = self.folder / "catalog.yaml"
        path.write_text(samples.catalog("desk", {"some-vae": entry}), encoding="utf-8")
        settings = settings_module.load(
            self.world.environment(login=self.login)
            | {"VAEHUB_STORE": str(self.folder / "store")}
            | self.environ
        )
        catalog, _ = load_file(path, cache=self.folder / "cache", foreign=True)
        found, wanted = Catalogs((catalog,)).resolve("some-vae")
        with Session(settings, patience=IMPATIENT, sleep=self.pauses.append) as session:
            return run_install(
                found,
                wanted,
                find_target(self.tree, settings=settings, cwd=self.folder),
                named=False,
                settings=settings,
                session=session,
                listener=SILENT,
                options=Options(),
            )

    def refusal(self, *hosts: str, **artifact: Any) -> VaehubError:
        """Install in vain; give what was said of the last source, if it was about sources."""
        before = samples.snapshot(self.tree)
        with pytest.raises(VaehubError) as raised:
            self.install(*hosts, **artifact)
        assert samples.snapshot(self.tree) == before
        error = raised.value
        if not isinstance(error, NoSourceDelivered):
            return error
        assert len(error.attempts) >= len(hosts)
        wrong = any(isinstance(cause, IntegrityError) for _, cause in error.attempts)
        assert error.exit_code == (6 if wrong else 5)
        for secret in self.world.tokens.values():
            assert secret not in str(error) + repr(error.attempts)
        return error.attempts[-1][1]

    @property
    def installed(self) -> bytes:
        """The bytes that now stand in the UI."""
        return (self.tree / "models" / "VAE" / "x.safetensors").read_bytes()

    def asked_for(self, host: str) -> list[str | None]:
        """Give the Range headers of the requests for a host's bytes."""
        return [seen.range for seen in self.world.seen(BYTES[host], method="GET")]


BYTES = {
    "huggingface": "huggingface cdn",
    "civitai": "civitai storage",
    "liblib": "liblib cdn",
    "modelscope": "modelscope oss",
    "github": "github assets",
}


@pytest.fixture
def desk(world: LoopbackWorld, tmp_path: Path) -> Desk:
    return Desk(world, tmp_path, samples.tree(tmp_path / "webui", "automatic1111"))


def publish(world: LoopbackWorld, *hosts: str, data: bytes = DATA, **claims: Any) -> None:
    for host in hosts:
        world.publish(host, LOCATORS[host], data, name="x.safetensors", **claims)


def said(error: VaehubError) -> str:
    return f"{error.message} {error.hint or ''}"


# Who may have it.


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


# What is not there, or not now.


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


# What the host says of the file.


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


# Bytes that are not the file.


@pytest.mark.parametrize(
    ("switch", "words"),
    [
        (lambda faults: faults.html_page(), "page"),
        (lambda faults: faults.json_error(), "JSON"),
        (lambda faults: faults.lfs_pointer(), "LFS"),
    ],
)
def test_a_page_an_error_or_a_pointer_is_no_model(
    desk: Desk, switch: Callable[[Any], None], words: str
) -> None:
    publish(desk.world, "huggingface")
    switch(desk.world.faults("huggingface"))
    error = desk.refusal("huggingface")
    assert isinstance(error, NotAModel)
    assert words in said(error)


def test_a_login_page_in_place_of_the_redirect_is_no_model(desk: Desk) -> None:
    publish(desk.world, "civitai")
    desk.login = ("civitai",)
    desk.world.faults("civitai").html_page(at="door")
    error = desk.refusal("civitai")
    assert isinstance(error, NotAModel)
    assert "page" in said(error)


def test_one_flipped_byte_is_found(desk: Desk) -> None:
    publish(desk.world, "huggingface")
    desk.world.faults("huggingface").flip_byte(-1)
    error = desk.refusal("huggingface")
    assert isinstance(error, HashMismatch)
    assert DIGEST in said(error)


def test_bytes_of_the_right_number_and_no_sense_are_found(desk: Desk) -> None:
    publish(desk.world, "huggingface")
    desk.world.faults("huggingface").wrong_bytes()
    assert isinstance(desk.refusal("huggingface"), (HashMismatch, NotAModel))


def test_a_truncated_file_is_found(desk: Desk) -> None:
    publish(desk.world, "huggingface")
    desk.world.faults("huggingface").truncate(SIZE // 2)
    assert isinstance(desk.refusal("huggingface"), (SizeMismatch, NotAModel))


def test_a_file_that_is_too_long_is_not_read_to_its_end(desk: Desk) -> None:
    publish(desk.world, "huggingface")
    desk.world.faults("huggingface").append(64 << 20)
    assert isinstance(desk.refusal("huggingface"), SizeMismatch)
    assert desk.world.bytes_sent("huggingface") < 32 << 20


def test_a_host_that_never_stops_is_stopped(desk: Desk) -> None:
    publish(desk.world, "huggingface")
    desk.world.faults("huggingface").append(64 << 20)
    desk.world.faults("huggingface").no_length()
    assert isinstance(desk.refusal("huggingface"), (SizeMismatch, NotAModel))
    assert desk.world.bytes_sent("huggingface") < 32 << 20


def test_a_pickle_that_would_run_code_is_refused(desk: Desk) -> None:
    bad = samples.unsafe_pickle()
    desk.world.publish("huggingface", LOCATORS["huggingface"], bad)
    error = desk.refusal("huggingface", name="x.pt", data=bad)
    assert isinstance(error, UnsafePickle)
    assert "system" in said(error)


def test_wrong_bytes_are_reported_and_the_next_source_serves(desk: Desk) -> None:
    publish(desk.world, "huggingface", "modelscope")
    desk.world.faults("huggingface").flip_byte(200_000)
    result = desk.install("huggingface", "modelscope")
    assert desk.installed == DATA
    [(label, error)] = result.steps[0].attempts
    assert "huggingface" in label
    assert isinstance(error, HashMismatch)
    assert "modelscope" in str(result.steps[0].source)


def test_with_all_sources_wrong_the_folder_stays_empty(desk: Desk) -> None:
    publish(desk.world, "huggingface", "modelscope")
    desk.world.faults("huggingface").flip_byte(200_000)
    desk.world.faults("modelscope").flip_byte(200_000)
    assert isinstance(desk.refusal("huggingface", "modelscope"), HashMismatch)


def test_a_lying_mirror_is_passed_over(desk: Desk) -> None:
    publish(desk.world, "huggingface")
    desk.world.publish("mirror", {}, samples.safetensors(2), sha256=DIGEST)
    result = desk.install("huggingface")
    assert desk.installed == DATA
    [(_, error)] = result.steps[0].attempts
    assert isinstance(error, IntegrityError)


def test_a_mirror_that_has_it_spares_the_host(desk: Desk) -> None:
    publish(desk.world, "huggingface")
    desk.world.publish("mirror", {}, DATA)
    desk.install("huggingface")
    assert desk.installed == DATA
    assert desk.world.seen("huggingface") == []


def test_a_mirror_that_has_it_not_is_no_trouble(desk: Desk) -> None:
    publish(desk.world, "huggingface")
    desk.world.publish("mirror", {}, b"something else")
    desk.install("huggingface")
    assert desk.installed == DATA


# The way is bad.


@pytest.mark.parametrize("host", ["huggingface", "civitai", "liblib", "modelscope", "github"])
def test_a_cut_transfer_goes_on_where_it_ended(desk: Desk, host: str) -> None:
    publish(desk.world, host)
    desk.login = ("civitai", "liblib")
    desk.world.faults(host).cut_after(100_000)
    desk.install(host)
    assert desk.installed == DATA
    assert desk.world.bytes_sent(host) == SIZE
    assert desk.asked_for(host)[-1] == "bytes=100000-"
    assert desk.world.leaks == []


def test_a_transfer_that_is_cut_again_and_again_ends_all_the_same(desk: Desk) -> None:
    publish(desk.world, "huggingface")
    desk.world.faults("huggingface").cut_after(50_000, times=6)
    desk.install("huggingface")
    assert desk.installed == DATA
    assert desk.world.bytes_sent("huggingface") == SIZE


def test_a_cut_without_content_length_is_noticed(desk: Desk) -> None:
    publish(desk.world, "huggingface")
    desk.world.faults("huggingface").no_length(times=1)
    desk.world.faults("huggingface").cut_after(100_000)
    desk.install("huggingface")
    assert desk.installed == DATA


def test_a_host_without_content_length_is_fine(desk: Desk) -> None:
    publish(desk.world, "huggingface")
    desk.world.faults("huggingface").no_length()
    desk.install("huggingface")
    assert desk.installed == DATA
    assert desk.world.bytes_sent("huggingface") == SIZE


def test_silence_is_ended_and_the_transfer_goes_on(desk: Desk) -> None:
    publish(desk.world, "huggingface")
    desk.world.faults("huggingface").stall(after=100_000)
    desk.install("huggingface")
    assert desk.installed == DATA
    assert desk.world.bytes_sent("huggingface") == SIZE


def test_a_host_that_ignores_ranges_is_asked_for_the_whole(desk: Desk) -> None:
    publish(desk.world, "huggingface")
    desk.world.faults("huggingface").cut_after(100_000)
    desk.world.faults("huggingface").ignore_range()
    desk.install("huggingface")
    assert desk.installed == DATA
    assert desk.world.bytes_sent("huggingface") <= 100_000 + SIZE


def test_modelscopes_range_in_a_200_is_taken_for_what_it_is(desk: Desk) -> None:
    publish(desk.world, "modelscope")
    desk.world.faults("modelscope").cut_after(100_000)
    desk.world.faults("modelscope").range_as_200()
    desk.install("modelscope")
    assert desk.installed == DATA
    assert desk.world.bytes_sent("modelscope") == SIZE


def test_a_range_that_was_not_asked_for_is_never_appended(desk: Desk) -> None:
    publish(desk.world, "huggingface", "modelscope")
    desk.world.faults("huggingface").cut_after(100_000)
    desk.world.faults("huggingface").range_from_zero()
    desk.install("huggingface", "modelscope")
    assert desk.installed == DATA


def test_a_connection_that_ends_without_a_word_is_tried_again(desk: Desk) -> None:
    publish(desk.world, "huggingface")
    desk.world.faults("huggingface").hang_up(times=2)
    desk.install("huggingface")
    assert desk.installed == DATA


def test_the_next_source_goes_on_with_the_same_partial(desk: Desk) -> None:
    publish(desk.world, "huggingface", "modelscope")
    desk.world.faults("huggingface").cut_after(100_000)
    desk.world.faults("huggingface").hang_up(skip=1)
    result = desk.install("huggingface", "modelscope")
    assert desk.installed == DATA
    [(_, error)] = result.steps[0].attempts
    assert isinstance(error, SourceUnreachable)
    assert desk.asked_for("modelscope") == ["bytes=100000-"]
    assert desk.world.bytes_sent("modelscope") == SIZE - 100_000


def test_a_signed_address_that_ran_out_is_asked_for_anew(desk: Desk) -> None:
    publish(desk.world, "civitai")
    desk.login = ("civitai",)
    desk.world.faults("civitai").expire_after(1)
    desk.world.faults("civitai").cut_after(100_000, times=2)
    desk.install("civitai")
    assert desk.installed == DATA
    assert desk.world.bytes_sent("civitai") == SIZE
    doors = [seen for seen in desk.world.seen("civitai api") if "/download/" in seen.path]
    assert len(doors) == 3
    assert desk.world.leaks == []


@pytest.mark.parametrize(
    "elsewhere", ["http://192.0.2.1/x.safetensors", "ftp://192.0.2.1/x.safetensors"]
)
def test_a_redirect_to_plain_http_is_not_followed(desk: Desk, elsewhere: str) -> None:
    publish(desk.world, "huggingface")
    desk.world.faults("huggingface").redirect_to(elsewhere)
    assert isinstance(desk.refusal("huggingface"), SourceUnusable)


def test_a_redirect_in_a_circle_ends(desk: Desk) -> None:
    publish(desk.world, "huggingface")
    url = f"{desk.world.environment()['HF_ENDPOINT']}/someone/vae/resolve/{COMMIT}/x.safetensors"
    desk.world.faults("huggingface").redirect_to(url)
    assert isinstance(desk.refusal("huggingface"), SourceUnusable)


def test_a_mirror_of_the_hub_that_sends_away_is_told(desk: Desk) -> None:
    publish(desk.world, "huggingface")
    desk.world.faults("huggingface").redirect_to("https://huggingface.co/someone/vae", status=308)
    assert isinstance(desk.refusal("huggingface"), SourceUnreachable)


# Across runs.


def test_the_next_run_goes_on_from_the_bytes_already_here(desk: Desk) -> None:
    publish(desk.world, "huggingface")
    desk.world.faults("huggingface").cut_after(100_000)
    desk.world.faults("huggingface").hang_up(skip=1)
    assert isinstance(desk.refusal("huggingface"), SourceUnreachable)
    desk.world.faults("huggingface").clear()
    desk.install("huggingface")
    assert desk.installed == DATA
    assert desk.world.bytes_sent("huggingface") == SIZE


def test_wrong_bytes_are_not_kept_for_the_next_run(desk: Desk) -> None:
    publish(desk.world, "huggingface")
    desk.world.faults("huggingface").flip_byte(200_000)
    desk.refusal("huggingface")
    desk.world.faults("huggingface").clear()
    desk.install("huggingface")
    assert desk.installed == DATA


def test_a_file_of_the_users_is_found_before_any_request(desk: Desk) -> None:
    publish(desk.world, "huggingface")
    (desk.tree / "models" / "VAE" / "x.safetensors").write_bytes(b"the user's own")
    error = desk.refusal("huggingface")
    assert isinstance(error, FileInTheWay)
    assert error.exit_code == 7
    assert desk.world.requests == []


def test_no_request_looks_like_a_browsers_or_a_librarys(desk: Desk) -> None:
    publish(desk.world, "huggingface", "civitai", "liblib", "modelscope", "github", flow="direct")
    for host in ("civitai", "liblib", "modelscope", "github", "huggingface"):
        desk.world.faults(host).flip_byte(-1)
    desk.login = ("civitai",)
    desk.refusal("civitai", "liblib", "modelscope", "github", "huggingface")
    agents = {seen.headers.get("user-agent", "") for seen in desk.world.requests}
    assert len(desk.world.requests) > 10
    assert all(agent.startswith("vaehub/") for agent in agents)
