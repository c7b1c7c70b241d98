"""What the owner of a mirror should know of it, beyond that its files are there. Only looks."""

from __future__ import annotations

import os
from stat import S_IROTH, S_IXOTH
from typing import TYPE_CHECKING

from vaehub.model import Problem
from vaehub.provision.mirror_index import BLOBS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from vaehub.provision.lock import Lock, LockedVae
    from vaehub.provision.mirror_tree import Tree

UNREAD = frozenset({"LicenseRef-none-stated", "LicenseRef-not-read"})
"""Of such a file nobody has said whether it may be passed on."""


def of_licenses(locks: Sequence[Lock], there: Collection[str]) -> Iterator[Problem]:
    """Say which files more must be known of than that they are there."""
    vaes: dict[str, LockedVae] = {
        vae.entry.full_name: vae
        for lock in locks
        for vae in lock.vaes
        if any(locked.artifact.sha256 in there for locked in vae.artifacts)
    }
    for name, vae in sorted(vaes.items()):
        license_ = vae.entry.license
        where = license_.source or vae.entry.homepage
        if license_.accept:
            yield Problem(
                "license-asks",
                f"its license, {license_.id}, asks everybody to accept it, and a mirror passes the "
                "file on",
                where=name,
                blocking=False,
                hint=f"serve it to people who have read {where}" if where else None,
            )
        elif license_.id in UNREAD:
            yield Problem(
                "license-not-known",
                "nobody has found a license, so whether it may be passed on is not known",
                where=name,
                blocking=False,
                hint=f"look at {where} before you serve it to others" if where else None,
            )


def of_permissions(tree: Tree) -> Iterator[Problem]:
    """Say where a web server that runs as another user cannot look into."""
    if os.name != "posix":
        return
    for folder in (tree.root, tree.root / BLOBS):
        if folder.stat().st_mode & (S_IROTH | S_IXOTH) != S_IROTH | S_IXOTH:
            yield Problem(
                "mirror-not-readable",
                "other users cannot look into it, and a web server mostly is one",
                where=str(folder),
                blocking=False,
                hint=f"chmod a+rx {folder}",
            )
