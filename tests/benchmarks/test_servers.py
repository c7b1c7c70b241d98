"""The servers of the benchmarks send what they should, and count what arrived."""

from __future__ import annotations

import os
import socket
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import pytest

from benchmarks.servers import Paced, delayed

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(
    not hasattr(socket, "TCP_INFO"), reason="the kernel's pacing and counts are Linux's"
)
SIZE = 600_000
FAST = 500_000_000
ROUND_TRIP = 0.05


@pytest.fixture
def www(tmp_path: Path) -> Path:
    (tmp_path / "file").write_bytes(os.urandom(SIZE))
    return tmp_path


def _get(url: str, span: str | None = None) -> bytes:
    request = urllib.request.Request(url, headers={"Range": f"bytes={span}"} if span else {})
    with urllib.request.urlopen(request, timeout=30) as response:
        assert response.status == (206 if span else 200)
        data: bytes = response.read()
    return data


def test_the_paced_server_serves_ranges_and_counts(www: Path) -> None:
    data = (www / "file").read_bytes()
    with Paced(www, rate=FAST) as server:
        assert _get(f"{server.base}/file", "10-19") == data[10:20]
        assert _get(f"{server.base}/file") == data
        counts = server.counts()
        assert (counts.received, counts.requests) == (SIZE + 10, 2)
        with pytest.raises(urllib.error.HTTPError, match="404"):
            _get(f"{server.base}/other")
        assert server.again().received == 0


def test_bytes_that_nobody_took_do_not_count(www: Path) -> None:
    with Paced(www, rate=20_000) as server:
        host, _, port = server.base.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port))) as client:
            client.sendall(b"GET /file HTTP/1.1\r\nHost: x\r\n\r\n")
            assert client.recv(1000)
            # By now the kernel has all of it from the server, and sends it bit by bit.
            assert server.counts().received < SIZE // 2
        assert server.counts().received < SIZE // 2


def test_a_server_dies_and_is_there_again(www: Path) -> None:
    data = (www / "file").read_bytes()
    with Paced(www, rate=20_000_000, total=20_000_000, die_after=SIZE // 3) as server:
        for _ in range(2):
            with pytest.raises(OSError, match=r".") as caught:
                _get(f"{server.base}/file")
            assert isinstance(caught.value, ConnectionResetError)
            server.again()
            assert _get(f"{server.base}/file", "0-99") == data[:100]
            server.again()


def test_the_proxy_hands_on_every_byte_and_not_at_once(www: Path) -> None:
    data = (www / "file").read_bytes()
    with (
        Paced(www, rate=FAST) as server,
        delayed(server.base, round_trip=ROUND_TRIP, rate=FAST, window=1 << 20) as base,
    ):
        assert _get(f"{base}/file") == data
        begun = time.monotonic()
        _get(f"{base}/file", "5-9")
        # To connect, and to ask; the machine can only add to that.
        assert time.monotonic() - begun > 1.9 * ROUND_TRIP
