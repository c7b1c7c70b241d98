"""Ask Civitai and Liblib which model a file is, by its sha256.

Nothing of the file but that digest leaves the machine, and no token goes along.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vaehub.errors import SourceError, SourceGone
from vaehub.hosts import civitai, liblib

if TYPE_CHECKING:
    from vaehub.hosts.base import ByHash
    from vaehub.settings import Settings
    from vaehub.transfer.session import Session


class Answers(NamedTuple):
    """What the hosts say of one digest."""

    found: tuple[ByHash, ...]
    unknown_to: tuple[str, ...]
    failed: tuple[tuple[str, SourceError], ...]
    """Hosts that gave no answer, and why."""


def ask(sha256: str, *, session: Session, settings: Settings) -> Answers:
    """Ask both hosts for a sha256."""
    found, unknown, failed = [], [], []
    for name, host in (("civitai", civitai), ("liblib", liblib)):
        try:
            found.append(host.by_hash(sha256, session=session, settings=settings))
        except SourceGone:
            unknown.append(name)
        except SourceError as error:
            failed.append((name, error))
    return Answers(tuple(found), tuple(unknown), tuple(failed))
