"""The servers that the benchmarks download from, each a process of its own, all on loopback."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

_HERE = Path(__file__).parent
REPO = "bench/vae"
CDN = "127.0.0.2"
"""Where the stand-in of the Hub sends downloads on to: to another host, as the Hub does."""
COMMIT = "8f1d0c5e2b7a49d6b3c1e0f9a8b7c6d5e4f3a2b1"


class NotHere(Exception):
    """Something that a benchmark needs is not on this machine."""


@dataclass(frozen=True)
class Served:
    """A file that the stand-in of the Hub knows."""

    name: str
    size: int
    digest: str


@dataclass(frozen=True)
class Certificate:
    """For 127.0.0.1, signed by itself."""

    path: Path
    key: Path


@dataclass(frozen=True)
class Nginx:
    """A running nginx."""

    base: str
    """Files lie below it; it is the Hub's stand-in as well (``HF_ENDPOINT``)."""
    plain_log: Path

    @property
    def plain(self) -> str:
        """A Hub whose file addresses tell neither size nor digest; its API does."""
        return f"{self.base}/plain"

    def api_was_asked(self) -> bool:
        """Tell whether the API of the plain Hub was asked since the last call."""
        asked = bool(self.plain_log.read_text())
        self.plain_log.write_text("")
        return asked


@contextlib.contextmanager
def nginx(
    www: Path, work: Path, files: Sequence[Served], certificate: Certificate | None = None
) -> Iterator[Nginx]:
    """Serve a folder with nginx, also as a Hugging Face Hub would.

    Raises:
        NotHere: there is no nginx.
    """
    port = free_port()
    scheme = "http" if certificate is None else "https"
    plain_log = work / "plain.log"
    plain_log.write_text("")
    server = _server(www, port, files, certificate, plain_log)
    with nginx_serving(server, work, port):
        yield Nginx(f"{scheme}://127.0.0.1:{port}", plain_log)


@contextlib.contextmanager
def nginx_serving(servers: str, work: Path, port: int) -> Iterator[None]:
    """Run nginx while the block lasts.

    Args:
        servers: What stands inside ``http {}`` of its configuration, beside where things lie.
        work: A folder for it alone.
        port: One that it listens to on loopback.

    Raises:
        NotHere: there is no nginx, or it does not start.
    """
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        raise NotHere("nginx is not installed")
    user = "user root;" if os.geteuid() == 0 else ""
    temporary = " ".join(
        f"{kind}_temp_path {work}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    conf = work / "nginx.conf"
    conf.write_text(
        f"daemon off; {user} worker_processes 1; pid {work}/nginx.pid;\n"
        f"events {{}} http {{ access_log off; sendfile on; {temporary}\n{servers}}}\n"
    )
    process = subprocess.Popen(
        [program, "-e", str(work / "nginx.log"), "-c", str(conf)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(100):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            if process.poll() is not None:
                raise NotHere(f"nginx does not start: {(work / 'nginx.log').read_text()[-300:]}")
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait()


def _server(
    www: Path,
    port: int,
    files: Sequence[Served],
    certificate: Certificate | None,
    plain_log: Path,
) -> str:
    tls = ssl = ""
    if certificate is not None:
        ssl = " ssl"
        tls = f"ssl_certificate {certificate.path}; ssl_certificate_key {certificate.key};"
    info = json.dumps(
        {
            "id": REPO,
            "sha": COMMIT,
            "siblings": [{"rfilename": file.name} for file in files],
            "private": False,
            "tags": [],
        }
    )
    paths = json.dumps(
        [
            {
                "type": "file",
                "path": file.name,
                "size": file.size,
                "oid": file.digest[:40],
                "lfs": {"oid": file.digest, "size": file.size, "pointerSize": 134},
            }
            for file in files
        ]
    )
    resolves = "".join(
        f"location = /{REPO}/resolve/{COMMIT}/{file.name} {{ etag off;"
        f" add_header X-Repo-Commit {COMMIT} always; add_header X-Linked-Size {file.size} always;"
        f""" add_header X-Linked-Etag '"{file.digest}"' always;"""
        f""" add_header ETag '"{file.digest}"' always;"""
        f" return 302 $scheme://{CDN}:{port}/cdn/{file.name}; }}\n"
        for file in files
    )
    return (
        "default_type application/octet-stream;\n"
        f"server {{ listen 127.0.0.1:{port}{ssl}; listen {CDN}:{port}{ssl}; {tls} root {www};\n"
        f"location = /api/models/{REPO} {{ default_type application/json; return 200 '{info}'; }}\n"
        f"location = /api/models/{REPO}/revision/{COMMIT} {{ default_type application/json;"
        f" return 200 '{info}'; }}\n"
        f"{resolves}"
        f"location /cdn/ {{ alias {www}/; }}\n"
        f"location /plain/{REPO}/resolve/{COMMIT}/ {{ alias {www}/; }}\n"
        f"location = /plain/api/models/{REPO}/paths-info/{COMMIT} {{ access_log {plain_log};"
        f" default_type application/json; return 200 '{paths}'; }}\n"
        "}\n"
    )


def make_certificate(work: Path) -> Certificate:
    """Make a certificate for 127.0.0.1.

    Raises:
        NotHere: there is no openssl.
    """
    if shutil.which("openssl") is None:
        raise NotHere("openssl is not installed")
    made = Certificate(work / "tls.pem", work / "tls.key")
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    whom = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    where = ["-keyout", str(made.key), "-out", str(made.path)]
    subprocess.run(
        ["openssl", "req", "-x509", *kind, *whom, *where], check=True, capture_output=True
    )
    return made


@dataclass(frozen=True)
class Counts:
    """What a paced server has done."""

    received: int
    """Bytes of files that its clients acknowledged."""
    requests: int


class Paced:
    """A folder behind ``benchmarks/paced.py``. Use as a context manager."""

    def __init__(
        self,
        www: Path,
        *,
        rate: int,
        total: int | None = None,
        die_after: int | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        """Choose what it does.

        Args:
            www: The folder.
            rate: Bytes a second of each connection.
            total: Bytes a second of all of them.
            die_after: After so many bytes, it resets all connections and is gone.
            host: Address of the loopback network to listen on.
        """
        self._argv = [str(www), "--host", host, "--rate", str(rate)]
        if total is not None:
            self._argv += ["--total", str(total)]
        if die_after is not None:
            self._argv += ["--die-after", str(die_after)]
        self.base = ""

    def __enter__(self) -> Paced:
        self._process = _start("paced.py", *self._argv)
        self.base = _line(self._process)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _stop(self._process)

    def counts(self) -> Counts:
        """Say what it has done since it was last told to begin again."""
        return self._tell("counts")

    def again(self) -> Counts:
        """Count from zero, and serve again if it had died."""
        return self._tell("again")

    def _tell(self, word: str) -> Counts:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{word}\n")
        self._process.stdin.flush()
        received, requests = _line(self._process).split()
        return Counts(int(received), int(requests))


@contextlib.contextmanager
def delayed(base: str, *, round_trip: float, rate: float, window: int) -> Iterator[str]:
    """Put ``benchmarks/delay.py`` before a server; gives the address to use instead.

    Args:
        base: The address of the server.
        round_trip: Seconds.
        rate: Bytes a second of the link.
        window: Bytes that one connection may have on their way.
    """
    host, _, port = base.removeprefix("http://").partition(":")
    limits = ["--round-trip", str(round_trip), "--rate", str(rate), "--window", str(window)]
    process = _start("delay.py", host, port, *limits)
    try:
        yield _line(process)
    finally:
        _stop(process)


def _start(script: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-I", str(_HERE / script), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    if not line:
        raise RuntimeError(f"a server of the benchmarks ended: {process.args!r}")
    return line


def _stop(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    with contextlib.suppress(OSError):
        process.stdin.close()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()


def free_port() -> int:
    """Give a port of loopback that nobody listens to now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
