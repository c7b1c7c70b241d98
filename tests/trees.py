"""Look at whole trees of files, and make places that cannot be written."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


def snapshot(root: Path) -> dict[str, bytes | str]:
    """Give every path below a root: folders end in a slash, links give where they lead."""
    found: dict[str, bytes | str] = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_symlink():
            found[name] = str(path.readlink())
        elif path.is_dir():
            found[name + "/"] = ""
        else:
            found[name] = path.read_bytes()
    return found


@contextlib.contextmanager
def forbidding_folder(mode: int = 0o555) -> Iterator[Path]:
    """Give a folder of a mode that binds this process, also where it runs as root."""
    if os.name != "posix":
        pytest.skip("folders have no permission bits here")
    with tempfile.TemporaryDirectory(prefix="vaehub-test-") as name:
        folder = Path(name)
        folder.chmod(mode)
        user = os.geteuid()
        if user == 0:
            os.seteuid(65534)
        try:
            yield folder
        finally:
            if user == 0:
                os.seteuid(0)
            folder.chmod(0o755)


def another_file_system(than: Path) -> Path:
    """Give a writable folder on another file system, or skip."""
    shared_memory = Path("/dev/shm")
    if not os.access(shared_memory, os.W_OK) or than.stat().st_dev == shared_memory.stat().st_dev:
        pytest.skip("there is no second file system at /dev/shm")
    return Path(tempfile.mkdtemp(prefix="vaehub-test-", dir=shared_memory))
