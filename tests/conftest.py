"""Make the wrong thing impossible: no network but loopback, no home but a temporary one."""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

from vaehub import lang
from vaehub.loopback import LoopbackWorld

if TYPE_CHECKING:
    from collections.abc import Iterator

_KEPT = {"PATH", "TMPDIR", "SYSTEMROOT", "PYTHONPATH", "VIRTUAL_ENV"}

# No test depends on speed.
hypothesis.settings.register_profile("vaehub", deadline=None)
hypothesis.settings.load_profile("vaehub")

SHARED_WEIGHTS = Path(__file__).resolve().parents[2] / "shared" / "weights"


def _is_loopback(address: Any) -> bool:
    if not isinstance(address, tuple):  # a Unix socket
        return True
    host = str(address[0])
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


@pytest.fixture(autouse=True, scope="session")
def _no_network_but_loopback() -> Iterator[None]:
    """Refuse every connection and look-up that leaves this machine."""
    patch = pytest.MonkeyPatch()
    real_connect, real_connect_ex = socket.socket.connect, socket.socket.connect_ex
    real_getaddrinfo = socket.getaddrinfo

    def connect(self: socket.socket, address: Any) -> None:
        if not _is_loopback(address):
            raise AssertionError(f"a test tried to reach {address}")
        real_connect(self, address)

    def connect_ex(self: socket.socket, address: Any) -> int:
        if not _is_loopback(address):
            raise AssertionError(f"a test tried to reach {address}")
        return real_connect_ex(self, address)

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        if host is not None and not _is_loopback((host, 0)):
            raise socket.gaierror(socket.EAI_NONAME, f"tests resolve no name: {host}")
        return real_getaddrinfo(host, *args, **kwargs)

    patch.setattr(socket.socket, "connect", connect)
    patch.setattr(socket.socket, "connect_ex", connect_ex)
    patch.setattr(socket, "getaddrinfo", getaddrinfo)
    yield
    patch.undo()


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test an empty environment and a home of its own."""
    home = tmp_path_factory.mktemp("home")
    for name in list(os.environ):
        if name not in _KEPT and not name.startswith(("PYTEST", "COV", "OPENBLAS")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("VAEHUB_STORE", str(home / "store"))
    monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("LANG", "C.UTF-8")
    lang.ask_for(None)
    # Nobody's real keyring: none in this process, and in others one that keeps nothing.
    monkeypatch.setitem(sys.modules, "keyring", None)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(home / name.lower()))
    # Shared by all tests: it holds compiled catalogs, by the digest of what was compiled, and
    # digests of files, by what no two files have in common.
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
    return home


@pytest.fixture
def world(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackWorld]:
    """Start the loopback world and lead the environment to it.

    A test that publishes on ``http`` or ``mirror`` sets ``VAEHUB_MIRRORS`` itself, afterwards.
    """
    with LoopbackWorld() as world:
        for name, value in world.environment().items():
            monkeypatch.setenv(name, value)
        yield world


@pytest.fixture
def one_thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let torch compute in one thread: sharing a small picture out takes longer than it saves."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # for processes, and where it is not yet imported
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def shared_weights() -> Path:
    """Give the folder of real trained weights, or skip where it is not."""
    if not (SHARED_WEIGHTS / "taef2_decoder.pth").is_file():
        pytest.skip("the real weights (shared/weights) are not on this machine")
    return SHARED_WEIGHTS
