"""Bundles among processes, unpacked by hand, and in little memory."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
import threading
import tracemalloc
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from tests import killing
from tests.builders import safetensors_bytes
from tests.provision.bundles.making import (
    FILES,
    HOST,
    Machine,
    Pipe,
    bundle_bytes,
    lock_of,
    members,
    sha256,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from vaehub.loopback import LoopbackWorld

BIG = {f"{at}.safetensors": safetensors_bytes(3_000_000, seed=at) for at in range(3)}


def start(machine: Machine, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "vaehub", *arguments, "--json"],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": killing._ROOT, **machine.environment},
        cwd=machine.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def test_processes_on_one_store_bring_each_file_once(tmp_path: Path, world: LoopbackWorld) -> None:
    """Three install from a bundle while a fourth downloads the same files for a bundle."""
    bundle = tmp_path / "vae.tar"
    bundle.write_bytes(bundle_bytes(lock_of(BIG), BIG, tmp_path / "made"))
    for name, data in BIG.items():
        world.publish("huggingface", {**HOST, "path": name}, data)
    world.faults("huggingface").slow(bytes_per_second=20_000_000)
    machine = Machine(tmp_path / "machine", world.environment())
    (machine.folder / "vaehub.lock").write_text(lock_of(BIG).text(), encoding="utf-8")
    downloading = start(machine, "bundle", "create", "-o", "again.tar")
    running = []
    for number in range(3):
        target = machine.folder / f"vaes-{number}"
        target.mkdir()
        running.append(start(machine, "bundle", "install", str(bundle), "--to", str(target)))
    said = [json.loads(process.communicate(timeout=60)[0]) for process in running]
    downloading.communicate(timeout=60)
    assert [process.returncode for process in (*running, downloading)] == [0] * 4
    assert (machine.folder / "again.tar").read_bytes() == bundle.read_bytes()
    for number in range(3):
        for name, data in BIG.items():
            assert (machine.folder / f"vaes-{number}" / name).read_bytes() == data
    imported = [
        file["name"]
        for one in said
        for file in one["results"][0]["files"]
        if file["status"] == "imported"
    ]
    assert len(set(imported)) == len(imported), "a file came twice"
    assert machine.blobs() == {sha256(data): data for data in BIG.values()}
    partial = machine.folder / "store" / "partial"
    assert [path.name for path in partial.iterdir()] == []


@pytest.mark.skipif(os.name != "posix", reason="needs a shell")
def test_one_store_at_both_ends_of_a_pipe(tmp_path: Path) -> None:
    """Who writes holds a file's lock until it is through; who reads must not wait for that."""
    machine = Machine(tmp_path / "machine")
    machine.put(*BIG.values())
    (machine.folder / "vaehub.lock").write_text(lock_of(BIG).text(), encoding="utf-8")
    (machine.folder / "vaes").mkdir()
    vaehub = f"{sys.executable} -m vaehub bundle"
    subprocess.run(
        f"{vaehub} create -q -o - | {vaehub} install -q - --to vaes",
        shell=True,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": killing._ROOT, **machine.environment},
        cwd=machine.folder,
        timeout=60,
        check=True,
    )
    for name, data in BIG.items():
        assert (machine.folder / "vaes" / name).read_bytes() == data


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """Serve a folder as any web server does."""
    folder = tmp_path / "unpacked"
    folder.mkdir()
    handler = functools.partial(_Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_an_unpacked_bundle_serves_as_a_mirror(tmp_path: Path, served: tuple[Path, str]) -> None:
    folder, address = served
    bundle = tmp_path / "vae.tar"
    bundle.write_bytes(bundle_bytes(lock_of(), FILES, tmp_path / "made"))
    (folder / "sha256").mkdir()
    for info, content in members(bundle.read_bytes()):
        (folder / info.name).write_bytes(content)
    machine = Machine(tmp_path / "machine", {"VAEHUB_MIRRORS": address})
    machine.create(tmp_path / "again.tar")
    assert (tmp_path / "again.tar").read_bytes() == bundle.read_bytes()


@pytest.mark.parametrize("piped", [False, True], ids=["file", "pipe"])
def test_memory_does_not_grow_with_the_files(tmp_path: Path, piped: bool) -> None:
    files = {"big.safetensors": safetensors_bytes(40_000_000)}
    lock = lock_of(files)
    machine = Machine(tmp_path / "machine")
    machine.put(*files.values())
    bundle = tmp_path / "vae.tar"
    machine.create(bundle, lock)
    content = Pipe(bundle.read_bytes(), piece=1 << 16) if piped else bundle
    shutil.rmtree(machine.folder / "store")
    files.clear()
    tracemalloc.start()
    try:
        machine.take_in(content)
        machine.create(tmp_path / "again.tar", lock)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 12 << 20
