"""The fixtures that make the wrong thing impossible are themselves at work."""

from __future__ import annotations

import os
import socket
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests

from vaehub import settings

if TYPE_CHECKING:
    from vaehub.loopback import LoopbackWorld

DOCUMENTATION = "192.0.2.1"  # RFC 5737: belongs to nobody
DOCUMENTATION_6 = "2001:db8::1"  # RFC 3849: likewise


@pytest.mark.parametrize(
    ("family", "address"),
    [(socket.AF_INET, (DOCUMENTATION, 443)), (socket.AF_INET6, (DOCUMENTATION_6, 443, 0, 0))],
)
def test_no_connection_leaves_the_machine(
    family: socket.AddressFamily, address: tuple[str | int, ...]
) -> None:
    with socket.socket(family, socket.SOCK_STREAM) as outside:
        outside.settimeout(0.1)
        with pytest.raises(AssertionError, match="tried to reach"):
            outside.connect(address)
        with pytest.raises(AssertionError, match="tried to reach"):
            outside.connect_ex(address)


def test_no_name_is_looked_up() -> None:
    with pytest.raises(socket.gaierror, match="tests resolve no name"):
        socket.getaddrinfo("example.org", 443)
    with pytest.raises(socket.gaierror, match="tests resolve no name"):
        socket.create_connection(("example.org", 443), timeout=0.1)


def test_http_clients_feel_it() -> None:
    with pytest.raises(requests.ConnectionError, match="tests resolve no name"):
        requests.get("https://example.org/", timeout=0.1)
    with pytest.raises(urllib.error.URLError, match="tests resolve no name"):
        urllib.request.urlopen("http://example.org/", timeout=0.1)
    with pytest.raises(requests.ConnectionError, match="tests resolve no name"):
        requests.get(f"https://{DOCUMENTATION}/", timeout=0.1)


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_loopback_is_open(name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection((name, port), timeout=5) as client:
            client.sendall(b"x")
            accepted, _ = server.accept()
            with accepted:
                assert accepted.recv(1) == b"x"


def test_the_home_is_a_new_one(home: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    assert Path.home() == home
    assert list(home.iterdir()) == []
    found = settings.load()
    assert found.store == home / "store"
    assert found.state.is_relative_to(home)
    assert found.cache.is_relative_to(tmp_path_factory.getbasetemp())  # shared, and not the user's


def test_the_environment_holds_nothing_of_ours_but_the_store() -> None:
    ours = {name for name in os.environ if name.startswith("VAEHUB_")}
    assert ours == {"VAEHUB_STORE"}
    named = {
        *settings.ENDPOINT_VARIABLES.values(),
        *(name for names in settings.TOKEN_VARIABLES.values() for name in names),
    }
    assert not named & set(os.environ)
    assert not {name for name in os.environ if name.lower().endswith("_proxy")}
    assert settings.load().token("huggingface") is None


def test_the_world_leads_every_endpoint_to_loopback(world: LoopbackWorld) -> None:
    found = settings.load()
    assert set(found.user_endpoints) == set(settings.ENDPOINT_VARIABLES)
    assert all(base.startswith("http://127.0.0.1:") for base in found.user_endpoints.values()), (
        found.user_endpoints
    )
    assert world.requests == []
