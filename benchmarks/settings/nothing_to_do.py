"""Fifty installed files, and nothing to do; and all of them read again."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from benchmarks.files import File, make_file, write_catalog
from benchmarks.measure import Command, Failed, run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from benchmarks.bench import Bench

RUNS = 3
_HASH = (
    "import hashlib, sys\n"
    "for path in sys.argv[1:]:\n"
    "    digest, buffer = hashlib.sha256(), memoryview(bytearray(1 << 18))\n"
    "    with open(path, 'rb', buffering=0) as file:\n"
    "        while count := file.readinto(buffer):\n"
    "            digest.update(buffer[:count])\n"
)


def measure(bench: Bench) -> None:
    """Measure the second install, and a deep check."""
    count, size = (10, 2_000_000) if bench.quick else (50, bench.size)
    work = f"{count} files of {bench.named(size)}"
    runs = min(RUNS, bench.runs)
    store = bench.work / "many-store"
    files = [_in_store(store, number, size) for number in range(count)]
    catalog = bench.work / "many.yaml"
    write_catalog(catalog, files)
    target = bench.work / "many"
    environment = {"VAEHUB_STORE": str(store), "VAEHUB_CATALOG": str(catalog)}
    ids = [file.id for file in files]
    install = bench.vaehub("install", *ids, "--to", str(target), "-q", environment=environment)
    try:
        run(install)  # from the store: no byte is downloaded
        placed = [target / file.path.name for file in files]
        for path, file in zip(placed, files, strict=True):
            if not path.is_file() or path.stat().st_size != file.size:
                raise Failed(install.name, f"{path.name} is not there")
    except Failed as error:
        bench.fault(f"{work}: {error}")
        return
    again = f"{work}: second install, nothing to do"
    hashing = _hashing(bench, placed)
    bench.compare(again, install, hashing, 0.01, runs=runs, warm=False)
    sync = _sync(bench, ids, environment)
    try:
        run(sync)  # makes the lock, and finds everything in place
    except Failed as error:
        bench.fault(f"{work}: {error}")
        return
    bench.compare(f"{work}: second sync, nothing to do", sync, hashing, 0.01, runs=runs, warm=False)
    deep = bench.vaehub(*("verify", "--deep", "--to", str(target), "-q"), environment=environment)
    checking = Command("sha256sum of them", ["sha256sum", *map(str, placed)])
    bench.compare(f"{work}: `verify --deep`", deep, checking, runs=runs, warm=False)
    bench.compare(f"{work}: `verify --deep`", deep, hashing, runs=runs, warm=False)
    _must_notice(bench, deep, placed[-1])


def _sync(bench: Bench, ids: Sequence[str], environment: Mapping[str, str]) -> Command:
    """Give the sync of a manifest that names what is installed already."""
    manifest = bench.work / "vaehub.yaml"
    vaes = "".join(f"  - {id_}\n" for id_ in ids)
    manifest.write_text(f"schema: 1\nvaes:\n{vaes}targets:\n  many: {{ui: folder, path: many}}\n")
    return bench.vaehub(*("sync", "--manifest", str(manifest), "-q"), environment=environment)


def _in_store(store: Path, number: int, size: int) -> File:
    """Put a file into the store as if it had been downloaded; its zeros take no room."""
    name = f"many-{number:02}"
    made = store / "made"
    digest = make_file(made, size, mark=name, sparse=True)
    blob = store / "blobs" / "sha256" / digest[:2] / digest
    blob.parent.mkdir(parents=True, exist_ok=True)
    made.rename(blob)
    return File(name, blob.with_name(f"{name}.safetensors"), size, digest)


def _hashing(bench: Bench, placed: list[Path]) -> Command:
    return Command(
        "hashing them again with Python's hashlib, one after the other",
        [sys.executable, "-c", _HASH, *map(str, placed)],
        {"HOME": str(bench.home)},
    )


def _must_notice(bench: Bench, deep: Command, victim: Path) -> None:
    """Change one byte and nothing else that a look could tell, and see it found."""
    stat = victim.stat()
    victim.chmod(0o644)
    with victim.open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x01")
    os.utime(victim, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    try:
        run(deep)
    except Failed as error:
        bench.expect("ended with 9" in str(error), f"verify --deep: {error}")
    else:
        bench.fault("verify --deep does not notice a changed byte")
