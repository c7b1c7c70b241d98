"""The servers that the benchmarks download from, all on loopback.

nginx sends as fast as it can. The paced one lets the kernel pace each connection
(``SO_MAX_PACING_RATE``): nginx's own ``limit_rate`` gives every new request a second's worth for
free, so that a client with many small ranges would cheat.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socketserver
    from collections.abc import Iterator
    from pathlib import Path

_SO_MAX_PACING_RATE = 47


@contextlib.contextmanager
def nginx(www: Path, work: Path) -> Iterator[str]:
    """Serve a folder with nginx; gives the base URL."""
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        raise FileNotFoundError("nginx is not installed")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    user = "user root;" if os.geteuid() == 0 else ""
    conf = work / "nginx.conf"
    conf.write_text(
        f"daemon off; {user} worker_processes 1; pid {work}/nginx.pid;\n"
        f"error_log {work}/nginx.log;\n"
        f"events {{}} http {{ access_log off; sendfile on; client_body_temp_path {work}/body;\n"
        f"server {{ listen 127.0.0.1:{port}; root {www}; }} }}\n"
    )
    process = subprocess.Popen(
        [program, "-c", str(conf)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(100):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


class Paced:
    """A folder behind a server that paces each connection; counts the bytes it sent."""

    def __init__(self, www: Path, *, bytes_per_second: int) -> None:
        self.sent = 0
        self._lock = threading.Lock()
        paced = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                self.connection.setsockopt(socket.SOL_SOCKET, _SO_MAX_PACING_RATE, bytes_per_second)

            def do_GET(self) -> None:
                path = www / self.path.lstrip("/")
                if not path.is_file():
                    self.send_error(404)
                    return
                size = path.stat().st_size
                found = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
                start = int(found[1]) if found else 0
                end = min(int(found[2]) + 1, size) if found and found[2] else size
                self.send_response(206 if found else 200)
                self.send_header("Content-Length", str(end - start))
                self.send_header("Accept-Ranges", "bytes")
                if found:
                    self.send_header("Content-Range", f"bytes {start}-{end - 1}/{size}")
                self.end_headers()
                if self.command == "HEAD":
                    return
                with path.open("rb") as file, contextlib.suppress(OSError):
                    while start < end:
                        count = min(1 << 18, end - start)
                        done = os.sendfile(self.connection.fileno(), file.fileno(), start, count)
                        if not done:
                            break
                        start += done
                        with paced._lock:
                            paced.sent += done

            do_HEAD = do_GET  # noqa: N815  # the name is the base class's

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, request: object, client_address: object) -> None:
                """A client that goes away is nothing to tell."""

        self._server: socketserver.BaseServer = Server(("127.0.0.1", 0), Handler)
        self.base = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Paced:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
