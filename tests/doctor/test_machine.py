"""This machine: store, tokens, proxies, hosts, torch."""

from __future__ import annotations

import json
import sys
from importlib import metadata
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import trees
from vaehub import settings as settings_module
from vaehub.doctor import machine, network
from vaehub.doctor.report import machine_json
from vaehub.transfer.declared import Expected
from vaehub.transfer.partial import Partial

if TYPE_CHECKING:
    from pathlib import Path

    from vaehub.doctor.machine import Machine
    from vaehub.loopback import LoopbackWorld

SECRET = "s3cret-t0ken-12345"


def look(environ: dict[str, str], *, ask_hosts: bool = False, ask_torch: bool = False) -> Machine:
    settings = settings_module.load(environ)
    return machine.look(settings, ask_hosts=ask_hosts, ask_torch=ask_torch)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


# The store


def test_a_store_that_is_not_there_yet(store: Path) -> None:
    found = look({"VAEHUB_STORE": str(store)})
    assert (found.store.exists, found.store.writable, found.store.size) == (False, True, 0)
    assert found.store.free
    assert found.store.device == store.parent.stat().st_dev
    assert found.problems == ()


def test_what_is_in_a_store(store: Path) -> None:
    for name, size in (("blobs/sha256/aa/x", 5), ("partial/y.part", 7)):
        path = store / name
        path.parent.mkdir(parents=True)
        path.write_bytes(bytes(size))
    found = look({"VAEHUB_STORE": str(store)})
    assert (found.store.exists, found.store.size, found.store.unfinished) == (True, 5, 7)


def test_a_download_of_which_little_has_come_counts_for_that_little(store: Path) -> None:
    """Its file has the full length from the start, and is a hole."""
    (store / "partial").mkdir(parents=True)
    with Partial(store / "partial" / f"{'ab' * 32}.part") as partial:
        partial.expect(Expected("ab" * 32, 1_000_000))
        partial.spread()
        partial.put("mirror", 300_000, bytes(70_000))
        partial.record()
    assert look({"VAEHUB_STORE": str(store)}).store.unfinished == 70_000


def test_a_store_that_cannot_be_written(store: Path) -> None:
    store.write_bytes(b"a file")
    found = look({"VAEHUB_STORE": str(store / "below")})
    assert [one.code for one in found.problems] == ["store-not-usable"]
    settings = settings_module.load({"VAEHUB_STORE": str(store)})
    with trees.forbidding_folder(0o555) as folder:
        settings = settings._replace(store=folder / "store")
        [problem] = machine.look(settings, ask_hosts=False, ask_torch=False).problems
        assert (problem.code, problem.blocking) == ("store-not-usable", True)


# Tokens and proxies: nothing secret is ever shown


def test_who_holds_a_token_and_not_which(store: Path) -> None:
    found = look({"VAEHUB_STORE": str(store), "HF_TOKEN": SECRET, "CIVITAI_API_KEY": SECRET})
    holders = {host.name: host.token for host in found.hosts}
    assert holders["huggingface"] == "HF_TOKEN"
    assert holders["civitai"] == "CIVITAI_API_KEY"
    assert holders["liblib"] is None
    assert SECRET not in repr(found)
    assert SECRET not in json.dumps(machine_json(found))


def test_the_hubs_own_login(store: Path, home: Path) -> None:
    file = home / ".cache" / "huggingface" / "token"
    file.parent.mkdir(parents=True)
    file.write_text(SECRET)
    found = look({"VAEHUB_STORE": str(store)})
    holders = {host.name: host.token for host in found.hosts}
    assert holders["huggingface"] in {"hub login", None}  # another cache may be set for the tests
    assert SECRET not in repr(found)


def test_a_token_with_a_blank_in_it(store: Path) -> None:
    found = look({"VAEHUB_STORE": str(store), "CIVITAI_TOKEN": "two words"})
    [problem] = found.problems
    assert (problem.code, problem.where, problem.blocking) == ("token-unusable", "civitai", False)
    assert "two words" not in problem.message + (problem.hint or "")


@given(
    user=st.text("abcXYZ0189_", min_size=1, max_size=8),
    password=st.from_regex(r"s3cr3t[A-Za-z0-9_.%~-]{0,8}", fullmatch=True),
    scheme=st.sampled_from(["http://", "https://", "socks5://", ""]),
)
def test_of_a_proxy_only_the_address(user: str, password: str, scheme: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HTTPS_PROXY", f"{scheme}{user}:{password}@proxy.example:3128")
        patch.setenv("NO_PROXY", "localhost")
        found = machine.proxies()
    assert found == {"https": f"{scheme or 'http://'}proxy.example:3128"}


# Hosts


def test_hosts_that_answer(store: Path, world: LoopbackWorld) -> None:
    environ = world.environment(login=settings_module.TOKEN_VARIABLES)
    found = look({"VAEHUB_STORE": str(store), **environ}, ask_hosts=True)
    assert [host.sign.state for host in found.hosts] == ["reachable"] * 5
    assert all(host.yours for host in found.hosts)
    assert found.problems == ()
    asked = world.seen()
    assert len(asked) == 5
    assert {one.method for one in asked} == {"HEAD"}
    for host, token in world.tokens.items():
        assert all(token not in str(dict(one.headers)) for one in asked), host


def test_hosts_that_do_not(store: Path, world: LoopbackWorld) -> None:
    environ = world.environment()
    environ["VAEHUB_GITHUB_ENDPOINT"] = "http://127.0.0.1:9"
    environ["VAEHUB_MIRRORS"] = "http://127.0.0.1:9/tree"
    found = look({"VAEHUB_STORE": str(store), **environ}, ask_hosts=True)
    states = {host.name: host.sign.state for host in found.hosts}
    assert states["github"] == states["mirror http://127.0.0.1:9/tree"] == "unreachable"
    assert states["civitai"] == "reachable"
    assert [(one.code, one.where, one.blocking) for one in found.problems] == [
        ("host-unreachable", "github", False),
        ("host-unreachable", "mirror", False),
    ]


def test_hosts_in_trouble(monkeypatch: pytest.MonkeyPatch, store: Path) -> None:
    sign = network.Sign("in trouble", 503, 0.1, "https://github.com answers with 503")
    host = network.Host("github", "https://github.com", False, None, sign)
    monkeypatch.setattr(network, "look", lambda settings, ask: (host,))
    [problem] = look({"VAEHUB_STORE": str(store)}).problems
    assert (problem.code, problem.blocking) == ("host-in-trouble", False)


@pytest.mark.parametrize(
    ("environ", "ask", "why"),
    [
        ({"VAEHUB_OFFLINE": "1"}, True, "VAEHUB_OFFLINE is set"),
        ({}, False, "--no-network"),
    ],
)
def test_nobody_is_asked(
    store: Path, world: LoopbackWorld, environ: dict[str, str], ask: bool, why: str
) -> None:
    everything = {**world.environment(), "VAEHUB_STORE": str(store), **environ}
    found = look(everything, ask_hosts=ask)
    assert {(host.sign.state, host.sign.message) for host in found.hosts} == {("not asked", why)}
    assert world.seen() == []
    assert found.problems == ()


def test_the_hub_is_not_asked_where_its_own_switch_is_off(
    store: Path, world: LoopbackWorld
) -> None:
    environ = {**world.environment(), "VAEHUB_STORE": str(store), "HF_HUB_OFFLINE": "1"}
    found = look(environ, ask_hosts=True)
    states = {host.name: host.sign.state for host in found.hosts}
    assert states.pop("huggingface") == "not asked"
    assert set(states.values()) == {"reachable"}


# torch


def test_torch_is_not_imported_to_tell_its_version(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)  # an import of it fails
    # Another test may have imported what has imported it already.
    monkeypatch.delitem(sys.modules, "vaehub.smoke.devices", raising=False)
    monkeypatch.delattr("vaehub.smoke.devices", raising=False)
    versions = {"torch": "9.8", "diffusers": "7.6"}
    monkeypatch.setattr(machine, "_version", versions.get)
    found = look({"VAEHUB_STORE": str(store)})
    assert (found.torch, found.diffusers, found.device) == ("9.8", "7.6", None)
    found = look({"VAEHUB_STORE": str(store)}, ask_torch=True)
    assert (found.device or "").startswith("torch does not start: ")


def test_what_is_not_installed(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(package: str) -> str:
        raise metadata.PackageNotFoundError(package)

    monkeypatch.setattr(metadata, "version", missing)
    found = look({"VAEHUB_STORE": str(store)}, ask_torch=True)
    assert (found.torch, found.diffusers, found.device) == (None, None, None)
