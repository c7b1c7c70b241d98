"""Write a static tree that any web server can serve."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vaehub import settings as settings_module
from vaehub.provision import lock as lock_module
from vaehub.provisioning.where import files

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from vaehub.licenses import Ask
    from vaehub.provision.mirroring import MirrorResult
    from vaehub.settings import Settings
    from vaehub.transfer.listener import Listener


def mirror(
    folder: str | Path,
    locks: Sequence[str | Path] = (),
    *,
    prune: bool = False,
    accept_licenses: Collection[str] = (),
    ask: Ask | None = None,
    settings: Settings | None = None,
    listener: Listener | None = None,
) -> MirrorResult:
    """Write all that locks name into a static tree for a web server; again changes nothing.

    Args:
        folder: Where to; made where it is missing.
        locks: The locks; ``./vaehub.lock`` where there is none.
        prune: Remove what vaehub put there and none of these locks names.
        accept_licenses: License ids that the caller accepts, beyond those of the policies.
        ask: Shows a license to a person; None where nobody can answer.
        settings: The settings; the user's own by default.
        listener: Told of progress; silent by default.

    Returns:
        What became of each file; an error of one stops none of the others, and is in there.

    Raises:
        LockError: a lock cannot be read.
        UsageError: two locks want the same name in the mirror, or one a name that it cannot have.
        TargetError: the folder cannot be used, or something that vaehub did not put there is in
            the way.
    """
    from vaehub.provision import mirroring
    from vaehub.transfer.listener import SILENT

    settings = settings or settings_module.load()
    paths = [files(lock=path).lock for path in locks] or [files().lock]
    given = [
        mirroring.Given(path, lock_module.read(path, cache=settings.cache))
        for path in dict.fromkeys(paths)
    ]
    return mirroring.mirror(
        Path(folder).expanduser(),
        given,
        prune=prune,
        accepted_licenses=accept_licenses,
        ask=ask,
        settings=settings,
        listener=listener or SILENT,
    )
