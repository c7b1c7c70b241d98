"""``vaehub store``."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import DATA
from vaehub.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Run


@pytest.fixture
def blob(home: Path) -> Path:
    """Put a file into the store."""
    store = Store(home / "store")
    digest = hashlib.sha256(DATA).hexdigest()
    partial = store.partial(digest)
    partial.write_bytes(DATA)
    return store.adopt(partial, digest)


def test_the_path_alone_for_scripts(run: Run, home: Path) -> None:
    ran = run("store", "path")
    assert (ran.code, ran.out, ran.err) == (0, f"{home / 'store'}\n", "")
    (said,) = run("store", "path", "--json").json["results"]
    assert said == {"path": str(home / "store"), "exists": False, "size": 0}


def test_gc_says_what_would_go_and_then_removes_it(run: Run, blob: Path) -> None:
    ran = run("store", "gc", "--dry-run")
    assert ran.code == 0
    assert ran.out.splitlines() == [
        f"would remove {blob}",
        "1 file, 4.19 kB could be freed; 0 files in use",
    ]
    assert blob.exists()
    (said,) = run("store", "gc", "--json").json["results"]
    assert said == {
        "removed": [str(blob)],
        "bytes_freed": len(DATA),
        "kept": 0,
        "dry_run": False,
    }
    assert not blob.exists()


def test_gc_keeps_what_is_installed(run: Run, blob: Path, target: Path) -> None:
    (target / "x.safetensors").hardlink_to(blob)
    assert run("store", "gc").err == "0 files, 0 B freed; 1 file in use\n"


def test_verify_finds_damage(run: Run, blob: Path) -> None:
    assert run("store", "verify").code == 0
    blob.chmod(0o644)
    blob.write_bytes(DATA[:-1])
    ran = run("store", "verify")
    assert ran.code == 6
    assert ran.err.startswith("1 damaged file in ")
    assert str(blob) in ran.err
    assert run("store", "verify", "--json").json["problems"][0]["code"] == "blob-damaged"
