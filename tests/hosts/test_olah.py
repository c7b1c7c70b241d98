"""The real Hugging Face client against a real mirror server: olah, fully offline.

olah runs from an environment of its own or from ours: its command is taken from
``VAEHUB_TEST_OLAH``, else from beside this Python, else from PATH.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from vaehub.errors import SourceGone
from vaehub.model import Source

if TYPE_CHECKING:
    from collections.abc import Iterator

# Read at import: the tests' own environment is emptied.
_NAMED = os.environ.get("VAEHUB_TEST_OLAH")
_BESIDE = Path(sys.executable).with_name("olah-cli")
OLAH = _NAMED or (str(_BESIDE) if _BESIDE.exists() else shutil.which("olah-cli"))

pytestmark = [
    pytest.mark.skipif(OLAH is None, reason="olah is not installed: no olah-cli"),
    pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed"),
]

DATA = bytes(range(256)) * 4000
DIGEST = hashlib.sha256(DATA).hexdigest()
LOCATOR = {"repo": "org/a-vae", "revision": "main", "path": "vae.safetensors"}
SOURCE = Source("huggingface", LOCATOR)


def make_repository(folder: Path) -> None:
    """Make a git repository with a file in LFS, by hand: no git-lfs is needed."""

    def git(*command: str) -> None:
        who = ["-c", "user.name=t", "-c", "user.email=t@localhost"]
        subprocess.run(["git", *who, *command], cwd=folder, check=True, capture_output=True)

    folder.mkdir(parents=True)
    git("init", "--initial-branch=main")
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{DIGEST}\nsize {len(DATA)}\n"
    (folder / "vae.safetensors").write_text(pointer)
    git("add", ".")
    git("commit", "-m", "a vae")
    blob = folder / ".git" / "lfs" / "objects" / DIGEST[:2] / DIGEST[2:4] / DIGEST
    blob.parent.mkdir(parents=True)
    blob.write_bytes(DATA)


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run olah over one repository and give its base URL."""
    assert OLAH is not None
    folder = tmp_path_factory.mktemp("olah")
    make_repository(folder / "mirrors" / "models" / "org" / "a-vae")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (folder / "olah.toml").write_text(
        f'[basic]\nhost="127.0.0.1"\nport={port}\nrepos-path="{folder / "repos"}"\n'
        f'mirror-scheme="http"\nmirror-netloc="127.0.0.1:{port}"\n'
        f'mirror-lfs-netloc="127.0.0.1:{port}"\nmirrors-path=["{folder / "mirrors"}"]\n'
        "[accessibility]\noffline=true\n"
    )
    environment = {"PATH": os.environ.get("PATH", ""), "HOME": str(folder)}
    with (folder / "olah.log").open("wb") as log:
        process = subprocess.Popen(
            [OLAH, "-c", str(folder / "olah.toml")],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait(process, port, folder / "olah.log")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Wait until the server listens."""
    for _ in range(600):
        if process.poll() is not None:
            pytest.fail(f"olah ended with {process.returncode}:\n{log.read_text()[-2000:]}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    pytest.fail(f"olah does not listen:\n{log.read_text()[-2000:]}")


def test_the_real_client_reads_the_metadata_and_the_whole_file_follows(
    endpoint: str, clients: Any
) -> None:
    client = clients({"HF_ENDPOINT": endpoint})
    download = client.locate(SOURCE)
    assert (download.size, download.sha256) == (len(DATA), DIGEST)
    assert client.get(download) == DATA


def test_the_server_ignores_ranges_so_that_a_resumption_must_begin_anew(
    endpoint: str, clients: Any
) -> None:
    client = clients({"HF_ENDPOINT": endpoint})
    url = client.locate(SOURCE).url
    with client.session.request("GET", url, headers={"Range": "bytes=100-"}) as response:
        assert (response.status_code, response.headers.get("Content-Length")) == (200, None)
        assert response.content == DATA


def test_a_file_that_is_not_there_is_gone(endpoint: str, clients: Any) -> None:
    with pytest.raises(SourceGone):
        clients({"HF_ENDPOINT": endpoint}).locate(
            Source("huggingface", {**LOCATOR, "path": "other.safetensors"}), sha256=DIGEST
        )
