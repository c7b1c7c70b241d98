"""Where manifest and lock lie."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from vaehub import values
from vaehub.provision import lock as lock_module
from vaehub.provision import manifest as manifest_module

if TYPE_CHECKING:
    from vaehub.provision.manifest import Manifest


class Files(NamedTuple):
    """Where a manifest and its lock lie."""

    manifest: Path
    lock: Path


def files(manifest: str | Path | None = None, lock: str | Path | None = None) -> Files:
    """Say where manifest and lock lie: ``./vaehub.yaml``, and ``vaehub.lock`` beside it.

    Raises:
        UsageError: a path begins with the home folder of nobody.
    """
    where = values.path(str(manifest or ""), "--manifest") or Path(manifest_module.FILE_NAME)
    beside = where.parent / lock_module.FILE_NAME
    return Files(where, values.path(str(lock or ""), "--lock") or beside)


def manifest_of(where: Files, *, must_be_there: bool, cache: Path) -> Manifest | None:
    """Read the manifest, unless there is only a lock; ``cache`` remembers what it said."""
    if not must_be_there and not where.manifest.exists():
        return None
    return manifest_module.read(where.manifest, cache=cache)
