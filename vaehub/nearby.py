"""Find, on this machine, bytes that are wanted: nobody needs to download what is here already.

Looked at, in this order, are the receipts of targets that we installed into, the Hugging Face
cache, the folder that the file is to go into, and what the user had us adopt. Reads no file but
those whose size is right, and remembers what it read (:mod:`vaehub.digests`). What it gives is a
hope, since files change: :mod:`vaehub.bringing` hashes what it takes. Changes nothing.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING, Literal, NamedTuple

from vaehub import adopted, receipts, received, targets
from vaehub.errors import TargetError
from vaehub.targets.places import folders_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from vaehub.model import Artifact, Receipt, Target
    from vaehub.settings import Settings

Origin = Literal["installed", "hub-cache", "beside", "adopted"]
"""Whose a file is:

- ``installed``: we placed it, in this target or another one;
- ``hub-cache``: a blob of the Hugging Face cache, which is named by its sha256;
- ``beside``: the user's, in the very folder that the wanted file is to go into;
- ``adopted``: the user's, in a folder given to ``vaehub adopt``.
"""


class Nearby(NamedTuple):
    """A file that seems to hold the wanted bytes."""

    path: Path
    origin: Origin

    @property
    def label(self) -> str:
        """Say where that is, as reports and receipts have it."""
        # A receipt is UTF-8, and the name of a file may be none.
        return f"{self.origin} {self.path}".encode("utf-8", "backslashreplace").decode("utf-8")


class _Lead(NamedTuple):
    """A file that may hold wanted bytes."""

    nearby: Nearby
    sha256: str
    sure: bool
    """It need not be read to tell, as far as anything can be told without."""


def look_for(
    artifacts: Iterable[Artifact], *, folder: Path, settings: Settings
) -> dict[str, tuple[Nearby, ...]]:
    """Find files that seem to hold the bytes of artifacts.

    Args:
        artifacts: What is wanted; one without a known sha256 is never found.
        folder: Where it is to go.
        settings: Where state, cache and targets of the user lie.

    Returns:
        By the artifacts' names, the files to try, the best first; those found alone.
    """
    artifacts = [artifact for artifact in artifacts if artifact.sha256 is not None]
    wanted = {str(artifact.sha256): artifact.size for artifact in artifacts}
    if not wanted:
        return {}
    leads = [
        *_installed(wanted, folder, settings),
        *_in_hub_cache(wanted, settings.hub_cache),
        *_beside(wanted, folder),
        *_adopted(wanted, settings.state),
    ]
    found: dict[str, list[Nearby]] = {}
    for lead in _confirmed(leads, settings):
        if lead.nearby.path not in [one.path for one in found.setdefault(lead.sha256, [])]:
            found[lead.sha256].append(lead.nearby)
    return {
        artifact.name: tuple(found[str(artifact.sha256)])
        for artifact in artifacts
        if artifact.sha256 in found
    }


def _confirmed(leads: Sequence[_Lead], settings: Settings) -> list[_Lead]:
    """Keep what holds; what must be read to tell is, only where there is nothing surer."""
    sure = {lead.sha256 for lead in leads if lead.sure}
    unsure = list(
        dict.fromkeys(
            lead.nearby.path for lead in leads if not lead.sure and lead.sha256 not in sure
        )
    )
    digests: Mapping[Path, object] = {}
    if unsure:
        from vaehub.digests import Digests

        digests = dict(zip(unsure, Digests(settings.cache).of_each(unsure), strict=True))
    return [lead for lead in leads if lead.sure or digests.get(lead.nearby.path) == lead.sha256]


def _installed(
    wanted: Mapping[str, int | None], folder: Path, settings: Settings
) -> Iterator[_Lead]:
    folders = [folder]
    for target in known_targets(settings):
        if target.layout in targets.layouts():
            folders += folders_of(target)
    for each in dict.fromkeys(folders):
        for receipt in receipts.read(each):
            stat = _regular(receipt.path) if receipt.sha256 in wanted else None
            if stat is not None and stat.st_size == receipt.size:
                yield _Lead(
                    Nearby(receipt.path, "installed"),
                    receipt.sha256,
                    sure=receipts.stat_matches(receipt, stat),
                )


def known_targets(settings: Settings) -> list[Target]:
    """Give the targets that we know of."""
    found = received.read(settings.state)
    for named in (settings.to, settings.default_target, *settings.targets):
        if named is not None:
            with contextlib.suppress(TargetError, OSError):
                found.append(targets.find_target(named, settings=settings, cwd=Path.cwd()))
    return found


def _in_hub_cache(wanted: Mapping[str, int | None], cache: Path) -> Iterator[_Lead]:
    for repository in _names(cache):
        if not repository.startswith("models--"):
            continue
        for sha256, size in wanted.items():
            path = cache / repository / "blobs" / sha256
            stat = _regular(path)
            # Its name is the word of the Hub; its size is what shows that it is whole.
            if stat is not None and size in (None, stat.st_size):
                yield _Lead(Nearby(path, "hub-cache"), sha256, sure=size is not None)


def _beside(wanted: Mapping[str, int | None], folder: Path) -> Iterator[_Lead]:
    """Give the user's files of the right size in the very folder."""
    ours: Mapping[Path, Receipt] | None = None
    for name in _names(folder):
        stat = _regular(folder / name, through_links=True)
        digests = [sha256 for sha256, size in wanted.items() if stat and size == stat.st_size]
        if not digests or stat is None:
            continue
        if ours is None:
            ours = {receipt.path: receipt for receipt in receipts.read(folder)}
        receipt = ours.get(folder / name)
        if receipt is None or not receipts.stat_matches(receipt, stat):
            for sha256 in digests:
                yield _Lead(Nearby(folder / name, "beside"), sha256, sure=False)


def _adopted(wanted: Mapping[str, int | None], state: Path) -> Iterator[_Lead]:
    for folder in adopted.read(state):
        for file in folder.files:
            stat = _regular(file.path, through_links=True) if file.sha256 in wanted else None
            if stat is not None and stat.st_size == file.size:
                yield _Lead(Nearby(file.path, "adopted"), file.sha256, sure=False)


def _regular(path: Path, *, through_links: bool = False) -> os.stat_result | None:
    try:
        stat = path.stat() if through_links else path.lstat()
    except (OSError, ValueError):
        return None
    return stat if S_ISREG(stat.st_mode) else None


def _names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208  # names, not paths
    except OSError:
        return []
